"""``conditional``: the first condition that holds decides, and nothing else."""

from __future__ import annotations

import pytest
from tests.playbook import Call, World, condition, group, play, target

from emberway.errors import InvalidCall
from emberway.routing.base import Answered, Failed, Send, Verdict, Wait
from emberway.routing.facts import Finding, Seen
from emberway.routing.plan import Condition

A, B, C = NODES = target("a"), target("b"), target("c")
SEEN_FALSE = (Seen("metadata.tier", "$eq", "paid", "free", False),)
SEEN_TRUE = (Seen("metadata.tier", "$eq", "paid", "free", True),)


@pytest.mark.parametrize(
    ("conditions", "default", "chosen"),
    [
        ([(True, 0)], None, A),
        ([(True, 2)], None, C),
        ([(True, 1)], 0, B),
        ([(False, 0)], 2, C),
        ([(False, 0), (True, 1)], None, B),
        ([(False, 0), (True, 1)], 2, B),
        ([(True, 0), (True, 1)], None, A),
        ([(True, 2), (True, 1), (True, 0)], 1, C),
        ([(False, 0), (False, 1)], 2, C),
        ([(False, 2), (False, 2), (True, 2)], 0, C),
        ([(False, 0), (False, 0), (False, 0)], 0, A),
        ([], 1, B),
    ],
)
def test_the_first_condition_that_holds_decides_and_else_the_default(conditions, default, chosen):
    plan = group("conditional", *NODES, conditions=tuple(condition(*each) for each in conditions), default=default)

    assert play(plan, [(Send(chosen, 0), Answered(200))]).target is chosen


@pytest.mark.parametrize("conditions", [(), (condition(False, 0),), (condition(False, 0), condition(False, 1))])
def test_a_call_that_meets_no_condition_is_refused_where_there_is_no_default(conditions):
    with pytest.raises(InvalidCall, match=r"^No condition of .* at config holds .* add `default`.*\.$") as refused:
        play(group("conditional", *NODES, conditions=conditions), [])

    assert (refused.value.status, refused.value.code) == (400, "no_condition_matched")
    assert refused.value.param == "x-portkey-config"


@pytest.mark.parametrize("outer", ["fallback", "loadbalance", "single"])
def test_that_refusal_ends_the_request_and_not_only_its_branch(outer):
    undecided = group("conditional", A, path="config.targets[0]", conditions=(condition(False, 0),))

    with pytest.raises(InvalidCall, match=r"config\.targets\[0\]"):
        play(group(outer, undecided, B), [], World(dice=0.0))


def test_that_refusal_ends_the_request_also_after_another_target_has_failed():
    undecided = group("conditional", A, conditions=(condition(False, 0),))

    with pytest.raises(InvalidCall):
        play(group("fallback", B, undecided), [(Send(B, 0), Answered(500))])


@pytest.mark.parametrize("outcome", [Answered(500), Answered(429), Failed(502, "upstream_closed")])
def test_the_chosen_nodes_failure_is_the_answer(outcome):
    plan = group("conditional", *NODES, conditions=(condition(True, 1),), default=0)

    assert play(plan, [(Send(B, 0), outcome)]) == Verdict(B, outcome, 0)


@pytest.mark.parametrize("plan", [
    group("conditional", *NODES, conditions=(condition(True, 1),), default=0),
    group("conditional", *NODES, conditions=(condition(False, 0),), default=1),
])  # fmt: skip
def test_the_chosen_node_is_used_also_when_it_is_out(plan):
    world = World(out=[B])

    assert play(plan, [(Send(B, 0), Answered(200))], world).target is B
    assert world.asked == []


def test_the_chosen_target_is_retried():
    one = target("one", attempts=1)
    plan = group("conditional", A, one, conditions=(condition(True, 1),))

    script = [(Send(one, 0), Answered(500)), (Wait(0.5), None), (Send(one, 1), Answered(500))]

    assert play(plan, script) == Verdict(one, Answered(500), -1)


def test_a_condition_looks_at_the_facts_of_the_call():
    paid = Condition(lambda facts: Finding(facts.metadata.get("tier") == "paid", ()), 1)
    plan = group("conditional", A, B, conditions=(paid,), default=0)

    assert play(plan, [(Send(B, 0), Answered(200))], World(facts=Call(metadata={"tier": "paid"}))).target is B
    assert play(plan, [(Send(A, 0), Answered(200))], World(facts=Call(metadata={"tier": "free"}))).target is A


def test_conditions_after_the_one_that_holds_are_not_examined():
    def never(facts):
        raise AssertionError("this condition is not asked")

    plan = group("conditional", A, B, conditions=(condition(True, 0), Condition(never, 1)))

    assert play(plan, [(Send(A, 0), Answered(200))]).target is A


def test_the_trail_says_what_each_condition_saw():
    world = World()
    play(
        group("conditional", *NODES, conditions=(condition(False, 0), condition(True, 1)), default=2),
        [(Send(B, 0), Answered(200))],
        world,
    )

    assert world.told("condition", "default") == [
        ("condition", "config", {"seen": SEEN_FALSE, "holds": False, "then": 0}),
        ("condition", "config", {"seen": SEEN_TRUE, "holds": True, "then": 1}),
    ]


def test_the_trail_says_that_the_default_was_taken():
    world = World()
    plan = group("conditional", *NODES, conditions=(condition(False, 0),), default=2)
    play(plan, [(Send(C, 0), Answered(200))], world)

    assert world.told("default") == [("default", "config", 2)]
