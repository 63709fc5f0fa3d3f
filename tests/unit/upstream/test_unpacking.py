"""Packed bodies: whole, in pieces, broken, and far larger than they look."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberway.upstream.failures import Malformed
from emberway.upstream.unpacking import FREE_OF_RATIO, MOST_RATIO, WINDOW, Unpacker


def bare(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


PACKERS = {b"gzip": [gzip.compress], b"deflate": [zlib.compress, bare]}


def unpacked(packing: bytes, pieces: list[bytes]) -> bytes:
    unpacker = Unpacker(packing)
    body = b""
    for piece in pieces:
        body += unpacker.unpack(piece)
        while unpacker.has_more:
            body += unpacker.unpack(b"")
    unpacker.finish()
    return body


@given(body=st.binary(max_size=2000), cut=st.integers(1, 50))
def test_a_body_is_unpacked_however_it_is_cut(body: bytes, cut: int) -> None:
    for packing, packers in PACKERS.items():
        for pack in packers:
            packed = pack(body)
            assert unpacked(packing, [packed[i : i + cut] for i in range(0, len(packed), cut)]) == body


def test_a_gzip_body_may_have_several_members() -> None:
    assert unpacked(b"gzip", [gzip.compress(b"one") + gzip.compress(b"two")]) == b"onetwo"


def test_an_empty_body_is_whole() -> None:
    assert unpacked(b"gzip", []) == b""


def test_one_step_yields_no_more_than_a_window() -> None:
    unpacker = Unpacker(b"gzip")

    steps = [len(unpacker.unpack(gzip.compress(bytes(FREE_OF_RATIO))))]
    while unpacker.has_more:
        steps.append(len(unpacker.unpack(b"")))

    assert sum(steps) == FREE_OF_RATIO
    assert max(steps) == WINDOW


def test_a_bomb_is_refused_long_before_its_end() -> None:
    bomb = gzip.compress(bytes(64 * 1024 * 1024))
    unpacker = Unpacker(b"gzip")

    unpacker.unpack(bomb)
    for _ in range(max(FREE_OF_RATIO, MOST_RATIO * len(bomb)) // WINDOW - 1):
        unpacker.unpack(b"")

    with pytest.raises(Malformed, match="200 times"):
        unpacker.unpack(b"")


def test_highly_repetitive_text_of_ordinary_length_is_no_bomb() -> None:
    body = b"The capital of France is Paris. " * 30_000

    assert unpacked(b"gzip", [gzip.compress(body)]) == body


@pytest.mark.parametrize("packed", [gzip.compress(b"hello")[:-1], zlib.compress(b"hello")[:3]])
def test_a_body_that_ends_early_is_not_taken_for_whole(packed: bytes) -> None:
    with pytest.raises(Malformed, match="ends early"):
        unpacked(b"gzip" if packed[:1] == b"\x1f" else b"deflate", [packed])


@pytest.mark.parametrize(
    "packed", [b"hello", gzip.compress(b"x" * 99)[:20] + b"\xff" * 40, gzip.compress(b"x") + b"more"]
)
def test_bytes_that_are_not_gzip_are_an_error(packed: bytes) -> None:
    with pytest.raises(zlib.error):
        unpacked(b"gzip", [packed])


def test_bytes_after_a_deflated_body_are_an_error() -> None:
    with pytest.raises(Malformed, match="follow"):
        unpacked(b"deflate", [zlib.compress(b"x") + b"more"])
