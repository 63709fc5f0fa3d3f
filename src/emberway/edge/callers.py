"""Remembers for a minute what a set of headers said: clients send the same ones with every call."""

from __future__ import annotations

from emberway.edge.headers import DECIDING, SELDOM_DECIDING, Named, read_options
from emberway.exchange import CallOptions

KEPT = 60.0
"""Seconds until everything is forgotten: a credential is held no longer than that after its last call."""
MOST = 4096
"""Sets of headers that are held at once."""


def options_of(by_name: Named) -> CallOptions:
    """The options that these headers spell, read anew. Raises InvalidCall for unusable ones."""
    return read_options(tuple(map(by_name.get, DECIDING)))


class Callers:
    """Saves a usual call two thirds of what reading its headers, key and target would cost (benchmarks/edge.py).

    Whoever changes keys or providers makes a new one.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[bytes | None, ...], CallOptions] = {}
        self.forget_at = 0.0
        """Monotonic seconds."""

    def options(self, by_name: Named, now: float) -> CallOptions:
        """The options that these headers spell; ``now`` in monotonic seconds. Raises InvalidCall for unusable ones."""
        get = by_name.get
        # Few calls have more than the usual headers: the others need not be asked for one by one.
        if by_name.keys().isdisjoint(SELDOM_DECIDING):
            values: tuple[bytes | None, ...] = (
                get(b"x-portkey-api-key"),
                get(b"authorization"),
                get(b"x-api-key"),
                get(b"x-portkey-provider"),
            )
        else:
            values = tuple(map(get, DECIDING))
        if now > self.forget_at:
            self._known.clear()
            self.forget_at = now + KEPT
        known = self._known.get(values)
        if known is None:
            known = options_of(by_name)
            if len(self._known) < MOST:
                self._known[values] = known
        return known
