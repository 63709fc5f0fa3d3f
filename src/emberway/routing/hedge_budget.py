"""Keeps the second sendings of hedges within the share of a target's calls that the config allows."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from typing import NamedTuple

MOST_UNSPENT = 2_000
"""Calls without a hedge that are remembered: with 5 % allowed, a hundred hedges may start at one moment."""
CLOSE = 1e-6
"""Seconds: a beginning that was computed back from the end is that exact."""


class _Armed(NamedTuple):
    """A first sending that will be joined by a second one if it takes too long."""

    began: float
    after: float
    price: float


class HedgeBudget:
    """What one target's calls have saved up for hedges.

    Each call puts in one, and a hedge that is allowed for one call in twenty takes twenty out. It takes them when the
    race is allowed, and puts them back if the first sending ended before the second was due: so a target that becomes
    slow for all its calls at once does not get all of them sent twice.
    """

    __slots__ = ("_allowed", "_armed", "_unspent")

    def __init__(self) -> None:
        self._unspent = 0.0
        self._allowed: deque[tuple[float, float]] = deque()
        """Those whose first sending has not begun: ``after`` and price."""
        self._armed: list[_Armed] = []
        """In the order in which they began."""

    def allow(self, after: float, share: float) -> bool:
        """Whether the call that begins next may be sent a second time ``after`` seconds later; a yes is paid for."""
        if share <= 0 or self._unspent < 1 / share:
            return False
        self._unspent -= 1 / share
        self._allowed.append((after, 1 / share))
        return True

    def began(self, now: float) -> None:
        """A call's first sending has begun."""
        if self._unspent < MOST_UNSPENT:
            self._unspent += 1
        if self._allowed:
            insort(self._armed, _Armed(now, *self._allowed.popleft()))

    def ended(self, began: float, seconds: float) -> None:
        """A sending that began then has ended after ``seconds``, however it ended."""
        if not self._armed:
            return
        at = bisect_left(self._armed, (began - CLOSE,))
        if at == len(self._armed) or self._armed[at].began > began + CLOSE:
            return
        armed = self._armed.pop(at)
        if seconds < armed.after:
            self._unspent += armed.price
