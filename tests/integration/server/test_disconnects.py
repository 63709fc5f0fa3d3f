"""A client that has gone is noticed at once; one that has only stopped sending still gets its answer."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

import pytest
from tests.integration.server.served import Message, Receive, Send, answer, body_of, echo, http, piece, serving, start

from emberway.server.cycle import ClientLeft

pytestmark = pytest.mark.anyio

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Watcher:
    """An application that reads its request, says what it was told to, and waits for its client to go."""

    def __init__(self, *, streams: bool = False, reads: bool = True) -> None:
        self.is_waiting = asyncio.Event()
        self.has_noticed = asyncio.Event()
        self.app = http(self._serve)
        self._streams = streams
        self._reads = reads
        self.trouble: BaseException | None = None

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        if self._reads:
            await body_of(receive)
        if self._streams:
            await start(send)
            await piece(send, b"one")
        self.is_waiting.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        try:
            await piece(send, b"two") if self._streams else await answer(send)
        except OSError as error:
            self.trouble = error
        self.has_noticed.set()


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize("way", ["reset", "close"])
async def test_a_client_that_goes_is_noticed_before_and_within_the_answer(way: str, streams: bool):
    watcher = Watcher(streams=streams)
    async with serving(watcher.app) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(GET)
        await watcher.is_waiting.wait()
        if streams:
            await client.answer(to_head=True)
            await client.chunk()
        getattr(client, way)()

        await watcher.has_noticed.wait()
    assert isinstance(watcher.trouble, ClientLeft)


async def test_a_client_that_goes_while_it_sends_its_body_is_noticed():
    watcher = Watcher(reads=False)
    async with serving(watcher.app) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
        await watcher.is_waiting.wait()
        client.close()

        await watcher.has_noticed.wait()


async def test_a_client_that_stops_sending_within_its_body_has_gone():
    watcher = Watcher(reads=False)
    async with serving(watcher.app) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
        await watcher.is_waiting.wait()
        client.half_close()

        await watcher.has_noticed.wait()
        assert await client.is_closed()


@pytest.mark.parametrize("streams", [False, True])
async def test_a_half_closed_client_gets_its_whole_answer_and_then_the_end(streams: bool):
    gate, begun = asyncio.Event(), asyncio.Event()

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if streams:
            await start(send)
            await piece(send, b"one")
        begun.set()
        gone = asyncio.ensure_future(_disconnect(receive))
        await gate.wait()
        assert not gone.done()
        gone.cancel()
        await (piece(send, b"two", more=False) if streams else answer(send, b"onetwo"))

    async with serving(app) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(GET)
        await begun.wait()
        client.half_close()
        await served.until(lambda: len(served.hub.half_closed) == 1)
        for _ in range(3):  # looks at the socket find it open
            await asyncio.sleep(0.03)
        gate.set()

        found = await client.answer()
        assert (found.body, found.is_whole) == (b"onetwo", True)
        assert await client.is_closed()


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def test_pipelined_requests_of_a_half_closed_client_are_all_answered():
    async with serving(echo) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(GET * 40)
        client.half_close()

        found = await client.answers()
    assert [one.status for one in found if one.status != 100] == [200] * 40


async def test_a_client_that_closes_an_idle_connection_leaves_nothing_behind():
    async with serving(echo) as served, asyncio.timeout(5):
        for way in ("half_close", "close", "reset"):
            client = await served.client()
            await client.get()
            getattr(client, way)()
        await served.until(lambda: not served.hub.connections)


async def test_a_client_that_goes_within_a_head_leaves_nothing_behind():
    async with serving(echo) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(b"GET / HT")
        await served.until(lambda: len(served.hub.connections) == 1)
        client.half_close()

        assert await client.is_closed()


async def test_requests_that_wait_behind_one_whose_client_has_gone_are_not_started():
    started: list[str] = []
    noticed = asyncio.Event()

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        started.append(scope["path"])
        await _disconnect(receive)
        noticed.set()

    async with serving(app) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
        await served.until(lambda: started == ["/1"])
        client.reset()
        await noticed.wait()
        await served.until(lambda: not served.hub.connections)

    assert started == ["/1"]


async def test_an_application_that_fails_because_its_client_has_gone_is_not_logged(caplog):
    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await _disconnect(receive)
        await answer(send)

    async with serving(app) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(GET)
        await served.until(lambda: len(served.hub.cycles) == 1)
        client.reset()
        await served.until(lambda: not served.hub.cycles)

    assert not caplog.records


async def test_300_clients_that_go_at_any_moment_leave_nothing_behind():
    dice = random.Random(24)

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await body_of(receive)
        await start(send)
        for _ in range(5):
            await asyncio.sleep(0)
            await piece(send, b"a" * 20_000)
        await piece(send, b"", more=False)

    async def come_and_go() -> None:
        client = await served.client()
        request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        await client.send(request[: dice.randrange(1, len(request) + 1)])
        if dice.random() < 0.7:
            for _ in range(dice.randrange(4)):
                await asyncio.sleep(0)
        else:
            await client.reader.read(dice.randrange(1, 60_000))
        dice.choice((client.reset, client.close))()

    async def impatiently() -> None:
        with suppress(TimeoutError):  # waited for an answer to half a request
            await asyncio.wait_for(come_and_go(), 0.5)

    async with serving(app) as served, asyncio.timeout(20):
        await asyncio.gather(*(impatiently() for _ in range(300)))
        served.close_clients()
        await served.until(lambda: not served.hub.connections and not served.hub.cycles)

        assert (await (await served.client()).get()).body == b"a" * 100_000
