"""How a sealed secret lies in the database, byte by byte.

| bytes | what |
| --- | --- |
| 1 | version of this form |
| 8 | id of the master key |
| 12 | nonce under which the master key wrapped the data key |
| 48 | the data key, wrapped: 32 bytes and a tag of 16 |
| 12 | nonce under which the data key sealed the secret |
| 16 and more | the secret, sealed: its length in UTF-8, and a tag of 16 |
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple, NewType

from emberway.vault.master_key import ID_BYTES, KEY_BYTES

Envelope = NewType("Envelope", bytes)
"""A sealed secret. Worthless without the master key, and outside of its place."""

VERSION = 1
NONCE_BYTES = 12
TAG_BYTES = 16

_HEAD = Struct(f">B{ID_BYTES}s{NONCE_BYTES}s{KEY_BYTES + TAG_BYTES}s{NONCE_BYTES}s")


class Parts(NamedTuple):
    """An envelope of version 1, taken apart."""

    key_id: str
    wrap_nonce: bytes
    wrapped_key: bytes
    nonce: bytes
    ciphertext: bytes


def assembled(parts: Parts) -> Envelope:
    """The envelope with these parts."""
    key_id, wrap_nonce, wrapped_key, nonce, ciphertext = parts
    return Envelope(_HEAD.pack(VERSION, bytes.fromhex(key_id), wrap_nonce, wrapped_key, nonce) + ciphertext)


def parts_of(envelope: Envelope) -> Parts | None:
    """``None`` for bytes that are too short, or of another version."""
    if len(envelope) < _HEAD.size + TAG_BYTES or envelope[0] != VERSION:
        return None
    _, key_id, wrap_nonce, wrapped_key, nonce = _HEAD.unpack_from(envelope)
    return Parts(key_id.hex(), wrap_nonce, wrapped_key, nonce, envelope[_HEAD.size :])


def key_id_of(envelope: Envelope) -> str | None:
    """The id of the master key that the envelope wants, ``None`` if it is none. Not authenticated before it opens."""
    parts = parts_of(envelope)
    return parts.key_id if parts else None
