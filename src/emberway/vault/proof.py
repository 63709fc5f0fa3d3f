"""Tells before anything is read or written whether the master keys at hand are those that the vault was sealed with.

The proof is one sealed constant that lies beside the secrets. It also names the key under which all writers seal.
"""

from __future__ import annotations

from emberway.errors import VaultLocked
from emberway.secret import Secret
from emberway.vault.cipher import Place, seal, unseal
from emberway.vault.envelope import Envelope, key_id_of
from emberway.vault.keyring import KeyRing
from emberway.vault.master_key import MasterKeyProblem

PLACE = Place(organisation="", workspace=None, kind="vault.proof", record="", version=1)
"""What re-wraps the proof needs to know where it stands."""


def proof(ring: KeyRing, entropy: bytes) -> Envelope:
    """What :func:`check` opens. ``entropy``: as for ``seal``."""
    return seal(ring, Secret("the master key is the right one"), PLACE, entropy)


def check(ring: KeyRing, proof: Envelope) -> None:
    """MasterKeyProblem unless ``proof`` was made with a key of this ring; changes nothing."""
    wanted = key_id_of(proof)
    if wanted is not None and ring.find(wanted) is None:
        raise MasterKeyProblem(
            f"The vault was sealed with master key {wanted}, and this is {' and '.join(ring.ids)}:"
            " set EMBERWAY_MASTER_KEY to that one, or put its file back. Nothing was changed."
        )
    if not _opens(ring, proof):
        raise MasterKeyProblem(
            "The master key is the one that is asked for, but the vault's proof of it is damaged:"
            " put the database back from a backup. Nothing was changed."
        )


def may_seal(ring: KeyRing, proof: Envelope) -> bool:
    """Whether secrets sealed with ``ring`` now are sealed under the key that the vault has moved to.

    A writer asks this in the transaction in which it writes, with a proof that cannot change before that transaction is
    over (SQLite: ``BEGIN IMMEDIATE``; PostgreSQL: ``FOR SHARE``). ``False`` means that a rotation has moved the proof,
    and that this ring is to be read again: writing all the same could leave a secret under a key that is about to go.
    """
    return key_id_of(proof) == ring.current.id


def _opens(ring: KeyRing, proof: Envelope) -> bool:
    try:
        unseal(ring, proof, PLACE)
    except VaultLocked:
        return False
    return True
