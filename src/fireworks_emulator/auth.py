"""Who may call: a bearer key of the right form, or one that the operator named."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from fireworks_emulator.errors import bad_key

PREFIX = "fw_"
"""How the provider's keys begin in practice."""


def check(authorization: str | None, keys: Iterable[str]) -> str:
    """The key of an Authorization header. Raises 401 unless it begins with ``fw_`` or is among ``keys``."""
    scheme, _, key = (authorization or "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise bad_key()
    if key.startswith(PREFIX) or any(hmac.compare_digest(key.encode(), known.encode()) for known in keys):
        return key
    raise bad_key()
