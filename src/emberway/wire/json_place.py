"""Finds the line and column that belong to a JSON path or to a syntax error, so that a message can point at them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final

import msgspec

_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_PLAIN_KEY: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_STEP: Final = re.compile(
    r'\.(?P<key>[A-Za-z_$][A-Za-z0-9_$]*)|\[(?P<index>[0-9]+)\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]'
)
_AT_BYTE: Final = re.compile(r"^(?:JSON is malformed: )?(?P<problem>.*?)(?: \(byte (?P<byte>[0-9]+)\))?$", re.DOTALL)


def path_text(steps: Sequence[str | int]) -> str:
    """Keys and positions as one path: ``$.properties.age``, ``$.anyOf[0]``, ``$.properties["first name"]``."""
    return "$" + "".join(map(_step_text, steps))


def locate(text: str, path: str) -> tuple[int, int]:
    """Line and column, both from 1, of the value at ``path`` in a valid JSON text.

    Of a key that is given twice the last value counts, as for JSON readers. (1, 1) where there is no such value.
    """
    wanted = _steps(path)
    here: list[str | int] = []
    key_expected = False
    found = 0
    for match in _TOKEN.finditer(text):
        piece = match.group()
        if piece in ("}", "]"):
            here.pop()
            key_expected = False
        elif piece == ",":
            last = here[-1]
            key_expected = isinstance(last, str)
            here[-1] = "" if isinstance(last, str) else last + 1
        elif piece == ":":
            key_expected = False
        elif key_expected:
            here[-1] = json.loads(piece)
        else:
            if len(here) == len(wanted) and here == wanted:
                found = match.start()
            if piece in ("{", "["):
                key_expected = piece == "{"
                here.append("" if key_expected else 0)
    return place_of(text, found)


def syntax_error(raw: bytes) -> tuple[int, int, str] | None:
    """Line, column and reason where ``raw`` stops being JSON in UTF-8; None if it is."""
    try:
        msgspec.json.decode(raw)
    except UnicodeDecodeError:
        return *_place_of_byte(raw, _first_stray_byte(raw)), "the text is not UTF-8"
    except msgspec.DecodeError as error:
        match = _AT_BYTE.match(str(error))
        assert match is not None
        return *_place_of_byte(raw, int(match["byte"] or len(raw))), match["problem"]
    except RecursionError:
        return 1, 1, "the JSON nests too deeply"
    return None


def place_of(text: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1, of a character."""
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _place_of_byte(raw: bytes, offset: int) -> tuple[int, int]:
    before = raw[:offset].decode(errors="replace")
    return place_of(before, len(before))


def _first_stray_byte(raw: bytes) -> int:
    """msgspec counts from the start of the string that holds it; this counts from the start of the text."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    for match in _STEP.finditer(path):
        if match["index"] is not None:
            steps.append(int(match["index"]))
        else:
            steps.append(match["key"] if match["key"] is not None else json.loads(match["quoted"]))
    return steps


def _step_text(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN_KEY.fullmatch(step) else f"[{json.dumps(step, ensure_ascii=False)}]"
