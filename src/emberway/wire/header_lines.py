"""Writes headers as lines of HTTP/1.1, such that nothing in them can add a line, and reads such lines again."""

from __future__ import annotations

import re
from collections.abc import Iterable

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
_MOST_NAMES = 2000
"""Names may come from providers, so what is remembered is bounded."""


class BadHead(Exception):
    """A header that cannot be sent: a fault of whoever made it."""


class _Beginnings(dict[bytes, bytes]):
    """Header name → how its line begins; each is checked once."""

    def __missing__(self, name: bytes) -> bytes:
        if not _TOKEN.fullmatch(name):
            raise BadHead(f"{name!r} is no name for a header: it must be a token in lower case")
        line = b"\r\n" + name + b": "
        if len(self) < _MOST_NAMES:
            self[name] = line
        return line


_BEGINNINGS = _Beginnings()


def header_lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A line for each header, each after a line break: what follows a status line. BadHead if one would break it."""
    beginnings = _BEGINNINGS
    return joined([beginnings[name] + value for name, value in headers])


def joined(lines: list[bytes]) -> bytes:
    """The lines in one; BadHead if any is more than a line break and a header."""
    whole = b"".join(lines)
    count = len(lines)
    if whole.count(b"\n") != count or whole.count(b"\r") != count or b"\0" in whole:
        raise BadHead("a header holds a line break or a NUL")
    return whole


def headers_in(lines: bytes) -> list[tuple[bytes, bytes]]:
    """What :func:`header_lines` was given."""
    pairs = (line.partition(b": ") for line in lines.split(b"\r\n")[1:])
    return [(name, value) for name, _, value in pairs]
