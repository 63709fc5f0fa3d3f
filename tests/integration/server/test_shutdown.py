"""The server ends in good order: what is under way may finish, what is not under way does not keep it."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace

import pytest
from tests.integration.server.served import QUICK, Message, Receive, Send, answer, echo, http, piece, serving, start

from emberway.server.lifespan import StartFailed
from emberway.server.server import Server

pytestmark = pytest.mark.anyio

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Streams:
    """An application whose streams go on until they are let to end."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.cancelled = 0
        self.app = http(self._serve)

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        try:
            await start(send)
            await piece(send, b"one")
            await self.gate.wait()
            await piece(send, b"two", more=False)
        except asyncio.CancelledError:
            self.cancelled += 1
            await piece(send, b"stopped", more=False)
            raise


async def test_streams_under_way_run_to_their_end_and_idle_connections_are_closed():
    streams = Streams()
    async with serving(streams.app) as served, asyncio.timeout(10):
        clients = [await served.client() for _ in range(50)]
        for client in clients:
            await client.send(GET)
            await client.answer(to_head=True)
            assert await client.chunk() == b"one"
        idle = await served.client()
        await served.until(lambda: len(served.hub.connections) == 51)
        served.server.stop()

        assert await idle.is_closed()
        with pytest.raises(OSError, match=r".*"):
            await served.client()
        streams.gate.set()
        assert [await client.chunk() for client in clients] == [b"two"] * 50
        assert [await client.chunk() for client in clients] == [b""] * 50
        assert all([await client.is_closed() for client in clients])


async def test_answers_that_begin_during_the_drain_say_that_the_connection_closes():
    gate = asyncio.Event()

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await gate.wait()
        await answer(send)

    async with serving(app) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(GET)
        await served.until(lambda: len(served.hub.cycles) == 1)
        served.server.stop()
        await served.until(lambda: served.hub.is_draining)
        gate.set()

        assert (await client.answer()).headers["connection"] == "close"
        assert await client.is_closed()


async def test_a_request_that_has_begun_to_come_is_still_answered():
    async with serving(echo) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(GET[:10])
        await served.until(lambda: any(each._partial for each in served.hub.connections))
        served.server.stop()
        await served.until(lambda: served.hub.is_draining)
        await client.send(GET[10:])

        assert (await client.answer()).headers["connection"] == "close"


async def test_calls_are_taken_for_as_long_as_a_load_balancer_may_send_them():
    told: list[str] = []
    async with serving(echo, on_stop=lambda: told.append("stop"), drain_delay=1000) as served, asyncio.timeout(5):
        kept = await served.client()
        await kept.get()
        served.server.stop()

        assert told == ["stop"]
        assert "connection" not in (await (await served.client()).get()).headers
        assert (await kept.get()).status == 200
        served.server.stop()
        assert await kept.is_closed()
        assert told == ["stop"]


async def test_after_that_time_no_call_is_taken():
    async with serving(echo, drain_delay=0.05) as served, asyncio.timeout(5):
        kept = await served.client()
        await kept.get()
        served.server.stop()

        assert await kept.is_closed()
        with pytest.raises(OSError, match=r".*"):
            await served.client()


async def test_streams_that_outlast_the_drain_are_cancelled_and_may_still_say_so():
    streams = Streams()
    async with serving(streams.app, drain_timeout=0.05) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(GET)
        await client.answer(to_head=True)
        assert await client.chunk() == b"one"
        served.server.stop()

        assert await client.chunk() == b"stopped"
        assert await client.chunk() == b""
    assert streams.cancelled == 1


async def test_a_second_wish_to_stop_ends_streams_at_once():
    streams = Streams()
    async with serving(streams.app, drain_timeout=1000) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(GET)
        await client.answer(to_head=True)
        assert await client.chunk() == b"one"
        served.server.stop()
        served.server.stop()

        assert await client.chunk() == b"stopped"


async def test_a_request_that_is_cancelled_before_its_answer_is_told_to_come_again():
    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    async with serving(app, drain_timeout=0) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(GET)
        await served.until(lambda: len(served.hub.cycles) == 1)
        served.server.stop()

        assert (await client.answer()).status == 503


async def test_a_client_that_reads_nothing_does_not_keep_the_server():
    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await start(send)
        while True:
            await piece(send, bytes(65536))

    async with serving(app, drain_timeout=0.05) as served, asyncio.timeout(10):
        client = await served.client(receive_buffer=4096)
        await client.send(GET)
        await served.until(lambda: len(served.hub.slow) == 1)


async def test_the_application_is_started_before_and_stopped_after_all_requests():
    said: list[str] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            said.append("request")
            await answer(send)
            return
        for word in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{word}"
            said.append(word)
            await send({"type": f"lifespan.{word}.complete"})

    async with serving(app) as served, asyncio.timeout(5):
        await (await served.client()).get()

    assert said == ["startup", "request", "shutdown"]


async def test_an_application_without_a_lifespan_is_served():
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await answer(send)

    async with serving(app) as served, asyncio.timeout(5):
        assert (await (await served.client()).get()).status == 200


async def test_an_application_that_cannot_start_says_why():
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        await receive()

    with pytest.raises(StartFailed, match="no database"):
        await Server(app).start([])


async def test_an_application_that_dies_while_it_starts_is_named_as_the_cause():
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        raise ValueError("no database")

    with pytest.raises(StartFailed, match="no database") as failure:
        await Server(app).start([])
    assert isinstance(failure.value.__cause__, ValueError)


@pytest.mark.parametrize("way", ["says", "raises"])
async def test_an_application_that_cannot_stop_is_reported(way: str, caplog):
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        assert scope["type"] == "lifespan"
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if way == "raises":
            raise ValueError("stuck")
        await send({"type": "lifespan.shutdown.failed", "message": "stuck"})

    async with serving(app):
        pass

    assert "stuck" in caplog.text


async def test_one_connection_too_many_is_told_so_and_the_others_go_on():
    async with serving(echo, replace(QUICK, connections=3)) as served, asyncio.timeout(5):
        clients = [await served.client() for _ in range(3)]
        await served.until(lambda: len(served.hub.connections) == 3)
        fourth = await served.client()

        assert (await fourth.answer()).status == 503
        assert await fourth.is_closed()
        assert [(await client.get()).status for client in clients] == [200] * 3
        clients[0].close()
        await served.until(lambda: len(served.hub.connections) == 2)
        assert (await (await served.client()).get()).status == 200


async def test_servers_can_share_a_port():
    first, second = socket.socket(), socket.socket()
    for sock in (first, second):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    first.bind(("127.0.0.1", 0))
    second.bind(first.getsockname())
    servers = [Server(echo), Server(echo)]
    await servers[0].start([first])
    await servers[1].start([second])

    for server in servers:
        server.stop()
        await server.serve()
