from __future__ import annotations

import hmac
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberway.accounts.keys import ENTROPY_BYTES, digest, fault_of, looks_ours, make_key, record_of

PEPPER = bytes(range(32))
NOW = "2026-01-01T00:00:00+00:00"
KEY = make_key(bytes(range(ENTROPY_BYTES)))


@given(st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES))
def test_every_key_has_one_shape_and_is_known_by_it(entropy: bytes) -> None:
    key = make_key(entropy)

    assert re.fullmatch(r"ew_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}", key)
    assert looks_ours(key)


@given(st.sets(st.binary(min_size=32, max_size=32), min_size=2, max_size=2))
def test_all_256_bits_of_a_secret_are_in_the_key(secrets: set[bytes]) -> None:
    assert len({make_key(bytes(9) + secret) for secret in secrets}) == 2


def test_a_key_needs_exactly_its_random_bytes() -> None:
    with pytest.raises(ValueError, match="41 random bytes"):
        make_key(bytes(ENTROPY_BYTES - 1))


@pytest.mark.parametrize("position", range(len(KEY)))
def test_a_typing_error_anywhere_is_noticed_without_a_look_up(position: int) -> None:
    other = "1" if KEY[position] != "1" else "2"

    assert not looks_ours(KEY[:position] + other + KEY[position + 1 :])


@pytest.mark.parametrize(
    "foreign",
    ["", "fw_" + "a" * 63, "sk-proj-abc", "eyJhbGciOiJIUzI1NiJ9.e30.abc", KEY + "\n", KEY + "0", " " + KEY, KEY[:-1]],
)
def test_a_key_of_another_house_does_not_look_ours(foreign: str) -> None:
    assert not looks_ours(foreign)


def test_what_is_kept_is_an_hmac_that_needs_the_pepper() -> None:
    assert digest(PEPPER, KEY) == hmac.new(PEPPER, KEY.encode(), "sha256").digest()
    assert digest(PEPPER, KEY) != digest(os.urandom(32), KEY)


def test_a_record_names_the_key_without_giving_it_away() -> None:
    record = record_of(PEPPER, KEY, NOW)

    assert (record.id, record.last4, record.created_at) == (KEY[3:15], KEY[-4:], NOW)
    assert KEY not in repr(record)
    assert record.digest.hex() not in repr(record)


def test_an_operators_own_key_gets_an_id_that_tells_nothing_of_it() -> None:
    record = record_of(PEPPER, "sesame-open-yourself", NOW)

    assert re.fullmatch("[0-9A-Za-z]{12}", record.id)
    assert record.id != record_of(bytes(32), "sesame-open-yourself", NOW).id


@pytest.mark.parametrize("key", ["x" * 16, "pk-" + "a" * 40, "!~" * 8])
def test_an_operators_own_key_may_be_any_printable_text(key: str) -> None:
    assert fault_of(key) is None


@pytest.mark.parametrize(
    ("key", "fault"),
    [("short", "has 5 characters; it needs 16 or more"), ("with space " * 2, "without spaces"), ("ü" * 16, "ASCII")],
)
def test_an_unusable_key_is_refused_with_the_reason(key: str, fault: str) -> None:
    assert fault in (fault_of(key) or "")
