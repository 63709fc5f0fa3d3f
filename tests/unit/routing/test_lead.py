"""A lead is what the router would have said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.playbook import World, condition, group, play, target

from emberway.routing.base import Answered, Verdict
from emberway.routing.lead import lead_of
from emberway.routing.plan import Hedge, Node

LEAVES = st.builds(target, st.sampled_from("abc"), attempts=st.integers(0, 2))
PLANS: st.SearchStrategy[Node] = st.recursive(
    LEAVES,
    lambda below: st.builds(
        lambda mode, nodes, moves_on, hedge: group(
            mode,
            *nodes,
            moves_on=moves_on if mode == "fallback" else None,
            hedge=hedge,
            conditions=(condition(True, 0),) if mode == "conditional" else (),
        ),
        st.sampled_from(["single", "fallback", "loadbalance", "conditional"]),
        st.lists(below, min_size=1, max_size=3),
        st.sampled_from([None, frozenset({500}), frozenset({200}), frozenset({246})]),
        st.sampled_from([None, None, Hedge(0.1, 1.0)]),
    ),
    max_leaves=6,
)


@given(PLANS)
def test_a_walk_that_is_answered_with_200_goes_as_its_lead_says(plan: Node) -> None:
    lead = lead_of(plan)

    if lead is not None:
        world = World()
        verdict = play(plan, [(lead.command, Answered(200))], world)
        assert verdict == Verdict(lead.command.target, Answered(200), 0)
        assert tuple(world.trail) == lead.trail


@pytest.mark.parametrize("mode", ["loadbalance", "conditional"])
def test_where_chance_or_the_call_decides_there_is_no_lead(mode: str) -> None:
    assert lead_of(group(mode, target("a"), target("b"))) is None
    assert lead_of(group("fallback", group(mode, target("a")), target("b"))) is None


def test_a_fallback_of_targets_begins_with_its_first() -> None:
    first = target("a")
    lead = lead_of(group("fallback", group("single", first), target("b")))

    assert lead is not None
    assert lead.command.target is first
