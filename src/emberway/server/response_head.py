"""Writes an answer's head: one join, and nothing that an application hands in can add a line to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

Headers = Sequence[tuple[bytes, bytes]]

CLOSE = b"\r\nconnection: close"
KEEP_ALIVE = b"\r\nconnection: keep-alive"
CHUNKED = b"\r\ntransfer-encoding: chunked"
END = b"\r\n\r\n"

STATUS_LINES = {each.value: b"HTTP/1.1 %d %s" % (each, each.phrase.encode()) for each in HTTPStatus if each >= 200}
"""Of final answers, without their line breaks."""
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_BREAKS = b"\r\n\0"
_OURS = frozenset({b"connection", b"transfer-encoding"})
"""The server's to say. An application's ``connection: close`` is obeyed, see `asks_to_close`."""
_MOST_NAMES = 2000
"""Names may come from providers, so what is remembered is bounded."""
_names: dict[bytes, bytes] = {}
"""Header name → how its line begins: each is checked once. Those that need a closer look are never in here."""


class BadHead(Exception):
    """The application gave a head that cannot be sent: a fault of ours."""


@dataclass(frozen=True, slots=True)
class Signature:
    """The lines that the server adds to every head, made anew each second."""

    server: bytes
    date: bytes
    both: bytes


def signature(date: str) -> Signature:
    """``date``: as RFC 9110 section 5.6.7 has it."""
    server, line = b"\r\nserver: emberway", b"\r\ndate: " + date.encode("ascii")
    return Signature(server, line, server + line)


def unusual_status_line(status: Any) -> bytes:
    """For a status that `STATUS_LINES` does not have. BadHead for what cannot be the status of a final answer."""
    if not isinstance(status, int) or not 200 <= status <= 999:
        raise BadHead(f"{status!r} is no status of a final answer")
    return b"HTTP/1.1 %d " % status


def header_lines(headers: Headers, signature: Signature) -> bytes:
    """All lines of the head, ours included, each after a line break; without framing. BadHead if one would break it."""
    try:
        lines = [_names[name] + value for name, value in headers]
        ours = signature.both
    except KeyError:
        lines, ours = _with_care(headers, signature)
    joined = b"".join(lines)
    if len(joined.translate(None, _BREAKS)) != len(joined) - 2 * len(lines):  # 0.4 µs for a usual head
        raise BadHead("a header of the answer holds a line break or a NUL")
    return ours + joined


def _with_care(headers: Headers, signature: Signature) -> tuple[list[bytes], bytes]:
    """The same lines where a name is new, ours to write, or one that we would have added."""
    lines = []
    ours = {b"server": signature.server, b"date": signature.date}
    for name, value in headers:
        if not _TOKEN.fullmatch(name):
            raise BadHead(f"{name!r} is no name for a header: it must be a token in lower case")
        line = b"\r\n" + name + b": "
        if name in _OURS:
            continue
        if ours.pop(name, None) is None and name not in (b"server", b"date") and len(_names) < _MOST_NAMES:
            _names[name] = line
        lines.append(line + value)
    return lines, b"".join(ours.values())


def asks_to_close(headers: Headers) -> bool:
    """Whether the application wants this answer to be the connection's last."""
    return any(name == b"connection" and value.strip().lower() == b"close" for name, value in headers)


def check_length(headers: Headers) -> None:
    """BadHead unless there is one content-length, and it is a number."""
    lengths = [value for name, value in headers if name == b"content-length"]
    if len(lengths) != 1 or not lengths[0].isdigit():
        raise BadHead(f"{lengths!r} is no content-length")
