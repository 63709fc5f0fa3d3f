from __future__ import annotations

import contextlib
import gzip
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberway.edge.body import ClientGone, Message, declared_length, no_body, read_whole, stream, unpack
from emberway.errors import InvalidCall, TooLarge, UnsupportedEncoding

LIMIT = 100_000
GONE: Message = {"type": "http.disconnect"}


class Wire:
    """An ASGI server's side of one request: hands out these messages, and counts how many were asked for."""

    def __init__(self, *messages: Message) -> None:
        self._messages = list(messages)
        self.asked = 0

    async def receive(self) -> dict[str, Any]:
        self.asked += 1
        return self._messages[self.asked - 1]


def pieces(*bodies: bytes) -> list[Message]:
    """A body in pieces, the last of which says so."""
    last = len(bodies) - 1
    return [{"type": "http.request", "body": body, "more_body": number < last} for number, body in enumerate(bodies)]


@pytest.mark.anyio
@pytest.mark.parametrize("bodies", [[b"abc"], [b"a", b"b", b"c"], [b"", b"abc", b""], [b"abc", b""]])
async def test_a_body_is_the_same_in_one_piece_or_many(bodies: list[bytes]) -> None:
    assert await read_whole(Wire(*pieces(*bodies)).receive, {}, LIMIT) == b"abc"


@pytest.mark.anyio
async def test_a_message_without_a_body_counts_as_an_empty_piece() -> None:
    wire = Wire({"type": "http.request", "more_body": True}, {"type": "http.request"})

    assert await read_whole(wire.receive, {}, LIMIT) == b""


@pytest.mark.anyio
async def test_a_body_may_be_as_large_as_the_limit_and_no_larger() -> None:
    assert len(await read_whole(Wire(*pieces(b"x" * LIMIT)).receive, {}, LIMIT)) == LIMIT
    with pytest.raises(TooLarge, match=f"larger than {LIMIT} bytes"):
        await read_whole(Wire(*pieces(b"x" * LIMIT, b"x")).receive, {}, LIMIT)


@pytest.mark.anyio
async def test_reading_stops_where_the_limit_is_passed() -> None:
    wire = Wire(*pieces(b"x" * LIMIT, b"x", b"never asked for"))

    with pytest.raises(TooLarge):
        await read_whole(wire.receive, {}, LIMIT)
    assert wire.asked == 2


@pytest.mark.parametrize(("given", "length"), [(None, None), (b"0", 0), (b"100000", LIMIT)])
def test_the_declared_length_is_read(given: bytes | None, length: int | None) -> None:
    assert declared_length({} if given is None else {b"content-length": given}, LIMIT) == length


@pytest.mark.parametrize("given", [b"", b"-1", b"+1", b"1.0", b" 1", b"0x10", b"1,1", "²".encode()])
def test_a_length_that_is_no_number_is_refused(given: bytes) -> None:
    with pytest.raises(InvalidCall) as raised:
        declared_length({b"content-length": given}, LIMIT)

    assert raised.value.param == "content-length"


@pytest.mark.parametrize("given", [b"100001", b"9" * 30])
def test_a_length_beyond_the_limit_is_refused_before_anything_is_read(given: bytes) -> None:
    with pytest.raises(TooLarge):
        declared_length({b"content-length": given}, LIMIT)


@pytest.mark.anyio
@pytest.mark.parametrize("before", [[], [{"type": "http.request", "body": b"{", "more_body": True}]])
async def test_a_client_that_leaves_while_it_is_read_leaves_nobody_to_answer(before: list[Message]) -> None:
    with pytest.raises(ClientGone):
        await read_whole(Wire(*before, GONE).receive, {}, LIMIT)


def test_a_missing_body_is_told_from_a_client_that_left() -> None:
    missing = no_body({"type": "http.request", "body": b""})

    assert isinstance(missing, InvalidCall)
    assert missing.code == "missing_body"
    assert isinstance(no_body(GONE), ClientGone)


# Packed bodies.


@pytest.mark.anyio
async def test_a_packed_body_is_unpacked_however_it_is_cut() -> None:
    packed = gzip.compress(b'{"a": "b"}' * 10)
    bodies = [packed[start : start + 3] for start in range(0, len(packed), 3)]

    assert await read_whole(Wire(*pieces(*bodies)).receive, {b"content-encoding": b"gzip"}, LIMIT) == b'{"a": "b"}' * 10


@pytest.mark.parametrize("encoding", [b"gzip", b"GZIP", b" gzip "])
@given(body=st.binary(max_size=2000))
def test_what_was_packed_comes_out_again(encoding: bytes, body: bytes) -> None:
    assert unpack(gzip.compress(body), encoding, LIMIT) == body


@pytest.mark.parametrize("encoding", [b"identity", b"Identity", b"", b" "])
def test_a_body_that_is_not_packed_is_the_same_object(encoding: bytes) -> None:
    body = b"{}"

    assert unpack(body, encoding, LIMIT) is body


@pytest.mark.parametrize("encoding", [b"br", b"zstd", b"deflate", b"gzip, gzip", b"gzip,br", b"x-gzip", b"\xff"])
def test_any_other_packing_is_refused_by_name(encoding: bytes) -> None:
    with pytest.raises(UnsupportedEncoding, match="packed once with gzip") as raised:
        unpack(b"x", encoding, LIMIT)

    assert (raised.value.status, raised.value.param) == (415, "content-encoding")


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1])
def test_an_unpacked_body_is_held_to_the_same_limit(size: int) -> None:
    noise = b"".join(zlib.crc32(b"%d" % number).to_bytes(4, "big") for number in range(LIMIT // 4 + 1))[:size]

    if size <= LIMIT:
        assert unpack(gzip.compress(noise), b"gzip", LIMIT) == noise
    else:
        with pytest.raises(TooLarge):
            unpack(gzip.compress(noise), b"gzip", LIMIT)


@pytest.mark.parametrize("byte", [b"\x00", b" ", b"[", b'{"a":'])
def test_a_bomb_is_not_unpacked_beyond_a_hundred_times_its_size(byte: bytes) -> None:
    bomb = gzip.compress(byte * (4_000_000 // len(byte)))

    with pytest.raises(TooLarge, match=f"larger than {100 * len(bomb)} bytes"):
        unpack(bomb, b"gzip", 50_000_000)


def test_a_small_body_may_be_packed_well() -> None:
    assert unpack(gzip.compress(b" " * 1000), b"gzip", LIMIT) == b" " * 1000


@pytest.mark.parametrize("kept", range(40))
def test_a_packed_body_that_is_cut_is_refused(kept: int) -> None:
    packed = gzip.compress(b"The quick brown fox jumps over the lazy dog")

    with pytest.raises(InvalidCall, match="cut short"):
        unpack(packed[:kept], b"gzip", LIMIT)


@pytest.mark.parametrize("after", [b"x", b"\x00", gzip.compress(b"another")])
def test_a_packed_body_that_something_follows_is_refused(after: bytes) -> None:
    with pytest.raises(InvalidCall, match="followed by something else"):
        unpack(gzip.compress(b"{}") + after, b"gzip", LIMIT)


@pytest.mark.parametrize("body", [b"{}", zlib.compress(b"{}"), b"\x1f\x8bnonsense", b"\x00" * 30])
def test_a_body_that_is_no_gzip_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidCall, match="is said to be gzip and is not"):
        unpack(body, b"gzip", LIMIT)


@given(body=st.binary(max_size=60), at=st.integers(0, 200), to=st.integers(0, 255))
def test_a_damaged_body_is_refused_or_harmless_and_never_a_fault(body: bytes, at: int, to: int) -> None:
    packed = bytearray(gzip.compress(body))
    packed[at % len(packed)] = to

    with contextlib.suppress(InvalidCall, TooLarge):
        # Only in a head that names no content can a byte be changed without the checksum noticing.
        assert unpack(bytes(packed), b"gzip", LIMIT) == body


# Uploads.


async def taken(wire: Wire, limit: int = LIMIT) -> list[bytes]:
    return [piece async for piece in stream(wire.receive, limit)]


@pytest.mark.anyio
async def test_an_upload_passes_in_the_pieces_in_which_it_came() -> None:
    assert await taken(Wire(*pieces(b"a", b"", b"bc", b""))) == [b"a", b"bc"]


@pytest.mark.anyio
async def test_an_upload_is_taken_as_it_is_wanted_and_not_ahead() -> None:
    wire = Wire(*pieces(b"a", b"b", b"c"))
    upload = stream(wire.receive, LIMIT)

    assert (await anext(upload), wire.asked) == (b"a", 1)
    await upload.aclose()


@pytest.mark.anyio
async def test_an_upload_is_held_to_its_limit_while_it_passes() -> None:
    wire = Wire(*pieces(b"aaa", b"bbb", b"never asked for"))

    with pytest.raises(TooLarge):
        await taken(wire, limit=5)
    assert wire.asked == 2


@pytest.mark.anyio
async def test_an_upload_whose_client_leaves_does_not_end_as_if_it_were_whole() -> None:
    with pytest.raises(ClientGone):
        await taken(Wire({"type": "http.request", "body": b"a", "more_body": True}, GONE))
