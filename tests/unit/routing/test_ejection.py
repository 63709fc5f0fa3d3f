"""A target that was put out comes back step by step, and later each time that it fails again."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberway.routing.ejection import AGAIN, FORGIVEN, MOST_SECONDS, PATIENCE, SECONDS, SLOTS, SLOW_START, Ejection


def put_out(now: float = 0.0, dice: float = 0.5) -> Ejection:
    ejection = Ejection()
    ejection.put_out(1, now, lambda: dice)
    return ejection


def back(now: float = 30.0) -> Ejection:
    """Put out at 0, probed with success at ``now``."""
    ejection = put_out()
    ejection.began(now)
    ejection.succeeded(now)
    return ejection


def seconds_out(ejection: Ejection, now: float) -> float:
    """Until the first probe, to a tenth."""
    tenths = 0
    while ejection.why_out(now + tenths / 10) == "ejected":
        tenths += 1
    return tenths / 10


@pytest.mark.parametrize(("dice", "seconds"), [(0.0, 27.0), (0.5, 30.0), (0.999999, 33.0)])
def test_the_first_time_out_is_thirty_seconds_give_or_take_a_tenth(dice, seconds):
    assert seconds_out(put_out(100.0, dice), 100.0) == pytest.approx(seconds, abs=0.11)


def test_then_one_call_at_a_time_is_let_through_as_a_probe():
    ejection = put_out()

    assert ejection.why_out(31.0) is None
    ejection.began(31.0)
    assert ejection.why_out(31.0) == "being probed"


def test_looking_at_it_is_not_probing_it():
    ejection = put_out()

    assert [ejection.why_out(31.0 + at) for at in range(5)] == [None] * 5


def test_a_call_that_is_sent_all_the_same_while_the_target_is_out_is_no_probe():
    ejection = put_out()
    ejection.began(29.0)

    assert ejection.why_out(30.5) is None
    assert not ejection.counts(29.0)
    assert ejection.counts(30.0)


def test_a_probe_that_says_nothing_for_long_no_longer_keeps_the_next_one_waiting():
    ejection = put_out()
    ejection.began(31.0)

    assert ejection.why_out(31.0 + PATIENCE) == "being probed"
    assert ejection.why_out(31.1 + PATIENCE) is None


def test_the_next_probe_may_start_when_one_was_given_up():
    ejection = put_out()
    ejection.began(31.0)

    ejection.given_up(30.5)
    assert ejection.why_out(32.0) == "being probed", "that was another call"
    ejection.given_up(31.0)
    assert ejection.why_out(32.0) is None


def test_a_call_that_is_sent_all_the_same_beside_a_probe_is_none():
    ejection = put_out()
    ejection.began(31.0)
    ejection.began(40.0)

    ejection.given_up(40.0)

    assert [ejection.why_out(now) for now in (40.9, 41.1)] == ["being probed", None]


@pytest.mark.parametrize(("began", "took"), [(38.7, 485.5), (30.2, 69.1), (31.0, 0.5)])
def test_a_beginning_that_was_computed_back_from_the_end_is_recognised(began, took):
    end = began + took
    computed = end - (end - began)  # exact only if it took less time than had passed on the clock before
    ejection = put_out(began - SECONDS)
    ejection.began(began)

    assert ejection.counts(computed)
    ejection.given_up(computed)
    assert ejection.why_out(began) is None


def test_a_probe_that_fails_keeps_the_target_out_for_another_twenty_seconds_however_often():
    ejection = put_out()
    now = 30.0
    for _ in range(50):
        ejection.began(now)
        ejection.failed(now, lambda: 0.5)

        assert seconds_out(ejection, now) == AGAIN
        now += AGAIN


def test_after_a_probe_that_succeeds_the_share_of_calls_grows_to_all_within_ten_seconds():
    ejection = back(30.0)

    moments = [30.0 + at / 1000 for at in range(12_000)]
    let_through = [ejection.why_out(now) is None for now in moments]
    shares = [sum(let_through[start : start + 1000]) / 1000 for start in range(0, 12_000, 1000)]

    assert shares == pytest.approx([0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1.0, 1.0], abs=0.12)
    assert {ejection.why_out(now) for now in moments} == {None, "slow start"}


@given(rhythm=st.floats(0.001, 0.2), start=st.floats(0, 0.1))
def test_no_rhythm_of_calls_misses_its_share(rhythm, start):
    ejection = back(30.0)
    moments = [30.0 + start + at * rhythm for at in range(int((SLOW_START - start) / rhythm))]

    let_through = sum(ejection.why_out(now) is None for now in moments)

    assert 0.25 <= let_through / len(moments) <= 0.75


def test_asking_twice_about_one_call_gives_one_answer():
    ejection = back(30.0)
    length = SLOW_START / SLOTS

    for slot in range(SLOTS):
        answers = {ejection.why_out(30.0 + (slot + part) * length) for part in (0.1, 0.5, 0.9)}
        assert len(answers) == 1


def test_two_targets_that_come_back_at_once_are_not_closed_to_the_same_calls():
    first, second = back(30.0), Ejection()
    second.put_out(2, 0.0, lambda: 0.5)
    second.began(30.0)
    second.succeeded(30.0)
    moments = [30.0 + at / 1000 for at in range(10_000)]

    either = sum(first.why_out(now) is None or second.why_out(now) is None for now in moments)

    assert either / len(moments) == pytest.approx(2 / 3, abs=0.03)


def out_and_back(ejection: Ejection, now: float) -> tuple[float, float]:
    """Seconds that it was out, and when it was back."""
    ejection.put_out(1, now, lambda: 0.5)
    seconds = seconds_out(ejection, now)
    ejection.began(now + seconds)
    ejection.succeeded(now + seconds)
    return seconds, now + seconds


def test_who_comes_back_and_fails_again_is_out_longer_each_time_up_to_five_minutes():
    ejection, now = Ejection(), 0.0
    times = []
    for _ in range(12):
        seconds, now = out_and_back(ejection, now + 1.0)
        times.append(seconds)

    assert times == [SECONDS * n for n in range(1, 11)] + [MOST_SECONDS] * 2


def test_each_minute_of_health_makes_up_for_one_time():
    ejection, now = Ejection(), 0.0
    for _ in range(5):
        _, now = out_and_back(ejection, now + 1.0)

    times = []
    for minutes in (2, 0, 100):
        seconds, now = out_and_back(ejection, now + minutes * FORGIVEN + 1.0)
        times.append(seconds)

    assert times == [4 * SECONDS, 5 * SECONDS, SECONDS]


def test_after_ten_minutes_of_health_it_is_the_first_time_again_however_often_it_was_before():
    ejection, now = Ejection(), 0.0
    for _ in range(25):
        _, now = out_and_back(ejection, now + 1.0)

    seconds, _ = out_and_back(ejection, now + 10 * FORGIVEN)

    assert seconds == SECONDS


def test_no_time_out_is_longer_than_five_minutes_whatever_the_dice_say():
    ejection, now = Ejection(), 0.0
    dice = random.Random(7).random
    for _ in range(30):
        ejection.put_out(1, now, dice)
        seconds = seconds_out(ejection, now)
        assert seconds <= MOST_SECONDS + 0.1
        now += seconds
        ejection.began(now)
        ejection.succeeded(now)


def test_it_is_over_when_the_slow_start_is():
    ejection = back(30.0)

    assert [ejection.is_over(now) for now in (30.0, 39.9, 40.0)] == [False, False, True]
    assert not put_out().is_over(1e9)


def test_of_two_targets_the_one_that_is_still_out_comes_first_and_then_the_one_that_was_out_first():
    first, second, returning = put_out(), Ejection(), back()
    second.put_out(2, 0.0, lambda: 0.5)

    assert sorted([returning.rank, second.rank, first.rank]) == [first.rank, second.rank, returning.rank]
