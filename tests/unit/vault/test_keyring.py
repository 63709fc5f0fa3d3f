from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.vault.parts import carried, key_bytes, ring, written

from emberway.secret import Secret
from emberway.vault.keyring import KeyRing, ring_of
from emberway.vault.master_key import MasterKey, MasterKeyProblem


def read(text: str) -> KeyRing:
    return ring_of(Secret(text), "EMBERWAY_MASTER_KEY")


def complaint(text: Secret) -> MasterKeyProblem:
    with pytest.raises(MasterKeyProblem) as raised:
        ring_of(text, "EMBERWAY_MASTER_KEY")
    return raised.value


def test_one_key_as_openssl_prints_it_is_a_ring_without_older_keys() -> None:
    keys = read(written(1) + "\n")

    assert keys.ids == ring(1).ids
    assert keys.older == ()


@pytest.mark.parametrize("between", [",", "\n", " ", ", ", "\r\n", "\n\n", ",\t"])
def test_several_keys_stand_with_commas_or_white_space_between_and_the_first_is_current(between: str) -> None:
    keys = read(between.join([written(3), written(1), written(2)]))

    assert keys.ids == ring(3, 1, 2).ids
    assert keys.current.id == ring(3).current.id
    assert [key.id for key in keys.older] == [*ring(1, 2).ids]


@given(st.lists(st.binary(min_size=32, max_size=32).filter(lambda key: len(set(key)) >= 8), min_size=1, unique=True))
def test_a_ring_is_read_as_it_was_written(keys: list[bytes]) -> None:
    whole = KeyRing(tuple(map(MasterKey, keys)))

    assert ring_of(whole.text(), "x").ids == whole.ids


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "this is empty"),
        (" ,\n", "this is empty"),
        ("x", "this is not base64"),
        ("a passphrase of mine", "key 1 of 4 is not base64"),
        ("größe", "this is not base64"),
        ("\ud800", "this is not base64"),
        (written(250 - 50).replace("=", ""), "this is not base64"),
        (base64.urlsafe_b64encode(bytes(range(224, 256))).decode(), "this is not base64"),
        (base64.b64encode(bytes(range(31))).decode(), "this holds 31 bytes"),
        (base64.b64encode(bytes(range(33))).decode(), "this holds 33 bytes"),
        (base64.b64encode(bytes(32)).decode(), "this is not random"),
        (base64.b64encode(b"changeme" * 4).decode(), "this is not random"),
        (f"{written(1)},{written(2)[:-4]}", "key 2 of 2 holds 30 bytes"),
        (f"{written(1)},{written(2)},{written(1)}", "key 3 of 3 is there twice"),
    ],
)
def test_an_unusable_key_is_refused_in_one_sentence_that_says_how_to_make_a_good_one(text: str, fault: str) -> None:
    assert str(complaint(Secret(text))) == (
        "EMBERWAY_MASTER_KEY must be base64 of exactly 32 random bytes, as `openssl rand -base64 32` prints them;"
        f" {fault}."
    )


@pytest.mark.parametrize(
    "hidden", [Secret(written(1) + ",hush-hush-hush"), Secret("hush-hush-hush"), Secret(written(1)[:-4] + "hush")]
)
def test_a_refusal_shows_nothing_of_the_key(hidden: Secret) -> None:
    problem = complaint(hidden)

    seen = "\n".join(carried(problem))
    assert "hush" not in seen
    assert written(1)[:12] not in seen
    assert "***" in seen
    assert problem.__context__ is None


def test_a_new_key_becomes_current_and_the_older_ones_can_be_left_behind() -> None:
    keys = ring(1).with_new(MasterKey(key_bytes(2)))

    assert keys.ids == ring(2, 1).ids
    assert keys.without_older().ids == ring(2).ids


def test_a_key_is_found_by_its_id() -> None:
    keys = ring(2, 1)

    assert keys.find(ring(1).current.id) is keys.keys[1]
    assert keys.find(ring(3).current.id) is None


@pytest.mark.parametrize("keys", [(), (MasterKey(key_bytes(1)), MasterKey(key_bytes(1)))])
def test_a_ring_has_a_key_and_none_twice(keys: tuple[MasterKey, ...]) -> None:
    with pytest.raises(ValueError, match="one master key or more, no two of them alike"):
        KeyRing(keys)
