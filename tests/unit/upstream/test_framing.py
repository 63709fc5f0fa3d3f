"""What headers say to the connection, and what they say to the client."""

from __future__ import annotations

from math import inf

import pytest

from emberway.upstream.failures import Malformed
from emberway.upstream.framing import end_to_end, packing, peer_keeps


def test_headers_of_the_connection_and_those_it_names_are_left_out() -> None:
    headers = [(b"connection", b"close , X-One,te"), (b"x-one", b"1"), (b"x-two", b"2"), (b"keep-alive", b"timeout=5")]

    assert end_to_end(headers) == [(b"x-two", b"2")]


def test_a_connection_header_cannot_take_the_length_or_type_of_the_body_away() -> None:
    headers = [(b"connection", b"content-length, content-type"), (b"content-length", b"2"), (b"content-type", b"a/b")]

    assert end_to_end(headers) == headers[1:]


@pytest.mark.parametrize(
    ("said", "understood"),
    [(b"gzip", b"gzip"), (b" GZip ", b"gzip"), (b"x-gzip", b"gzip"), (b"deflate", b"deflate"), (b"identity", b"")],
)
def test_one_layer_of_a_known_packing_is_understood(said: bytes, understood: bytes) -> None:
    assert packing(said) == understood


@pytest.mark.parametrize("said", [b"br", b"zstd", b"gzip, gzip", b"gzip,deflate", b"compress", b"\xff"])
def test_other_packings_are_refused(said: bytes) -> None:
    with pytest.raises(Malformed, match="content-encoding"):
        packing(said)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        (b"timeout=5", 5),
        (b"timeout=5, max=100", 5),
        (b'max=100,Timeout = "75"', 75),
        (b"max=100", inf),
        (b"", inf),
        (b"timeout=soon", inf),
        (b"xtimeout=5", inf),
        (b"timeout=99999999999999999999", 999999999),
    ],
)
def test_a_peer_may_say_how_long_it_keeps_an_idle_connection(said: bytes, seconds: float) -> None:
    assert peer_keeps(said) == seconds
