"""However the network cuts a stream of requests into pieces, the same requests are seen."""

from __future__ import annotations

import asyncio
import re
import socket
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.examples import examples
from tests.integration.server.corpus import CASES, LAST, Case
from tests.integration.server.served import echo

from emberway.server.connection import Connection
from emberway.server.hub import Hub
from emberway.server.limits import ServerLimits

SMALL = [case for case in CASES if len(case.payload) < 4000]
PAYLOADS = st.sampled_from([case for case in SMALL if case.refused is None and not case.is_last])


class Pipe(asyncio.Transport):
    """A transport that keeps what is written, and reads what a test puts in unless it is paused."""

    def __init__(self) -> None:
        self.written = b""
        self.is_paused = False
        self.is_closed = False
        self._pair = socket.socketpair()

    def write(self, data: bytes) -> None:  # type: ignore[override]  # bytes are all that is written here
        self.written += data

    def write_eof(self) -> None:
        self.is_closed = True

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._pair[0] if name == "socket" else ("127.0.0.1", 1)

    def free(self) -> None:
        for sock in self._pair:
            sock.close()


async def converse(pieces: list[bytes]) -> list[tuple[int, bytes]]:
    """Status and body of each answer to what comes in these pieces; bodies of refusals are left out."""
    hub = Hub(echo, ServerLimits(), asyncio.get_running_loop())
    pipe = Pipe()
    connection = Connection(hub)
    connection.connection_made(pipe)
    for piece in pieces:
        connection.data_received(piece)
        if pipe.is_paused:
            await settle(hub, pipe)
    await settle(hub, pipe)
    connection.connection_lost(None)
    while hub.cycles:
        await asyncio.sleep(0)
    pipe.free()
    return read_answers(pipe.written)


async def settle(hub: Hub, pipe: Pipe) -> None:
    """Until all is answered, or what is under way waits for something that will not come."""
    written, turns = -1, 0
    while hub.cycles and turns < 10:
        turns = turns + 1 if len(pipe.written) == written else 0
        written = len(pipe.written)
        await asyncio.sleep(0)


def read_answers(written: bytes) -> list[tuple[int, bytes]]:
    found = []
    while written:
        head, _, rest = written.partition(b"\r\n\r\n")
        status = int(head[9:12])
        length = re.search(rb"content-length: (\d+)", head)
        assert length is not None
        body, written = rest[: int(length[1])], rest[int(length[1]) :]
        found.append((status, body if status == 200 else b""))
    return found


def cut(data: bytes, places: list[float]) -> list[bytes]:
    """``data`` in pieces; ``places``: where to cut, from 0 to 1."""
    edges = [0, *sorted(int(place * len(data)) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges) if end > start]


PLACES = st.lists(st.floats(0, 1, exclude_max=True), max_size=20)


@settings(deadline=None, max_examples=examples(300))
@given(st.sampled_from(SMALL), PLACES)
def test_a_payload_is_understood_alike_however_it_is_cut(case: Case, places: list[float]):
    assert asyncio.run(converse(cut(case.payload + LAST, places))) == case.answers


@settings(deadline=None, max_examples=examples(200))
@given(st.lists(PAYLOADS, min_size=1, max_size=8), PLACES)
def test_pipelined_requests_are_understood_alike_however_they_are_cut(cases: list[Case], places: list[float]):
    stream = b"".join(case.payload for case in cases) + LAST
    expected = [answer for case in cases for answer in case.answers[:-1]] + cases[0].answers[-1:]

    assert asyncio.run(converse(cut(stream, places))) == expected


def test_byte_by_byte_is_no_exception():
    for case in SMALL:
        assert asyncio.run(converse([bytes([byte]) for byte in case.payload + LAST])) == case.answers, case.name
