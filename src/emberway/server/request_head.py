"""Judges a request's head: what llhttp lets pass and two readers could still understand in two ways is refused here.

llhttp itself, with all its leniencies off, refuses content-length beside transfer-encoding, a content-length that is
repeated, signed or not decimal, line breaks without CR, folded lines, spaces before a colon, and control characters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from urllib.parse import unquote

from emberway.server.limits import ServerLimits
from emberway.server.refusal import Refused, bad_http

Headers = Sequence[tuple[bytes, bytes]]

MOST_HOST = 300
"""Bytes of a Host header: a name has at most 253 (RFC 1035), a port 6."""
REMEMBERED = 256
"""Targets and hosts whose verdict is kept: nearly every request names one that came before (0.3 µs each)."""
_HOST_BYTES = bytes({*range(0x30, 0x3A), *range(0x41, 0x5B), *range(0x61, 0x7B), *b"-._~!$&'()*+,;=%:[]"})
_PER_LINE = 4
"""Bytes of a header line besides its name and value."""


@lru_cache(REMEMBERED)
def split_target(target: bytes) -> tuple[str, bytes, bytes]:
    """Path decoded, path as sent, query. Only the origin form (RFC 9112 section 3.2.1): nobody's proxy is here."""
    if target[:1] != b"/" or b"#" in target or not target.isascii():
        raise bad_http("its target must be a path that begins with a slash")
    raw, _, query = target.partition(b"?")
    return unquote(raw.decode("ascii")), raw, query


def check_host(headers: Headers, named: Mapping[bytes, bytes], *, is_required: bool) -> None:
    """Exactly one Host that could be one; HTTP/1.0 may do without (RFC 9112 section 3.2)."""
    host = named.get(b"host")
    if host is None:
        if is_required:
            raise bad_http("it has no Host header")
    elif len(headers) != len(named) and sum(name == b"host" for name, _ in headers) > 1:
        raise bad_http("it has more than one Host header")
    elif not _could_be_host(host):
        raise bad_http("its Host header is not a host")


@lru_cache(REMEMBERED)
def _could_be_host(value: bytes) -> bool:
    return len(value) <= MOST_HOST and not value.translate(None, _HOST_BYTES)


def check_codings(headers: Headers, *, is_1_1: bool) -> None:
    """Chunked and nothing else: llhttp also reads ``gzip, chunked``, and chunks in HTTP/1.0."""
    codings = [value.lower() for name, value in headers if name == b"transfer-encoding"]
    if codings != [b"chunked"] or not is_1_1:
        raise bad_http("its transfer-encoding is not chunked alone")


def size_of(target: bytes, headers: Headers) -> int:
    """Bytes of a head, but for the method and version."""
    return len(target) + sum(len(name) + len(value) + _PER_LINE for name, value in headers)


def check_size(target: bytes, headers: Headers, size: int, limits: ServerLimits) -> None:
    """Refuse a head beyond the bounds, whether it is complete or not."""
    if len(target) > limits.target_bytes:
        raise Refused(414, "uri_too_long", f"The path and query are longer than {limits.target_bytes} bytes.")
    if len(headers) > limits.headers or size > limits.head_bytes:
        most = f"{limits.headers} lines and {limits.head_bytes} bytes"
        raise Refused(431, "headers_too_large", f"There may be {most} of headers. Send fewer or shorter ones.")


def without_upgrade(headers: Headers) -> bytes:
    """The same header lines without the wish for another protocol, and the blank line that ends a head."""
    lines = [b"%s: %s\r\n" % header for header in headers if header[0] not in (b"upgrade", b"http2-settings")]
    return b"".join(lines) + b"\r\n"
