"""The parser's side of a connection, fed by hand: how the network cuts an answer into pieces never matters."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberway.upstream.answer import Answer
from emberway.upstream.base import Deadlines, Origin
from emberway.upstream.connection import Connection
from emberway.upstream.deadlines import Sweeper
from emberway.upstream.site import Site


class Silent:
    """A transport that goes nowhere."""

    def __init__(self) -> None:
        self.is_aborted = False

    def write(self, data: bytes) -> None:
        pass

    def abort(self) -> None:
        self.is_aborted = True

    def is_closing(self) -> bool:
        return self.is_aborted

    def get_write_buffer_size(self) -> int:
        return 0


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def heard(loop: asyncio.AbstractEventLoop, pieces: list[bytes]) -> tuple[int, list[tuple[bytes, bytes]], bytes, bool]:
    """Status, headers, body, and whether the connection may be used again."""

    async def conversation() -> tuple[int, list[tuple[bytes, bytes]], bytes, bool]:
        sweeper = Sweeper(loop, lambda now: False)
        site = Site(Origin("http", "a.test", 80, trusted=True), loop, sweeper, 1)
        connection = Connection(site)
        connection.connection_made(cast("asyncio.Transport", Silent()))
        connection.adopt_slot()
        ends_at = loop.time() + 60
        answer = Answer(loop, connection, "a.test", Deadlines(), ends_at, ends_at)
        connection.begin(answer, b"", b"", has_no_body=False)
        for piece in pieces:
            connection.data_received(piece)
        await answer.head()
        return answer.status, answer.headers, await answer.read(1 << 20), site.idle == 1

    return loop.run_until_complete(conversation())


headers = st.lists(
    st.tuples(
        st.from_regex(rb"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True).map(lambda name: b"x-" + name),
        st.from_regex(rb"([!-~]([ -~]{0,20}[!-~])?)?", fullmatch=True),
    ),
    max_size=6,
)


@st.composite
def answers(draw: st.DrawFn) -> tuple[bytes, int, list[tuple[bytes, bytes]], bytes]:
    """A valid answer's bytes, and what they mean."""
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early\r\nx-y: z\r\n\r\n"]))
    status = draw(st.integers(200, 599).filter(lambda status: status not in {204, 304}))
    sent = draw(headers)
    meant = [(name.lower(), value) for name, value in sent]
    chunks = draw(st.lists(st.binary(min_size=1, max_size=30), max_size=5))
    body = b"".join(chunks)
    lines = b"".join(b"%b: %b\r\n" % header for header in sent)
    head = b"%bHTTP/1.1 %d Reason\r\n%b" % (interim, status, lines)
    if draw(st.booleans()):
        meant.append((b"content-length", b"%d" % len(body)))
        return head + b"content-length: %d\r\n\r\n%b" % (len(body), body), status, meant, body
    framed = b"".join(b"%x;ext=1\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head + b"Transfer-Encoding: chunked\r\n\r\n%b0\r\nx-t: 1\r\n\r\n" % framed, status, meant, body


@given(answers(), st.lists(st.integers(0, 400), max_size=12))
def test_any_cut_of_a_valid_answer_reads_the_same(
    loop: asyncio.AbstractEventLoop, answer: tuple[bytes, int, list[tuple[bytes, bytes]], bytes], cuts: list[int]
) -> None:
    wire, status, meant, body = answer
    edges = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    pieces = [wire[start:end] for start, end in pairwise(edges) if start < end]

    assert heard(loop, pieces) == (status, meant, body, True)
    assert heard(loop, [bytes([byte]) for byte in wire]) == (status, meant, body, True)
