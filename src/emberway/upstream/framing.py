"""What an answer's headers say about the connection and the body's packing, apart from what they say to the client."""

from __future__ import annotations

import re
from math import inf

from emberway.upstream.failures import Malformed

Headers = list[tuple[bytes, bytes]]
"""Names in lower case, in wire order."""

HOP_BY_HOP = frozenset(
    {
        *(b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"proxy-connection"),
        *(b"proxy-authenticate", b"proxy-authorization", b"proxy-authentication-info"),
    }
)
"""Meant for us alone (RFC 9110, 7.6.1, and what the field sends besides)."""
OF_PACKED = frozenset({b"content-encoding", b"content-length"})
"""Headers that are not true any more once the body is unpacked."""
SPECIAL = HOP_BY_HOP | OF_PACKED
"""What the connection itself has to look at."""
PACKINGS = {b"gzip": b"gzip", b"x-gzip": b"gzip", b"deflate": b"deflate", b"identity": b""}

_TIMEOUT = re.compile(rb"(?:^|[\s,;])timeout\s*=\s*\"?([0-9]{1,9})", re.IGNORECASE)


def end_to_end(headers: Headers) -> Headers:
    """``headers`` without the hop-by-hop ones and those that a Connection header names."""
    named = {token.strip().lower() for name, value in headers if name == b"connection" for token in value.split(b",")}
    dropped = HOP_BY_HOP | (named - {b"content-length", b"content-type"})
    return [header for header in headers if header[0] not in dropped]


def size(headers: Headers) -> int:
    """Bytes of these headers on the wire."""
    return sum(len(name) + len(value) + 4 for name, value in headers)


def packing(content_encoding: bytes) -> bytes:
    """``gzip`` or ``deflate``, or nothing for an unpacked body. Malformed for any other packing, and for several."""
    try:
        return PACKINGS[content_encoding.strip().lower()]
    except KeyError:
        shown = content_encoding[:40].decode("latin-1")
        raise Malformed(f"its content-encoding is {shown!r} although it was asked for none") from None


def peer_keeps(keep_alive: bytes) -> float:
    """Seconds for which the peer keeps an idle connection, as it says in Keep-Alive; endless where it does not."""
    timeout = _TIMEOUT.search(keep_alive)
    return float(timeout[1]) if timeout else inf
