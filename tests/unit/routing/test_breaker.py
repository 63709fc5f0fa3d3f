"""``cb_config`` works as at Portkey."""

from __future__ import annotations

import pytest

from emberway.routing.base import Answered, Failed, Outcome
from emberway.routing.breaker import MOST, Circuit, Circuits
from emberway.routing.plan import Breaker, Target

COUNT = Breaker(3, None, 5, 30.0, None)
SHARE = Breaker(None, 0.5, 5, 30.0, None)
GOOD, BAD = Answered(200), Answered(503)


def circuit(rules: Breaker, *outcomes: Outcome, at: float = 0.0) -> Circuit:
    found = Circuit()
    for outcome in outcomes:
        found.ended(outcome, rules, at)
    return found


def is_open(rules: Breaker, *outcomes: Outcome) -> bool:
    return circuit(rules, *outcomes).is_open(rules, 1.0)


@pytest.mark.parametrize(("failures", "opens"), [(2, False), (3, True), (4, True)])
def test_a_circuit_opens_at_the_number_of_failures_that_the_config_names(failures, opens):
    assert is_open(COUNT, *[BAD] * failures) is opens


def test_successes_between_them_do_not_keep_the_number_from_being_reached():
    assert is_open(COUNT, BAD, GOOD, GOOD, BAD, GOOD, BAD)


@pytest.mark.parametrize(
    ("good", "bad", "opens"),
    [(0, 4, False), (0, 5, True), (2, 2, False), (3, 3, True), (3, 2, False), (100, 99, False)],
)
def test_a_circuit_opens_at_the_share_of_failures_once_there_were_enough_requests(good, bad, opens):
    assert is_open(SHARE, *[GOOD] * good, *[BAD] * bad) is opens


def test_either_limit_opens_it_where_the_config_names_both():
    both = Breaker(10, 0.5, 5, 30.0, None)

    assert is_open(both, *[BAD] * 5)
    assert is_open(both, *[GOOD] * 100, *[BAD] * 10)


def test_it_closes_once_the_cooldown_has_passed_since_the_first_failure_and_counts_anew():
    found = circuit(COUNT, BAD, at=10.0)
    for at in (38.0, 39.0, 40.0):
        found.ended(BAD, COUNT, at)

    assert [found.is_open(COUNT, now) for now in (40.0, 40.01)] == [True, False]
    found.ended(BAD, COUNT, 41.0)
    found.ended(BAD, COUNT, 42.0)
    assert found.is_open(COUNT, 42.0) is False
    found.ended(BAD, COUNT, 43.0)
    assert found.is_open(COUNT, 71.0)
    assert not found.is_open(COUNT, 71.1)


def test_the_cooldown_erases_successes_too():
    found = circuit(SHARE, *[GOOD] * 50, BAD)

    for _ in range(5):
        found.ended(BAD, SHARE, 31.0)

    assert found.is_open(SHARE, 31.0)


@pytest.mark.parametrize("outcome", [Answered(400), Answered(401), Answered(429), Answered(302), Failed(408, "x")])
def test_what_is_neither_good_nor_a_failure_counts_as_neither(outcome):
    found = circuit(SHARE, *[outcome] * 100)

    assert (found.successes, found.failures, found.first_failure) == (0, 0, None)


@pytest.mark.parametrize(
    "outcome", [Answered(500), Answered(529), Failed(502, "upstream_unreachable"), Failed(503, "x")]
)
def test_without_a_list_every_status_from_500_on_is_a_failure(outcome):
    assert is_open(COUNT, *[outcome] * 3)


def test_a_list_replaces_the_rule():
    listed = Breaker(3, None, 5, 30.0, frozenset({429, 408, 200}))

    assert is_open(listed, Answered(429), Answered(429), Failed(408, "upstream_timeout"))
    assert not is_open(listed, *[Answered(500)] * 9)
    assert not is_open(listed, *[GOOD] * 9), "a 2xx is good whatever the list says"


def at(path: str, *, key: str = "k", rules: Breaker = COUNT) -> Target:
    return Target(path, key=key, breaker=rules)


def test_each_place_of_a_config_has_a_circuit_of_its_own():
    circuits = Circuits()
    for _ in range(3):
        circuits.ended(at("config.targets[0]"), COUNT, BAD, 0.0)

    others = [at("config.targets[1]"), at("config.targets[0]", key="other"), at("config.targets[0]", rules=SHARE)]

    assert circuits.is_open(at("config.targets[0]"), COUNT, 1.0)
    assert not any(circuits.is_open(other, other.breaker or COUNT, 1.0) for other in others)


def test_of_very_many_circuits_the_one_that_was_unused_for_longest_is_forgotten():
    circuits = Circuits()
    for number in (0, 1):
        for _ in range(3):
            circuits.ended(at(f"config.targets[{number}]"), COUNT, BAD, 0.0)
    for number in range(2, MOST):
        circuits.ended(at(f"config.targets[{number}]"), COUNT, GOOD, 0.0)
    circuits.ended(at("config.targets[0]"), COUNT, BAD, 0.0)

    circuits.ended(at("one more"), COUNT, GOOD, 0.0)

    assert circuits.is_open(at("config.targets[0]"), COUNT, 1.0)
    assert not circuits.is_open(at("config.targets[1]"), COUNT, 1.0)
