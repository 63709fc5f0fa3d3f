"""A head that is known again is read as llhttp reads it, or it is not known."""

from __future__ import annotations

from typing import Any

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberway.server.repetition import KEPT, known_head

HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: a.example\r\nX-Portkey-Api-Key: ew_1\r\nContent-Length: 5\r\n"
    b"Content-Type: application/json\r\n\r\n"
)
REQUEST = HEAD + b"hello"
LENGTH_LAST = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello"


class Read:
    """One request as llhttp reads it."""

    def __init__(self, data: bytes) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.target = self.body = b""
        self.whole = 0
        httptools.HttpRequestParser(self).feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value.rstrip()))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.whole += 1

    @property
    def scope(self) -> dict[str, Any]:
        return {"raw_path": self.target, "headers": self.headers}


def again(first: bytes, second: bytes) -> tuple[dict[str, Any], bytes] | None:
    known = known_head(first, Read(first).scope)
    assert known is not None
    return known.scope_and_body(second)


@pytest.mark.parametrize("request_bytes", [REQUEST, LENGTH_LAST])
def test_the_same_request_again_is_read_as_before(request_bytes: bytes) -> None:
    read = again(request_bytes, request_bytes)

    assert read is not None
    assert read[1] == b"hello"
    assert read[0]["headers"] == Read(request_bytes).headers


@pytest.mark.parametrize(("digits", "body"), [(b"0", b""), (b"12", b"hello, world"), (b"007", b"seven77")])
@pytest.mark.parametrize("request_bytes", [REQUEST, LENGTH_LAST])
def test_another_length_of_body_is_read_with_its_own_header(request_bytes: bytes, digits: bytes, body: bytes) -> None:
    other = request_bytes[:-5].replace(b": 5\r", b": " + digits + b"\r") + body

    read = again(request_bytes, other)

    assert read is not None
    assert read[1] == body
    assert read[0]["headers"] == Read(other).headers
    assert read[0]["extensions"][KEPT] == {}


def test_what_the_application_kept_is_there_the_next_time() -> None:
    known = known_head(REQUEST, Read(REQUEST).scope)
    assert known is not None
    known.kept["a"] = 1

    read = known.scope_and_body(REQUEST.replace(b": 5\r", b": 4\r")[:-1])

    assert read is not None
    assert read[0]["extensions"][KEPT] == {"a": 1}


@pytest.mark.parametrize(
    "other",
    [
        REQUEST + b"x",
        REQUEST[:-1],
        REQUEST + REQUEST,
        REQUEST.replace(b": 5\r", b": +5\r"),
        REQUEST.replace(b": 5\r", b": 5 \r"),
        REQUEST.replace(b": 5\r", b": \r"),
        REQUEST.replace(b": 5\r", b": 5\r\nContent-Length: 5\r"),
        REQUEST.replace(b"ew_1", b"ew_2"),
        REQUEST.replace(b"application", b"applications"),
        REQUEST.replace(b"\r\n\r\n", b"\r\nX-More: 1\r\n\r\n"),
        HEAD,
        b"",
    ],
)
def test_anything_else_is_left_to_the_parser(other: bytes) -> None:
    assert again(REQUEST, other) is None


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\nx: y\r\n\r\n\r\ncontent-length: 5\r\n",
        REQUEST + REQUEST,
        b"POST / HTTP/1.1\r\nhost: a\r\nContent-Length:5\r\n\r\nhello",
    ],
)
def test_a_request_that_is_not_alone_or_states_no_length_is_not_remembered(request_bytes: bytes) -> None:
    assert known_head(request_bytes, Read(REQUEST).scope) is None


EDITS = st.lists(
    st.tuples(st.integers(0, len(REQUEST) + 4), st.sampled_from([b"", b"\r", b"\n", b"\r\n", b"0", b"5", b":", b" "])),
    min_size=1,
    max_size=4,
)


@given(edits=EDITS, replaced=st.integers(0, 3))
def test_whatever_is_known_again_is_read_as_the_parser_reads_it(edits: list[tuple[int, bytes]], replaced: int) -> None:
    other = REQUEST
    for at, piece in edits:
        other = other[:at] + piece + other[at + replaced :]

    read = again(REQUEST, other)

    if read is not None:
        parsed = Read(other)
        assert (parsed.whole, parsed.headers, parsed.body) == (1, read[0]["headers"], read[1])
