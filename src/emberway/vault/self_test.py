"""Looks once, at a start, whether cipher and chance do what the vault rests on."""

from __future__ import annotations

from collections.abc import Callable

from emberway.errors import VaultLocked
from emberway.secret import Secret
from emberway.vault.cipher import ENTROPY_BYTES, Place, seal, unseal
from emberway.vault.envelope import Envelope
from emberway.vault.keyring import KeyRing
from emberway.vault.master_key import MasterKey

_PLACE = Place("org_1", "ws_1", "virtual_key.key", "vk_1", 1)
_PLAIN = "fw_an-example-of-a-key"
_ENTROPY = bytes(range(100, 156))
_ENVELOPE = Envelope(
    bytes.fromhex(
        "01a055beb9a99414b28485868788898a8b8c8d8e8f8d0de346c1eab3d32a2d07e411cfe2f8d4a6c8630a3cb8327d9e197d78f5e46164b6"
        "6be6639fcec3bccb807c5d8cdc70909192939495969798999a9b5132062e7b370d89ab72ee80c4e52ff59a28352c0579754fff8c386fb4"
        "1fc49e0994fe3d3f7b"
    )
)
"""What the key of bytes 0 to 31 makes of these; a test makes the same with an AES-GCM of its own."""


class SelfTestFailed(Exception):
    """Nothing may be sealed on this machine as it is; the message says why."""


def self_test(draw: Callable[[int], bytes]) -> None:
    """SelfTestFailed where a known envelope comes out otherwise, or where ``draw(n)`` gives the same bytes twice."""
    ring = KeyRing((MasterKey(bytes(range(32))),))
    if seal(ring, Secret(_PLAIN), _PLACE, _ENTROPY) != _ENVELOPE or _opened(ring) != _PLAIN:
        raise SelfTestFailed("The installed library `cryptography` does not encrypt as it should: install it again.")
    first, second = draw(ENTROPY_BYTES), draw(ENTROPY_BYTES)
    if len(first) != ENTROPY_BYTES or first == second or len(set(first)) == 1:
        raise SelfTestFailed("This machine's source of random bytes repeats itself: nothing sealed here would be safe.")


def _opened(ring: KeyRing) -> str:
    try:
        return unseal(ring, _ENVELOPE, _PLACE).reveal()
    except VaultLocked:
        return ""
