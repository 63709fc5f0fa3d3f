"""Closed request schemas: a body becomes a typed request, or a 400 that names the field as the provider does."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from fireworks_emulator.errors import Refused, envelope_a

Typed = TypeVar("Typed")

MISSING = object()

_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`(?: - at `\$(.*)`)?", re.DOTALL)
_REQUIRED = re.compile(r"Object missing required field `(.*?)`(?: - at `\$(.*)`)?", re.DOTALL)
_OTHER = re.compile(r"(.*?)(?: - at `\$(.*)`)?", re.DOTALL)
_STEP = re.compile(r"\[(\d+)\]|\.?([^.\[\]]+)|\[\.\.\.\]")


def parse(body: bytes, kind: type[Typed]) -> Typed:
    """The body as a request of this kind. Raises envelope A with status 400 for the first thing that is wrong."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as wrong:
        raise _explain(str(wrong), _plain(body)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise _not_json(wrong) from None


def parse_object(body: bytes) -> dict[str, Any]:
    """The body as a plain object, for requests whose schema is open."""
    return parse(body, dict[str, Any])


def convert(value: Any, kind: type[Typed]) -> Typed:
    """A decoded value as a request of this kind; raises as :func:`parse`."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as wrong:
        raise _explain(str(wrong), value) from None


def invalid(message: str, field: str, value: object = MISSING) -> Refused:
    """A 400 about one field, in the provider's manner: message, field and value in Python's notation."""
    shown = "" if value is MISSING else f", value: {value!r}"
    return envelope_a(400, f"{message}, field: {field!r}{shown}")


def _plain(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise _not_json(wrong) from None


def _not_json(wrong: Exception) -> Refused:
    return envelope_a(400, f"The request body is not valid JSON: {wrong}")


def _explain(message: str, payload: Any) -> Refused:
    """Put msgspec's finding into the provider's words."""
    if unknown := _UNKNOWN.fullmatch(message):
        name, where = unknown.groups(default="")
        return invalid("Extra inputs are not permitted", _field(where, name), _look_up(payload, where, name))
    if required := _REQUIRED.fullmatch(message):
        name, where = required.groups(default="")
        return invalid("Field required", _field(where, name))
    found = _OTHER.fullmatch(message)
    text, where = found.groups(default="") if found else (message, "")
    return invalid(text.replace("`", ""), _field(where, ""), _look_up(payload, where, ""))


def _field(where: str, name: str) -> str:
    return f"{where}.{name}".strip(".") if name else where.strip(".")


def _look_up(payload: Any, where: str, name: str) -> Any:
    """The value at a path such as ``.messages[2]``, or MISSING where the path does not lead to one."""
    value = payload
    for step in _STEP.finditer(where):
        index, key = step.groups()
        try:
            value = value[int(index)] if index else value[key]
        except (KeyError, IndexError, TypeError):
            return MISSING
    if not name:
        return value
    return value.get(name, MISSING) if isinstance(value, dict) else MISSING
