"""A node is passed over when nothing should be sent anywhere below it."""

from __future__ import annotations

import pytest
from tests.playbook import World, group, target

from emberway.routing.outage import is_out, why_out

A, B, C = target("a"), target("b"), target("c")
NESTED = group("loadbalance", group("fallback", A, B), group("single", C))


@pytest.mark.parametrize(
    ("out", "why"),
    [
        ([], None),
        ([A, B], None),
        ([A, C], None),
        ([B, C], None),
        ([A, B, C], "every target below it is out"),
    ],
)
def test_a_nested_group_is_out_when_every_target_below_it_is(out, why):
    assert why_out(NESTED, World(out=out)) == why


def test_one_target_that_is_well_is_enough_to_know_that_its_groups_are():
    world = World()

    assert why_out(NESTED, world) is None
    assert world.asked == [("why_out", "a")]


def test_only_what_is_out_is_told():
    world = World(out=[A])

    assert [is_out(node, world.context) for node in (A, B)] == [True, False]
    assert world.told() == [("skipped", "a", "breaker_open")]
