"""The file that keeps the master keys where the operator has no other keeper for them.

Every change reads the file again first. The folder is locked meanwhile, so that of two rotations none writes down a
ring that lacks a key which the other one made.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol

from emberway.secret import Secret
from emberway.vault.keyring import KeyRing, ring_of
from emberway.vault.master_key import KEY_BYTES, MasterKey, MasterKeyProblem
from emberway.vault.rotation import may_drop_older

FILE_NAME = "master.key"


class KeyFolder(Protocol):
    """What this asks of the data folder. It is locked meanwhile, and its files are for this user alone."""

    path: Path

    def read(self, name: str) -> bytes | None:
        """The whole file, ``None`` if there is none; refuses one that others can read."""

    def write(self, name: str, content: bytes) -> None:
        """Replace the file as a whole; it is safe on disk when this returns."""


def kept_ring(folder: KeyFolder) -> KeyRing | None:
    """The ring in the file, ``None`` if there is no file; MasterKeyProblem if it holds none that can be used."""
    content = folder.read(FILE_NAME)
    if content is None:
        return None
    return ring_of(Secret(content.decode("ascii", "replace")), str(folder.path / FILE_NAME))


def make_ring(folder: KeyFolder, draw: Callable[[int], bytes]) -> KeyRing:
    """A ring of one new key, written down. ``draw(n)`` gives n random bytes."""
    return _keep(folder, KeyRing((MasterKey(draw(KEY_BYTES)),)))


def begin_rotation(folder: KeyFolder, draw: Callable[[int], bytes]) -> KeyRing:
    """The ring with a new current key, written down; as it is where a rotation is under way already."""
    ring = _present(folder)
    return ring if ring.older else _keep(folder, ring.with_new(MasterKey(draw(KEY_BYTES))))


def end_rotation(folder: KeyFolder, wanted: Callable[[], Collection[str]]) -> KeyRing:
    """The ring without its older keys, written down; as it is while any of them is wanted.

    ``wanted`` gives the ids of the keys that the proof and all secrets name, read in one transaction that begins when
    it is called: by then the folder is locked and this file is read.
    """
    ring = _present(folder)
    return _keep(folder, ring.without_older()) if ring.older and may_drop_older(ring, wanted()) else ring


def _present(folder: KeyFolder) -> KeyRing:
    ring = kept_ring(folder)
    if ring is None:
        raise MasterKeyProblem(
            f"{folder.path} holds no {FILE_NAME}. A key that is kept elsewhere is rotated there, by one put in front."
        )
    return ring


def _keep(folder: KeyFolder, ring: KeyRing) -> KeyRing:
    folder.write(FILE_NAME, ring.text().reveal().encode())
    return ring
