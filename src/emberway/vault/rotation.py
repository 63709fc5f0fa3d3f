"""Walks a vault from its older master keys to the current one, and says when the older ones may go.

::

    key_file.begin_rotation    the ring gains a new current key
    rotation                   the proof moves, and from here on nobody seals under an older key (proof.may_seal);
                               then the data keys of all secrets are re-wrapped, in small steps
    key_file.end_rotation      nothing wants an older key any more, and the ring loses them

Like the router this is a generator: it yields a :data:`Command`, is sent what came of it, and neither knows the
database nor waits for it. Every command is one transaction. What is still to do follows from what lies on disk, so a
rotation that was killed anywhere is simply started again, and two at once do some work twice and no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from emberway.errors import VaultLocked
from emberway.vault.cipher import Place, rewrap
from emberway.vault.envelope import NONCE_BYTES, Envelope
from emberway.vault.keyring import KeyRing
from emberway.vault.proof import PLACE as PROOF_PLACE
from emberway.vault.proof import check, may_seal

SECRETS_PER_STEP = 500
"""A transaction of some milliseconds, during which other writers wait."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A secret where it stands."""

    place: Place
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class ReadProof:
    """Answered with the vault's proof."""


@dataclass(frozen=True, slots=True)
class ReplaceProof:
    """Put ``new`` in the place of the proof if that still is ``old``; answered with ``None``."""

    old: Envelope
    new: Envelope


@dataclass(frozen=True, slots=True)
class ReadSecrets:
    """Answered with the next :class:`Sealed`, in any order that stays the same; with none after the last."""

    other_than: str
    """The id of the master key whose secrets are left out."""
    after: Sealed | None
    """The last one of the answer before."""
    limit: int = SECRETS_PER_STEP


@dataclass(frozen=True, slots=True)
class ReplaceSecrets:
    """Put each envelope in the place of the one that was read, if that is still there; answered with how many were."""

    replacements: Sequence[tuple[Sealed, Envelope]]


Command = ReadProof | ReplaceProof | ReadSecrets | ReplaceSecrets


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation came to."""

    moved: int
    stuck: tuple[str, ...]
    """What does not open and was left as it is, in words for the operator. Its key stays wanted."""


def rotation(ring: KeyRing, draw: Callable[[int], bytes]) -> Generator[Command, Any, Rotated]:
    """Re-wrap everything for the ring's current key. ``draw(n)`` gives n random bytes.

    MasterKeyProblem, and nothing changed, if the ring lacks the key that the proof was made with.
    """
    yield from move_proof(ring, draw)
    moved, stuck, last = 0, list[str](), None
    while batch := (yield ReadSecrets(ring.current.id, last)):
        tried = [(sealed, _rewrapped(ring, sealed, draw)) for sealed in batch]
        moved += yield ReplaceSecrets([(sealed, new) for sealed, new in tried if not isinstance(new, str)])
        stuck += [why for _, why in tried if isinstance(why, str)]
        last = batch[-1]
    return Rotated(moved, tuple(stuck))


def move_proof(ring: KeyRing, draw: Callable[[int], bytes]) -> Generator[Command, Any, None]:
    """Have everybody seal under the ring's current key from now on.

    A start does this alone, without the rest, when an operator has put a new key in front of the old one.
    MasterKeyProblem as above.
    """
    while not may_seal(ring, proof := (yield ReadProof())):
        check(ring, proof)
        yield ReplaceProof(proof, rewrap(ring, proof, PROOF_PLACE, draw(NONCE_BYTES)))


def may_drop_older(ring: KeyRing, wanted: Collection[str]) -> bool:
    """Whether nothing is lost with the older keys; ``wanted`` are the ids that proof and secrets name at one moment."""
    return not any(key.id in wanted for key in ring.older)


def _rewrapped(ring: KeyRing, sealed: Sealed, draw: Callable[[int], bytes]) -> Envelope | str:
    """The new envelope, or what does not open: one such secret must not keep the others from moving."""
    try:
        return rewrap(ring, sealed.envelope, sealed.place, draw(NONCE_BYTES))
    except VaultLocked as error:
        return error.about
