"""Remembers how long a target's latest answers took to begin."""

from __future__ import annotations

from collections import deque
from math import ceil

MOST = 128
"""Answers that are remembered."""
LEAST = 20
"""Answers from which on one can speak of 95 % of them."""


class Latencies:
    """Seconds until the head of the latest good answers."""

    __slots__ = ("_seconds", "add")

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=MOST)
        self.add = self._seconds.append

    def usual(self) -> float | None:
        """Seconds within which 95 % of them began; ``None`` while there are fewer than twenty."""
        count = len(self._seconds)
        return sorted(self._seconds)[ceil(0.95 * count) - 1] if count >= LEAST else None
