"""Writes a request's head: one join per request, and nothing a caller hands in can add a line to it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from emberway.errors import InvalidCall
from emberway.upstream.addresses import DEFAULT_PORTS
from emberway.upstream.base import Origin, Outbound

OURS = frozenset(
    {
        *(b"host", b"content-length", b"transfer-encoding", b"accept-encoding", b"connection", b"keep-alive"),
        *(b"proxy-connection", b"te", b"trailer", b"upgrade", b"expect"),
    }
)
"""Headers of the connection itself: the client writes those that are needed."""

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HARMLESS = bytes(byte for byte in range(256) if byte == 0x09 or (byte >= 0x20 and byte != 0x7F))


class _Names(dict[bytes, bytes]):
    """Header name → how its line begins, each checked once (saves 0.4 µs a header, benchmarks/upstream_client.py)."""

    most = 2000
    """Names may come from callers, so what is remembered is bounded."""

    def __missing__(self, name: bytes) -> bytes:
        if not _TOKEN.fullmatch(name) or name.lower() in OURS:
            shown = name[:80].decode("latin-1")
            raise InvalidCall(f"The header {shown!r} cannot be sent to a provider; leave it out.", param=shown)
        line = b"\r\n" + name + b": "
        if len(self) < self.most:
            self[name] = line
        return line


_NAMES = _Names()


def authority(origin: Origin) -> str:
    """Host and, where it is not the scheme's own, port, as they stand in the Host header."""
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    return host if origin.port == DEFAULT_PORTS[origin.scheme] else f"{host}:{origin.port}"


def head_start(method: str, target: bytes, headers: Iterable[tuple[bytes, bytes]], origin: Origin) -> bytes:
    """The head of a request but for the lines about its body; the same for every call that differs only in that.

    ``target``: path and query in origin form, percent-encoded, ASCII. ``headers``: without host, content-length,
    transfer-encoding, connection and accept-encoding. Raises InvalidCall where any of it would break the head.
    """
    if not (method.isalpha() and method.isascii() and target[:1] == b"/" and target.isascii() and b" " not in target):
        raise InvalidCall("The method or path of this call cannot be sent to a provider.")
    lines = [_NAMES[name] + value for name, value in headers]
    joined = b"".join(lines)
    if (joined + target).translate(None, _HARMLESS) != b"\r\n" * len(lines):
        raise InvalidCall("A header or the path of this call holds a line break or another control character.")
    host = authority(origin).encode("ascii")
    return b"%s %s HTTP/1.1\r\nhost: %s\r\naccept-encoding: identity%s" % (method.encode(), target, host, joined)


def request_head(outbound: Outbound) -> bytes:
    """The whole head of ``outbound``, blank line included."""
    start, body = outbound.start, outbound.body
    if start is None:
        start = head_start(outbound.method, outbound.target, outbound.headers, outbound.origin)
    if isinstance(body, bytes) and body:
        return b"%s\r\ncontent-length: %d\r\n\r\n" % (start, len(body))
    return start + _framing(outbound) + b"\r\n\r\n"


def _framing(outbound: Outbound) -> bytes:
    """The line that says how long the body is, or nothing where there is none to speak of."""
    body = outbound.body
    if isinstance(body, bytes):
        return b"\r\ncontent-length: 0" if outbound.method in {"POST", "PUT", "PATCH"} else b""
    if outbound.content_length is not None:
        return b"\r\ncontent-length: %d" % outbound.content_length
    return b"\r\ntransfer-encoding: chunked"
