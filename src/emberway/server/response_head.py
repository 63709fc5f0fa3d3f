"""What the server itself says in an answer's head, and what it takes of an application's word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from emberway.wire.header_lines import BadHead, header_lines

Headers = Sequence[tuple[bytes, bytes]]

CLOSE = b"\r\nconnection: close"
KEEP_ALIVE = b"\r\nconnection: keep-alive"
CHUNKED = b"\r\ntransfer-encoding: chunked"
END = b"\r\n\r\n"

STATUS_LINES = {each.value: b"HTTP/1.1 %d %s" % (each, each.phrase.encode()) for each in HTTPStatus if each >= 200}
"""Of final answers, without their line breaks."""
_OURS = frozenset({b"connection", b"transfer-encoding"})
"""The server's to say. An application's ``connection: close`` is obeyed, see `asks_to_close`."""
_SPECIAL = _OURS | {b"server", b"date"}


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


def all_lines(headers: Headers, named: Mapping[bytes, bytes], signature: Signature) -> bytes:
    """All lines of the head, ours included, each after a line break; without framing. BadHead if one would break it.

    ``named``: the same headers by name.
    """
    if named.keys().isdisjoint(_SPECIAL):
        return signature.both + header_lines(headers)
    ours = b"" if b"server" in named else signature.server
    if b"date" not in named:
        ours += signature.date
    return ours + header_lines(header for header in headers if header[0] not in _OURS)


def asks_to_close(headers: Headers) -> bool:
    """Whether the application wants this answer to be the connection's last."""
    return any(name == b"connection" and value.strip().lower() == b"close" for name, value in headers)


def check_length(headers: Headers) -> None:
    """BadHead unless there is one content-length, and it is a number."""
    lengths = [value for name, value in headers if name == b"content-length"]
    if len(lengths) != 1 or not lengths[0].isdigit():
        raise BadHead(f"{lengths!r} is no content-length")
