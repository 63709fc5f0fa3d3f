"""A hedge asks a second target when the first is slow, and changes nothing else about who is tried."""

from __future__ import annotations

import pytest
from tests.playbook import World, drive, group, play, target

from emberway.routing.base import Answered, Failed, Race, Send, Verdict, Wait, Won
from emberway.routing.plan import Hedge

A, B, C = target("a"), target("b"), target("c")
GOOD, BAD = Answered(200), Answered(503)
HEDGE = Hedge(after=2.0, max_share=0.1)
AB = Race(Send(A, 0), Send(B, 0), 2.0)
BC = Race(Send(B, 0), Send(C, 0), 2.0)


def slow(**more):
    return World(hedge_after=2.0, **more)


@pytest.mark.parametrize(
    ("won", "winner"), [(Won(False, GOOD), A), (Won(False, GOOD, both=True), A), (Won(True, GOOD, both=True), B)]
)
def test_a_fallback_answers_with_whichever_of_two_targets_is_first(won, winner):
    assert play(group("fallback", A, B, hedge=HEDGE), [(AB, won)], slow()) == Verdict(winner, GOOD, 0)


@pytest.mark.parametrize("won", [Won(False, BAD, both=True), Won(True, BAD, both=True), Won(True, BAD)])
def test_when_both_have_failed_the_fallback_goes_on_behind_them(won):
    assert play(group("fallback", A, B, C, hedge=HEDGE), [(AB, won), (Send(C, 0), GOOD)], slow()).target is C


@pytest.mark.parametrize("second", [False, True])
def test_when_both_have_failed_and_nobody_is_behind_them_the_outcome_that_counted_is_the_answer(second):
    verdict = play(group("fallback", A, B, hedge=HEDGE), [(AB, Won(second, BAD, both=True))], slow())

    assert verdict == Verdict(B if second else A, BAD, 0)


def test_when_the_first_fails_before_the_second_was_asked_the_second_is_still_tried():
    plan = group("fallback", A, B, C, hedge=HEDGE)

    script = [(AB, Won(False, BAD)), (BC, Won(False, GOOD))]

    assert play(plan, script, slow()) == Verdict(B, GOOD, 0)


def test_the_last_target_races_nobody():
    script = [(AB, Won(False, BAD)), (Send(B, 0), BAD)]

    assert play(group("fallback", A, B, hedge=HEDGE), script, slow()) == Verdict(B, BAD, 0)


@pytest.mark.parametrize("second", [False, True])
def test_retries_after_a_race_go_on_at_the_target_whose_outcome_counted(second):
    a, b = target("a", attempts=1), target("b", attempts=1)
    again = b if second else a
    race = Race(Send(a, 0), Send(b, 0), 2.0)

    script = [(race, Won(second, BAD, both=True)), (Wait(0.5), None), (Send(again, 1), BAD), (Send(C, 0), GOOD)]

    assert play(group("fallback", a, b, C, hedge=HEDGE), script, slow()) == Verdict(C, GOOD, 0)


def test_a_failed_first_is_retried_alone_and_then_the_second_is_tried():
    a = target("a", attempts=1)
    race = Race(Send(a, 0), Send(B, 0), 2.0)

    script = [(race, Won(False, BAD)), (Wait(0.5), None), (Send(a, 1), BAD), (Send(B, 0), GOOD)]

    assert play(group("fallback", a, B, hedge=HEDGE), script, slow()) == Verdict(B, GOOD, 0)


@pytest.mark.parametrize("outcome", [Failed(401, "invalid_api_key"), Failed(502, "upstream_closed"), Answered(404)])
def test_what_ends_a_race_is_judged_as_what_ends_a_sending(outcome):
    plan = group("fallback", A, B, moves_on=frozenset({404}), hedge=HEDGE)

    assert play(plan, [(AB, Won(False, outcome)), (Send(B, 0), GOOD)], slow()).target is B


def test_a_status_that_is_not_listed_ends_the_fallback_also_after_a_race():
    plan = group("fallback", A, B, C, moves_on=frozenset({429}), hedge=HEDGE)

    assert play(plan, [(AB, Won(True, BAD, both=True))], slow()) == Verdict(B, BAD, 0)


@pytest.mark.parametrize(
    ("hedge", "world"),
    [
        (None, {"hedge_after": 2.0}),
        (HEDGE, {"hedge_after": None}),
        (HEDGE, {"hedge_after": 2.0, "out": [B]}),
        (HEDGE, {"hedge_after": 2.0, "left": 2.05}),
        (HEDGE, {"hedge_after": 2.0, "out": [A, B]}),
    ],
    ids=["not configured", "not allowed", "the second is out", "no time for it", "both are out"],
)
def test_a_target_is_asked_alone_where_a_hedge_is(hedge, world):
    assert play(group("fallback", A, B, hedge=hedge), [(Send(A, 0), GOOD)], World(**world)).target is A


def test_health_is_asked_for_a_hedge_last_because_its_yes_is_counted():
    world = slow(out=[B])
    play(group("fallback", A, B, C, hedge=HEDGE), [(Send(A, 0), GOOD)], world)

    assert ("hedge_after", "a") not in world.asked


@pytest.mark.parametrize("mode", ["fallback", "loadbalance"])
def test_groups_do_not_race(mode):
    inner = group("fallback", C, hedge=None)
    plan = group(mode, A, inner, hedge=HEDGE)

    assert play(plan, [(Send(A, 0), GOOD)], slow(dice=0.1)).target is A
    assert play(group(mode, inner, A, hedge=HEDGE), [(Send(C, 0), GOOD)], slow(dice=0.1)).target is C


def test_a_target_that_was_skipped_does_not_keep_the_next_two_from_racing():
    script = [(BC, Won(True, GOOD, both=True))]

    assert play(group("fallback", A, B, C, hedge=HEDGE), script, slow(out=[A])).target is C


def test_a_single_target_is_asked_twice():
    plan = group("single", A, B, hedge=HEDGE)

    assert play(plan, [(Race(Send(A, 0), Send(A, 0), 2.0), Won(True, GOOD, both=True))], slow()) == Verdict(A, GOOD, 0)


def test_a_load_balancer_draws_a_second_target():
    plan = group("loadbalance", A, B, C, hedge=HEDGE)

    script = [(Race(Send(C, 0), Send(A, 0), 2.0), Won(True, GOOD, both=True))]

    assert play(plan, script, slow(dice=[0.9, 0.8, 0.1])) == Verdict(A, GOOD, 0)


def test_a_load_balancers_pair_is_its_only_one():
    plan = group("loadbalance", A, B, C, hedge=HEDGE)

    assert play(plan, [(AB, Won(True, BAD, both=True))], slow(dice=[0.1, 0.5])) == Verdict(B, BAD, 0)


def test_a_load_balancers_second_is_drawn_among_those_that_are_well():
    plan = group("loadbalance", A, B, C, hedge=HEDGE)

    script = [(Race(Send(A, 0), Send(C, 0), 2.0), Won(False, GOOD))]

    assert play(plan, script, slow(dice=[0.1, 0.5, 0.9], out=[B])).target is A


@pytest.mark.parametrize(("nodes", "out"), [([A], []), ([A, B], [B]), ([A, B], [A, B])])
def test_a_load_balancer_with_nobody_to_draw_sends_alone(nodes, out):
    plan = group("loadbalance", *nodes, hedge=HEDGE)

    assert play(plan, [(Send(A, 0), GOOD)], slow(dice=0.1, out=out)).target is A


@pytest.mark.parametrize(("won", "path"), [(Won(False, BAD), "a"), (Won(True, GOOD, both=True), "b")])
def test_the_trail_tells_how_a_race_ended(won, path):
    world = slow()
    drive(group("fallback", A, B, hedge=HEDGE), lambda command: won if command == AB else GOOD, world)

    assert world.told()[:3] == [
        ("sent", "a", 0),
        ("raced", path, {"after": 2.0, "both": won.both, "second": won.second}),
        ("answered", path, won.outcome.status),
    ]
