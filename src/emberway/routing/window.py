"""Counts how often something happened lately, in ten numbers whatever the traffic."""

from __future__ import annotations

SECONDS = 10
"""Length of the window."""


class Window:
    """Events of the last ten seconds, to the second: each counts for more than nine and at most ten of them."""

    __slots__ = ("_cells", "_second")

    def __init__(self) -> None:
        self._cells = [0] * SECONDS
        self._second = 0

    def add(self, now: float) -> None:
        """One more event, ``now`` in seconds of a clock that never goes back."""
        second = int(now)
        if second > self._second:
            self._turn_to(second)
        self._cells[second % SECONDS] += 1

    def count(self, now: float) -> int:
        """How many there were."""
        second = int(now)
        if second > self._second:
            self._turn_to(second)
        return sum(self._cells)

    def _turn_to(self, second: int) -> None:
        for passed in range(max(self._second + 1, second - SECONDS + 1), second + 1):
            self._cells[passed % SECONDS] = 0
        self._second = second
