from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import asdict

import msgspec
import pytest
from tests.unit.vault.gcm import hkdf
from tests.unit.vault.parts import key_bytes, ring, shapes, written

from emberway.accounts.bootstrap import derive
from emberway.vault.keyring import KeyRing
from emberway.vault.master_key import MasterKey

KEY = MasterKey(key_bytes(1))


def test_the_id_is_a_short_hash_that_is_the_same_every_time_and_another_for_each_key() -> None:
    assert KEY.id == hkdf(key_bytes(1), b"vault-key-id")[:8].hex() == MasterKey(key_bytes(1)).id
    assert len({MasterKey(key_bytes(number)).id for number in range(200)}) == 200


def test_bytes_for_one_purpose_are_those_of_the_standard_and_of_the_rest_of_the_gateway() -> None:
    assert KEY.derive(b"api-key") == hkdf(key_bytes(1), b"api-key") == derive(key_bytes(1), b"api-key")


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r:>30}".format, lambda key: repr(KeyRing((key,)))])
def test_a_key_shows_as_its_id(show: Callable[[MasterKey], str]) -> None:
    shown = show(KEY)

    assert f"MasterKey({KEY.id})" in shown
    assert not any(shape in shown for shape in shapes(key_bytes(1)))


@pytest.mark.parametrize(
    "take",
    [pickle.dumps, copy.copy, copy.deepcopy, msgspec.json.encode, msgspec.msgpack.encode, vars],
)
def test_a_key_is_neither_copied_nor_encoded(take: Callable[[object], object]) -> None:
    with pytest.raises(TypeError):
        take(KEY)


@pytest.mark.parametrize("take", [pickle.dumps, copy.deepcopy, asdict, msgspec.json.encode, msgspec.msgpack.encode])
def test_a_ring_does_not_give_its_keys_away_either(take: Callable[[KeyRing], object]) -> None:
    with pytest.raises(TypeError):
        take(ring(1, 2))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="a master key has 32 bytes"):
        MasterKey(bytes(length))


def test_the_text_of_a_key_is_a_secret_in_base64() -> None:
    assert KEY.text().reveal() == written(1)
    assert str(KEY.text()) == "***"


def test_a_data_key_comes_back_under_the_same_nonce_and_association_only() -> None:
    wrapped = KEY.wrap(b"d" * 32, b"n" * 12, b"place")

    assert KEY.unwrap(wrapped, b"n" * 12, b"place") == b"d" * 32
    assert KEY.unwrap(wrapped, b"m" * 12, b"place") is None
    assert KEY.unwrap(wrapped, b"n" * 12, b"other") is None
    assert MasterKey(key_bytes(2)).unwrap(wrapped, b"n" * 12, b"place") is None
