from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise

import pytest

from emberway.cli.demo import Tally
from emberway.cli.demo_calls import KINDS, mixed
from emberway.cli.http import Answer, Site, post, site_of


def test_a_hundred_calls_hold_each_kind_as_often_as_its_share() -> None:
    assert sum(kind.share for kind in KINDS) == 100
    assert Counter(kind.name for kind in mixed(100)) == {kind.name: kind.share for kind in KINDS}


def test_kinds_are_mixed_and_not_in_rows() -> None:
    names = [kind.name for kind in mixed(100)]

    assert sum(one == other for one, other in pairwise(names)) < 10
    assert names == [kind.name for kind in mixed(100)]


def test_percentiles_are_times_that_were_really_seen() -> None:
    tally = Tally(KINDS[0], seconds=[number / 1000 for number in range(1, 201)])

    assert (tally.milliseconds(50), tally.milliseconds(99)) == (100.0, 198.0)
    assert Tally(KINDS[0], seconds=[0.25]).milliseconds(99) == 250.0


def test_an_answer_counts_by_what_its_kind_expects() -> None:
    busy = next(kind for kind in KINDS if kind.fault == "429")
    tally = Tally(busy)

    tally.add(Answer(429, b"{}", 0.1))
    tally.add(Answer(200, b"{}", 0.1))

    assert (tally.right, tally.wrong) == (1, 1)


@pytest.mark.parametrize(
    ("typed", "site"),
    [
        ("http://127.0.0.1:8787", Site("127.0.0.1", 8787, False)),
        ("127.0.0.1:8787/v1", Site("127.0.0.1", 8787, False)),
        ("https://gate.example/v1", Site("gate.example", 443, True)),
        ("http://[::1]:9", Site("::1", 9, False)),
    ],
)
def test_an_address_is_read_however_it_is_typed(typed: str, site: Site) -> None:
    assert site_of(typed) == site


@pytest.mark.parametrize("typed", ["", "ftp://x", "http://", "http://x:99999"])
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - urlsplit's own words or ours
        site_of(typed)


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_something_that_speaks_no_http_is_not_taken_for_a_gateway(said: bytes) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n{}")
        writer.write(said)
        writer.close()
        await writer.wait_closed()

    async def call() -> None:
        server = await asyncio.start_server(speak, "127.0.0.1", 0)
        async with server:
            await post(Site("127.0.0.1", server.sockets[0].getsockname()[1], False), "/", {}, b"{}")

    with pytest.raises(ConnectionError):
        asyncio.run(call())
