from __future__ import annotations

import pytest
from tests.unit.vault.parts import PLACE as SECRET_PLACE
from tests.unit.vault.parts import draw, ring, sealed

from emberway.errors import VaultLocked
from emberway.vault.cipher import ENTROPY_BYTES, rewrap, unseal
from emberway.vault.envelope import Envelope
from emberway.vault.keyring import KeyRing
from emberway.vault.master_key import MasterKeyProblem
from emberway.vault.proof import PLACE, check, may_seal, proof


def made(keys: KeyRing) -> Envelope:
    return proof(keys, draw(ENTROPY_BYTES))


@pytest.mark.parametrize("keys", [ring(1), ring(2, 1), ring(3, 2, 1)], ids=repr)
def test_the_right_key_is_recognised_as_current_and_as_older(keys: KeyRing) -> None:
    check(keys, made(ring(1)))


def test_another_key_is_refused_in_a_sentence_that_names_both() -> None:
    with pytest.raises(MasterKeyProblem) as raised:
        check(ring(2, 3), made(ring(1)))

    assert str(raised.value) == (
        f"The vault was sealed with master key {ring(1).current.id}, and this is {' and '.join(ring(2, 3).ids)}:"
        " set EMBERWAY_MASTER_KEY to that one, or put its file back. Nothing was changed."
    )


def test_a_damaged_proof_is_never_taken_for_a_good_one() -> None:
    good = made(ring(1))

    for byte in range(len(good)):
        changed = bytearray(good)
        changed[byte] ^= 1
        with pytest.raises(MasterKeyProblem, match=r"is damaged|was sealed with master key"):
            check(ring(1), Envelope(bytes(changed)))


@pytest.mark.parametrize("bad", [b"", b"\x02", made(ring(1))[:-1]])
def test_a_proof_that_is_none_is_called_damaged(bad: bytes) -> None:
    with pytest.raises(MasterKeyProblem, match="the vault's proof of it is damaged: put the database back"):
        check(ring(1), Envelope(bad))


def test_a_secret_is_no_proof_and_the_proof_is_no_secret() -> None:
    with pytest.raises(MasterKeyProblem):
        check(ring(1), sealed(ring(1)))
    with pytest.raises(VaultLocked):
        unseal(ring(1), made(ring(1)), SECRET_PLACE)


def test_the_proof_moves_to_a_new_key_like_a_secret() -> None:
    moved = rewrap(ring(2, 1), made(ring(1)), PLACE, draw(12))

    check(ring(2), moved)
    with pytest.raises(MasterKeyProblem):
        check(ring(1), moved)


def test_a_writer_seals_only_under_the_key_that_the_proof_names() -> None:
    assert may_seal(ring(2, 1), made(ring(2)))
    assert not may_seal(ring(2, 1), made(ring(1)))
    assert not may_seal(ring(1), made(ring(2)))
    assert not may_seal(ring(1), Envelope(b""))
