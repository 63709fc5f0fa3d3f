"""How long a provider asks to be left alone, in any of the forms in which that is said."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

from emberway.exchange import Headers

_MILLISECONDS = (b"retry-after-ms", b"x-ms-retry-after-ms")
_NUMBER = re.compile(rb"[0-9]{1,12}(\.[0-9]{1,6})?")


def retry_after(headers: Headers, now: float) -> float | None:
    """Seconds from ``now`` (Unix seconds); ``None`` where nothing, or nothing that can be understood, is said.

    First of ``retry-after-ms``, ``x-ms-retry-after-ms`` and ``retry-after`` (seconds, or a date as RFC 9110 section
    10.2.3 has it) that is a number or a date; a date that has passed asks for no wait.
    """
    named = dict(headers)
    for name in _MILLISECONDS:
        value = named.get(name, b"").strip()
        if _NUMBER.fullmatch(value):
            return float(value) / 1000
    value = named.get(b"retry-after", b"").strip()
    if _NUMBER.fullmatch(value):
        return float(value)
    return _until(value.decode("latin-1"), now) if value[:1].isalpha() else None


def _until(date: str, now: float) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
        if moment.tzinfo is None:  # the form of C's asctime, which is in UTC too
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - now)
    except (ValueError, OverflowError):
        return None
