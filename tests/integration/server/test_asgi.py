"""Applications that break the order of ASGI's messages are told so, and their clients get no half of anything."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.integration.server.served import Message, Receive, Send, answer, body_of, http, piece, serving, start

from emberway.server.cycle import MisusedProtocol

pytestmark = pytest.mark.anyio

BODY: Message = {"type": "http.response.body", "body": b"a"}
START: Message = {"type": "http.response.start", "status": 200, "headers": []}


@pytest.mark.parametrize(
    "messages",
    [
        [BODY],
        [START, START],
        [START, BODY, BODY],
        [START, BODY, START],
        [{"type": "http.response.push"}],
        [{"type": "websocket.accept"}],
    ],
    ids=["body first", "two heads", "a body after the end", "a head after the end", "unknown", "another protocol's"],
)
async def test_messages_out_of_order_are_refused(messages: list[Message]):
    trouble: list[Exception] = []

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        try:
            for message in messages:
                await send(message)
        except MisusedProtocol as error:
            trouble.append(error)

    async with serving(app) as served, asyncio.timeout(5):
        await (await served.client()).get()

    assert len(trouble) == 1


@pytest.mark.parametrize(
    "message", [{}, {"type": "http.response.start"}, {**BODY, "body": None}, {**BODY, "body": "a"}]
)
async def test_messages_without_what_they_need_lead_to_500(message: dict[str, Any], caplog):
    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if message.get("type") == "http.response.body":
            await start(send, (b"content-length", b"1"))
        await send(message)

    async with serving(app) as served, asyncio.timeout(5):
        assert (await (await served.client()).get()).status == 500
    assert len(caplog.records) == 1


async def test_receive_after_the_body_waits_and_after_the_answer_says_disconnect():
    seen: list[str] = []

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await body_of(receive)
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        assert not waiting.done()
        await answer(send)
        seen.append((await waiting)["type"])
        seen.append((await receive())["type"])

    async with serving(app) as served, asyncio.timeout(5):
        await (await served.client()).get()

    assert seen == ["http.disconnect"] * 2


async def test_a_receive_that_was_given_up_does_not_lose_what_comes():
    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        try:
            await asyncio.wait_for(receive(), 0.01)
        except TimeoutError:
            await answer(send, await body_of(receive))

    async with serving(app) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n")
        await asyncio.sleep(0.03)
        await client.send(b"abc")

        assert (await client.answer()).body == b"abc"


async def test_defaults_of_messages_are_asgis():
    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 201})
        await send({"type": "http.response.body"})

    async with serving(app) as served, asyncio.timeout(5):
        found = await (await served.client()).get()

    assert (found.status, found.headers["content-length"], found.body) == (201, "0", b"")


async def test_header_pairs_may_be_lists():
    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [[b"x-a", b"1"], [b"x-a-2", b"2"]]})
        await piece(send, b"", more=False)

    async with serving(app) as served, asyncio.timeout(5):
        found = await (await served.client()).get()

    assert (found.headers["x-a"], found.headers["x-a-2"]) == ("1", "2")
