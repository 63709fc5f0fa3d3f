"""AES-GCM and HKDF written out from their standards, to hold the vault's cipher against something that is not itself.

Only the block cipher is the library's.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

_POLYNOMIAL = 0xE1 << 120
"""x¹²⁸ + x⁷ + x² + x + 1, its bits in GCM's order (NIST SP 800-38D, 6.3)."""


def gcm(key: bytes, nonce: bytes, plain: bytes, associated: bytes) -> bytes:
    """Ciphertext and tag, for a nonce of 12 bytes (NIST SP 800-38D, 7.1)."""
    ciphertext = bytes(
        byte ^ mask
        for start in range(0, len(plain), 16)
        for byte, mask in zip(plain[start : start + 16], _block(key, _counter(nonce, 2 + start // 16)), strict=False)
    )
    lengths = (8 * len(associated)).to_bytes(8, "big") + (8 * len(ciphertext)).to_bytes(8, "big")
    hashed = _ghash(_block(key, bytes(16)), _padded(associated) + _padded(ciphertext) + lengths)
    tag = bytes(byte ^ mask for byte, mask in zip(hashed, _block(key, _counter(nonce, 1)), strict=True))
    return ciphertext + tag


def hkdf(key: bytes, purpose: bytes) -> bytes:
    """One block of HKDF-SHA-256 without salt (RFC 5869, 2.2 and 2.3)."""
    extracted = hmac.new(bytes(32), key, hashlib.sha256).digest()
    return hmac.new(extracted, purpose + b"\x01", hashlib.sha256).digest()


def _block(key: bytes, block: bytes) -> bytes:
    encryptor = Cipher(AES(key), ECB()).encryptor()
    return encryptor.update(block) + encryptor.finalize()


def _counter(nonce: bytes, number: int) -> bytes:
    return nonce + number.to_bytes(4, "big")


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 16)


def _ghash(subkey: bytes, data: bytes) -> bytes:
    state = 0
    for start in range(0, len(data), 16):
        state = _product(state ^ int.from_bytes(data[start : start + 16], "big"), int.from_bytes(subkey, "big"))
    return state.to_bytes(16, "big")


def _product(left: int, right: int) -> int:
    result = 0
    for bit in range(127, -1, -1):
        if left >> bit & 1:
            result ^= right
        right = (right >> 1) ^ (_POLYNOMIAL if right & 1 else 0)
    return result
