from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberway.server.response_head import all_lines, asks_to_close, check_length, signature
from emberway.wire.header_lines import BadHead

OURS = signature("Thu, 01 Jan 1970 00:00:00 GMT")
ADDED = b"\r\nserver: emberway\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT"


def test_headers_keep_their_order_and_repetitions():
    headers = [(b"set-cookie", b"a=1"), (b"x-a", b"2"), (b"set-cookie", b"b=3")]

    assert all_lines(headers, dict(headers), OURS) == ADDED + b"\r\nset-cookie: a=1\r\nx-a: 2\r\nset-cookie: b=3"


def test_the_same_headers_read_the_same_the_second_time():
    headers = [(b"x-never-seen-before", b"1"), (b"date", b"x"), (b"connection", b"close"), (b"x-a", b"2")]

    assert all_lines(headers, dict(headers), OURS) == all_lines(headers, dict(headers), OURS)
    assert (
        all_lines(headers, dict(headers), OURS)
        == b"\r\nserver: emberway\r\nx-never-seen-before: 1\r\ndate: x\r\nx-a: 2"
    )


def test_what_frames_the_answer_is_not_the_applications_to_say():
    headers = [(b"transfer-encoding", b"chunked"), (b"connection", b"keep-alive"), (b"x-a", b"1")]

    assert all_lines(headers, dict(headers), OURS) == ADDED + b"\r\nx-a: 1"


@given(st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=8)), max_size=5))
def test_no_header_can_add_a_line(headers: list[tuple[bytes, bytes]]):
    try:
        block = all_lines(headers, dict(headers), OURS)
    except BadHead:
        return

    lines = block.split(b"\r\n")
    assert len(lines) <= 1 + 2 + len(headers)
    assert b"\r" not in b"".join(lines)
    assert b"\n" not in b"".join(lines)
    assert b"\0" not in block


@pytest.mark.parametrize(
    ("value", "asks"), [(b"close", True), (b" Close ", True), (b"keep-alive", False), (b"closed", False)]
)
def test_only_close_asks_to_close(value: bytes, asks: bool):
    assert asks_to_close([(b"connection", value)]) is asks


@pytest.mark.parametrize(
    "values", [(b"1", b"1"), (b"1x",), (b"-1",), (b"",), ("\N{SUPERSCRIPT TWO}".encode("latin-1"),)]
)
def test_a_length_is_one_number(values: tuple[bytes, ...]):
    with pytest.raises(BadHead):
        check_length([(b"content-length", value) for value in values])
