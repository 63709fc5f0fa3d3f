"""Outages, played through second by second: what the targets get, and what the clients do."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from tests.playbook import group
from tests.unit.routing.simulated import Answers, Town, siblings

from emberway.routing.base import Answered, Failed, Outcome
from emberway.routing.plan import Target

GOOD, BAD = Answered(200), Answered(503)
RATE = 200.0
"""Calls a second."""


def failing(
    *names: str, start: float = 0.0, end: float = float("inf"), took: float = 0.005, outcome: Outcome = BAD
) -> Answers:
    """Answers of targets of which those named fail for a time."""

    def answer(target: Target, now: float) -> tuple[Outcome, float]:
        if target.path in names and start <= now < end:
            return outcome, took
        return GOOD, 0.02

    return answer


@pytest.mark.parametrize("well_before", [0.0, 20.0])
@pytest.mark.parametrize(
    ("outcome", "took"), [(BAD, 0.005), (BAD, 5.0), (Failed(408, "upstream_timeout"), 10.0), (Failed(502, "x"), 0.0)]
)
def test_in_a_total_outage_a_target_gets_at_most_a_fifth_more_than_clients_ask_for(outcome, took, well_before):
    (alone,) = siblings("alone", attempts=5)
    town = Town(alone, failing("alone", start=well_before, took=took, outcome=outcome), rate=RATE)

    town.run(well_before + 30.0)

    called = town.called(well_before, well_before + 30.0)
    assert called == RATE * 30
    assert town.sent(well_before, well_before + 30.0).total() <= 1.2 * called


def test_when_all_targets_of_a_fallback_are_out_they_get_hardly_more_than_clients_ask_for():
    a, b = siblings("a", "b", attempts=5)
    town = Town(group("fallback", a, b), failing("a", "b"), rate=RATE)

    town.run(30.0)

    assert len(town.attempts) <= 1.2 * len(town.calls)


@pytest.mark.parametrize("rate", [2.0, 40.0])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_retries_are_granted_to_at_most_a_fifth_of_the_calls_of_ten_seconds_or_three(share, rate):
    (alone,) = siblings("alone", attempts=5)
    dice = random.Random(share).random
    town = Town(alone, lambda target, now: (BAD if dice() < share else GOOD, 0.3), rate=rate)

    town.run(60.0)

    assert town.granted
    for now in town.granted:
        retries = sum(now - 9 < at <= now for at in town.granted)
        firsts = sum(now - 10 < one.at <= now and one.number == 0 for one in town.attempts)
        assert retries <= max(3, 0.2 * firsts)


@pytest.mark.parametrize("seed", range(3))
def test_a_target_that_fails_is_relieved_within_two_seconds_if_another_can_take_its_place(seed):
    a, b = siblings("a", "b", attempts=5)
    town = Town(group("fallback", a, b), failing("a", start=5.0), rate=RATE, seed=seed)

    town.run(35.0)

    assert all(town.sent(second, second + 1)["a"] <= 0.05 * RATE for second in range(7, 35))
    assert all(verdict.outcome == GOOD for verdict in town.verdicts)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("outage", [30.0, 100.0, 1000.0])
def test_a_target_has_its_full_share_again_35_seconds_after_an_outage_however_long_that_was(outage, seed):
    a, b = siblings("a", "b", attempts=5)
    healed = 10.0 + outage
    town = Town(group("fallback", a, b), failing("a", start=10.0, end=healed), rate=20.0, seed=seed)

    town.run(healed + 45.0)

    assert town.sent(healed - 5.0, healed)["a"] <= 5, "a probe, and what its call retries"
    assert town.sent(healed + 35.0, healed + 45.0) == {"a": 200}


@pytest.mark.parametrize("outage", [1.0, 10.0])
def test_a_target_that_failed_for_a_moment_is_tried_again_after_half_a_minute(outage):
    a, b = siblings("a", "b")
    town = Town(group("fallback", a, b), failing("a", start=10.0, end=10.0 + outage), rate=20.0)

    town.run(60.0)

    assert town.sent(12.0, 36.0)["a"] == 0
    assert town.sent(44.0, 54.0)["a"] > 0
    assert town.sent(54.0, 60.0) == {"a": 120}


def test_a_load_balancer_sends_the_share_of_a_failing_target_to_the_others():
    a, b, c = siblings("a", "b", "c")
    town = Town(group("loadbalance", a, b, c), failing("b", start=5.0, end=60.0), rate=RATE)

    town.run(30.0)

    sent = town.sent(7.0, 30.0)
    assert sent["b"] <= 0.05 * sent.total()
    assert 0.4 <= sent["a"] / sent.total() <= 0.6


def flapping(phases: dict[str, float]) -> Answers:
    """Answers of targets of which those with a phase are up for a second and down for the next."""

    def answer(target: Target, now: float) -> tuple[Outcome, float]:
        phase = phases.get(target.path)
        is_down = phase is not None and int(now + phase) % 2 == 1
        return (BAD, 0.005) if is_down else (GOOD, 0.02)

    return answer


def times_out(town: Town) -> list[float]:
    """Seconds that target ``a`` got nothing; not those between two probes, which are 22 at the most."""
    at = [attempt.at for attempt in town.attempts if attempt.path == "a"]
    return [later - earlier for earlier, later in pairwise(at) if later - earlier > 25.0]


HOUR = 3600.0


@pytest.fixture(scope="module", params=[1, 2])
def an_hour_of_one_flapping(request: pytest.FixtureRequest) -> Town:
    plan = group("loadbalance", *siblings("a", "b", "c"))
    town = Town(plan, flapping({"a": random.Random(request.param).random()}), rate=20.0, seed=request.param)
    town.run(HOUR)
    return town


@pytest.mark.slow
def test_a_flapping_target_is_left_alone_for_longer_each_time(an_hour_of_one_flapping):
    first, later = times_out(an_hour_of_one_flapping)[:9], times_out(an_hour_of_one_flapping)[9:]

    assert len(first) == 9
    assert all(27 * number <= seconds <= 33 * number + 1 for number, seconds in enumerate(first, 1))
    assert all(250 <= seconds <= 301 for seconds in later)


@pytest.mark.slow
def test_clients_hardly_notice_a_flapping_target(an_hour_of_one_flapping):
    bad = sum(verdict.outcome != GOOD for verdict in an_hour_of_one_flapping.verdicts)

    assert bad <= 0.01 * len(an_hour_of_one_flapping.calls)


@pytest.mark.slow
def test_well_targets_share_the_load_all_the_time_while_another_flaps(an_hour_of_one_flapping):
    for start in range(0, int(HOUR), 10):
        sent = an_hour_of_one_flapping.sent(start, start + 10)
        assert min(sent["b"], sent["c"]) >= 0.2 * sent.total()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_when_all_targets_flap_the_load_never_moves_from_all_of_them_to_one(seed):
    dice = random.Random(seed).random
    names = ("a", "b", "c")
    targets = siblings(*names)
    town = Town(group("loadbalance", *targets), flapping({name: 2 * dice() for name in names}), rate=20.0, seed=seed)
    left: set[int] = set()
    view = town.health.at(lambda: town.now)

    for second in range(int(HOUR)):
        town.run(second + 0.5)
        left.add(sum(view.why_out(target) is None for target in targets))

    assert min(left) >= 2, "at most half of three are out"
    for start in range(0, int(HOUR), 10):
        sent = town.sent(start, start + 10)
        assert max(sent.values()) <= 0.8 * sent.total()


@pytest.mark.slow
def test_the_last_well_target_is_never_left_alone():
    a, b, c = siblings("a", "b", "c")
    town = Town(group("fallback", a, b, c), flapping({"a": 0.0, "b": 1.0}), rate=20.0)

    town.run(HOUR)

    assert all(verdict.outcome == GOOD for verdict in town.verdicts)
