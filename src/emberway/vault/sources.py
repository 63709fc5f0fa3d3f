"""Where the master keys come from at a start: a variable, a program, or else a file that is made when first needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from emberway.secret import Secret
from emberway.vault.envelope import Envelope
from emberway.vault.key_command import ask
from emberway.vault.key_file import FILE_NAME, KeyFolder, kept_ring, make_ring
from emberway.vault.keyring import KeyRing, ring_of
from emberway.vault.master_key import MasterKeyProblem
from emberway.vault.proof import check


@dataclass(frozen=True, slots=True)
class Found:
    """The ring that this start uses."""

    ring: KeyRing
    is_new: bool = False
    """Whether it was made just now, and whoever started the gateway should be told."""


def given_ring(master_key: Secret | None, command: Sequence[str]) -> KeyRing | None:
    """The ring that the operator hands over in a variable or by a program; ``None`` leaves it to the file.

    MasterKeyProblem for one that is unusable, and for both at once.
    """
    if master_key is not None and command:
        raise MasterKeyProblem("EMBERWAY_MASTER_KEY and EMBERWAY_MASTER_KEY_COMMAND are both set: leave one away.")
    if master_key is not None:
        return ring_of(master_key, "EMBERWAY_MASTER_KEY")
    if command:
        return ring_of(ask(command), f"What {command[0]} prints")
    return None


def find_ring(folder: KeyFolder, given: KeyRing | None, proof: Envelope | None, draw: Callable[[int], bytes]) -> Found:
    """The ``given`` ring, else the one in the folder's file; for a vault without a ``proof`` a new one in such a file.

    ``draw(n)`` gives n random bytes. MasterKeyProblem, and nothing changed, if the vault was sealed with another key or
    with one that is no longer there.
    """
    ring = given or kept_ring(folder)
    if ring is None and proof is None:
        return Found(make_ring(folder, draw), is_new=True)
    if ring is None:
        raise MasterKeyProblem(
            f"{folder.path} was set up with a master key that is no longer there:"
            f" set EMBERWAY_MASTER_KEY to it, or put {FILE_NAME} back. Nothing was changed."
        )
    if proof is not None:
        check(ring, proof)
    return Found(ring)
