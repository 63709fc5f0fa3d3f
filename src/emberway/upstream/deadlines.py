"""Watches the deadlines of all answers under way with one timer, because a timer per request is dear."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from emberway.upstream.answer import Answer

SWEEP = 0.1
"""Seconds between two looks while answers are awaited: how late a deadline may be noticed."""
TIDY = 1.0
"""Seconds between two looks at idle connections."""


class Sweeper:
    """Expires answers that are late, and calls ``tidy(now)`` about every second until it says that nothing is left."""

    __slots__ = ("_is_slow", "_loop", "_next_tidy", "_tidy", "_timer", "_watched")

    def __init__(self, loop: asyncio.AbstractEventLoop, tidy: Callable[[float], bool]) -> None:
        self._loop = loop
        self._tidy = tidy
        self._watched: set[Answer] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._is_slow = False
        self._next_tidy = 0.0

    def watch(self, answer: Answer) -> None:
        """Look after this answer until :meth:`forget`."""
        self._watched.add(answer)
        if self._timer is None or self._is_slow:
            self._schedule(SWEEP)

    def forget(self, answer: Answer) -> None:
        """This answer has come, or never will."""
        self._watched.discard(answer)

    @property
    def watched(self) -> int:
        """How many answers are under way."""
        return len(self._watched)

    def stop(self) -> None:
        """No more looks."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        for answer in [each for each in self._watched if each.expires <= now]:
            answer.expire(now)
        is_left = True
        if now >= self._next_tidy:
            self._next_tidy = now + TIDY
            is_left = self._tidy(now)
        if self._watched:
            self._schedule(SWEEP)
        elif is_left:
            self._schedule(TIDY)

    def _schedule(self, seconds: float) -> None:
        self.stop()
        self._is_slow = seconds > SWEEP
        self._timer = self._loop.call_later(seconds, self._look)
