"""Nobody can make the process hold more than a little: neither what is sent too fast nor what is read too slowly."""

from __future__ import annotations

import asyncio

import pytest
from tests.integration.server.served import QUICK, Message, Receive, Send, answer, body_of, http, piece, serving, start

from emberway.server.connection import Connection

pytestmark = pytest.mark.anyio

READ = 256_000
"""Bytes that a transport may read at a time (uvloop's buffer; asyncio's is 262,144)."""


async def test_an_application_is_held_back_while_its_client_does_not_read():
    sent = 0

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        nonlocal sent
        await start(send)
        for _ in range(1000):
            await piece(send, bytes(10_000))
            sent += 10_000
        await piece(send, b"", more=False)

    async with serving(app) as served, asyncio.timeout(20):
        client = await served.client(receive_buffer=4096)
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await served.until(lambda: len(served.hub.slow) == 1)
        (connection,) = served.hub.connections
        buffered = connection._transport.get_write_buffer_size()
        before = sent
        await asyncio.sleep(0.05)

        assert sent == before < 10_000_000
        assert buffered < 64 * 1024 + 2 * 10_000
        await client.reader.readexactly(1_000_000)
        await served.until(lambda: sent > before)


async def test_a_client_is_not_read_from_while_the_application_does_not_take_its_body():
    gate = asyncio.Event()

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await gate.wait()
        await answer(send, b"%d" % len(await body_of(receive)))

    async with serving(app) as served, asyncio.timeout(20):
        client = await served.client()
        sending = asyncio.ensure_future(
            client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n" + bytes(20_000_000))
        )
        await served.until(lambda: any(each.is_reading_paused for each in served.hub.connections))
        (cycle,) = served.hub.cycles
        assert QUICK.buffered_body < cycle.buffered <= QUICK.buffered_body + 2 * READ
        gate.set()
        await sending

        assert (await client.answer()).body == b"20000000"


async def test_answers_to_pipelined_requests_wait_until_earlier_ones_are_taken():
    started = 0

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        nonlocal started
        started += 1
        await answer(send, bytes(8_000_000))

    async with serving(app) as served, asyncio.timeout(20):
        client = await served.client(receive_buffer=4096)
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
        await served.until(lambda: len(served.hub.slow) == 1)
        await asyncio.sleep(0.05)
        assert started == 1

        for _ in range(3):
            assert len((await client.answer()).body) == 8_000_000
    assert started == 3


async def test_of_a_body_that_is_refused_little_is_read(monkeypatch):
    read = 0
    deliver = Connection.data_received

    def count(connection: Connection, data: bytes) -> None:
        nonlocal read
        read += len(data)
        deliver(connection, data)

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await answer(send, b"no", 401)

    monkeypatch.setattr(Connection, "data_received", count)
    async with serving(app) as served, asyncio.timeout(20):
        client = await served.client()
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        await client.flood(b"10000\r\n" + bytes(65536) + b"\r\n")

    assert 0 < read <= QUICK.buffered_body + QUICK.linger_bytes + 2 * READ
