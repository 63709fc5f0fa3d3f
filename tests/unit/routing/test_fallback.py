"""``fallback``: who is tried next after what, who is passed over, and whose outcome it is in the end."""

from __future__ import annotations

import pytest
from tests.playbook import World, drive, group, play, target

from emberway.routing.base import Answered, Failed, Send, Verdict, Wait

A, B, C = target("a"), target("b"), target("c")
GOOD, BAD = Answered(200), Answered(503)
UNREACHABLE = Failed(502, "upstream_unreachable")
LATE = Failed(408, "upstream_timeout")


def moves(codes, outcome) -> bool:
    """Whether a fallback with these ``on_status_codes`` tries the second target after ``outcome``."""
    plan = group("fallback", A, B, moves_on=None if codes is None else frozenset(codes))
    verdict, given = drive(plan, lambda send: outcome if send.target is A else GOOD, World())
    assert given == [Send(A, 0), Send(B, 0)][: len(given)]
    return verdict.target is B


@pytest.mark.parametrize("status", [300, 301, 400, 401, 403, 404, 408, 412, 422, 429, 446, 500, 502, 503, 504, 529])
def test_without_a_list_every_status_but_2xx_moves_on(status):
    assert moves(None, Answered(status))


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 246, 299])
def test_without_a_list_a_2xx_is_the_answer_a_guardrails_246_among_them(status):
    assert not moves(None, Answered(status))


@pytest.mark.parametrize(
    ("codes", "status"),
    [
        ({429}, 429),
        ({429, 503}, 503),
        ({246}, 246),
        ({446}, 446),
        ({404}, 404),
        ({529}, 529),
        ({200}, 200),
        ({200, 429}, 200),
        ({408}, 408),
    ],
)
def test_with_a_list_what_is_listed_moves_on_even_a_200(codes, status):
    assert moves(codes, Answered(status))


@pytest.mark.parametrize(
    ("codes", "status"),
    [
        ({429}, 200),
        ({429}, 500),
        ({429}, 503),
        ({500}, 446),
        ({500}, 404),
        ({500}, 408),
        ({446}, 246),
        ({200}, 500),
        (set(), 500),
        (set(), 429),
    ],
)
def test_with_a_list_what_is_not_listed_is_the_answer_even_a_500(codes, status):
    assert not moves(codes, Answered(status))


@pytest.mark.parametrize(
    "failed",
    [
        UNREACHABLE,
        Failed(502, "upstream_invalid"),
        Failed(503, "upstream_busy"),
        Failed(500, "gateway_error"),
        Failed(400, "not_supported_by_provider"),
        Failed(401, "invalid_api_key"),
        Failed(403, "forbidden"),
        Failed(412, "model_not_allowed_error"),
        Failed(429, "rate_limited"),
    ],
)
@pytest.mark.parametrize("codes", [None, {429}, set()])
def test_no_answer_moves_on_whatever_is_listed_also_when_the_target_cannot_take_the_call(codes, failed):
    assert moves(codes, failed)


@pytest.mark.parametrize(
    ("codes", "expected"), [(None, True), ({408}, True), ({408, 500}, True), ({429}, False), (set(), False)]
)
def test_a_timeout_moves_on_as_an_answer_with_408_would(codes, expected):
    assert moves(codes, LATE) is expected


@pytest.mark.parametrize("good_at", [0, 1, 2])
def test_the_first_good_answer_is_the_answer(good_at):
    targets = [A, B, C][: good_at + 1]
    script = [(Send(each, 0), GOOD if each is targets[-1] else BAD) for each in targets]

    assert play(group("fallback", A, B, C), script) == Verdict(targets[-1], GOOD, 0)


@pytest.mark.parametrize(
    "last", [Answered(500), Answered(404), Answered(429, 3.0), UNREACHABLE, LATE, Failed(401, "x")]
)
def test_the_last_outcome_is_the_answer_when_none_is_good(last):
    assert play(group("fallback", A, B), [(Send(A, 0), BAD), (Send(B, 0), last)]) == Verdict(B, last, 0)


def test_a_fallback_of_one_is_that_one():
    assert play(group("fallback", A), [(Send(A, 0), BAD)]) == Verdict(A, BAD, 0)


def test_the_second_target_is_tried_once_the_first_has_spent_its_retries():
    first = target("first", attempts=1)

    assert play(
        group("fallback", first, B),
        [
            (Send(first, 0), BAD),
            (Wait(0.5), None),
            (Send(first, 1), BAD),
            (Send(B, 0), GOOD),
        ],
    ) == Verdict(B, GOOD, 0)


def test_the_count_is_of_the_final_targets_retries_alone():
    first, second = target("first", attempts=2), target("second", attempts=1)
    spent = [(Send(first, 0), BAD), (Wait(0.5), None), (Send(first, 1), BAD), (Wait(1.0), None), (Send(first, 2), BAD)]
    again = [(Send(second, 0), UNREACHABLE), (Wait(0.5), None)]

    assert play(group("fallback", first, second), [*spent, *again, (Send(second, 1), GOOD)]).retries == 1
    assert play(group("fallback", first, second), [*spent, *again, (Send(second, 1), BAD)]).retries == -1


def test_a_refused_retry_after_moves_on_at_once():
    first = target("first", attempts=2, use_retry_after=True)

    script = [(Send(first, 0), Answered(429, 90.0)), (Send(B, 0), GOOD)]

    assert play(group("fallback", first, B), script) == Verdict(B, GOOD, 0)


def test_the_minute_that_providers_may_ask_for_is_shared_by_all_targets():
    first = target("first", attempts=1, use_retry_after=True)
    second = target("second", attempts=1, use_retry_after=True)
    asks = Answered(429, 40.0)

    script = [(Send(first, 0), asks), (Wait(40.0), None), (Send(first, 1), BAD), (Send(second, 0), asks)]

    assert play(group("fallback", first, second), script) == Verdict(second, asks, -1)


@pytest.mark.parametrize(
    ("out", "tried"),
    [([], [A, B, C]), ([A], [B, C]), ([B], [A, C]), ([C], [A, B]), ([A, B], [C]), ([A, C], [B]), ([B, C], [A])],
)
def test_targets_that_are_out_are_passed_over(out, tried):
    world = World(out=out)

    verdict = play(group("fallback", A, B, C), [(Send(each, 0), BAD) for each in tried], world)

    assert verdict.target is tried[-1]
    assert world.told("skipped") == [("skipped", each.path, "breaker_open") for each in out]


def test_if_all_targets_are_out_all_are_tried_in_order():
    world = World(out=[A, B, C])

    assert play(group("fallback", A, B, C), [(Send(each, 0), BAD) for each in (A, B, C)], world).target is C
    assert world.told("skipped", "unskipped", "sent") == [
        ("skipped", "a", "breaker_open"),
        ("skipped", "b", "breaker_open"),
        ("skipped", "c", "breaker_open"),
        ("unskipped", "config", None),
        ("sent", "a", 0),
        ("sent", "b", 0),
        ("sent", "c", 0),
    ]


def test_a_target_that_goes_out_while_another_is_tried_is_passed_over():
    world = World()
    first = target("first", attempts=1)
    plan = group("fallback", first, B, C)

    def goes_out():
        world.out.add(B)
        return 0.5

    world.context.dice = goes_out
    script = [(Send(first, 0), BAD), (Wait(0.5), None), (Send(first, 1), BAD), (Send(C, 0), GOOD)]

    assert play(plan, script, world).target is C


def test_health_is_not_asked_about_targets_whose_turn_never_comes():
    world = World()

    play(group("fallback", A, B, C), [(Send(A, 0), GOOD)], world)

    assert world.asked == [("why_out", "a")]


@pytest.mark.parametrize("mode", ["fallback", "loadbalance", "single"])
def test_a_group_is_out_when_every_target_below_it_is(mode):
    inner = group(mode, A, B, path="inner")
    world = World(out=[A, B])

    assert play(group("fallback", inner, C), [(Send(C, 0), GOOD)], world).target is C
    assert world.told("skipped") == [("skipped", "inner", "every target below it is out")]


def test_a_group_with_one_target_that_is_well_is_not_out():
    inner = group("fallback", A, B)

    assert play(group("fallback", inner, C), [(Send(B, 0), GOOD)], World(out=[A])).target is B


def test_if_all_groups_are_out_each_tries_all_its_targets():
    plan = group("fallback", group("fallback", A, B), C)

    assert play(plan, [(Send(A, 0), BAD), (Send(B, 0), BAD), (Send(C, 0), BAD)], World(out=[A, B, C])).target is C


@pytest.mark.parametrize(("left", "took"), [(10.0, 9.95), (0.05, 0.0), (1.0, 5.0)])
def test_no_further_target_is_tried_when_the_time_is_up(left, took):
    world = World(left=left)

    assert play(group("fallback", A, B), [(Send(A, 0), BAD, took)], world) == Verdict(A, BAD, 0)
    assert world.told("stopped") == [("stopped", "b", "deadline")]


def test_a_further_target_is_tried_while_there_is_time():
    script = [(Send(A, 0), BAD, 9.8), (Send(B, 0), GOOD)]

    assert play(group("fallback", A, B), script, World(left=10.0)).target is B


def test_a_wait_that_the_deadline_forbids_leaves_the_time_to_the_next_target():
    first = target("first", attempts=3)

    script = [(Send(first, 0), BAD, 9.5), (Send(B, 0), GOOD)]

    assert play(group("fallback", first, B), script, World(left=10.0)) == Verdict(B, GOOD, 0)


def test_the_trail_says_where_it_moved_on_to_and_after_what():
    world = World()
    play(group("fallback", A, B, C), [(Send(A, 0), BAD), (Send(B, 0), UNREACHABLE), (Send(C, 0), BAD)], world)

    assert world.told("moved_on") == [("moved_on", "b", 503), ("moved_on", "c", 502)]
