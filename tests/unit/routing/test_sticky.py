"""Calls that belong together go to the same node, everywhere and for as long as the weights stand."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from tests.playbook import Call, World, drive, group, target

from emberway.routing.base import Answered
from emberway.routing.plan import Sticky
from emberway.routing.sticky import identity, share_of

BY_USER = Sticky(("metadata.user",), 3600.0)
BY_ALL = Sticky(("metadata.user", "params.user.id", "headers.x-session"), 60.0)
USERS = [f"user-{at}" for at in range(1000)]
CHI_SQUARE_2, CHI_SQUARE_99 = 13.816, 148.230
"""What chi-square with 2 and 99 degrees of freedom exceeds in one of a thousand fair samples."""


def nodes(*weights):
    return tuple(target(f"config.targets[{at}]", weight=weight) for at, weight in enumerate(weights))


def sticky(*weights, by=BY_USER):
    return group("loadbalance", *nodes(*weights), sticky=by)


def stuck(plan, facts, **world) -> str:
    verdict, _ = drive(plan, lambda command: Answered(200), World(facts=facts, **world))
    return verdict.target.path


def assigned(plan, **world):
    """User → where their calls go; the dice, if anybody asks for them, fall differently each time."""
    dice = random.Random(99).random
    return {user: stuck(plan, Call(metadata={"user": user}), dice=dice, **world) for user in USERS}


def test_an_assignment_never_moves_while_the_weights_stand():
    first = assigned(sticky(1, 2, 3))

    assert assigned(sticky(1, 2, 3)) == first
    assert assigned(sticky(1.0, 2.0, 3.0), left=5.0) == first


@pytest.mark.parametrize("scale", [0.001, 10, 1e9])
def test_weights_that_mean_the_same_shares_give_the_same_assignment(scale):
    assert assigned(sticky(1 * scale, 2 * scale, 3 * scale)) == assigned(sticky(1, 2, 3))


@pytest.mark.parametrize(
    ("user", "turn", "share"),
    [("user-0", 0, 0.43516664367409286), ("user-0", 1, 0.1277979483490691), ("user-1", 0, 0.733728504850932)],
)
def test_an_assignment_is_the_same_in_every_process_and_release(user, turn, share):
    who = identity(BY_USER, "config", Call(metadata={"user": user}))

    assert share_of(who, turn) == share


def test_assigned_shares_are_as_the_weights_say():
    counts = Counter(assigned(sticky(1, 2, 3)).values())

    expected = {f"config.targets[{at}]": 1000 * (at + 1) / 6 for at in range(3)}
    assert sum((counts[path] - n) ** 2 / n for path, n in expected.items()) < CHI_SQUARE_2


@pytest.mark.parametrize("turn", [0, 1, 8])
def test_shares_of_identities_are_evenly_spread_in_every_turn(turn):
    buckets = Counter(int(100 * share_of(b"user-%d" % at, turn)) for at in range(10_000))

    assert buckets.keys() <= set(range(100))
    assert sum((buckets[at] - 100) ** 2 / 100 for at in range(100)) < CHI_SQUARE_99


@pytest.mark.parametrize("out", [0, 1, 2])
def test_when_a_node_is_out_its_callers_move_and_nobody_else(out):
    plan = sticky(1, 2, 3)
    before = assigned(plan)
    missing = plan.nodes[out]

    after = assigned(plan, out=[missing])

    assert {user for user in USERS if before[user] != after[user]} == {
        user for user in USERS if before[user] == missing.path
    }
    assert missing.path not in after.values()
    assert assigned(plan) == before


def test_those_who_move_are_divided_by_the_weights_of_the_others():
    plan = sticky(3, 1, 2)
    before = assigned(plan)

    after = assigned(plan, out=[plan.nodes[0]])
    moved = Counter(after[user] for user in USERS if before[user] == "config.targets[0]")

    assert moved["config.targets[2]"] / moved["config.targets[1]"] == pytest.approx(2, rel=0.25)


def test_when_a_second_node_goes_out_only_its_callers_move():
    plan = sticky(1, 1, 1, 1)
    before = assigned(plan, out=[plan.nodes[0]])

    after = assigned(plan, out=plan.nodes[:2])

    assert all(before[user] == after[user] for user in USERS if before[user] != "config.targets[1]")


def test_callers_of_all_nodes_that_are_out_have_one_place_even_when_it_must_be_searched_for():
    plan = sticky(*[1000] * 20, 1, 1)
    first = assigned(plan, out=plan.nodes[:20])

    assert set(first.values()) == {"config.targets[20]", "config.targets[21]"}
    assert assigned(plan, out=plan.nodes[:20]) == first


def test_if_all_are_out_everybody_stays():
    plan = sticky(1, 2, 3)

    assert assigned(plan, out=plan.nodes) == assigned(plan)


@pytest.mark.parametrize(
    ("call", "same"),
    [
        (Call({"user": "u"}), True),
        (Call({"user": "u", "tier": "free"}, params={"model": "m"}, headers={"x-other": "1"}), True),
        (Call({"user": "U"}), False),
        (Call({"user": "u"}, caller="key-2"), False),
        (Call({"user": "u"}, params={"user": {"id": "u"}}), False),
        (Call({"user": "u"}, headers={"x-session": "s"}), False),
        (Call(headers={"x-session": "u"}), False),
        (Call(params={"user": {"id": "u"}}), False),
    ],
)
def test_calls_belong_together_that_agree_in_the_caller_and_in_all_fields(call, same):
    assert (identity(BY_ALL, "config", call) == identity(BY_ALL, "config", Call({"user": "u"}))) is same


@pytest.mark.parametrize(
    ("field", "call"),
    [
        ("metadata.user", Call({"user": "v"})),
        ("metadata.user.id", Call({"user.id": "v"})),
        ("metadata.user.id", Call({"user": {"id": "v"}})),
        ("params.user", Call(params={"user": "v"})),
        ("params.a.b.c", Call(params={"a": {"b": {"c": "v"}}})),
        ("params.a", Call(params={"a": {"b": [1, 2.5, None]}})),
        ("params.seed", Call(params={"seed": 0})),
        ("params.stream", Call(params={"stream": False})),
        ("headers.x-session", Call(headers={"x-session": "v"})),
        ("headers.X-Session", Call(headers={"x-session": "v"})),
    ],
)
def test_a_field_is_found_in_metadata_body_or_headers(field, call):
    assert identity(Sticky((field,), 60.0), "config", call) is not None
    assert identity(Sticky((field,), 60.0), "config", Call()) is None


@pytest.mark.parametrize(
    "call",
    [
        Call(),
        Call({"user": None}),
        Call({"user": ""}),
        Call({"other": "v"}),
        Call(params={"user": "not an object"}),
        Call(params={"user": {"id": None}}),
        Call(headers={"x-session": ""}),
    ],
)
def test_a_call_without_a_value_in_any_field_is_left_to_the_dice(call):
    plan = sticky(1, 1, by=BY_ALL)

    assert [stuck(plan, call, dice=dice) for dice in (0.1, 0.9)] == ["config.targets[0]", "config.targets[1]"]


def test_without_fields_to_look_at_all_calls_of_a_key_belong_together():
    plan = sticky(*[1] * 10, by=Sticky((), 60.0))
    places = {key: {stuck(plan, Call(caller=key), dice=dice) for dice in (0.1, 0.9)} for key in USERS[:50]}

    assert {len(place) for place in places.values()} == {1}
    assert len(set.union(*places.values())) == 10


def test_values_that_only_look_alike_when_put_together_are_told_apart():
    by = Sticky(("metadata.a", "metadata.b"), 60.0)
    calls = [Call({"a": "x", "b": "y"}), Call({"a": 'x","y'}), Call({"b": "x"}), Call({"a": "x"}), Call({"a": ["x"]})]

    assert len({identity(by, "config", call) for call in calls}) == len(calls)


def test_the_order_of_an_objects_keys_does_not_matter():
    by = Sticky(("params.who",), 60.0)
    one, other = ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1})

    assert identity(by, "config", Call(params={"who": one})) == identity(by, "config", Call(params={"who": other}))


def test_groups_in_each_other_divide_their_callers_independently():
    inner = group("loadbalance", *nodes(1, 1), path="config.targets[0]", sticky=BY_USER)
    outer = group("loadbalance", inner, target("config.targets[9]"), sticky=BY_USER)

    places = Counter(assigned(outer).values())

    assert min(places["config.targets[0]"], places["config.targets[1]"]) > 200


def test_the_trail_tells_that_the_draw_was_no_draw():
    world = World(facts=Call({"user": "user-0"}))
    drive(sticky(1), lambda command: Answered(200), world)

    ((kind, path, said),) = world.told("stuck", "drew")
    assert (kind, path, said["weight"], said["of"]) == ("stuck", "config.targets[0]", 1, 1)
