"""No client can hold a connection by saying nothing, saying it slowly, or not listening."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.integration.server.served import (
    QUICK,
    Message,
    Receive,
    Send,
    answer,
    body_of,
    echo,
    http,
    piece,
    serving,
    start,
)

pytestmark = pytest.mark.anyio

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
SOON = 0.1


async def drip(client, data: bytes = b"a") -> None:
    """Send without end, a little at a time."""
    while True:
        client.writer.write(data)
        await asyncio.sleep(SOON / 5)


async def test_a_client_that_says_nothing_is_closed():
    async with serving(echo, replace(QUICK, first_byte=SOON)) as served, asyncio.timeout(5):
        assert await (await served.client()).is_closed()


async def test_a_head_that_drips_is_refused_however_steadily_it_comes():
    async with serving(echo, replace(QUICK, head=SOON)) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
        dripping = asyncio.ensure_future(drip(client))
        found = await client.answer()
        dripping.cancel()

    assert (found.status, found.headers["connection"]) == (408, "close")


@pytest.mark.parametrize("beginning", [b"G", b"\r", b"GET /"])
async def test_a_head_counts_from_its_first_byte(beginning: bytes):
    async with serving(echo, replace(QUICK, head=SOON)) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(beginning)

        assert (await client.answer()).status == 408


async def test_a_second_head_that_stops_is_refused_too():
    async with serving(echo, replace(QUICK, head=SOON)) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(GET + b"GET / HTTP/1.1\r\n")

        assert [one.status for one in await client.answers()] == [200, 408]


async def test_empty_lines_do_not_keep_an_idle_connection():
    async with serving(echo, replace(QUICK, idle=SOON, head=SOON)) as served, asyncio.timeout(5):
        client = await served.client()
        await client.get()
        dripping = asyncio.ensure_future(drip(client, b"\r\n"))
        assert (await client.answer()).status == 408
        dripping.cancel()


async def test_an_idle_connection_is_closed_without_a_word():
    async with serving(echo, replace(QUICK, idle=SOON)) as served, asyncio.timeout(5):
        client = await served.client()
        await client.get()

        assert await client.is_closed()


async def test_no_deadline_of_ours_runs_while_the_application_works():
    brief = replace(QUICK, first_byte=SOON, head=SOON, idle=SOON, stall=SOON)

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await body_of(receive)
        await asyncio.sleep(SOON * 3)
        await answer(send)

    async with serving(app, brief) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na")
        await asyncio.sleep(SOON * 3)
        await client.send(b"b")

        assert (await client.answer()).status == 200


async def test_a_client_that_takes_nothing_is_cut_and_the_application_told():
    told = asyncio.Event()

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await start(send)
        try:
            while True:
                await piece(send, bytes(65536))
        except OSError:
            told.set()

    async with serving(app, replace(QUICK, stall=SOON)) as served, asyncio.timeout(5):
        client = await served.client(receive_buffer=4096)
        await client.send(GET)

        await told.wait()
        assert not served.hub.connections


async def test_a_whole_answer_that_is_not_taken_is_cut_too():
    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await answer(send, bytes(20_000_000), 200, (b"connection", b"close"))

    async with serving(app, replace(QUICK, stall=SOON, linger=SOON)) as served, asyncio.timeout(5):
        client = await served.client(receive_buffer=4096)
        await client.send(GET)
        await served.until(lambda: len(served.hub.connections) == 1)
        await served.until(lambda: not served.hub.connections)


async def test_a_client_that_reads_slowly_is_not_cut():
    size = 3_000_000

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await answer(send, bytes(size), 200, (b"connection", b"close"))

    async with serving(app, replace(QUICK, stall=SOON * 2, linger=SOON)) as served, asyncio.timeout(10):
        client = await served.client(receive_buffer=4096)
        await client.send(GET)
        got = 0
        for _ in range(20):  # longer than the bounds above, all in all
            got += len(await client.reader.read(4096))
            await asyncio.sleep(SOON / 4)
        got += len(await client.rest())

    assert got > size


async def test_a_refused_client_that_goes_on_sending_is_cut():
    async with serving(echo, replace(QUICK, linger=10)) as served, asyncio.timeout(5):
        client = await served.client()
        client.writer.write(b"nonsense\r\n\r\n")
        await client.flood(bytes(65536))


async def test_a_refused_client_that_does_not_close_is_closed():
    async with serving(echo, replace(QUICK, linger=SOON)) as served, asyncio.timeout(5):
        client = await served.client()
        client.writer.write(b"nonsense\r\n\r\n")
        assert (await client.answer()).status == 400
        await served.until(lambda: not served.hub.connections)


async def test_slow_clients_do_not_slow_others():
    brief = replace(QUICK, first_byte=1.0, head=1.0)
    async with serving(echo, brief) as served, asyncio.timeout(10):
        for number in range(100):
            slow = await served.client()
            await slow.send(b"GET / HTTP/1.1\r\nX: "[: number % 20])
        client = await served.client()

        assert [(await client.get()).status for _ in range(100)] == [200] * 100
