"""What a key of ours looks like, and the little of it that is kept.

A key is ``ew_<public id>_<secret>_<checksum>``: 12 characters that name it in logs, 43 that hold 256 random bits, 6
that hold the CRC-32 of everything before, all in base 62. The prefix tells it from a provider's key and from a JWT, the
checksum tells a typing error from a revoked key without any look-up, and both let secret scanners find a leaked one.
"""

from __future__ import annotations

import hmac
import re
from binascii import crc32
from dataclasses import dataclass, field

PREFIX = "ew_"
ENTROPY_BYTES = 41
"""9 bytes for the public id, 32 for the secret."""
LEAST_LENGTH = 16
"""Of a key that the operator chose."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SHAPE = re.compile(r"ew_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}")
_CHECKED_LENGTH = 59


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """All that is kept of a key."""

    id: str
    """12 characters that may be shown."""
    digest: bytes = field(repr=False)
    """HMAC-SHA-256 of the key under the pepper."""
    last4: str
    """The key's last characters, by which its owner recognises it."""
    created_at: str
    """ISO 8601, UTC."""
    name: str = "bootstrap"
    scopes: frozenset[str] = frozenset({"admin"})


def make_key(entropy: bytes) -> str:
    """A new key from 41 random bytes."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"a key needs {ENTROPY_BYTES} random bytes")
    body = f"{PREFIX}{_base62(entropy[:9], 12)}_{_base62(entropy[9:], 43)}"
    return f"{body}_{_checksum(body)}"


def looks_ours(text: str) -> bool:
    """Whether ``text`` has the shape and the checksum of a key made here; says nothing about whether it is known."""
    return _SHAPE.fullmatch(text) is not None and text[-6:] == _checksum(text[:_CHECKED_LENGTH])


def digest(pepper: bytes, key: str) -> bytes:
    """What is kept in place of the key: HMAC-SHA-256.

    A fast hash is the right one for 256 random bits; the pepper, which lives elsewhere, protects a weak key that an
    operator chose.
    """
    return hmac.digest(pepper, key.encode(), "sha256")


def record_of(pepper: bytes, key: str, created_at: str) -> KeyRecord:
    """The record of ``key``; one of foreign shape gets a public id from its digest."""
    fingerprint = digest(pepper, key)
    public_id = key[3:15] if looks_ours(key) else _base62(fingerprint[:9], 12)
    return KeyRecord(public_id, fingerprint, key[-4:], created_at)


def fault_of(key: str) -> str | None:
    """Why an operator's own key cannot be used, as the end of a sentence that starts with its name."""
    if len(key) < LEAST_LENGTH:
        return f"has {len(key)} characters; it needs {LEAST_LENGTH} or more (`openssl rand -hex 32` makes a good one)"
    if not all("!" <= character <= "~" for character in key):
        return "may hold printable ASCII characters without spaces only, since it travels in a header"
    return None


def _checksum(body: str) -> str:
    return _base62(crc32(body.encode()).to_bytes(4, "big"), 6)


def _base62(data: bytes, length: int) -> str:
    """The last ``length`` digits of ``data`` as a number in base 62."""
    number, digits = int.from_bytes(data, "big"), []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
