"""``single`` is its first node."""

from __future__ import annotations

import pytest
from tests.playbook import World, group, play, target

from emberway.routing.base import Answered, Failed, Send, Verdict, Wait

FIRST, SECOND = target("first"), target("second")


@pytest.mark.parametrize(
    "outcome",
    [*map(Answered, (200, 246, 301, 404, 429, 446, 500, 503, 529)), Failed(408, "upstream_timeout"), Failed(401, "x")],
)
def test_a_single_strategy_sends_to_its_first_target_whatever_comes_of_it(outcome):
    assert play(group("single", FIRST, SECOND), [(Send(FIRST, 0), outcome)]) == Verdict(FIRST, outcome, 0)


def test_a_single_target_is_used_also_when_it_is_out():
    assert play(group("single", FIRST), [(Send(FIRST, 0), Answered(200))], World(out=[FIRST])).target is FIRST


def test_a_single_target_is_retried():
    one = target("one", attempts=1)

    script = [(Send(one, 0), Answered(500)), (Wait(0.5), None), (Send(one, 1), Answered(200))]

    assert play(group("single", one), script) == Verdict(one, Answered(200), 1)


def test_a_single_strategy_may_hold_another():
    inner = group("fallback", FIRST, SECOND)

    script = [(Send(FIRST, 0), Answered(503)), (Send(SECOND, 0), Answered(200))]

    assert play(group("single", inner), script).target is SECOND
