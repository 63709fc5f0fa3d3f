"""The master keys that are in use at one time, and the one way in which they are written down.

A variable, a file and a program's output hold the same: one key in base64, or several with commas or white space
between. The first is the current one and seals; all of them open. So a file that gains a line begins a rotation, and
one that loses its last line ends it.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

from emberway.secret import Secret
from emberway.vault.master_key import KEY_BYTES, MasterKey, MasterKeyProblem

_LEAST_VARIETY = 8
"""Different bytes in a key. Random ones have about 30; fewer than this is a placeholder that somebody typed."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """One or more master keys with different ids, newest first."""

    keys: tuple[MasterKey, ...]

    def __post_init__(self) -> None:
        if not self.keys or len(self.ids) != len(set(self.ids)):
            raise ValueError("a key ring has one master key or more, no two of them alike")

    @property
    def current(self) -> MasterKey:
        """The key that seals."""
        return self.keys[0]

    @property
    def older(self) -> tuple[MasterKey, ...]:
        """The keys that only open; none outside of a rotation."""
        return self.keys[1:]

    @property
    def ids(self) -> tuple[str, ...]:
        """Safe to show."""
        return tuple(key.id for key in self.keys)

    def find(self, key_id: str) -> MasterKey | None:
        """The key with this id."""
        return next((key for key in self.keys if key.id == key_id), None)

    def with_new(self, key: MasterKey) -> KeyRing:
        """The ring in which ``key`` is the current one."""
        return KeyRing((key, *self.keys))

    def without_older(self) -> KeyRing:
        """The ring that holds the current key alone."""
        return KeyRing(self.keys[:1])

    def text(self) -> Secret:
        """One key to a line, as :func:`ring_of` reads it."""
        return Secret("".join(key.text().reveal() + "\n" for key in self.keys))


def ring_of(text: Secret, source: str) -> KeyRing:
    """The ring that ``text`` holds; MasterKeyProblem that names ``source`` and shows nothing of the text."""
    found = _keys(text)
    if isinstance(found, str):
        raise MasterKeyProblem(
            f"{source} must be base64 of exactly {KEY_BYTES} random bytes, as `openssl rand -base64 32` prints them;"
            f" {found}."
        )
    return KeyRing(found)


# What can go wrong with a key is returned and not raised: an exception carries the frames it came through, and those
# hold the key.


def _keys(text: Secret) -> tuple[MasterKey, ...] | str:
    """The keys, or what is wrong with one of them as the end of a sentence."""
    words = text.reveal().replace(",", " ").split()
    keys: list[MasterKey] = []
    for number, word in enumerate(words, 1):
        key = _key(word)
        if isinstance(key, MasterKey) and key.id in {other.id for other in keys}:
            key = "is there twice"
        if isinstance(key, str):
            return f"this {key}" if len(words) == 1 else f"key {number} of {len(words)} {key}"
        keys.append(key)
    return tuple(keys) or "this is empty"


def _key(word: str) -> MasterKey | str:
    try:
        key = base64.b64decode(word, validate=True)
    except ValueError:
        return "is not base64"
    if len(key) != KEY_BYTES:
        return f"holds {len(key)} bytes"
    if len(set(key)) < _LEAST_VARIETY:
        return "is not random"
    return MasterKey(key)
