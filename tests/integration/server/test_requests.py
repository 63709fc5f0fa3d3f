"""What the application is given: the scope, the body as it comes, and the order of requests."""

from __future__ import annotations

import asyncio

import pytest
from tests.integration.server.served import QUICK, Message, Receive, Send, answer, body_of, echo, http, serving

pytestmark = pytest.mark.anyio


async def test_the_scope_is_that_of_asgi():
    seen: list[Message] = []

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await answer(send)

    async with serving(app) as served, asyncio.timeout(5):
        client = await served.client()
        address = client.writer.get_extra_info("sockname")
        await client.get("/a%20b?c=%20d", "X-Two: 1", "x-two:  2 \t", "Empty:")

    assert seen == [
        {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "http",
            "method": "GET",
            "path": "/a b",
            "raw_path": b"/a%20b",
            "query_string": b"c=%20d",
            "root_path": "",
            "headers": [(b"host", b"a"), (b"x-two", b"1"), (b"x-two", b"2"), (b"empty", b"")],
            "client": address,
            "server": ("127.0.0.1", served.port),
            "extensions": {"emberway.answer": {}},
        }
    ]


async def test_a_head_that_comes_again_is_given_like_the_first_and_its_finds_are_kept():
    seen: list[tuple[list[tuple[bytes, bytes]], bytes, object]] = []

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        kept = scope["extensions"].get("emberway.kept")
        seen.append((scope["headers"], await body_of(receive), None if kept is None else dict(kept)))
        if kept is not None:
            kept["count"] = kept.get("count", 0) + 1
        await answer(send)

    async with serving(app) as served, asyncio.timeout(5):
        client = await served.client()
        for key, body in (("1", b"a"), ("1", b"bcd"), ("1", b"e"), ("2", b"f"), ("2", b"g"), ("1", b"h")):
            head = f"POST / HTTP/1.1\r\nHost: a\r\nX-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
            await client.send(head.encode() + body)
            assert (await client.answer()).status == 200

    def headers(key: bytes, length: bytes) -> list[tuple[bytes, bytes]]:
        return [(b"host", b"a"), (b"x-key", key), (b"content-length", length)]

    assert seen == [
        (headers(b"1", b"1"), b"a", None),
        (headers(b"1", b"3"), b"bcd", {}),
        (headers(b"1", b"1"), b"e", {"count": 1}),
        (headers(b"2", b"1"), b"f", None),
        (headers(b"2", b"1"), b"g", {}),
        (headers(b"1", b"1"), b"h", None),
    ]


async def test_a_body_that_came_with_its_head_is_received_in_one_message():
    seen: list[Message] = []

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        seen.append(await receive())
        await answer(send)

    async with serving(app) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        await client.answer()

    assert seen == [{"type": "http.request", "body": b"abc", "more_body": False}]


async def test_a_body_is_received_as_it_comes():
    seen: asyncio.Queue[Message] = asyncio.Queue()

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        more = True
        while more:
            message = await receive()
            seen.put_nowait(message)
            more = message["more_body"]
        await answer(send)

    async with serving(app) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        assert (await seen.get())["body"] == b"a"
        await client.send(b"2\r\nbc\r\n")
        assert await seen.get() == {"type": "http.request", "body": b"bc", "more_body": True}
        await client.send(b"0\r\n\r\n")
        assert await seen.get() == {"type": "http.request", "body": b"", "more_body": False}
        assert (await client.answer()).status == 200


async def test_a_client_that_waits_to_be_asked_for_its_body_is_asked_when_the_application_wants_it():
    asks = asyncio.Event()

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await asks.wait()
        await answer(send, await body_of(receive))

    async with serving(app) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\n")
        await served.until(lambda: len(served.hub.cycles) == 1)
        asks.set()
        assert (await client.head()).status == 100
        await client.send(b"abc")

        assert (await client.answer()).body == b"abc"


async def test_a_client_that_waits_to_be_asked_and_is_refused_sends_nothing():
    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await answer(send, b"no", 413)

    async with serving(app) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        refusal = await client.head()

    assert (refusal.status, refusal.headers["connection"]) == (413, "close")


@pytest.mark.parametrize(("version", "expect"), [("1.0", "100-continue"), ("1.1", "something")])
async def test_nobody_else_is_asked(version: str, expect: str):
    async with serving(echo) as served, asyncio.timeout(5):
        client = await served.client()
        head = f"POST / HTTP/{version}\r\nHost: a\r\nContent-Length: 3\r\nExpect: {expect}\r\n\r\n"
        await client.send(head.encode())
        await served.until(lambda: len(served.hub.cycles) == 1)
        await client.send(b"abc")

        assert (await client.head()).status == 200


async def test_a_thousand_pipelined_requests_are_answered_in_order_with_few_in_memory():
    most = 0

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        nonlocal most
        (connection,) = served.hub.connections
        most = max(most, len(connection._waiting))
        await asyncio.sleep(0)
        await answer(send, scope["query_string"])

    async with serving(app) as served, asyncio.timeout(20):
        client = await served.client()
        client.writer.write(b"".join(b"GET /?%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(1000)))
        found = [int((await client.answer()).body) for _ in range(1000)]

    assert found == list(range(1000))
    assert most <= QUICK.waiting + 2048 // 30, "what was parsed in one slice more"


async def test_one_request_of_a_connection_is_worked_on_at_a_time():
    under_way = most = 0

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        await answer(send)

    async with serving(app) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 5)
        for _ in range(5):
            await client.answer()

    assert most == 1


async def test_a_pipelined_request_with_its_body_still_coming_waits_for_its_turn():
    async with serving(echo) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(
            b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na"
        )
        assert (await client.answer()).body == b"GET /1 ?= ="
        await client.send(b"bc" + b"GET /3 HTTP/1.1\r\nHost: a\r\n\r\n")

        assert (await client.answer()).body == b"POST /2 ?= =abc"
        assert (await client.answer()).body == b"GET /3 ?= ="


async def test_an_answer_before_the_body_has_come_ends_the_connection_and_is_read():
    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await answer(send, b"too large", 413)

    async with serving(app) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"a" * 60_000)
        found = await client.answer()

        assert (found.status, found.body, found.headers["connection"]) == (413, b"too large", "close")
        assert await client.is_closed()


async def test_a_body_that_loses_its_form_before_the_answer_leads_to_400():
    disconnected = asyncio.Event()

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        disconnected.set()

    async with serving(app) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        await served.until(lambda: len(served.hub.cycles) == 1)
        await client.send(b"x\r\n")

        assert (await client.answer()).status == 400
        await disconnected.wait()


async def test_chunks_that_are_mostly_framing_are_refused():
    async with serving(echo) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a=")
        for _ in range(8):
            await served.until(lambda: len(served.hub.cycles) == 1)
            client.writer.write(b"b" * 10_000)
            await asyncio.sleep(0)

        assert (await client.answer()).status == 400


async def test_bodies_in_chunks_of_one_byte_are_taken():
    async with serving(echo) as served, asyncio.timeout(10):
        client = await served.client()
        await client.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        await client.send(b"1\r\na\r\n" * 50_000 + b"0\r\n\r\n")

        assert (await client.answer()).body == b"POST / ?= =" + b"a" * 50_000
