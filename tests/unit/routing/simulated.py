"""A town of calls: many walks of the router at once, on a clock that jumps from event to event.

Targets answer as the test says. Health hears of every attempt, as it would from the part that sends them.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from operator import attrgetter
from typing import Any

from tests.playbook import Call

from emberway.routing.base import Context, Outcome, Route, Send, Verdict, Wait
from emberway.routing.health import Health
from emberway.routing.plan import Node, Retry, Target
from emberway.routing.router import route

Answers = Callable[[Target, float], tuple[Outcome, float]]
"""What a target answers to an attempt that begins at that second, and how many seconds that takes."""

DEADLINE = 120.0
"""Seconds of a whole call."""


@dataclass(frozen=True)
class Attempt:
    """One sending."""

    at: float
    path: str
    number: int
    """0 for the first to this target."""


class Town:
    """Sends ``rate`` calls a second along ``plan`` from second 0 on, and writes down every attempt and verdict."""

    def __init__(self, plan: Node, answers: Answers, *, rate: float, seed: int = 1) -> None:
        self.now = 0.0
        self.attempts: list[Attempt] = []
        self.verdicts: list[Verdict] = []
        self.calls: list[float] = []
        """When each came."""
        self.granted: list[float] = []
        """When each retry was allowed; its attempt follows after a wait."""
        self.dice = random.Random(seed).random
        self.health = Health(self.dice)
        self._view = self.health.at(lambda: self.now)
        self._plan, self._answers, self._rate = plan, answers, rate
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        self._at(0.0, self._call)

    def run(self, until: float) -> None:
        """Let time pass."""
        while self._events and self._events[0][0] < until:
            self.now, _, happen = heappop(self._events)
            happen()
        self.now = until

    def sent(self, start: float, end: float) -> Counter[str]:
        """Attempts that began in that time, by path."""
        first, last = (bisect_left(self.attempts, time, key=attrgetter("at")) for time in (start, end))
        return Counter(attempt.path for attempt in self.attempts[first:last])

    def called(self, start: float, end: float) -> int:
        """Calls that came in that time."""
        return bisect_left(self.calls, end) - bisect_left(self.calls, start)

    def _at(self, time: float, happen: Callable[[], None]) -> None:
        heappush(self._events, (time, next(self._number), happen))

    def _call(self) -> None:
        self.calls.append(self.now)
        ends = self.now + DEADLINE
        context = Context(Call(), self.dice, lambda: ends - self.now, self._view, [])
        self._go_on(route(self._plan, context), None)
        self._at(len(self.calls) / self._rate, self._call)

    def _go_on(self, flow: Route, answer: Any) -> None:
        try:
            command = flow.send(answer)
        except StopIteration as end:
            self.verdicts.append(end.value)
            return
        if isinstance(command, Wait):
            self.granted.append(self.now)
            self._at(self.now + command.seconds, lambda: self._go_on(flow, None))
            return
        assert isinstance(command, Send)
        self._send(command, lambda outcome: self._go_on(flow, outcome))

    def _send(self, send: Send, then: Callable[[Outcome], None]) -> None:
        began = self.now
        self.attempts.append(Attempt(began, send.target.path, send.attempt))
        self.health.begin(send.target, began, is_retry=send.attempt > 0)
        outcome, seconds = self._answers(send.target, began)

        def end() -> None:
            self.health.end(send.target, outcome, self.now - began, self.now)
            then(outcome)

        self._at(began + seconds, end)


def siblings(*names: str, attempts: int = 0) -> list[Target]:
    """Targets of one group, each its own provider."""
    return [Target(name, key=name, siblings=names, retry=Retry(attempts)) for name in names]
