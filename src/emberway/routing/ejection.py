"""How a target that fails is left alone, tried again, and trusted again: a state machine over outcomes and time.

Out for 30 s times the number of times in a row, at most 300 s; then one probe at a time, which is an ordinary call; and
once one has succeeded, a share of the calls that grows to all of them within 10 s. A probe that fails means another
20 s out, but not one time more: a target that was down for an hour is not kept waiting for its recovery to be noticed.
What makes the times grow is to come back and fail again, as a flapping target does.
"""

from __future__ import annotations

from collections.abc import Callable

SECONDS = 30.0
"""Of the first time out."""
MOST_SECONDS = 300.0
MOST_TIMES = 10
"""In a row: beyond that the time no longer grows."""
AGAIN = 20.0
"""Seconds until the next probe after one that failed."""
SPREAD = 0.1
"""Every time out is that much longer or shorter, so that gateways do not all come back at one moment."""
PATIENCE = 10.0
"""Seconds that a probe is waited for before another may be made: an answer may take minutes, or never come."""
SLOW_START = 10.0
"""Seconds until a target that came back gets its full share."""
FORGIVEN = 60.0
"""Seconds of health that make up for one time out."""
SLOTS = 1000
"""Of a slow start. All calls of one are let through or none, so that asking twice about one call gives one answer."""
CLOSE = 1e-6
"""Seconds: a beginning that was computed back from the end is that exact."""

Rank = tuple[bool, int]
"""Whether a target is back, in its slow start, and its turn: a number that is larger the later it was put out."""


class Ejection:
    """One target's time out, and what is remembered of those before it."""

    __slots__ = ("_probe", "_returned", "_times", "_turn", "_until")

    def __init__(self) -> None:
        self._turn = 0
        self._times = 0
        self._until = 0.0
        self._probe: float | None = None
        """When the probe that is under way began."""
        self._returned: float | None = 0.0
        """When the target came back; ``None`` while it is out."""

    @property
    def rank(self) -> Rank:
        """The target's place among those that should not be sent to: where they may not all be out, the first are."""
        return not self.is_out, self._turn

    @property
    def is_out(self) -> bool:
        """Whether the target was put out and no probe has succeeded since."""
        return self._returned is None

    def is_over(self, now: float) -> bool:
        """Whether nothing is left of it: back, and the slow start has passed."""
        return self._returned is not None and now - self._returned >= SLOW_START

    def why_out(self, now: float) -> str | None:
        """Why nothing should be sent to the target, or ``None``: then a call may be sent, if only as a probe."""
        if self._returned is not None:
            return None if self._is_let_through(now - self._returned) else "slow start"
        if now < self._until:
            return "ejected"
        return None if self._may_probe(now) else "being probed"

    def put_out(self, turn: int, now: float, dice: Callable[[], float]) -> None:
        """Too many attempts have failed."""
        assert self._returned is not None, "a target is put out once at a time"
        forgiven = int((now - self._returned) / FORGIVEN)
        self._times = min(max(self._times - forgiven, 0) + 1, MOST_TIMES)
        self._turn = turn
        self._returned = None
        self._stay_out(SECONDS * self._times, now, dice)

    def began(self, now: float) -> None:
        """An attempt begins. If the time is up, it is the probe."""
        if self._returned is None and now >= self._until and self._may_probe(now):
            self._probe = now

    def counts(self, began: float) -> bool:
        """Whether what an attempt came to that began then says anything: not about the time before it was over."""
        return began + CLOSE >= self._until

    def succeeded(self, now: float) -> None:
        """An attempt that counts has shown that the target is alive."""
        self._returned = now

    def failed(self, now: float, dice: Callable[[], float]) -> None:
        """An attempt that counts has failed, while the target was out."""
        self._stay_out(AGAIN, now, dice)

    def given_up(self, began: float) -> None:
        """An attempt has ended without a word about the target. If it was the probe, the next may start."""
        if self._probe is not None and abs(self._probe - began) <= CLOSE:
            self._probe = None

    def _may_probe(self, now: float) -> bool:
        return self._probe is None or now - self._probe > PATIENCE

    def _stay_out(self, seconds: float, now: float, dice: Callable[[], float]) -> None:
        spread = 1 + SPREAD * (2 * dice() - 1)
        self._until = now + min(seconds * spread, MOST_SECONDS)
        self._probe = None

    def _is_let_through(self, elapsed: float) -> bool:
        """Whether a call is, so long after the return: in slot 100 of 1,000 one in ten is, in slot 900 nine in ten.

        A hash stands in for the dice: it looks random, and is the same each time.
        """
        slot = int(elapsed * SLOTS / SLOW_START)
        return hash((self._turn, slot)) % SLOTS < slot
