"""``loadbalance``: shares are as the weights say, also when somebody is out, and a long list costs nothing."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from tests.playbook import World, drive, group, play, target

from emberway.routing.base import Answered, Failed, Send, Verdict, Wait
from emberway.routing.plan import Target

GOOD, BAD = Answered(200), Answered(503)
CRITICAL = {1: 10.828, 2: 13.816, 3: 16.266, 4: 18.467, 9: 27.877, 19: 43.820}
"""Degrees of freedom → what chi-square exceeds in one of a thousand fair samples (NIST handbook, table 1.3.6.7.4)."""


def balanced(*weights):
    return group("loadbalance", *(target(str(at), weight=weight) for at, weight in enumerate(weights)))


def drawn(plan, world) -> str:
    verdict, _ = drive(plan, lambda command: GOOD, world)
    return verdict.target.path


def chi_square(counts, weights) -> float:
    draws, whole = sum(counts.values()), sum(weights.values())
    return sum(
        (counts[key] - draws * weight / whole) ** 2 / (draws * weight / whole) for key, weight in weights.items()
    )


@pytest.mark.parametrize(
    ("weights", "dice", "at"),
    [
        ((1, 1), 0.0, 0),
        ((1, 1), 0.499999, 0),
        ((1, 1), 0.5, 1),
        ((1, 1), 0.999999999, 1),
        ((0.7, 0.3), 0.69, 0),
        ((0.7, 0.3), 0.71, 1),
        ((3, 1), 0.74, 0),
        ((3, 1), 0.75, 1),
        ((1, 2, 1), 0.24, 0),
        ((1, 2, 1), 0.25, 1),
        ((1, 2, 1), 0.74, 1),
        ((1, 2, 1), 0.75, 2),
        ((0, 1), 0.0, 1),
        ((1, 0), 1 - 2**-53, 0),
        ((1, 0, 1), 0.5, 2),
        ((0, 0, 1, 0, 0), 0.0, 2),
        ((0, 0, 1, 0, 0), 1 - 2**-53, 2),
        ((1e-9, 1e9), 0.0, 0),
        ((1e-9, 1e9), 1e-15, 1),
        ((1e9, 1e-9), 0.5, 0),
        ((1e9, 1e-9), 1 - 2**-53, 0),
        ((5e-324,), 1 - 2**-53, 0),
        ((5e-324, 0), 1 - 2**-53, 0),
        ((1e308,), 0.5, 0),
        ((0.1,) * 10, 0.95, 9),
        ((1,) * 1000, 0.9995, 999),
    ],
)
def test_the_dice_fall_on_a_wheel_that_the_weights_divide(weights, dice, at):
    assert drawn(balanced(*weights), World(dice=dice)) == str(at)


def test_targets_without_a_weight_have_equal_shares():
    plan = group("loadbalance", Target("a"), Target("b"))

    assert [drawn(plan, World(dice=dice)) for dice in (0.49, 0.5)] == ["a", "b"]


@pytest.mark.parametrize(
    "outcome", [BAD, Answered(429), Answered(404), Failed(502, "upstream_closed"), Failed(401, "x")]
)
def test_the_drawn_targets_failure_is_the_answer(outcome):
    plan = balanced(1, 1)

    assert play(plan, [(Send(plan.nodes[1], 0), outcome)], World(dice=0.5)) == Verdict(plan.nodes[1], outcome, 0)


def test_the_drawn_target_is_retried_and_no_other_drawn():
    one = target("one", attempts=1)
    script = [(Send(one, 0), BAD), (Wait(0.25), None), (Send(one, 1), BAD)]

    verdict = play(group("loadbalance", one, target("two")), script, World(dice=[0.1, 0.25]))

    assert verdict == Verdict(one, BAD, -1)


def test_a_fallback_above_a_load_balancer_catches_its_failure():
    plan = balanced(1, 1)
    other = target("other")

    script = [(Send(plan.nodes[0], 0), BAD), (Send(other, 0), GOOD)]

    assert play(group("fallback", plan, other), script, World(dice=0.0)).target is other


def test_a_drawn_group_decides_for_itself():
    inner = balanced(1, 1)

    verdict = play(
        group("loadbalance", target("one"), inner), [(Send(inner.nodes[0], 0), GOOD)], World(dice=[0.9, 0.1])
    )

    assert verdict.target is inner.nodes[0]


SHARES = [
    (1, 1),
    (0.7, 0.3),
    (1, 2, 3),
    (5, 1, 1, 1),
    (0, 1, 1),
    (1e9, 2e9, 1e9),
    (1e-9, 3e-9),
    (1e-9, 1e9, 1e9),
    tuple(range(1, 11)),
]


@pytest.mark.parametrize("weights", SHARES)
def test_shares_are_as_the_weights_say(weights):
    plan, dice = balanced(*weights), random.Random(4711).random
    possible = {str(at): weight for at, weight in enumerate(weights) if weight > 1e-6 * max(weights)}

    counts = Counter(drawn(plan, World(dice=dice)) for _ in range(5000))

    assert counts.keys() <= possible.keys()
    assert chi_square(counts, possible) < CRITICAL[len(possible) - 1]


@pytest.mark.parametrize("weights", [(1, 1, 1), (0.7, 0.2, 0.1), (1, 2, 3, 4), (90, 5, 5), tuple(range(1, 12))])
@pytest.mark.parametrize("out", [0, 1, -1])
def test_the_share_of_a_target_that_is_out_is_divided_among_the_others_by_their_weights(weights, out):
    plan, dice = balanced(*weights), random.Random(271828).random
    missing = plan.nodes[out]
    left = {node.path: node.weight for node in plan.nodes if node is not missing}

    counts = Counter(drawn(plan, World(dice=dice, out=[missing])) for _ in range(5000))

    assert counts.keys() == left.keys()
    assert chi_square(counts, left) < CRITICAL[len(left) - 1]


@pytest.mark.parametrize("well", [2, 3, 5])
def test_shares_hold_when_nearly_all_are_out_and_the_rest_is_searched_for(well):
    plan, dice = balanced(*[100] * 100, *range(1, well + 1)), random.Random(31415).random
    left = {str(100 + at): 1 + at for at in range(well)}

    counts = Counter(drawn(plan, World(dice=dice, out=plan.nodes[:100])) for _ in range(1000))

    assert counts.keys() == left.keys()
    assert chi_square(counts, left) < CRITICAL[well - 1]


def test_if_all_targets_are_out_the_draw_is_as_if_none_was():
    plan, dice = balanced(1, 2, 3), random.Random(1).random

    counts = Counter(drawn(plan, World(dice=dice, out=plan.nodes)) for _ in range(5000))

    assert chi_square(counts, {"0": 1, "1": 2, "2": 3}) < CRITICAL[2]


def test_a_target_without_weight_stands_in_for_nobody():
    plan = balanced(0, 1, 0)

    assert {drawn(plan, World(dice=dice, out=[plan.nodes[1]])) for dice in (0.0, 0.5, 0.999)} == {"1"}


@pytest.mark.parametrize("well", range(6))
def test_the_only_target_that_is_well_gets_everything(well):
    plan, dice = balanced(1, 1, 1, 1, 1, 1e-9), random.Random(well).random

    world = World(dice=dice, out=[node for node in plan.nodes if node is not plan.nodes[well]])

    assert {drawn(plan, world) for _ in range(20)} == {str(well)}


def test_a_group_that_is_out_is_not_drawn():
    inner, other = balanced(1, 1), target("other")

    assert drawn(group("loadbalance", inner, other), World(dice=[0.1, 0.2, 0.6], out=inner.nodes)) == "other"


class Counted(tuple):
    """A tuple that knows how often one of its items was read."""

    reads = 0

    def __getitem__(self, at):
        Counted.reads += 1
        return super().__getitem__(at)

    def __iter__(self):
        Counted.reads += len(self)
        return super().__iter__()


@pytest.mark.parametrize("dice", [0.0, 0.123, 0.5, 0.77, 0.9999])
def test_a_thousand_healthy_targets_cost_a_few_more_steps_of_a_search_than_ten(dice):
    reads = {}
    for size in (10, 1000):
        nodes = [target(str(at)) for at in range(size)]
        plan = group("loadbalance", *nodes)
        plan = type(plan)("config", "loadbalance", Counted(nodes), cumulative=Counted(plan.cumulative))
        Counted.reads = 0
        world = World(dice=[dice])
        drawn(plan, world)
        reads[size] = Counted.reads
        assert len(world.asked) == 1

    assert reads[1000] - reads[10] <= 7  # a binary search reads log2(1000) sums instead of log2(10)


def test_the_trail_tells_what_was_drawn_and_what_was_passed_over():
    plan = balanced(1, 1, 2)
    world = World(dice=[0.0, 0.1, 0.4], out=[plan.nodes[0]])
    drawn(plan, world)

    assert world.told("skipped", "drew") == [
        ("drew", "0", {"draw": 0.0, "weight": 1, "of": 4}),
        ("skipped", "0", "breaker_open"),
        ("drew", "0", {"draw": 0.1, "weight": 1, "of": 4}),
        ("drew", "1", {"draw": 0.4, "weight": 1, "of": 4}),
    ]


def test_the_trail_tells_that_everybody_was_out():
    plan = balanced(1)
    world = World(out=plan.nodes)
    drawn(plan, world)

    told = world.told("skipped", "unskipped", "drew")
    assert told[1] == ("skipped", "0", "breaker_open")
    assert told[-2:] == [("unskipped", "config", None), ("drew", "0", {"draw": 0.5, "weight": 1, "of": 1})]
