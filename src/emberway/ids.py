"""Ids that sort by time and cannot be guessed: UUID version 7 (RFC 9562 section 5.7)."""

from __future__ import annotations

import os
import time


def new_id() -> str:
    """A fresh UUIDv7 as text: 48 bits of Unix milliseconds, 74 random bits."""
    chance = os.urandom(9).hex()
    time_part = f"{time.time_ns() // 1_000_000:012x}"
    return f"{time_part[:8]}-{time_part[8:]}-7{chance[:3]}-{_VARIANT[chance[3]]}{chance[4:7]}-{chance[6:]}"


_VARIANT = {digit: "89ab"[value % 4] for value, digit in enumerate("0123456789abcdef")}
"""The two fixed bits 10 in front of the second group of random ones."""
