"""Raw requests, most of them such as no client should send, each with what must come back: written for this server.

Every payload is followed on its connection by one more request, `LAST`. It is answered if, and only if, the payload was
understood: a refusal ends the connection, so that no two readers can disagree about where the next request begins.
"""

from __future__ import annotations

from dataclasses import dataclass

LAST = b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
LAST_SEEN = b"GET /last ?= ="


@dataclass(frozen=True, slots=True)
class Case:
    """``seen``: what the application saw, one line a request; ``refused``: the status that ended the connection."""

    name: str
    payload: bytes
    seen: tuple[bytes, ...] = ()
    refused: int | None = None
    is_last: bool = False
    """Whether the connection ends after ``seen`` without a refusal."""

    @property
    def answers(self) -> list[tuple[int, bytes]]:
        """Status and body of each answer; the body of a refusal is left out."""
        taken = [(200, body) for body in self.seen]
        if self.refused:
            return [*taken, (self.refused, b"")]
        return taken if self.is_last else [*taken, (200, LAST_SEEN)]


def taken(name: str, payload: bytes, *seen: bytes) -> Case:
    """Understood, and the connection goes on."""
    return Case(name, payload, seen)


def ends(name: str, payload: bytes, *seen: bytes) -> Case:
    """Understood, and the connection ends."""
    return Case(name, payload, seen, is_last=True)


def refused(name: str, payload: bytes, *seen: bytes, status: int = 400) -> Case:
    """Answered with a refusal after ``seen``."""
    return Case(name, payload, seen, refused=status)


def _get(*lines: bytes) -> bytes:
    return b"\r\n".join((b"GET / HTTP/1.1", b"Host: a", *lines, b"", b""))


def _line(line: bytes) -> bytes:
    return line + b"\r\nHost: a\r\n\r\n"


def _post(*lines: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join((b"POST / HTTP/1.1", b"Host: a", *lines, b"", body))


def _chunked(body: bytes) -> bytes:
    return _post(b"Transfer-Encoding: chunked", body=body)


SEEN = b"GET / ?= ="
POSTED = b"POST / ?= =abc"

LENGTHS = (
    taken("a length", _post(b"Content-Length: 3", body=b"abc"), POSTED),
    taken("a length with spaces around", _post(b"Content-Length: \t 3 \t", body=b"abc"), POSTED),
    taken("a length with leading zeros", _post(b"Content-Length: 0003", body=b"abc"), POSTED),
    taken("a length of zero", _post(b"Content-Length: 0"), b"POST / ?= ="),
    taken("a GET with a body", _get(b"Content-Length: 3") + b"abc", b"GET / ?= =abc"),
    taken("a POST that says nothing of a body", _post(), b"POST / ?= ="),
    *(
        refused(f"the length {value!r}", _post(b"Content-Length: " + value, body=b"abc"))
        for value in (
            *(b"+3", b"-3", b"0x3", b"3, 3", b"3,3", b"3 3", b"3;", b"3a", b"a", b"\xb3", b"3_0", b"3.0", b"", b"1e1"),
            *(b"18446744073709551616", b"99999999999999999999999999", b"\x0b3", b"3\x00", b'"3"', b"\xef\xbc\x93"),
        )
    ),
    refused("two lengths that differ", _post(b"Content-Length: 3", b"Content-Length: 4", body=b"abc")),
    refused("two lengths that agree", _post(b"Content-Length: 3", b"content-length: 3", body=b"abc")),
    refused("a length under another spelling first", _post(b"content-LENGTH: 3", b"Content-Length: 0", body=b"abc")),
)

CODINGS = (
    taken("chunks", _chunked(b"3\r\nabc\r\n0\r\n\r\n"), POSTED),
    taken("chunks announced in capitals", _post(b"Transfer-Encoding: CHUNKED", body=b"3\r\nabc\r\n0\r\n\r\n"), POSTED),
    taken("a coding with spaces", _post(b"Transfer-Encoding: \tchunked ", body=b"3\r\nabc\r\n0\r\n\r\n"), POSTED),
    refused("length then chunks", _post(b"Content-Length: 3", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    refused("chunks then length", _post(b"Transfer-Encoding: chunked", b"Content-Length: 3", body=b"0\r\n\r\n")),
    refused(
        "chunks and a length of zero", _post(b"Transfer-Encoding: chunked", b"Content-Length: 0", body=b"0\r\n\r\n")
    ),
    refused("chunks twice", _post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    refused("chunks, then another", _post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: x", body=b"0\r\n\r\n")),
    refused("another, then chunks", _post(b"Transfer-Encoding: x", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n")),
    refused("a coding before a space and a colon", _post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n")),
    refused("a coding on a folded line", _post(b"Transfer-Encoding:", b" chunked", body=b"0\r\n\r\n")),
    refused("a coding after a bare line feed", _post(b"X: y\nTransfer-Encoding: chunked", body=b"0\r\n\r\n")),
    *(
        refused(f"the coding {value!r}", _post(b"Transfer-Encoding: " + value, body=b"0\r\n\r\n"))
        for value in (
            *(b"xchunked", b"chunkedx", b"x", b"identity", b"gzip", b"gzip, chunked", b"identity, chunked"),
            *(b"chunked, identity", b"chunked, chunked", b"chunked,", b", chunked", b"chunked;q=1", b'"chunked"', b""),
            *(b"\x0bchunked", b"\x00chunked", b"chunked\x00", b"chun\tked", b"ch\xfcnked", b"[chunked]"),
        )
    ),
    refused("chunks in HTTP/1.0", b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    refused(
        "chunks in HTTP/1.0 that is kept alive",
        b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
)

CHUNKS = (
    taken("several chunks", _chunked(b"1\r\na\r\n02\r\nbc\r\n00\r\n\r\n"), POSTED),
    taken(
        "hexadecimal sizes",
        _chunked(b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n"),
        b"POST / ?= =" + b"0123456789" * 2,
    ),
    taken("a chunk with an extension", _chunked(b"3;a=b\r\nabc\r\n0;c\r\n\r\n"), POSTED),
    taken("a quoted extension", _chunked(b'3;a="b;\\"\\\\"\r\nabc\r\n0\r\n\r\n'), POSTED),
    taken("trailers", _chunked(b"3\r\nabc\r\n0\r\nA: b\r\nHost: c\r\n\r\n"), POSTED),
    refused("a length in the trailers", _chunked(b"3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n")),
    refused("a coding in the trailers", _chunked(b"3\r\nabc\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n")),
    refused("a folded trailer", _chunked(b"3\r\nabc\r\n0\r\nA: b\r\n c\r\n\r\n")),
    refused("a trailer with a space before its colon", _chunked(b"3\r\nabc\r\n0\r\nA : b\r\n\r\n")),
    taken("zeros before a size", _chunked(b"0" * 40 + b"3\r\nabc\r\n0\r\n\r\n"), POSTED),
    *(
        refused(f"the chunk {chunk[:24]!r}", _chunked(chunk + b"\r\n0\r\n\r\n"))
        for chunk in (
            *(
                b"3\nabc",
                b"3\r\nabcd",
                b"4\r\nabc",
                b"3 \r\nabc",
                b" 3\r\nabc",
                b"0x3\r\nabc",
                b"+3\r\nabc",
                b"-3\r\nabc",
            ),
            *(
                b"3;\r\nabc",
                b"3;a\nb\r\nabc",
                b"3;a\rb\r\nabc",
                b"3 ;a\r\nabc",
                b"3;\x00\r\nabc",
                b"3;a=\xff\x00\r\nabc",
            ),
            *(
                b"\r\nabc",
                b"g\r\nabc",
                b"fffffffffffffffff\r\nabc",
                b"3\r\nabc\r",
                b"3\r\nabc\n",
                b"3,\r\nabc",
                b"3\x00\r\nabc",
            ),
            *(b"3\r\r\nabc", b"3\r\n\r\nabc", b"1_0\r\nabc", b'3;a="b\r\n"\r\nabc'),
        )
    ),
    refused("chunk data that ends in a bare line feed", _chunked(b"3\r\nabc\n0\r\n\r\n")),
    refused("chunk data that ends in nothing", _chunked(b"3\r\nabc0\r\n\r\n")),
    refused("a last line of the chunks without CR", _chunked(b"3\r\nabc\r\n0\r\n\n")),
)

LINES = (
    taken("a plain GET", _get(), SEEN),
    taken("empty lines first", b"\r\n\r\n" + _get(), SEEN),
    taken("a query", _line(b"GET /a/b?c=d&e HTTP/1.1"), b"GET /a/b ?c=d&e= ="),
    taken("two question marks", _line(b"GET /a?b?c HTTP/1.1"), b"GET /a ?b?c= ="),
    taken("an escaped path", _line(b"GET /a%20%C3%A9%2f HTTP/1.1"), "GET /a é/ ?= =".encode()),
    taken("a path that begins with two slashes", _line(b"GET //a/b HTTP/1.1"), b"GET //a/b ?= ="),
    # A recipient may take the words of the line however they are spaced (RFC 9112 section 3); nothing is framed by it.
    taken("two spaces after the method", _line(b"GET  / HTTP/1.1"), SEEN),
    taken("two spaces after the target", _line(b"GET /  HTTP/1.1"), SEEN),
    ends("HTTP/1.0 without a Host", b"GET / HTTP/1.0\r\n\r\n", SEEN),
    ends("HTTP/1.0 with a Host", b"GET / HTTP/1.0\r\nHost: a\r\n\r\n", SEEN),
    taken("HTTP/1.0 that is kept alive", b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", SEEN),
    ends("HTTP/1.1 that asks to close", _get(b"Connection: close"), SEEN),
    ends("HTTP/1.1 that asks to close among others", _get(b"Connection: x, Close"), SEEN),
    ends("close and keep-alive", _get(b"Connection: keep-alive", b"Connection: close"), SEEN),
    taken("an upgrade to WebSocket", _get(b"Connection: upgrade", b"Upgrade: websocket"), SEEN),
    taken(
        "an upgrade to h2c with a body",
        _post(
            b"Connection: Upgrade, HTTP2-Settings",
            b"Upgrade: h2c",
            b"HTTP2-Settings: A",
            b"Content-Length: 3",
            body=b"abc",
        ),
        POSTED,
    ),
    taken(
        "an upgrade to h2c with chunks",
        _post(b"Connection: Upgrade", b"Upgrade: h2c", b"Transfer-Encoding: chunked", body=b"3\r\nabc\r\n0\r\n\r\n"),
        POSTED,
    ),
    ends("an upgrade that asks to close too", _get(b"Connection: upgrade, close", b"Upgrade: h2c"), SEEN),
    ends("an upgrade in HTTP/1.0", b"GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", SEEN),
    refused(
        "an upgrade, then a request that is refused",
        _get(b"Connection: upgrade", b"Upgrade: h2c") + _line(b"GET * HTTP/1.1"),
        SEEN,
    ),
    taken("an upgrade that nobody connects with", _get(b"Upgrade: h2c"), SEEN),
    *(
        refused(f"the line {line[:40]!r}", _line(line))
        for line in (
            *(b"GET http://a/ HTTP/1.1", b"GET HTTP://A/ HTTP/1.1", b"GET https://a HTTP/1.1", b"GET a HTTP/1.1"),
            *(
                b"OPTIONS * HTTP/1.1",
                b"GET * HTTP/1.1",
                b"CONNECT a:1 HTTP/1.1",
                b"CONNECT / HTTP/1.1",
                b"GET ? HTTP/1.1",
            ),
            *(
                b"GET /a b HTTP/1.1",
                b"GET /\xff HTTP/1.1",
                b"GET /\x00 HTTP/1.1",
                b"GET /\t HTTP/1.1",
                b"GET /\x7f HTTP/1.1",
            ),
            *(
                b"GET /a#b HTTP/1.1",
                b"GET /a?b#c HTTP/1.1",
                b"GET a:80 HTTP/1.1",
                b"GET \\a HTTP/1.1",
                b"GET @a/ HTTP/1.1",
            ),
            *(
                b"get / HTTP/1.1",
                b"GETX / HTTP/1.1",
                b"G\x00T / HTTP/1.1",
                b" GET / HTTP/1.1",
                b"GET\t/ HTTP/1.1",
                b"/ HTTP/1.1",
            ),
            *(
                b"GET / http/1.1",
                b"GET / HTTP/1.2",
                b"GET / HTTP/1.10",
                b"GET / HTTP/1",
                b"GET / HTTP/1,1",
                b"GET / HTTP/3.0",
            ),
            *(
                b"GET / HTTP/1.1 ",
                b"GET / XTTP/1.1",
                b"PRI * HTTP/2.0",
                b"GET / HTTP/1.1\r",
                b"\x16\x03\x01",
            ),
        )
    ),
    refused("HTTP/2.0 in words", _line(b"GET / HTTP/2.0"), status=505),
    refused("HTTP/0.9 in words", _line(b"GET / HTTP/0.9"), status=505),
    refused("a line without a version", _line(b"GET /"), status=505),
    refused("a line without a space", _line(b"GET /HTTP/1.1"), status=505),
    refused("a line that ends in a bare line feed", b"GET / HTTP/1.1\nHost: a\r\n\r\n"),
    refused("a line of 20 KiB", _line(b"GET /" + b"a" * 20_000 + b" HTTP/1.1"), status=414),
)

HEADERS = (
    taken("a header without a value", _get(b"A:", b"B: c"), SEEN),
    taken("a header in Latin-1", _get(b"A: \xe9"), SEEN),
    taken("a host with a port", b"GET / HTTP/1.1\r\nHost: example.org:80\r\n\r\n", SEEN),
    taken("a host in brackets", b"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", SEEN),
    taken("an empty host", b"GET / HTTP/1.1\r\nHost:\r\n\r\n", SEEN),
    taken("200 headers", _get(*(b"A: b" for _ in range(199))), SEEN),
    refused("no host", b"GET / HTTP/1.1\r\nA: b\r\n\r\n"),
    refused("no host in an upgrade", b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"),
    refused("two hosts", _get(b"Host: b")),
    refused("two hosts that agree", _get(b"host: a")),
    refused("two hosts in HTTP/1.0", b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
    *(
        refused(f"the host {host!r}", b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
        for host in (b"a b", b"a/b", b"a\\b", b"a?b", b"a#b", b"a@b", b"\xe9", b'"a"', b"a\tb", b"a" * 400)
    ),
    *(
        refused(f"the header {line!r}", _get(line))
        for line in (
            *(
                b"A : b",
                b"A\t: b",
                b" A: b",
                b"\tA: b",
                b": b",
                b"A b",
                b"A",
                b"A\x00: b",
                b"A: b\x00c",
                b"A: b\x01",
                b"A: \x7f",
            ),
            *(
                b"A: b\rc",
                b"A: b\nB: c",
                b"A: b\r\n c",
                b"A: b\r\n\tc",
                b"A\xe9: b",
                b"A(: b",
                b"A: b\n",
                b"\rA: b",
                b"A: \x0b",
            ),
        )
    ),
    refused("a head that ends in a bare line feed", b"GET / HTTP/1.1\r\nHost: a\r\n\n"),
    refused("a head that ends in a bare carriage return", b"GET / HTTP/1.1\r\nHost: a\r\n\rX"),
    refused("a folded first header", b"GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    refused("201 headers", _get(*(b"A: b" for _ in range(200))), status=431),
    refused("10,000 headers", _get(*(b"A: b" for _ in range(10_000))), status=431),
    refused("a header of 70 KB", _get(b"A: " + b"b" * 70_000), status=431),
    refused("a header name of 70 KB", _get(b"A" * 70_000 + b": b"), status=431),
    refused("200 KB of header", _get(b"A: " + b"b" * 200_000), status=431),
    refused("100 KB of empty lines", b"\r\n" * 50_000, status=431),
)

SEQUENCES = (
    taken("two requests", _get() + _post(b"Content-Length: 3", body=b"abc"), SEEN, POSTED),
    taken("chunks, then a GET", _chunked(b"3\r\nabc\r\n0\r\n\r\n") + _get(), POSTED, SEEN),
    taken("a hundred requests", _get() * 100, *(SEEN,) * 100),
    taken(
        "a body that looks like a request",
        _post(b"Content-Length: 26", body=b"GET /x HTTP/1.1\r\nHost: a\r\n"),
        b"POST / ?= =GET /x HTTP/1.1\r\nHost: a\r\n",
    ),
    refused("a good one, then a bad one", _get() + _line(b"GET http://a/ HTTP/1.1"), SEEN),
    refused("a good one, then one without sense", _get() + b"\x00\x01\x02", SEEN),
    refused("a body one byte too long", _post(b"Content-Length: 2", body=b"abc"), b"POST / ?= =ab"),
    refused("a body cut by an upgrade", _get(b"Connection: upgrade", b"Upgrade: x") + b"\x81\x85", SEEN),
    ends("data after the last request", _get(b"Connection: close") + b"\x00\x01\x02", SEEN),
    ends("a request after the last", _get(b"Connection: close") + _get(), SEEN),
)

CASES = (*LENGTHS, *CODINGS, *CHUNKS, *LINES, *HEADERS, *SEQUENCES)
