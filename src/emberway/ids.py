"""Ids that sort by time and cannot be guessed: UUID version 7 (RFC 9562 section 5.7)."""

from __future__ import annotations

import os
import time

_POOL = 64
"""Ids for which randomness is fetched at once: a system call for each costs more than the rest."""


def new_id() -> str:
    """A fresh UUIDv7 as text: 48 bits of Unix milliseconds, 74 random bits."""
    if not _endings:
        _refill()
    moment = f"{time.time_ns() // 1_000_000:012x}"
    return f"{moment[:8]}-{moment[8:]}{_endings.pop()}"


def _refill() -> None:
    """Make the random ends of the next ids."""
    fresh = os.urandom(9 * _POOL).hex()
    for start in range(0, len(fresh), 18):
        chance = fresh[start : start + 18]
        _endings.append(f"-7{chance[:3]}-{_VARIANT[chance[3]]}{chance[4:7]}-{chance[6:]}")


_endings: list[str] = []
os.register_at_fork(after_in_child=_endings.clear)  # or two processes would give out the same ids
_VARIANT = {digit: "89ab"[value % 4] for value, digit in enumerate("0123456789abcdef")}
"""The two fixed bits 10 in front of the second group of random ones."""
