from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.vault.parts import draw, ring, written

from emberway.accounts.data_folder import DataFolder, open_folder
from emberway.secret import Secret
from emberway.vault.cipher import ENTROPY_BYTES
from emberway.vault.envelope import Envelope
from emberway.vault.key_file import kept_ring, make_ring
from emberway.vault.keyring import KeyRing
from emberway.vault.master_key import MasterKeyProblem
from emberway.vault.proof import proof
from emberway.vault.sources import find_ring, given_ring


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[DataFolder]:
    with open_folder(tmp_path / "data") as opened:
        yield opened


def proof_of(keys: KeyRing) -> Envelope:
    return proof(keys, draw(ENTROPY_BYTES))


def content(folder: DataFolder) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.path.iterdir()}


def printing(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", f"print({text!r})")


@pytest.mark.parametrize("text", [written(1), f"{written(1)},{written(2)}"])
def test_a_variable_and_a_program_hand_over_the_same_ring(text: str) -> None:
    from_variable, from_program = given_ring(Secret(text), ()), given_ring(None, printing(text))

    assert from_variable is not None
    assert from_program is not None
    assert from_variable.ids == from_program.ids


def test_nothing_handed_over_leaves_it_to_the_file() -> None:
    assert given_ring(None, ()) is None


def test_a_variable_and_a_program_at_once_are_refused() -> None:
    with pytest.raises(MasterKeyProblem, match="are both set: leave one away"):
        given_ring(Secret(written(1)), printing(written(1)))


@pytest.mark.parametrize("text", ["", "hush-hush-hush"])
def test_an_unusable_key_is_called_by_its_source_and_not_shown(text: str) -> None:
    with pytest.raises(MasterKeyProblem, match=r"^EMBERWAY_MASTER_KEY must be base64") as variable:
        given_ring(Secret(text), ())
    with pytest.raises(MasterKeyProblem, match=rf"^What {sys.executable} prints must be base64") as program:
        given_ring(None, printing(text))

    assert "hush" not in f"{variable.value} {program.value}"


def test_the_first_start_makes_a_key_and_says_so_and_the_second_finds_it(folder: DataFolder) -> None:
    first = find_ring(folder, None, None, os.urandom)
    second = find_ring(folder, None, proof_of(first.ring), os.urandom)

    assert (first.is_new, second.is_new) == (True, False)
    assert first.ring.ids == second.ring.ids


def test_a_start_that_was_cut_off_before_its_proof_was_stored_finds_the_key_that_it_made(folder: DataFolder) -> None:
    made = find_ring(folder, None, None, os.urandom)

    again = find_ring(folder, None, None, os.urandom)

    assert again.ring.ids == made.ring.ids
    assert not again.is_new


def test_a_key_of_the_operator_is_used_and_not_written_down(folder: DataFolder) -> None:
    found = find_ring(folder, ring(1), None, os.urandom)

    assert (found.ring.ids, found.is_new) == (ring(1).ids, False)
    assert content(folder) == {}


def test_a_key_of_the_operator_goes_before_the_file(folder: DataFolder) -> None:
    make_ring(folder, os.urandom)

    assert find_ring(folder, ring(2, 1), proof_of(ring(1)), os.urandom).ring.ids == ring(2, 1).ids


def test_another_key_than_the_vaults_is_refused_and_nothing_changes(folder: DataFolder) -> None:
    make_ring(folder, os.urandom)
    before = content(folder)

    for given in (None, ring(2)):
        with pytest.raises(MasterKeyProblem, match=f"was sealed with master key {ring(1).current.id}"):
            find_ring(folder, given, proof_of(ring(1)), os.urandom)

    assert content(folder) == before


def test_a_key_that_went_missing_is_not_replaced(folder: DataFolder) -> None:
    with pytest.raises(MasterKeyProblem, match=r"no longer there: .* or put master\.key back\. Nothing was changed"):
        find_ring(folder, None, proof_of(ring(1)), os.urandom)

    assert content(folder) == {}
    assert kept_ring(folder) is None
