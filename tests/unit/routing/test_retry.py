"""A target is tried again for the right reasons, as often and as late as it should, and never past its time."""

from __future__ import annotations

import pytest
from tests.playbook import World, play, target

from emberway.routing.base import Answered, Failed, Send, Verdict, Wait
from emberway.routing.plan import RETRIED, Retry
from emberway.routing.retry import BACK_OFF, is_retried

EXHAUSTED = -1
GOOD = Answered(200)
BAD = Answered(503)
ONCE = target("once", attempts=1)
PATIENT = target("patient", attempts=5, use_retry_after=True)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 529])
def test_a_config_that_names_no_statuses_retries_the_six_of_the_documentation(status):
    assert play(ONCE, [(Send(ONCE, 0), Answered(status)), (Wait(0.5), None), (Send(ONCE, 1), GOOD)]) == Verdict(
        ONCE, GOOD, 1
    )


@pytest.mark.parametrize("status", [200, 201, 204, 246, 301, 400, 401, 403, 404, 408, 412, 422, 446, 501, 505])
def test_a_config_that_names_no_statuses_retries_no_others(status):
    assert play(ONCE, [(Send(ONCE, 0), Answered(status))]) == Verdict(ONCE, Answered(status), 0)


@pytest.mark.parametrize("status", [205, 246, 299, 302, 400, 404, 408, 418, 446, 500, 529])
def test_a_status_that_is_listed_is_retried_a_guardrails_246_and_446_among_them(status):
    one = target("one", attempts=1, codes={status})

    assert play(one, [(Send(one, 0), Answered(status)), (Wait(0.5), None), (Send(one, 1), GOOD)]).retries == 1


@pytest.mark.parametrize("status", [200, 201, 202, 203, 204])
def test_success_is_not_retried_although_it_is_listed(status):
    one = target("one", attempts=3, codes={status, 503})

    assert play(one, [(Send(one, 0), Answered(status))]) == Verdict(one, Answered(status), 0)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_list_replaces_the_default_one(status):
    one = target("one", attempts=3, codes={404})

    assert play(one, [(Send(one, 0), Answered(status))]) == Verdict(one, Answered(status), 0)


@pytest.mark.parametrize(
    ("failed", "codes", "again"),
    [
        (Failed(502, "upstream_unreachable"), RETRIED, True),
        (Failed(502, "upstream_invalid"), {429}, True),
        (Failed(503, "upstream_busy"), set(), True),
        (Failed(500, "gateway_error"), set(), True),
        (Failed(408, "upstream_timeout"), RETRIED, False),
        (Failed(408, "upstream_timeout"), {408}, True),
        (Failed(408, "upstream_timeout"), {408, 503}, True),
        (Failed(400, "not_supported_by_provider"), RETRIED, False),
        (Failed(400, "not_supported_by_provider"), {400}, False),
        (Failed(401, "invalid_api_key"), {401}, False),
        (Failed(403, "forbidden"), {403}, False),
        (Failed(412, "model_not_allowed_error"), {412}, False),
        (Failed(429, "rate_limited"), {429}, False),
    ],
)
def test_what_gave_no_answer_is_retried_unless_it_is_an_unlisted_timeout_or_our_own_refusal(failed, codes, again):
    one = target("one", attempts=1, codes=codes)
    rest = [(Wait(0.5), None), (Send(one, 1), GOOD)] if again else []

    assert play(one, [(Send(one, 0), failed), *rest]) == Verdict(one, GOOD if again else failed, 1 if again else 0)


@pytest.mark.parametrize("outcome", [BAD, Answered(429, 1.0), Failed(502, "upstream_unreachable"), Answered(404), GOOD])
def test_without_attempts_there_is_no_retry_and_the_count_is_zero(outcome):
    none = target("none", use_retry_after=True)

    assert play(none, [(Send(none, 0), outcome)]) == Verdict(none, outcome, 0)


@pytest.mark.parametrize("attempts", [1, 2, 3, 5])
@pytest.mark.parametrize("outcome", [BAD, Failed(502, "upstream_unreachable")])
def test_the_count_is_minus_one_when_all_attempts_were_used_in_vain(attempts, outcome):
    one = target("one", attempts=attempts)
    again = [
        line for n in range(1, attempts + 1) for line in [(Wait(0.5 * BACK_OFF[n - 1]), None), (Send(one, n), outcome)]
    ]

    assert play(one, [(Send(one, 0), outcome), *again]) == Verdict(one, outcome, EXHAUSTED)


@pytest.mark.parametrize("last", [GOOD, Answered(204), Answered(404), Answered(246), Failed(401, "invalid_api_key")])
@pytest.mark.parametrize("retries", [1, 2])
def test_the_count_is_the_number_of_retries_when_the_last_outcome_asks_for_no_other(retries, last):
    one = target("one", attempts=2)
    script = [(Send(one, 0), BAD), (Wait(0.5), None), (Send(one, 1), BAD), (Wait(1.0), None), (Send(one, 2), BAD)]
    script = [*script[: 2 * retries], (Send(one, retries), last)]

    assert play(one, script) == Verdict(one, last, retries)


@pytest.mark.parametrize(("dice", "waits"), [(0.0, [0.0] * 7), (0.5, [0.5, 1, 2, 4, 8, 8, 8])])
def test_the_back_off_is_a_random_part_of_a_time_that_doubles_up_to_sixteen_seconds(dice, waits):
    one = target("one", attempts=7)
    again = [line for n, wait in enumerate(waits, 1) for line in [(Wait(wait), None), (Send(one, n), BAD)]]

    assert play(one, [(Send(one, 0), BAD), *again], World(dice=dice)).retries == EXHAUSTED


def test_each_wait_is_drawn_anew():
    one = target("one", attempts=3)
    world = World(dice=[0.25, 0.75, 0.125])

    play(
        one,
        [
            (Send(one, 0), BAD),
            (Wait(0.25), None),
            (Send(one, 1), BAD),
            (Wait(1.5), None),
            (Send(one, 2), BAD),
            (Wait(0.5), None),
            (Send(one, 3), GOOD),
        ],
        world,
    )


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.3, 1.0, 12.5, 59.9, 60.0])
def test_a_retry_after_is_waited_for_exactly(seconds):
    asks = Answered(429, seconds)

    verdict = play(PATIENT, [(Send(PATIENT, 0), asks), (Wait(seconds), None), (Send(PATIENT, 1), GOOD)])

    assert verdict == Verdict(PATIENT, GOOD, 1)


@pytest.mark.parametrize("seconds", [60.001, 61.0, 3600.0, 1e9])
def test_an_answer_that_asks_for_more_than_a_minute_is_passed_on_at_once(seconds):
    world = World()

    assert play(PATIENT, [(Send(PATIENT, 0), Answered(429, seconds))], world).retries == EXHAUSTED
    assert world.told("stopped") == [("stopped", "patient", "retry_after")]


@pytest.mark.parametrize(
    ("waits", "too_long"),
    [([30.0], 30.1), ([30.0, 30.0], 0.1), ([20.0, 20.0], 20.5), ([1.0], 60.0), ([0.0, 60.0], 0.5)],
)
def test_all_waits_that_providers_ask_for_share_one_minute(waits, too_long):
    script = [(Send(PATIENT, 0), Answered(429, waits[0]))]
    for number, wait in enumerate(waits, 1):
        asks_next = waits[number] if number < len(waits) else too_long
        script += [(Wait(wait), None), (Send(PATIENT, number), Answered(429, asks_next))]

    assert play(PATIENT, script) == Verdict(PATIENT, Answered(429, too_long), EXHAUSTED)


@pytest.mark.parametrize("waits", [[30.0, 30.0], [20.0, 20.0, 20.0], [0.0, 60.0], [60.0, 0.0]])
def test_a_minute_in_all_is_granted(waits):
    script = [(Send(PATIENT, 0), Answered(429, waits[0]))]
    for number, wait in enumerate(waits, 1):
        outcome = Answered(429, waits[number]) if number < len(waits) else GOOD
        script += [(Wait(wait), None), (Send(PATIENT, number), outcome)]

    assert play(PATIENT, script) == Verdict(PATIENT, GOOD, len(waits))


def test_back_off_does_not_count_towards_the_minute_that_providers_may_ask_for():
    script = [
        (Send(PATIENT, 0), BAD),
        (Wait(0.5), None),
        (Send(PATIENT, 1), Answered(429, 60.0)),
        (Wait(60.0), None),
        (Send(PATIENT, 2), GOOD),
    ]

    assert play(PATIENT, script) == Verdict(PATIENT, GOOD, 2)


@pytest.mark.parametrize(
    ("heard", "outcome"),
    [
        (True, Answered(429)),
        (True, Answered(503, 7.0)),
        (True, Answered(500, 3600.0)),
        (False, Answered(429, 7.0)),
        (False, Answered(429, 3600.0)),
    ],
)
def test_a_retry_after_is_heard_only_from_a_429_and_only_where_the_config_wants_it(heard, outcome):
    one = target("one", attempts=1, use_retry_after=heard)

    assert play(one, [(Send(one, 0), outcome), (Wait(0.5), None), (Send(one, 1), GOOD)]).retries == 1


def test_a_429_that_is_not_listed_is_not_waited_for():
    one = target("one", attempts=1, codes={503}, use_retry_after=True)

    assert play(one, [(Send(one, 0), Answered(429, 1.0))]) == Verdict(one, Answered(429, 1.0), 0)


@pytest.mark.parametrize(
    ("left", "outcome"),
    [(0.5, BAD), (0.59, BAD), (0.0, BAD), (-1.0, BAD), (30.0, Answered(429, 30.0)), (30.05, Answered(429, 30.0))],
)
def test_a_wait_that_leaves_no_time_for_an_attempt_is_not_begun(left, outcome):
    world = World(left=left)

    assert play(PATIENT, [(Send(PATIENT, 0), outcome)], world) == Verdict(PATIENT, outcome, EXHAUSTED)
    assert world.told("stopped") == [("stopped", "patient", "deadline")]
    assert ("may_retry", "patient") not in world.asked


@pytest.mark.parametrize(("left", "outcome", "wait"), [(0.61, BAD, 0.5), (30.2, Answered(429, 30.0), 30.0)])
def test_a_wait_that_leaves_just_enough_time_is(left, outcome, wait):
    script = [(Send(PATIENT, 0), outcome), (Wait(wait), None), (Send(PATIENT, 1), GOOD)]

    assert play(PATIENT, script, World(left=left)) == Verdict(PATIENT, GOOD, 1)


def test_no_attempt_follows_a_wait_from_which_the_router_is_woken_too_late():
    world = World(left=2.0)

    assert play(PATIENT, [(Send(PATIENT, 0), BAD), (Wait(0.5), None, 1.95)], world).retries == EXHAUSTED
    assert world.told("waited", "stopped") == [("waited", "patient", 0.5), ("stopped", "patient", "deadline")]


def test_an_attempt_that_used_up_the_time_is_the_last():
    world = World(left=10.0)
    slow = target("slow", attempts=5, codes={408})

    assert play(slow, [(Send(slow, 0), Failed(408, "upstream_timeout"), 9.99)], world).retries == EXHAUSTED


def test_the_very_first_attempt_is_made_however_little_time_is_left():
    assert play(ONCE, [(Send(ONCE, 0), GOOD)], World(left=0.01)) == Verdict(ONCE, GOOD, 0)


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_retries_end_with_the_targets_budget(allowed):
    one = target("one", attempts=5)
    world = World(retries=allowed)
    waits = [(0.5, 1), (1.0, 2)][:allowed]
    script = [(Send(one, 0), BAD), *(line for wait, n in waits for line in [(Wait(wait), None), (Send(one, n), BAD)])]

    assert play(one, script, world) == Verdict(one, BAD, EXHAUSTED)
    assert world.told("stopped") == [("stopped", "one", "retry_budget")]


def test_the_budget_is_asked_once_for_each_retry_and_not_when_none_is_wanted():
    world = World()
    one = target("one", attempts=2)
    play(
        one,
        [(Send(one, 0), BAD), (Wait(0.5), None), (Send(one, 1), BAD), (Wait(1.0), None), (Send(one, 2), BAD)],
        world,
    )

    assert world.asked == [("may_retry", "one")] * 2


def test_the_trail_tells_every_sending_wait_and_outcome():
    world = World()
    play(ONCE, [(Send(ONCE, 0), Failed(502, "upstream_closed")), (Wait(0.5), None), (Send(ONCE, 1), BAD)], world)

    assert world.told() == [
        ("sent", "once", 0),
        ("failed", "once", {"status": 502, "code": "upstream_closed"}),
        ("waited", "once", 0.5),
        ("sent", "once", 1),
        ("answered", "once", 503),
        ("stopped", "once", "attempts"),
    ]


def test_of_all_answers_those_are_retried_that_are_listed_and_no_success():
    statuses = range(100, 600)
    every = Retry(attempts=1, on_status_codes=frozenset(statuses))

    assert [status for status in statuses if not is_retried(Answered(status), every)] == [200, 201, 202, 203, 204]
    assert {status for status in statuses if is_retried(Answered(status), Retry(attempts=1))} == RETRIED
