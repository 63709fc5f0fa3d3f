from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberway.wire.header_lines import BadHead, header_lines, headers_in

NAMES = st.from_regex(rb"[a-z0-9-]{1,12}", fullmatch=True)
VALUES = st.binary(max_size=12).map(lambda value: value.translate(None, b"\r\n\0"))


@given(st.lists(st.tuples(NAMES, VALUES), max_size=6))
def test_what_is_written_is_read_as_it_was(headers: list[tuple[bytes, bytes]]) -> None:
    assert headers_in(header_lines(headers)) == headers


@pytest.mark.parametrize(
    "header",
    [
        (b"x-a", b"1\r\nx-b: 2"), (b"x-a", b"\n"), (b"x-a", b"\r"), (b"x-a", b"\0"), (b"", b"1"), (b"x a", b"1"),
        (b"X-A", b"1"), (b"x:", b"1"), (b"x\r\ny", b"1"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("others", [[], [(b"x-a", b"1"), (b"x-b", b"2")]])
def test_no_header_can_add_a_line(header: tuple[bytes, bytes], others: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(BadHead):
        header_lines([*others, header])
