"""A request's path → the path below the API's root, read once: what is routed on is what goes upstream."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from emberway.errors import InvalidCall, TargetTooLong

MAX_TARGET = 8 * 1024
"""Bytes of path and query together."""

_SLASHES = re.compile(r"/{2,}")
_ALLOWED = re.compile(r"[A-Za-z0-9/._~!$&'()*+,;=:@%-]*")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class ApiPath:
    """Where a request points."""

    below: str
    """Percent-decoded, duplicate slashes collapsed, without ``/v1``: what is routed on."""
    wire: str
    """The same with its percent-encoding kept: what a provider is asked for."""
    versioned: bool
    """Whether ``/v1`` stood in front."""


def read_path(raw: str, query: bytes) -> ApiPath:
    """Take ``raw`` (percent-encoded, as sent) apart. InvalidCall for what could climb out of the API's root."""
    if len(raw) + len(query) > MAX_TARGET:
        raise TargetTooLong(
            f"The path and query are {len(raw) + len(query)} bytes long; at most {MAX_TARGET} are accepted. Send long "
            "values in a POST body."
        )
    if not raw.startswith("/") or _ESCAPE.search(raw):
        raise _bad_path()
    wire = raw if _ALLOWED.fullmatch(raw) else quote(raw, safe="/._~!$&'()*+,;=:@%-")
    wire = _SLASHES.sub("/", wire)
    versioned = wire.startswith("/v1/") or wire == "/v1"
    if versioned:
        wire = wire[3:] or "/"
    if wire.startswith("/proxy/"):
        wire = wire[6:]
    below = _decoded(wire)
    if "%" in below or below != wire:
        _decoded(below)  # a second layer of encoding must not hide what the first check refuses
    return ApiPath(_SLASHES.sub("/", below), wire, versioned)


def _decoded(path: str) -> str:
    try:
        text = unquote_to_bytes(path).decode("utf-8")
    except UnicodeDecodeError:
        raise _bad_path() from None
    if "\\" in text or any(c < " " or c == "\x7f" for c in text):
        raise _bad_path()
    if "/." in text and any(part.partition(";")[0] in ("..", ".") for part in text.split("/")):
        raise _bad_path()
    return text


def _bad_path() -> InvalidCall:
    return InvalidCall(
        "The path is not a plain one: control characters, backslashes, broken percent-escapes and '..' are not "
        "accepted. Send the path as the API's reference spells it.",
        code="invalid_path",
    )
