from __future__ import annotations

import copy
import logging
import pickle
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import pytest

from emberway.secret import Secret

PLAIN = "fw_nobody-may-read-this"


@dataclass(frozen=True)
class Holder:
    secret: Secret


def test_only_reveal_gives_a_secret_back() -> None:
    assert Secret(PLAIN).reveal() == PLAIN


@pytest.mark.parametrize(
    "shown",
    [
        str,
        repr,
        lambda secret: f"{secret}",
        lambda secret: f"{secret!r:>40}",
        lambda secret: f"{secret:.3}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031 - the form that logging uses
        lambda secret: "{0}".format(secret),  # noqa: UP030, UP032 - a form of its own
        lambda secret: str([secret, {secret: secret}]),
        lambda secret: repr(Holder(secret)),
        lambda secret: logging.LogRecord("x", 20, "x", 1, "key %s", (secret,), None).getMessage(),
        lambda secret: str(ValueError("bad key", secret)),
    ],
)
def test_every_way_of_showing_a_secret_shows_asterisks(shown: Callable[[Secret], str]) -> None:
    text = shown(Secret(PLAIN))

    assert "***" in text
    assert PLAIN[:3] not in text


@pytest.mark.parametrize("encode", [pickle.dumps, copy.deepcopy, msgspec.json.encode, msgspec.msgpack.encode])
def test_a_secret_is_neither_copied_nor_encoded(encode: Callable[[Secret], object]) -> None:
    with pytest.raises(TypeError):
        encode(Secret(PLAIN))


def test_a_secret_has_no_dictionary_to_be_dumped() -> None:
    with pytest.raises(TypeError):
        vars(Secret(PLAIN))


@pytest.mark.parametrize(("value", "holds"), [(PLAIN, True), ("", False)])
def test_an_empty_secret_counts_as_none(value: str, holds: bool) -> None:
    assert bool(Secret(value)) is holds
