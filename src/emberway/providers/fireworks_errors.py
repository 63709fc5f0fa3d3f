"""Reads Fireworks' error answers, in every shape seen, and puts them into OpenAI's envelope where they are not yet.

Shapes: ``error`` as object, ``error`` as text, ``fault`` (the Apigee years), ``detail`` as text or as FastAPI's list,
a google.rpc status, a page of HTML, plain text; and ``/messages`` has Anthropic's, which holds an ``error`` object too.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

LONGEST_TEXT = 300
"""Characters kept of an answer that is not JSON."""
_LONGEST_READ = 64 * 1024
"""Bytes looked at for those characters: an error page's first lines hold what it has to say."""

_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    412: "billing_error",
    429: "rate_limit_error",
    504: "timeout_error",
}


@dataclass(frozen=True, slots=True)
class ReadError:
    """What an error answer says."""

    message: str
    type: str | None = None
    param: str | None = None
    code: str | None = None


class _Message(Struct):
    message: str


class _Enveloped(Struct):
    error: _Message


class _FaultDetail(Struct):
    errorcode: str | None = None


class _Fault(Struct):
    faultstring: str
    detail: _FaultDetail | None = None


class _Invalid(Struct):
    msg: str = ""
    loc: list[str | int] = []
    type: str = ""


class _Shape(Struct):
    error: Raw | UnsetType = UNSET
    fault: Raw | UnsetType = UNSET
    detail: Raw | UnsetType = UNSET
    message: Raw | UnsetType = UNSET
    code: Raw | UnsetType = UNSET


_enveloped = msgspec.json.Decoder(_Enveloped)
_shape = msgspec.json.Decoder(_Shape)
_DECODE_FAILURES = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def envelope(provider: str, status: int, answer: bytes) -> bytes:
    """An error answer's body in OpenAI's envelope; the same object where it holds an ``error.message`` already."""
    try:
        _enveloped.decode(answer)
    except _DECODE_FAILURES:
        return _wrapped(provider, status, read_error(answer))
    return answer


def read_error(answer: bytes) -> ReadError:
    """What an error answer says, whatever its shape; its message is empty only where the answer is."""
    try:
        shape = _shape.decode(answer)
    except _DECODE_FAILURES:
        return ReadError(_plain_text(answer))
    for reader, raw in (
        (_from_envelope, shape.error),
        (_from_text, shape.error),
        (_from_fault, shape.fault),
        (_from_text, shape.detail),
        (_from_list, shape.detail),
        (_from_text, shape.message),
    ):
        if raw is not UNSET and (found := reader(raw)) is not None:
            return found if shape.code is UNSET else _with_code(found, shape.code)
    return ReadError(_plain_text(answer))


def invalid_paths(answer: bytes, kind: str) -> list[list[str | int]]:
    """Where FastAPI's list form names errors of type ``kind``: paths into the body, outermost key first."""
    try:
        shape = _shape.decode(answer)
        items = _decode(shape.detail, list[_Invalid]) if shape.detail is not UNSET else None
    except _DECODE_FAILURES:
        return []
    return [item.loc[1:] for item in items or () if item.type == kind and item.loc[:1] == ["body"]]


def place(path: Sequence[str | int]) -> str:
    """A path as error messages spell it: ``messages[2].timestamp``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _wrapped(provider: str, status: int, error: ReadError) -> bytes:
    message = error.message or f"{provider} answered with status {status} and no explanation."
    default = "invalid_request_error" if status < 500 else "api_error"
    return msgspec.json.encode(
        {
            "error": {
                "message": message,
                "type": error.type or _TYPES.get(status, default),
                "param": error.param,
                "code": error.code,
            },
            "status": "failure",
            "message": message,
            "provider": provider,
        }
    )


def _from_envelope(raw: Raw) -> ReadError | None:
    error = _decode(raw, dict[str, Any])
    if error is None or not isinstance(error.get("message"), str):
        return None
    kind, param, code = (error.get(key) for key in ("type", "param", "code"))
    return ReadError(error["message"], _text_or_none(kind), _text_or_none(param), _text_or_none(code))


def _from_text(raw: Raw) -> ReadError | None:
    text = _decode(raw, str)
    return ReadError(text) if text else None


def _from_fault(raw: Raw) -> ReadError | None:
    fault = _decode(raw, _Fault)
    return ReadError(fault.faultstring, code=fault.detail.errorcode if fault.detail else None) if fault else None


def _from_list(raw: Raw) -> ReadError | None:
    """FastAPI's list: every item with its place; the first one's place is the parameter at fault."""
    items = _decode(raw, list[_Invalid])
    if not items:
        return None
    places = [place(item.loc[1:] if item.loc[:1] == ["body"] else item.loc) for item in items]
    sentences = [f"{where}: {item.msg}" if where else item.msg for where, item in zip(places, items, strict=True)]
    return ReadError("; ".join(sentences), param=places[0] or None)


def _with_code(found: ReadError, raw: Raw) -> ReadError:
    """google.rpc and its like put the code beside the message, as a number."""
    code = _decode(raw, str | int)
    return found if code is None else ReadError(found.message, found.type, found.param, found.code or str(code))


def _decode(raw: Raw, kind: Any) -> Any:
    try:
        return msgspec.json.decode(raw, type=kind)
    except _DECODE_FAILURES:
        return None


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


_TAG = re.compile(r"<(?P<closing>/?)(?P<name>[a-zA-Z]*+)[^<>]*+>")
"""Possessive, and never past another bracket: a page of a thousand half tags is read in one go."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\s]+")


def _plain_text(answer: bytes) -> str:
    """The words of a page or a plain text, without tags and control characters, cut to a readable length."""
    text = answer[:_LONGEST_READ].decode("utf-8", "replace")
    if "<" in text:
        text = html.unescape(" ".join(_between_tags(text)))
    return _UNPRINTABLE.sub(" ", text).strip()[:LONGEST_TEXT].rstrip()


def _between_tags(page: str) -> Iterator[str]:
    """The text between tags, except in the elements that a browser does not show."""
    position, hidden = 0, ""
    for tag in _TAG.finditer(page):
        if not hidden:
            yield page[position : tag.start()]
        name = tag["name"].lower()
        if not hidden and name in ("script", "style") and not tag["closing"]:
            hidden = name
        elif hidden == name and tag["closing"]:
            hidden = ""
        position = tag.end()
    if not hidden:
        yield page[position:]
