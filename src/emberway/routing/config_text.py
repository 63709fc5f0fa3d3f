"""Reads the JSON of a config, and refuses what two readers could read differently or what no reader should have to."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any, NoReturn

from emberway.errors import InvalidConfig
from emberway.routing.config_error import Steps, path, refused

MOST_BYTES = 256 * 1024
"""Of one config."""
MOST_LEVELS = 64
"""Of objects and lists inside each other; groups are bounded far below (`config.py`)."""

_INTEGERS = range(-(2**63), 2**64)


def read_text(text: str | bytes) -> Any:
    """The value that a config's JSON text stands for; InvalidConfig for anything but plain JSON within the bounds.

    Refused beside wrong syntax: a key that stands twice in one object, of which RFC 8259 section 4 leaves open which
    counts; NaN and infinities; integers beyond 64 bits; halves of surrogate pairs.
    """
    value = _decoded(_as_text(text))
    _examine(value, ())
    return value


class _Repeating(dict[str, Any]):
    """An object in which a key stands twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__()
        for key, value in pairs:
            if key in self:
                self.key = key
                """The first that does."""
                return
            self[key] = value


def _as_text(text: str | bytes) -> str:
    try:
        raw, text = (text.encode(), text) if isinstance(text, str) else (text, text.decode())
    except UnicodeError:
        raise InvalidConfig("The config is not UTF-8. Send one JSON object, UTF-8 encoded.", param="$") from None
    if len(raw) > MOST_BYTES:
        raise InvalidConfig(
            f"The config has {len(raw):,} bytes, and at most {MOST_BYTES:,} are accepted. Write a shorter one.",
            param="$",
        )
    return text


def _decoded(text: str) -> Any:
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        problem = f"{error.msg} at line {error.lineno}, column {error.colno}"
    except RecursionError:
        raise _too_deep(()) from None
    except ValueError as error:  # our own about NaN, and Python's about integers of thousands of digits
        problem = str(error).partition(":")[0]
    raise InvalidConfig(f"The config is not valid JSON ({problem}). Send one JSON object.", param="$") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _Repeating(pairs)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


# Not msgspec: it keeps the last of two equal keys without a word.
_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant)


def _examine(value: Any, at: Steps) -> None:
    if len(at) > MOST_LEVELS:
        raise _too_deep(at)
    if type(value) is dict:
        for key, below in value.items():
            _examine_text(key, at)
            _examine(below, (*at, key))
    elif type(value) is list:
        for index, below in enumerate(value):
            _examine(below, (*at, index))
    elif type(value) is str:
        _examine_text(value, at)
    elif type(value) is _Repeating:
        again = (*at, value.key)
        raise refused(
            again, f"The config has {path(again)} twice, and readers disagree on which counts. Write it once."
        )
    elif type(value) in (int, float) and not _is_common(value):
        raise refused(at, f"The config's {path(at)} is a number that readers read differently. Write a smaller one.")


def _is_common(number: float) -> bool:
    """Whether every reader of JSON can be expected to make the same of a number: 64 bits, and finite."""
    return number in _INTEGERS if isinstance(number, int) else isfinite(number)


def _examine_text(text: str, at: Steps) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        raise refused(at, f"The config's {path(at)} has half of a surrogate pair. Write the whole character.") from None


def _too_deep(at: Steps) -> InvalidConfig:
    return refused(at[:4], f"The config nests deeper than {MOST_LEVELS} levels. Write a flatter one.")
