"""A master key: it wraps the data keys of the vault, and shows nothing of itself but its id."""

from __future__ import annotations

import base64
import hmac
from typing import NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from emberway.secret import Secret

KEY_BYTES = 32
ID_BYTES = 8


class MasterKeyProblem(Exception):
    """A master key is unusable, missing or another one; the message says what to do and holds nothing secret."""


class MasterKey:
    """32 random bytes that are neither shown nor copied nor pickled. CPython cannot wipe them from its memory."""

    __slots__ = ("_key", "_wrapping", "id")

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a master key has {KEY_BYTES} bytes")
        self._key = key
        self._wrapping = AESGCM(self.derive(b"vault-wrap"))
        self.id = self.derive(b"vault-key-id")[:ID_BYTES].hex()
        """16 hexadecimal digits by which people, envelopes and logs name the key; they tell nothing about it."""

    def derive(self, purpose: bytes) -> bytes:
        """32 bytes for one purpose, from which neither the master key nor another purpose's bytes can be had.

        HKDF-SHA-256 (RFC 5869) without salt, one block long.
        """
        extracted = hmac.digest(bytes(KEY_BYTES), self._key, "sha256")
        return hmac.digest(extracted, purpose + b"\x01", "sha256")

    def wrap(self, data_key: bytes, nonce: bytes, associated: bytes) -> bytes:
        """``data_key``, 16 bytes longer and opaque. ``nonce``: 12 bytes never used with this key before.

        Random nonces are safe for 2³² wraps under one key (NIST SP 800-38D, 8.3); there is one for each secret that is
        written or re-wrapped.
        """
        return self._wrapping.encrypt(nonce, data_key, associated)

    def unwrap(self, wrapped: bytes, nonce: bytes, associated: bytes) -> bytes | None:
        """What was wrapped, or ``None`` if any of the three is not as it was then, or the key is another one."""
        return decrypted(self._wrapping, wrapped, nonce, associated)

    def text(self) -> Secret:
        """The key in base64, as a variable or a file holds it."""
        return Secret(base64.b64encode(self._key).decode())

    def __repr__(self) -> str:
        return f"MasterKey({self.id})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a master key is neither pickled nor copied")


def decrypted(cipher: AESGCM, data: bytes, nonce: bytes, associated: bytes) -> bytes | None:
    """``None`` in place of an exception, so that none is chained to the one that a caller raises in a calmer place."""
    try:
        return cipher.decrypt(nonce, data, associated)
    except InvalidTag:
        return None
