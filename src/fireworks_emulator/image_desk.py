"""Remembers what FLUX Kontext was asked for, and lets it take as long as clients must be able to bear."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST_KEPT = 64
"""Pictures in memory; the oldest goes first."""
LIFETIME = 600.0
"""Seconds until an address no longer works; the provider's are signed for a while as well."""

NOT_FOUND, PENDING, READY, MODERATED = "Task not found", "Pending", "Ready", "Request Moderated"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one request. ``picture`` None: it was moderated."""

    mime: str
    picture: bytes | None


@dataclass(slots=True)
class _Task:
    outcome: Outcome
    put_at: float
    asked: int = 0


class Desk:
    """Answers about a request in the order that clients meet at the provider: not found yet, pending, ready.

    The order goes by how often was asked and not by time, so that a test meets all of it at any speed.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tasks: OrderedDict[str, _Task] = OrderedDict()

    def put(self, identity: str, outcome: Outcome) -> None:
        """Take in a request."""
        self._tasks[identity] = _Task(outcome, self._clock())
        while len(self._tasks) > MOST_KEPT:
            self._tasks.popitem(last=False)

    def ask(self, identity: str) -> tuple[str, float | None]:
        """Status, and progress from 0 to 1 while it is pending."""
        task = self._living(identity)
        if task is None:
            return NOT_FOUND, None
        task.asked += 1
        if task.asked == 1:
            return NOT_FOUND, None
        if task.asked == 2:
            return PENDING, 0.5
        return (READY, None) if task.outcome.picture is not None else (MODERATED, None)

    def fetch(self, identity: str) -> Outcome | None:
        """The finished work, None when there is none or it is too old."""
        task = self._living(identity)
        return task.outcome if task and task.asked > 2 else None

    def _living(self, identity: str) -> _Task | None:
        task = self._tasks.get(identity)
        if task and self._clock() - task.put_at >= LIFETIME:
            del self._tasks[identity]
            return None
        return task
