"""Writes an answer's head: one join, and nothing that an application hands in can add a line to it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_STATUS_LINES = {status.value: b"HTTP/1.1 %d %s" % (status, status.phrase.encode()) for status in HTTPStatus}
CLOSE = b"\r\nconnection: close"


class BadHead(Exception):
    """The application gave a head that cannot be sent: a fault of ours."""


class _Names(dict[bytes, bytes]):
    """Header name → how its line begins, each name checked once."""

    most = 2000
    """Names may come from providers, so what is remembered is bounded."""

    def __missing__(self, name: bytes) -> bytes:
        if not _TOKEN.fullmatch(name):
            raise BadHead(f"{name!r} is no name for a header: it must be a token in lower case")
        line = b"\r\n" + name + b": "
        if len(self) < self.most:
            self[name] = line
        return line


_NAMES = _Names()


@dataclass(frozen=True, slots=True)
class Ending:
    """The lines that the server adds to every head, made anew each second."""

    server: bytes
    date: bytes
    both: bytes


def ending(date: str) -> Ending:
    """``date``: as RFC 9110 section 5.6.7 has it."""
    server, line = b"\r\nserver: emberway", b"\r\ndate: " + date.encode("ascii")
    return Ending(server, line, server + line)


def head_block(message: dict[str, Any], ours: Ending) -> tuple[bytes, dict[bytes, bytes]]:
    """Status line and headers without the blank line and without framing, and the headers by name.

    ``connection`` is left out (the caller writes it), and so is ``transfer-encoding``, which is not the application's
    to say. Raises BadHead for a status that cannot be, or a break inside a line.
    """
    headers: Iterable[tuple[bytes, bytes]] = message.get("headers", ())
    try:
        line = _STATUS_LINES.get(message["status"]) or _unusual(message["status"])
        lines = [_NAMES[name] + value for name, value in headers]
        named = dict(headers)
    except (TypeError, ValueError, KeyError) as error:
        raise BadHead(f"the answer's head is not as ASGI has it: {error!r}") from error
    if b"connection" in named or b"transfer-encoding" in named:
        lines = [one for one in lines if not one.startswith((b"\r\nconnection: ", b"\r\ntransfer-encoding: "))]
    joined = b"".join(lines)
    if joined.count(b"\n") != len(lines) or joined.count(b"\r") != len(lines) or b"\0" in joined:
        raise BadHead("a header of the answer holds a line break or a NUL")
    if b"date" in named or b"server" in named:
        own = (b"" if b"server" in named else ours.server) + (b"" if b"date" in named else ours.date)
        return line + own + joined, named
    return line + ours.both + joined, named


def _unusual(status: Any) -> bytes:
    if not isinstance(status, int) or not 200 <= status <= 999:
        raise BadHead(f"{status!r} is no status of a final answer")
    return b"HTTP/1.1 %d " % status
