"""The health of all targets of this process: fed with attempts as they begin and end, asked before the next is made.

All of it is in memory and pure: ``now`` is in seconds of a clock that never goes back, and chance is handed in. A
target is known by its key, in whatever configs it stands.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from emberway.routing.base import Answered, HealthView, Outcome
from emberway.routing.breaker import Circuits
from emberway.routing.ejection import Ejection, Rank
from emberway.routing.failures import Failures, is_failure
from emberway.routing.hedge_budget import HedgeBudget
from emberway.routing.latency import Latencies
from emberway.routing.parking import Parked, parked
from emberway.routing.plan import Hedge, Target
from emberway.routing.retry_budget import RetryBudget

MOST = 10_000
"""Targets that are remembered; those to which nothing was sent for the longest time are forgotten."""


@dataclass(slots=True)
class _Record:
    """What is known of one target."""

    retries: RetryBudget = field(default_factory=RetryBudget)
    hedges: HedgeBudget = field(default_factory=HedgeBudget)
    latencies: Latencies = field(default_factory=Latencies)
    failures: Failures = field(default_factory=Failures)
    ejection: Ejection | None = None
    """Of a target that was put out at some time."""

    def given_up(self, began: float) -> None:
        """An attempt that began then says nothing about the target."""
        if self.ejection is not None:
            self.ejection.given_up(began)


class Health:
    """Which targets should be left alone, and what may be sent twice.

    Of the targets of one group at most half are ejected at a time, and one that is parked is left alone only while
    another of them is well: so the two never leave a group without a target. A circuit that a config asks for opens
    whatever the others do, as at Portkey; when a whole group is out, the router asks nobody.
    """

    def __init__(self, dice: Callable[[], float]) -> None:
        """``dice``: uniform in [0, 1)."""
        self._dice = dice
        self._records: OrderedDict[str, _Record] = OrderedDict()
        self._circuits = Circuits()
        self.ejections: dict[str, Ejection] = {}
        """By key, of the targets that are out, or in their slow start."""
        self.parked: dict[str, Parked] = {}
        """By key."""
        self._turns = 0

    def at(self, now: Callable[[], float]) -> HealthView:
        """The health as it stands whenever it is asked, by the clock ``now``."""
        return _View(self, now)

    def begin(self, target: Target, now: float, *, is_retry: bool) -> None:
        """An attempt at ``target`` begins."""
        record = self._record(target.key)
        if not is_retry:
            record.retries.began(now)
            record.hedges.began(now)
        if record.ejection is not None:
            record.ejection.began(now)

    def end(self, target: Target, outcome: Outcome | None, seconds: float, now: float) -> None:
        """An attempt at ``target`` has come to ``outcome``, ``seconds`` after it began; ``None``: it was given up.

        Comes once after each :meth:`begin`.
        """
        record = self._records.get(target.key)
        if record is None:  # forgotten since it began
            return
        began = now - seconds
        record.hedges.ended(began, seconds)
        if outcome is None:
            record.given_up(began)
            return
        if target.breaker is not None:
            self._circuits.ended(target, target.breaker, outcome, now)
        if type(outcome) is Answered and 200 <= outcome.status < 300:  # no isinstance: as in router.py
            record.latencies.add(seconds)
            record.retries.succeeded()
            self._succeeded(target, record, began, now)
        else:
            record.retries.failed(outcome)
            self._judge(target, record, outcome, began, now)

    def why_out(self, target: Target, now: float) -> str | None:
        """Why nothing should be sent to ``target``; ``None`` if something may be, as far as all of this knows."""
        if target.breaker is not None and self._circuits.is_open(target, target.breaker, now):
            return "circuit open"
        ejection = self.ejections.get(target.key)
        if ejection is not None:
            why = ejection.why_out(now)
            if why is not None and self._has_room(target, ejection.rank, now):
                return why
        parking = self.parked.get(target.key)
        if parking is not None:
            if now >= parking.until:
                del self.parked[target.key]
            elif any(self._is_well(key, now) for key in target.siblings):
                return parking.why
        return None

    def may_retry(self, target: Target, now: float) -> bool:
        """Whether one more retry of ``target`` is within its budget; a yes is counted."""
        return self._record(target.key).retries.spend(now)

    def hedge_after(self, target: Target, hedge: Hedge) -> float | None:
        """Seconds after which the call that is sent to ``target`` next may be sent to a second one; a yes is counted.

        ``None`` for not at all: too many were, or nobody knows yet how long the target usually takes.
        """
        record = self._record(target.key)
        after = record.latencies.usual() if hedge.after is None else hedge.after
        return after if after is not None and record.hedges.allow(after, hedge.max_share) else None

    def _record(self, key: str) -> _Record:
        record = self._records.get(key)
        if record is not None:
            self._records.move_to_end(key)
            return record
        record = self._records[key] = _Record()
        if len(self._records) > MOST:
            forgotten, _ = self._records.popitem(last=False)
            self.ejections.pop(forgotten, None)
            self.parked.pop(forgotten, None)
        return record

    def _judge(self, target: Target, record: _Record, outcome: Outcome, began: float, now: float) -> None:
        """What is not good may still be a sign of life."""
        parking = parked(target, outcome, now)
        if parking is not None:
            self.parked[target.key] = max(parking, self.parked.get(target.key, parking))
        is_bad = is_failure(outcome, now - began, record.latencies)
        if is_bad is None:
            record.given_up(began)
        elif is_bad:
            self._failed(target, record, began, now)
        else:
            self._succeeded(target, record, began, now)

    def _succeeded(self, target: Target, record: _Record, began: float, now: float) -> None:
        ejection = record.ejection
        if ejection is not None:
            if not ejection.counts(began):
                return
            if ejection.is_out:
                ejection.succeeded(now)
            elif ejection.is_over(now):
                self.ejections.pop(target.key, None)
        record.failures.succeeded(now)

    def _failed(self, target: Target, record: _Record, began: float, now: float) -> None:
        ejection = record.ejection
        if ejection is not None:
            if not ejection.counts(began):
                return
            if ejection.is_out:
                ejection.failed(now, self._dice)
                return
        turn = self._turns + 1
        if record.failures.failed(now) and self._has_room(target, (False, turn), now):
            self._turns = turn
            record.ejection = self.ejections[target.key] = ejection or Ejection()
            record.ejection.put_out(turn, now, self._dice)

    def _has_room(self, target: Target, rank: Rank, now: float) -> bool:
        """Whether a target of that rank can be out, and half of the siblings be in.

        Asked when a target is put out, and again when it is left out: its siblings may not be the same in each config.
        """
        ejections = [self.ejections[key] for key in target.siblings if key in self.ejections]
        before = sum(ejection.rank < rank and not ejection.is_over(now) for ejection in ejections)
        return before < len(target.siblings) // 2

    def _is_well(self, key: str, now: float) -> bool:
        """Whether nothing at all is held against a target."""
        ejection, parking = self.ejections.get(key), self.parked.get(key)
        return (ejection is None or ejection.is_over(now)) and (parking is None or parking.until <= now)


class _View:
    """The health by a clock."""

    def __init__(self, health: Health, now: Callable[[], float]) -> None:
        self._health = health
        self._now = now

    def why_out(self, target: Target) -> str | None:
        health = self._health
        if not health.ejections and not health.parked and target.breaker is None:
            return None
        return health.why_out(target, self._now())

    def may_retry(self, target: Target) -> bool:
        return self._health.may_retry(target, self._now())

    def hedge_after(self, target: Target, hedge: Hedge) -> float | None:
        return self._health.hedge_after(target, hedge)
