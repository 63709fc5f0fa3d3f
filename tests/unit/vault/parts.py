"""What the vault's tests are made of: keys, rings, places, and a look at what an exception carries with it."""

from __future__ import annotations

import base64
import traceback
from collections.abc import Callable, Iterator
from hashlib import shake_128
from itertools import count

from emberway.secret import Secret
from emberway.vault.cipher import ENTROPY_BYTES, Place, seal
from emberway.vault.envelope import Envelope
from emberway.vault.keyring import KeyRing
from emberway.vault.master_key import MasterKey

PLAIN = "fw_nobody-may-read-this"
PLACE = Place("org_1", "ws_1", "virtual_key.key", "vk_1", 1)


def key_bytes(number: int) -> bytes:
    """32 bytes that look random enough, other ones for each number below 200."""
    return bytes(range(number, number + 32))


def written(number: int) -> str:
    return base64.b64encode(key_bytes(number)).decode()


def ring(*numbers: int) -> KeyRing:
    """A ring of these keys, the current one first."""
    return KeyRing(tuple(MasterKey(key_bytes(number)) for number in numbers))


def drawer(start: int = 1) -> Callable[[int], bytes]:
    """A source of bytes that look random, and are the same in every run."""
    numbers = count(start)
    return lambda length: shake_128(next(numbers).to_bytes(4, "big")).digest(length)


draw = drawer()


def sealed(keys: KeyRing, place: Place = PLACE, plain: str = PLAIN) -> Envelope:
    return seal(keys, Secret(plain), place, draw(ENTROPY_BYTES))


def carried(error: BaseException) -> Iterator[str]:
    """All that reports could show of an exception and of those it came from: words, and variables of our frames.

    The frames of the test itself are left out: it knows the secret, and should.
    """
    for told in _chain(traceback.TracebackException.from_exception(error, capture_locals=True)):
        yield from told.format_exception_only()
        for frame in told.stack:
            if "/src/emberway/" in frame.filename:
                yield from (frame.locals or {}).values()


def _chain(told: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    yield told
    for cause in (told.__cause__, told.__context__):
        if cause is not None:
            yield from _chain(cause)


def shapes(secret: bytes) -> tuple[str, ...]:
    """How bytes may look in a text."""
    return (repr(secret)[2:-1], secret.hex(), base64.b64encode(secret).decode())
