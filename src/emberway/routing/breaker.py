"""The circuit breaker that a config asks for with ``cb_config``, by Portkey's rules (specification 4.9)."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from emberway.routing.base import Answered, Outcome
from emberway.routing.plan import Breaker, Target

MOST = 10_000
"""Circuits that are remembered; those that nothing came through for the longest time are forgotten."""


@dataclass(slots=True)
class Circuit:
    """What came of the attempts at one target since the counters were erased."""

    successes: int = 0
    failures: int = 0
    first_failure: float | None = None

    def is_open(self, rules: Breaker, now: float) -> bool:
        """Whether nothing should be sent: too many failures, by number or by share, and not longer ago than allowed."""
        if self.first_failure is None or self._has_cooled_down(rules, now):
            return False
        if rules.failure_threshold is not None and self.failures >= rules.failure_threshold:
            return True
        requests = self.successes + self.failures
        return (
            rules.failure_share is not None
            and requests >= rules.minimum_requests
            and self.failures >= rules.failure_share * requests
        )

    def ended(self, outcome: Outcome, rules: Breaker, now: float) -> None:
        """Count ``outcome``, if it is good or counts as a failure; the cooldown erases what was counted before.

        It runs from the first failure, not the last, so a circuit closes however much still fails.
        """
        if self._has_cooled_down(rules, now):
            self.successes, self.failures, self.first_failure = 0, 0, None
        if isinstance(outcome, Answered) and 200 <= outcome.status < 300:
            self.successes += 1
        elif _is_failure(outcome.status, rules):
            self.failures += 1
            if self.first_failure is None:
                self.first_failure = now

    def _has_cooled_down(self, rules: Breaker, now: float) -> bool:
        return self.first_failure is not None and now - self.first_failure > rules.cooldown


class Circuits:
    """The circuits of all targets whose config has breakers.

    One for each place in a config. Configs that agree in the place, the target and the rules share it; Portkey has one
    for each saved config. Each attempt counts; Portkey counts the last one of each call.
    """

    def __init__(self) -> None:
        self._circuits: OrderedDict[tuple[str, str, Breaker], Circuit] = OrderedDict()

    def is_open(self, target: Target, rules: Breaker, now: float) -> bool:
        """Whether the circuit of ``target``, which has these rules, is open."""
        circuit = self._circuits.get((target.key, target.path, rules))
        return circuit is not None and circuit.is_open(rules, now)

    def ended(self, target: Target, rules: Breaker, outcome: Outcome, now: float) -> None:
        """An attempt at ``target``, which has these rules, came to ``outcome``."""
        place = target.key, target.path, rules
        circuit = self._circuits.get(place)
        if circuit is None:
            circuit = self._circuits[place] = Circuit()
            if len(self._circuits) > MOST:
                self._circuits.popitem(last=False)
        self._circuits.move_to_end(place)
        circuit.ended(outcome, rules, now)


def _is_failure(status: int, rules: Breaker) -> bool:
    if rules.failure_status_codes is None:
        return status >= 500
    return status in rules.failure_status_codes
