"""What health makes of attempts: who is left alone, for how long, and who never is."""

from __future__ import annotations

import pytest
from tests.unit.routing.simulated import siblings

from emberway.routing.base import Answered, Failed, HealthView, Outcome
from emberway.routing.health import MOST, Health
from emberway.routing.plan import Breaker, Hedge, Target

GOOD, BAD = Answered(200), Answered(503)
TIMEOUT = Failed(408, "upstream_timeout")
REFUSED = Answered(401)


class Clinic:
    """Health on a clock that the test moves; the dice always say a half."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.health = Health(lambda: 0.5)
        self.view: HealthView = self.health.at(lambda: self.now)

    def attempt(self, target: Target, *outcomes: Outcome | None, seconds: float = 0.1, is_retry: bool = False) -> None:
        for outcome in outcomes:
            self.health.begin(target, self.now, is_retry=is_retry)
            self.now += seconds
            self.health.end(target, outcome, seconds, self.now)

    def out(self, *targets: Target) -> list[str | None]:
        return [self.view.why_out(target) for target in targets]

    def ejected(self, target: Target) -> Clinic:
        self.attempt(target, *[BAD] * 5)
        assert self.out(target) == ["ejected"]
        return self


def parkable(*names: str) -> list[Target]:
    return [Target(name, key=name, siblings=names, virtual_key=f"vk-{name}") for name in names]


@pytest.mark.parametrize("outcome", [BAD, Answered(500), Failed(502, "upstream_unreachable")])
def test_after_five_failures_in_a_row_a_target_is_ejected(outcome):
    clinic = Clinic()
    a, b = siblings("a", "b")

    clinic.attempt(a, *[outcome] * 4)
    assert clinic.out(a, b) == [None, None]
    clinic.attempt(a, outcome)

    assert clinic.out(a, b) == ["ejected", None]


def test_after_five_timeouts_in_a_row_a_target_is_ejected():
    clinic = Clinic()
    a, _ = siblings("a", "b")

    clinic.attempt(a, *[TIMEOUT] * 5, seconds=2.0)

    assert clinic.out(a) == ["ejected"]


def test_callers_without_patience_cannot_put_out_a_target_that_others_are_well_served_by():
    clinic = Clinic()
    a, _ = siblings("a", "b")
    clinic.attempt(a, *[GOOD] * 20, seconds=5.0)

    clinic.attempt(a, *[TIMEOUT] * 100, seconds=0.5)

    assert clinic.out(a) == [None]


@pytest.mark.parametrize("outcome", [Answered(429, 5.0), REFUSED, Answered(400), Failed(503, "upstream_busy"), None])
def test_what_is_no_fault_of_the_target_never_ejects_it(outcome):
    clinic = Clinic()
    a, _ = siblings("a", "b")

    clinic.attempt(a, *[outcome] * 100)

    assert clinic.out(a) == [None]


def test_the_health_of_a_target_is_one_in_all_configs_it_stands_in():
    clinic = Clinic()
    a, _ = siblings("a", "b")
    elsewhere = Target("config.targets[7]", key="a", siblings=("c", "a", "d"))

    clinic.ejected(a)

    assert clinic.out(elsewhere) == ["ejected"]


@pytest.mark.parametrize(("count", "most"), [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (10, 5)])
def test_at_most_half_of_a_group_is_ejected_at_a_time(count, most):
    clinic = Clinic()
    targets = siblings(*map(str, range(count)))

    for target in targets:
        clinic.attempt(target, *[BAD] * 50, seconds=0.001)

    assert clinic.out(*targets) == ["ejected"] * most + [None] * (count - most)


def test_at_most_half_of_a_group_is_out_even_if_its_targets_were_ejected_in_other_groups():
    clinic = Clinic()
    a, _ = siblings("a", "x")
    b, _ = siblings("b", "y")

    clinic.ejected(a).ejected(b)

    both = siblings("a", "b")
    assert clinic.out(*both) == ["ejected", None]
    assert clinic.out(*siblings("a", "b", "c", "d")[:2]) == ["ejected", "ejected"]


def test_a_target_that_keeps_failing_is_ejected_as_soon_as_its_sibling_is_back():
    clinic = Clinic()
    a, b = siblings("a", "b")
    clinic.ejected(a)
    clinic.attempt(b, *[BAD] * 20)

    clinic.now += 31.0
    clinic.attempt(a, GOOD)
    clinic.attempt(b, BAD)

    assert clinic.out(b) == ["ejected"]
    assert clinic.out(a) == [None], "its slow start is over: nobody else is left"


def test_a_target_that_failed_while_it_was_the_only_one_left_and_is_well_again_stays():
    clinic = Clinic()
    a, b = siblings("a", "b")
    clinic.ejected(a)
    clinic.now += 20.0
    clinic.attempt(b, *[BAD] * 5)
    clinic.attempt(b, *[GOOD] * 20)

    clinic.now += 10.0
    clinic.attempt(a, GOOD)

    assert clinic.out(b) == [None]


def test_a_probe_brings_a_target_back():
    clinic = Clinic()
    a, _ = siblings("a", "b")
    clinic.ejected(a)
    clinic.now += 31.0

    clinic.health.begin(a, clinic.now, is_retry=False)
    assert clinic.out(a) == ["being probed"]
    clinic.health.end(a, GOOD, 0.5, clinic.now + 0.5)
    clinic.now += 0.5

    assert "slow start" in {clinic.view.why_out(a) for clinic.now in [clinic.now + at / 10 for at in range(20)]}
    clinic.now += 10.0
    assert clinic.out(a) == [None]
    clinic.attempt(a, GOOD)
    assert clinic.health.ejections == {}, "well targets cost no look-up"


def test_a_sibling_that_was_ejected_before_and_is_well_again_takes_nobodys_place():
    clinic = Clinic()
    for target in siblings("a", "b"):
        clinic.ejected(target)
        clinic.now += 31.0
        clinic.attempt(target, GOOD)
        assert clinic.out(target) == ["slow start"]
        clinic.now += 10.0


@pytest.mark.parametrize(("outcome", "why"), [(BAD, "ejected"), (None, None), (Failed(503, "upstream_busy"), None)])
def test_a_probe_that_fails_puts_it_out_again_and_one_that_says_nothing_lets_the_next_one_start(outcome, why):
    clinic = Clinic()
    a, _ = siblings("a", "b")
    clinic.ejected(a)
    clinic.now += 31.0

    clinic.attempt(a, outcome)

    assert clinic.out(a) == [why]


def test_an_answer_that_is_no_success_but_a_sign_of_life_ends_an_ejection_too():
    clinic = Clinic()
    a, _ = siblings("a", "b")
    clinic.ejected(a)
    clinic.now += 31.0

    clinic.attempt(a, Answered(404))

    clinic.now += 10.0
    assert clinic.out(a) == [None]


@pytest.mark.parametrize("outcome", [GOOD, BAD])
def test_what_began_before_a_target_was_ejected_decides_nothing_when_it_ends(outcome):
    clinic = Clinic()
    a, _ = siblings("a", "b")
    began = clinic.now
    for _ in range(20):
        clinic.health.begin(a, began, is_retry=False)
    clinic.ejected(a)
    clinic.now += 31.0

    for _ in range(20):
        clinic.health.end(a, outcome, clinic.now - began, clinic.now)

    assert clinic.out(a) == [None], "it waits for its probe"
    clinic.attempt(a, GOOD)
    clinic.now += 10.0
    for _ in range(20):
        clinic.health.begin(a, began, is_retry=False)
        clinic.health.end(a, outcome, clinic.now - began, clinic.now)
    assert clinic.out(a) == [None]


def test_a_target_is_left_alone_until_its_retry_after_passes():
    clinic = Clinic()
    a, b = parkable("a", "b")

    clinic.attempt(a, Answered(429, 12.0))

    assert clinic.out(a, b) == ["parked until its Retry-After passes", None]
    clinic.now += 12.0
    assert clinic.out(a, b) == [None, None]


def test_of_two_reasons_to_leave_a_target_alone_the_longer_one_counts():
    clinic = Clinic()
    a, _ = parkable("a", "b")

    clinic.attempt(a, REFUSED, Answered(429, 1.0))
    clinic.now += 5.0

    assert clinic.out(a) == ["credential refused"]


def test_a_target_is_never_left_alone_for_its_credential_when_no_sibling_is_well():
    clinic = Clinic()
    a, b, c = parkable("a", "b", "c")
    (alone,) = parkable("alone")
    clinic.attempt(alone, REFUSED)
    clinic.attempt(a, REFUSED)
    clinic.attempt(b, REFUSED)

    assert clinic.out(alone) == [None]
    assert clinic.out(a, b, c) == ["credential refused", "credential refused", None]
    clinic.attempt(c, REFUSED)
    assert clinic.out(a, b, c) == [None, None, None]


def test_a_target_is_not_left_alone_for_its_credential_when_all_others_are_ejected():
    clinic = Clinic()
    a, b = parkable("a", "b")
    clinic.ejected(a)

    clinic.attempt(b, REFUSED)

    assert clinic.out(a, b) == ["ejected", None]


def test_a_circuit_opens_for_the_config_that_asks_for_it_and_for_no_other():
    clinic = Clinic()
    rules = Breaker(2, None, 5, 30.0, None)
    mine, other = Target("config", key="a", breaker=rules), Target("config", key="a")

    clinic.attempt(mine, BAD, BAD)

    assert clinic.out(mine, other) == ["circuit open", None]
    clinic.now += 30.0
    assert clinic.out(mine) == [None]


def test_a_circuit_stays_closed_while_attempts_are_given_up():
    clinic = Clinic()
    target = Target("config", key="a", breaker=Breaker(1, None, 5, 30.0, None))

    clinic.attempt(target, None, None, GOOD)

    assert clinic.out(target) == [None]


def test_each_target_has_a_budget_of_retries_for_itself():
    clinic = Clinic()
    a, b = siblings("a", "b")
    clinic.attempt(a, *[GOOD] * 50, seconds=0.01)

    granted = [sum(clinic.view.may_retry(target) for _ in range(20)) for target in (a, b)]

    assert granted == [10, 3]


def test_a_target_earns_new_retries_by_succeeding_only():
    clinic = Clinic()
    a, _ = siblings("a", "b")
    clinic.attempt(a, *[BAD] * 600, seconds=0.0)
    granted = sum(clinic.view.may_retry(a) for _ in range(150))

    clinic.attempt(a, *[Answered(404), BAD] * 5, *[GOOD] * 10, seconds=0.0)

    assert (granted, sum(clinic.view.may_retry(a) for _ in range(150))) == (100, 2)


def test_retries_are_no_reason_for_more_retries():
    clinic = Clinic()
    a, _ = siblings("a", "b")
    clinic.attempt(a, *[GOOD] * 50, seconds=0.01, is_retry=True)

    assert sum(clinic.view.may_retry(a) for _ in range(20)) == 3


def test_a_hedge_waits_as_long_as_the_target_usually_takes_once_that_is_known():
    clinic = Clinic()
    a, _ = siblings("a", "b")
    hedge = Hedge(None, 1.0)

    clinic.attempt(a, *[GOOD] * 19, seconds=0.5)
    clinic.attempt(a, *[BAD] * 4, seconds=9.0)
    assert clinic.view.hedge_after(a, hedge) is None
    clinic.attempt(a, GOOD, seconds=0.5)

    assert clinic.view.hedge_after(a, hedge) == 0.5


def test_a_hedge_that_names_its_seconds_waits_as_long_and_no_more_often_than_allowed():
    clinic = Clinic()
    a, _ = siblings("a", "b")
    hedge = Hedge(1.5, 0.25)
    clinic.attempt(a, *[BAD] * 8)

    assert [clinic.view.hedge_after(a, hedge) for _ in range(3)] == [1.5, 1.5, None]


@pytest.mark.parametrize(("seconds", "again"), [(1.4, 1.5), (1.6, None)])
def test_a_hedge_that_was_not_needed_may_be_had_again(seconds, again):
    clinic = Clinic()
    a, _ = siblings("a", "b")
    hedge = Hedge(1.5, 0.25)
    clinic.attempt(a, *[GOOD] * 4)
    assert clinic.view.hedge_after(a, hedge) == 1.5

    clinic.attempt(a, None, seconds=seconds)

    assert clinic.view.hedge_after(a, hedge) == again


def test_of_very_many_targets_the_one_that_was_unused_for_longest_is_forgotten():
    clinic = Clinic()
    first, second, _, _ = siblings("first", "second", "third", "fourth")
    clinic.ejected(first).ejected(second)
    clinic.attempt(first, None)
    for number in range(MOST - 2):
        clinic.attempt(Target("config", key=f"other-{number}"), GOOD, seconds=0.0)
    assert clinic.out(first, second) == ["ejected", "ejected"]

    clinic.health.begin(Target("config", key="one more"), clinic.now, is_retry=False)

    assert clinic.out(first, second) == ["ejected", None]


def test_with_a_target_all_that_is_known_of_it_is_forgotten():
    clinic = Clinic()
    a, b = parkable("a", "b")
    clinic.attempt(a, REFUSED)
    for number in range(MOST):
        clinic.attempt(Target("config", key=f"other-{number}"), GOOD, seconds=0.0)

    assert clinic.out(a, b) == [None, None]
    assert clinic.health.parked == {}


def test_an_attempt_whose_target_was_forgotten_meanwhile_may_end():
    clinic = Clinic()
    a, _ = parkable("a", "b")
    clinic.health.begin(a, clinic.now, is_retry=False)
    for number in range(MOST):
        clinic.attempt(Target("config", key=f"other-{number}"), GOOD, seconds=0.0)

    clinic.health.end(a, REFUSED, 1.0, clinic.now)

    assert clinic.out(a) == [None]
