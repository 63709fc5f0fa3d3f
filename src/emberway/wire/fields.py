"""Reads the fields of a JSON call that somebody decides on, and refuses what two readers could read differently."""

from __future__ import annotations

import re

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from emberway.errors import InvalidCall

MAX_DEPTH = 64
"""Deepest nesting that is passed on: far beyond real calls, far below what overflows a parser's stack."""

SINGLE_KEYS = ("model", "stream", "messages", "max_tokens", "max_completion_tokens", "prompt", "input", "config")
"""Top-level keys that must not be given twice: JSON readers disagree on which one counts (RFC 8259 section 4)."""


class Message(Struct):
    """The part of a chat message that a rule looks at."""

    role: str = ""


class Fields(Struct):
    """The fields of a call that the gateway or a provider's rules read; everything else stays in the body's bytes."""

    model: str | None = None
    stream: bool | None = None
    messages: list[Message] | None = None
    prompt_key: str | None = None
    encoding_format: str | None = None
    grammar: Raw | UnsetType = UNSET
    json_schema: Raw | UnsetType = UNSET
    response_format: Raw | UnsetType = UNSET
    tool_choice: Raw | UnsetType = UNSET
    max_tokens: Raw | UnsetType = UNSET
    max_completion_tokens: Raw | UnsetType = UNSET
    prompt: Raw | UnsetType = UNSET
    input: Raw | UnsetType = UNSET
    config: Raw | UnsetType = UNSET


_decoder = msgspec.json.Decoder(Fields)
_AT_PATH = re.compile(r"^(?P<problem>.*?)(?: - at `(?P<path>\$[^`]*)`)?$", re.DOTALL)
_NOT_STRUCTURE = bytes(set(range(256)) - set(b'{}[]"'))
_STRINGS = re.compile(rb'"[^"]*"')


def read_fields(body: bytes) -> Fields:
    """Decode ``body``, which must be one JSON object; InvalidCall says what is wrong and where."""
    try:
        fields = _decoder.decode(body)
        if not body.isascii():
            body.decode()  # the decoder does not look into the values that it skips
    except msgspec.ValidationError as error:
        raise _wrong_type(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise not_json(error) from None
    except RecursionError:
        raise _too_deep() from None
    # Only a body that has enough brackets to be deeper is looked at.
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and depth(body) > MAX_DEPTH:
        raise _too_deep()
    refuse_repeated_keys(body, fields)
    return fields


def not_json(error: Exception) -> InvalidCall:
    """The error for a body that a decoder could not read; ``error`` says why."""
    return InvalidCall(
        f"The request body is not valid JSON ({error}). Send one JSON object, UTF-8 encoded.", code="invalid_json"
    )


def depth(body: bytes) -> int:
    """How deep the brackets of a valid JSON text nest; brackets inside strings do not count."""
    unescaped = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    skeleton = _STRINGS.sub(b"", unescaped.translate(None, _NOT_STRUCTURE))
    deepest = level = 0
    for byte in skeleton:
        if byte in b"{[":
            level += 1
            deepest = max(deepest, level)
        else:
            level -= 1
    return deepest


def refuse_repeated_keys(body: bytes, fields: Fields) -> None:
    """InvalidCall if one of ``SINGLE_KEYS`` stands twice on the top level of the JSON object ``body``.

    ``fields``: as decoded from it, so that a rarer key that is not there is not looked for.
    """
    # Most bodies name each key once, and a count of the bytes shows it; the rest is looked at closely. Written out
    # because a loop costs 2 µs more on every call (benchmarks/edge.py).
    count = body.count
    if (
        count(b'"model"') < 2
        and count(b'"messages"') < 2
        and count(b'"stream"') < 2
        and b"\\u" not in body  # could spell a key in letters that no count finds
        and (fields.max_tokens is UNSET or count(b'"max_tokens"') == 1)
        and (fields.max_completion_tokens is UNSET or count(b'"max_completion_tokens"') == 1)
        and (fields.prompt is UNSET or count(b'"prompt"') == 1)
        and (fields.input is UNSET or count(b'"input"') == 1)
        and (fields.config is UNSET or count(b'"config"') == 1)
    ):
        return
    repeated = next((key for key in top_level_keys(body).repeated if key in SINGLE_KEYS), None)
    if repeated is not None:
        raise InvalidCall(
            f"The field '{repeated}' is given more than once, so it is unclear which value you mean. Send it once.",
            param=repeated,
            code="duplicate_field",
        )


class TopLevelKeys(Struct):
    """The keys of a JSON object and those that stand in it more than once."""

    names: list[str]
    repeated: list[str]


def top_level_keys(body: bytes) -> TopLevelKeys:
    """All keys of the object ``body`` in order, found by walking over it value by value."""
    decode = msgspec.json.decode
    names: list[str] = []
    level = 0
    expect_key = False
    for match in _TOKENS.finditer(body):
        token = match.group()
        if token in b"{[":
            level += 1
            expect_key = level == 1
        elif token in b"}]":
            level -= 1
        elif token == b",":
            expect_key = level == 1
        elif expect_key and level == 1:
            names.append(decode(token, type=str))
            expect_key = False
    return TopLevelKeys(names, [name for index, name in enumerate(names) if name in names[:index]])


_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],]', re.DOTALL)


def _wrong_type(error: msgspec.ValidationError) -> InvalidCall:
    match = _AT_PATH.match(str(error))
    assert match is not None
    path = match["path"]
    if path is None:
        return InvalidCall(f"The request body is not a JSON object: {match['problem']}. Send one JSON object.")
    field = path.removeprefix("$.")
    return InvalidCall(f"The field '{field}' has the wrong type: {match['problem']}.", param=field, code="wrong_type")


def _too_deep() -> InvalidCall:
    return InvalidCall(
        f"The request body nests deeper than {MAX_DEPTH} levels. Send a flatter JSON object.", code="too_deep"
    )
