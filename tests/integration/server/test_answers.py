"""How an application's messages become bytes: framing, reuse of the connection, and what is never sent."""

from __future__ import annotations

import asyncio
import logging
import re

import pytest
from tests.integration.server.served import App, Client, Message, Receive, Send, answer, http, piece, serving, start

from emberway.wire.header_lines import header_lines

pytestmark = pytest.mark.anyio

TEXT = (b"content-type", b"text/plain")


async def first_answer(app: App, request: bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") -> tuple[Client, bytes]:
    """All bytes that one request leads to; the client sends no more after it."""
    async with serving(app) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(request)
        client.half_close()
        return client, await client.rest()


def pieces(*bodies: bytes, headers: tuple[tuple[bytes, bytes], ...] = (TEXT,), status: int = 200) -> App:
    """An application that answers with these pieces, the last one as its end."""

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await start(send, *headers, status=status)
        for body in bodies[:-1]:
            await piece(send, body)
        await piece(send, bodies[-1], more=False)

    return app


async def test_an_answer_in_one_piece_is_given_its_length():
    async with serving(pieces(b"hello")) as served:
        found = await (await served.client()).get()

    assert found.body == b"hello"
    assert found.headers["content-length"] == "5"


async def test_an_answer_in_pieces_goes_out_in_chunks():
    async with serving(pieces(b"hel", b"", b"lo", b"")) as served:
        found = await (await served.client()).get()

    assert (found.headers.get("transfer-encoding"), found.body, found.is_whole) == ("chunked", b"hello", True)


async def test_an_answer_with_a_length_goes_out_as_it_is():
    async with serving(pieces(b"hel", b"lo", headers=((b"content-length", b"5"),))) as served:
        found = await (await served.client()).get()

    assert "transfer-encoding" not in found.headers
    assert found.body == b"hello"


async def test_every_answer_is_dated_and_names_the_program_without_its_version():
    async with serving(pieces(b"")) as served:
        found = await (await served.client()).get()

    assert found.headers["server"] == "emberway"
    assert found.headers["date"].endswith(" GMT")


async def test_a_date_and_server_of_the_application_stay():
    theirs = ((b"date", b"Thu, 01 Jan 1970 00:00:00 GMT"), (b"server", b"them"))
    async with serving(pieces(b"", headers=theirs)) as served:
        found = await (await served.client()).get()

    assert (found.headers["date"], found.headers["server"]) == ("Thu, 01 Jan 1970 00:00:00 GMT", "them")


async def test_an_answer_to_head_has_the_length_and_no_body():
    _, got = await first_answer(
        pieces(b"hel", b"lo", headers=((b"content-length", b"5"),)), b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
    )

    head, _, body = got.rpartition(b"\r\n\r\n")
    assert b"content-length: 5" in head
    assert body == b""


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_without_a_body_has_none_and_keeps_the_connection(status: int):
    async with serving(pieces(b"ignored", status=status)) as served:
        client = await served.client()
        first, second = await client.get(), await client.get()

    assert (first.status, second.status) == (status, status)
    assert not {"transfer-encoding", "content-length"} & {*first.headers}


async def test_no_length_stands_beside_204():
    async with serving(pieces(b"", headers=((b"content-length", b"0"),), status=204)) as served:
        found = await (await served.client()).get()

    assert "content-length" not in found.headers


async def test_an_unlisted_status_is_passed_on():
    async with serving(pieces(b"", status=599)) as served:
        found = await (await served.client()).get()

    assert found.status == 599


async def test_to_http_1_0_the_end_of_the_connection_ends_an_answer_of_unknown_length():
    _, got = await first_answer(pieces(b"hel", b"lo"), b"GET / HTTP/1.0\r\n\r\n")

    head, _, body = got.partition(b"\r\n\r\n")
    assert body == b"hello"
    assert b"transfer-encoding" not in head
    assert b"connection: close" in head


async def test_an_http_1_0_connection_is_kept_only_if_asked_for():
    async with serving(pieces(b"ok")) as served, asyncio.timeout(5):
        kept, dropped = await served.client(), await served.client()
        await kept.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        await dropped.send(b"GET / HTTP/1.0\r\n\r\n")

        assert (await kept.answer()).headers["connection"] == "keep-alive"
        assert (await kept.get()).body == b"ok"
        assert (await dropped.answer()).headers["connection"] == "close"
        assert await dropped.is_closed()


async def test_an_applications_wish_to_close_is_obeyed():
    async with serving(pieces(b"ok", headers=((b"connection", b"close"),))) as served, asyncio.timeout(5):
        client = await served.client()

        assert (await client.get()).headers["connection"] == "close"
        assert await client.is_closed()


async def test_a_head_waits_for_the_body_but_a_streams_head_does_not():
    gate = asyncio.Event()

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await start(send, TEXT)
        await gate.wait()
        await piece(send, b"late", more=False)

    async with serving(app) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")

        assert (await client.answer(to_head=True)).headers["transfer-encoding"] == "chunked"
        gate.set()
        assert await client.chunk() == b"late"


async def test_pieces_larger_than_the_joining_bound_arrive_unchanged():
    body = bytes(range(256)) * 1024
    async with serving(pieces(body, body)) as served, asyncio.timeout(5):
        found = await (await served.client()).get()

    assert found.body == body * 2


@pytest.mark.parametrize(
    "header",
    [
        *((b"x", b"a\r\nset-cookie: b"), (b"x", b"a\nb"), (b"x", b"a\rb"), (b"x", b"a\0b"), (b"x\r\ny", b"a")),
        *(
            (b"x y", b"a"),
            (b"x:", b"a"),
            (b"", b"a"),
            (b"X", b"a"),
            (b"content-length", b"1x"),
            (b"content-length", b"-1"),
        ),
    ],
)
async def test_a_header_that_would_break_the_head_is_never_sent(header: tuple[bytes, bytes], caplog):
    caplog.set_level(logging.CRITICAL, "emberway")

    _, got = await first_answer(pieces(b"hello", headers=(header,)))

    assert got.startswith(b"HTTP/1.1 500 ")
    assert header[1] not in got.partition(b"\r\n\r\n")[0].split(b"\r\nx")[0] or header[1] in (b"a", b"-1")
    assert b"set-cookie" not in got


async def test_two_lengths_are_never_sent(caplog):
    caplog.set_level(logging.CRITICAL, "emberway")

    _, got = await first_answer(pieces(b"hello", headers=((b"content-length", b"5"), (b"content-length", b"6"))))

    assert got.startswith(b"HTTP/1.1 500 ")


@pytest.mark.parametrize("status", [100, 101, 199, 1000, -1, "200", None])
async def test_a_status_that_is_none_of_a_final_answer_is_never_sent(status: int, caplog):
    caplog.set_level(logging.CRITICAL, "emberway")

    _, got = await first_answer(pieces(b"hello", status=status))

    assert got.startswith(b"HTTP/1.1 500 ")


@pytest.mark.parametrize("bodies", [(b"hell", b""), (b"hello!",), (b"hel", b"lo!"), (b"hel", b"lo", b"!")])
async def test_a_body_of_another_length_than_promised_breaks_the_connection(bodies: tuple[bytes, ...], caplog):
    caplog.set_level(logging.CRITICAL, "emberway")

    _, got = await first_answer(pieces(*bodies, headers=((b"content-length", b"5"),)))

    assert b"!" not in got
    assert got.startswith(b"HTTP/1.1 500 ") or b"hello" not in got or bodies[-1] == b"!"


async def test_an_application_that_fails_before_its_answer_leads_to_500_and_one_line_in_the_log(caplog):
    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await start(send, (b"content-length", b"5"))
        raise ValueError("secret")

    async with serving(app) as served, asyncio.timeout(5):
        client = await served.client()
        found = await client.get()
        closed = await client.is_closed()

    assert (found.status, found.headers["connection"], closed) == (500, "close", True)
    assert found.headers["x-portkey-trace-id"]
    assert b'"type": "gateway_error"' in found.body
    assert b"secret" not in found.body
    assert [record.exc_info[0] for record in caplog.records] == [ValueError]


async def test_an_application_that_fails_within_its_answer_breaks_the_chunks_off(caplog):
    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await start(send)
        await piece(send, b"half")
        raise ValueError

    async with serving(app) as served, asyncio.timeout(5):
        found = await (await served.client()).get()

    assert (found.status, found.body, found.is_whole) == (200, b"half", False)
    assert len(caplog.records) == 1


async def test_an_answer_that_only_the_connections_end_could_end_is_broken_off_by_a_reset(caplog):
    caplog.set_level(logging.CRITICAL, "emberway")
    gate = asyncio.Event()

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await start(send)
        await piece(send, b"half")
        await gate.wait()
        raise ValueError

    async with serving(app) as served, asyncio.timeout(5):
        client = await served.client()
        await client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert b"half" in await client.reader.readuntil(b"half")
        gate.set()

        with pytest.raises(ConnectionResetError):
            await client.rest()


async def test_a_failure_that_is_expected_is_not_logged(caplog):
    class OnPurpose(Exception):
        is_expected = True

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await start(send)
        await piece(send, b"half")
        raise OnPurpose

    async with serving(app) as served, asyncio.timeout(5):
        found = await (await served.client()).get()

    assert not found.is_whole
    assert not caplog.records


async def test_an_application_that_returns_without_an_answer_leads_to_500():
    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        pass

    async with serving(app) as served, asyncio.timeout(5):
        assert (await (await served.client()).get()).status == 500


async def test_an_application_that_returns_within_its_answer_breaks_it_off():
    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await start(send)
        await piece(send, b"half")

    async with serving(app) as served, asyncio.timeout(5):
        assert not (await (await served.client()).get()).is_whole


async def test_the_application_may_go_on_after_its_answer_while_the_next_request_is_served():
    gate = asyncio.Event()

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await answer(send, scope["path"].encode())
        if scope["path"] == "/slow":
            await gate.wait()

    async with serving(app) as served, asyncio.timeout(5):
        client = await served.client()
        slow, next_one = await client.get("/slow"), await client.get("/next")
        gate.set()

    assert (slow.body, next_one.body) == (b"/slow", b"/next")


@pytest.mark.parametrize("body", [b"", b"hello", b"x" * 100_000], ids=["empty", "short", "long"])
@pytest.mark.parametrize("status", [200, 204, 304, 404, 599])
@pytest.mark.parametrize("header", [(b"x-a", b"1: 2"), (b"connection", b"close")], ids=["kept", "closed"])
@pytest.mark.parametrize(
    "request_head",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n",
        b"HEAD / HTTP/1.1\r\nHost: a\r\n",
        b"GET / HTTP/1.0\r\n",
        b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n",
    ],
)
async def test_an_answer_in_one_message_leaves_as_the_same_bytes(
    request_head: bytes, header: tuple[bytes, bytes], status: int, body: bytes
):
    @http
    async def in_one(scope: Message, receive: Receive, send: Send) -> None:
        lines = header_lines([TEXT, header])
        await send({"type": "emberway.answer", "status": status, "lines": lines, "body": body})

    @http
    async def in_two(scope: Message, receive: Receive, send: Send) -> None:
        await answer(send, body, status, TEXT, header)

    found = [(await first_answer(app, request_head + b"\r\n"))[1] for app in (in_one, in_two)]

    one, two = (DATE.sub(b"", each) for each in found)
    assert one == two
    assert one.startswith(b"HTTP/1.1 %d " % status)


DATE = re.compile(rb"\r\ndate: [^\r]+")


async def test_a_second_answer_to_one_request_is_never_sent(caplog: pytest.LogCaptureFixture):
    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        for _ in range(2):
            await send({"type": "emberway.answer", "status": 200, "lines": b"", "body": b"once"})

    with caplog.at_level(logging.ERROR, "emberway"):
        _, found = await first_answer(app)

    assert found.count(b"HTTP/1.1") == found.count(b"once") == 1
    assert "the application failed on /" in caplog.text
