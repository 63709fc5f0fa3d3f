from __future__ import annotations

import os

import pytest

from emberway.accounts.directory import KeyDirectory
from emberway.accounts.keys import ENTROPY_BYTES, make_key, record_of
from emberway.exchange import Identity

PEPPER = os.urandom(32)
FIRST, SECOND = make_key(os.urandom(ENTROPY_BYTES)), "an operator's-own-key"


@pytest.fixture
def directory() -> KeyDirectory:
    return KeyDirectory(PEPPER, [record_of(PEPPER, key, "") for key in (FIRST, SECOND)])


def test_each_key_is_known_for_whose_it_is(directory: KeyDirectory) -> None:
    assert directory.identify(FIRST) == Identity(FIRST[3:15], "bootstrap", frozenset({"admin"}))
    assert directory.identify(SECOND) != directory.identify(FIRST)


def test_a_key_is_known_again(directory: KeyDirectory) -> None:
    assert directory.identify(FIRST) is directory.identify(FIRST)


@pytest.mark.parametrize("stranger", ["", FIRST[:-1], FIRST + "x", FIRST.lower(), "ÿ" * 8, "x" * 100_000])
def test_any_other_text_is_nobody_also_the_second_time(directory: KeyDirectory, stranger: str) -> None:
    assert [directory.identify(stranger), directory.identify(stranger)] == [None, None]


def test_a_key_made_under_another_pepper_is_nobody() -> None:
    assert KeyDirectory(os.urandom(32), [record_of(PEPPER, FIRST, "")]).identify(FIRST) is None


def test_no_key_stays_in_memory_in_the_clear(directory: KeyDirectory) -> None:
    directory.identify(FIRST)
    directory.identify("a stranger")

    held = repr([vars(directory)])
    assert FIRST not in held
    assert FIRST[16:59] not in held
    assert "a stranger" not in held


def test_strangers_do_not_fill_the_memory(directory: KeyDirectory) -> None:
    for number in range(1000):
        directory.identify(f"stranger {number}")
    directory.identify(FIRST)

    assert len(directory._seen) == 1
