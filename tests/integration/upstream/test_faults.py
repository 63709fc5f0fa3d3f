"""Peers that refuse, hang, break off, drip or hang up early: each ends in an error that says what happened."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from tests.integration.upstream.peer import Peer, Wire, peer, polite, then_silence

from emberway.errors import BadAnswer, ConnectFailed, InvalidCall, StreamBroken, UpstreamBusy, UpstreamTimeout
from emberway.upstream.answer import Answer
from emberway.upstream.base import Deadlines, Origin, Outbound
from emberway.upstream.client import PooledUpstream

pytestmark = pytest.mark.anyio
LIMIT = 1 << 20
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


async def rest(answer: Answer) -> bytes:
    body = b""
    while chunk := await answer.chunk():
        body += chunk
    return body


def soon(*, connect: float = 5.0, first_byte: float = 5.0, idle: float = 5.0, total: float = 5.0) -> Deadlines:
    """Five seconds each, which no passing test waits for, except the one that a test is about."""
    return Deadlines(connect, first_byte, idle, total)


async def test_a_refused_connection_fails_at_once(upstream: PooledUpstream) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        origin = Origin("http", "127.0.0.1", closed.getsockname()[1], trusted=True)
        with pytest.raises(ConnectFailed, match="refused") as told:
            await upstream.send(Outbound("POST", origin, b"/", [], b"{}"))

    assert (told.value.status, told.value.retry, upstream.open_connections) == (502, True, 0)


async def test_a_host_that_never_accepts_fails_at_the_connect_deadline(upstream: PooledUpstream) -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for filler in (first, second):  # a full backlog drops further SYNs
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        origin = Origin("http", "127.0.0.1", full.getsockname()[1], trusted=True)
        outbound = Outbound("POST", origin, b"/", [], b"{}", deadlines=soon(connect=0.2))
        with pytest.raises(UpstreamTimeout, match=r"No connection to 127.0.0.1:\d+ within 0.2 s") as told:
            await upstream.send(outbound)

    assert (told.value.status, told.value.code, upstream.open_connections) == (408, "upstream_connect_timeout", 0)


async def test_a_host_that_never_answers_fails_at_the_first_byte_deadline(upstream: PooledUpstream) -> None:
    async with peer(then_silence()) as provider:
        with pytest.raises(UpstreamTimeout, match=r"did not begin within 0.2 s") as told:
            await upstream.send(provider.post(deadlines=soon(first_byte=0.2)))
        await gone(provider)

    assert (told.value.code, upstream.open_connections) == ("upstream_timeout", 0)


async def test_half_a_head_is_no_first_byte(upstream: PooledUpstream) -> None:
    async with peer(then_silence(b"HTTP/1.1 200 OK\r\ncontent-le")) as provider:
        with pytest.raises(UpstreamTimeout, match=r"did not begin within 0.2 s"):
            await upstream.send(provider.post(deadlines=soon(first_byte=0.2)))


async def test_a_stream_that_falls_silent_fails_at_the_idle_deadline(upstream: PooledUpstream) -> None:
    async with peer(then_silence(CHUNKED + b"5\r\nhello\r\n")) as provider:
        answer = await upstream.send(provider.post(deadlines=soon(idle=0.2)))
        assert await answer.chunk() == b"hello"
        with pytest.raises(UpstreamTimeout, match=r"paused for longer than the allowed 0.2 s") as told:
            await answer.chunk()
        await gone(provider)

    assert told.value.code == "upstream_idle_timeout"


async def test_chunk_extensions_do_not_count_as_progress(upstream: PooledUpstream) -> None:
    async def program(wire: Wire) -> None:
        await wire.request()
        await wire.send(CHUNKED + b"5;")
        while True:
            await wire.send(b"x")
            await asyncio.sleep(0.01)

    async with peer(program) as provider:
        answer = await upstream.send(provider.post(deadlines=soon(idle=0.2)))
        with pytest.raises(UpstreamTimeout, match="paused"):
            await answer.chunk()


async def test_a_holder_that_takes_its_time_is_not_an_idle_upstream(upstream: PooledUpstream) -> None:
    async def program(wire: Wire) -> None:
        await wire.request()
        await wire.send(CHUNKED + b"5\r\nhello\r\n")
        await holder_is_back.wait()
        await wire.send(b"0\r\n\r\n")

    holder_is_back = asyncio.Event()
    async with peer(program) as provider:
        answer = await upstream.send(provider.post(deadlines=soon(idle=0.15)))
        await asyncio.sleep(0.4)  # longer than the deadline and two looks of the sweeper
        holder_is_back.set()
        assert await rest(answer) == b"hello"
        answer.close()


async def test_an_endless_drip_fails_at_the_total_deadline(upstream: PooledUpstream) -> None:
    async def program(wire: Wire) -> None:
        await wire.request()
        await wire.send(CHUNKED)
        while True:
            await wire.send(b"1\r\nx\r\n")
            await asyncio.sleep(0.01)

    async with peer(program) as provider:
        answer = await upstream.send(provider.post(deadlines=soon(total=0.3)))
        with pytest.raises(UpstreamTimeout, match=r"was not whole within 0.3 s") as told:
            await rest(answer)
        await gone(provider)

    assert told.value.code == "upstream_total_timeout"


FIVE = CHUNKED + b"".join(b"8\r\nevent %02d\r\n" % number for number in range(5)) + b"0\r\n\r\n"
LENGTH = b"HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n" + b"0123456789" * 4


@pytest.mark.parametrize("how", ["fin", "reset"])
@pytest.mark.parametrize("wire", [FIVE, LENGTH], ids=["chunked", "length"])
async def test_an_answer_that_ends_early_is_never_taken_for_whole(
    upstream: PooledUpstream, wire: bytes, how: str
) -> None:
    async def program(conversation: Wire) -> None:
        await conversation.request()
        await conversation.send(wire[: cuts[provider.connections - 1]])
        if how == "reset":
            await conversation.reset()

    cuts = range(0, len(wire), 3)
    async with peer(program) as provider:
        for _ in cuts:
            with pytest.raises((BadAnswer, StreamBroken)) as told:
                await rest(await upstream.send(provider.post(may_repeat=True)))
            assert told.value.code == "upstream_closed"

        assert (provider.connections, upstream.open_connections, upstream.stale_retries) == (len(cuts), 0, 0)


async def test_what_came_before_the_break_is_handed_over_first(upstream: PooledUpstream) -> None:
    async def program(wire: Wire) -> None:
        await wire.request()
        await wire.send(CHUNKED)
        await head_was_read.wait()
        await wire.send(b"5\r\nhello\r\n")

    head_was_read = asyncio.Event()
    async with peer(program) as provider:
        answer = await upstream.send(provider.post())
        head_was_read.set()
        await gone(provider)
        while answer.trouble is None:
            await asyncio.sleep(0)
        assert await answer.chunk() == b"hello"
        with pytest.raises(StreamBroken, match="closed the connection before the answer was whole"):
            await answer.chunk()


async def test_an_early_answer_stops_the_upload(upstream: PooledUpstream) -> None:
    async def program(wire: Wire) -> None:
        await wire.head()
        await wire.reader.readexactly(65536)
        await wire.send(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 5\r\n\r\nlarge")
        await wire.until_closed()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(160):
            yield bytes(65536)
            taken.append(65536)

    taken: list[int] = []
    async with peer(program) as provider:
        outbound = Outbound("POST", provider.origin, b"/", [], pieces(), 160 * 65536, soon())
        answer = await upstream.send(outbound)
        assert (answer.status, await answer.read(LIMIT)) == (413, b"large")
        answer.close()
        assert sum(taken) < 160 * 65536
        assert upstream.open_connections == 0


async def test_an_early_answer_to_a_body_in_one_piece_is_delivered_and_the_connection_not_used_again(
    upstream: PooledUpstream,
) -> None:
    async def program(wire: Wire) -> None:
        await wire.head()
        await wire.send(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 5\r\n\r\nlarge")
        await answer_was_read.wait()

    answer_was_read = asyncio.Event()
    async with peer(program) as provider:
        answer = await upstream.send(provider.post(bytes(32 * 1024 * 1024)))
        assert (answer.status, await answer.read(LIMIT)) == (413, b"large")
        answer.close()
        answer_was_read.set()
        assert upstream.open_connections == 0


async def test_a_body_in_pieces_is_sent_chunked_or_with_its_length(upstream: PooledUpstream) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"one", b"", b"two"):
            yield piece

    async with peer(polite) as provider:
        for length in (None, 6):
            answer = await upstream.send(Outbound("POST", provider.origin, b"/", [], pieces(), length))
            assert await answer.read(LIMIT) == b"{}"
            answer.close()

        assert [request.body for request in provider.requests] == [b"onetwo", b"onetwo"]
        assert [b"content-length: 6" in request.lines for request in provider.requests] == [False, True]
        assert provider.connections == 1


@pytest.mark.parametrize(("length", "said"), [(3, "longer"), (9, "shorter")])
async def test_a_body_that_is_not_as_long_as_it_says_is_not_finished(
    upstream: PooledUpstream, length: int, said: str
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"four"

    async with peer(polite) as provider:
        with pytest.raises(InvalidCall, match=said):
            await upstream.send(Outbound("POST", provider.origin, b"/", [], pieces(), length))
        await gone(provider)

        assert (provider.requests, upstream.open_connections) == ([], 0)


async def test_an_error_of_the_callers_body_is_the_callers_own(upstream: PooledUpstream) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError("the client went away")

    async with peer(polite) as provider:
        with pytest.raises(ConnectionResetError, match="the client went away"):
            await upstream.send(Outbound("POST", provider.origin, b"/", [], pieces()))
        await gone(provider)

        assert upstream.open_connections == 0


async def test_a_peer_that_does_not_read_makes_the_upload_wait(upstream: PooledUpstream) -> None:
    async def program(wire: Wire) -> None:
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]  # the server's transport can read
        await enough.wait()
        wire.writer.transport.resume_reading()  # type: ignore[attr-defined]  # same
        await wire.request()
        await wire.answer()

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(total // 65536):
            taken.append(65536)
            yield bytes(65536)

    total = 64 * 1024 * 1024
    taken: list[int] = []
    enough = asyncio.Event()
    async with peer(program) as provider, asyncio.TaskGroup() as group:
        sending = group.create_task(upstream.send(Outbound("POST", provider.origin, b"/", [], pieces(), total)))
        before = -1
        while len(taken) != before:  # until the kernel's buffers and ours are full
            before = len(taken)
            await asyncio.sleep(0.05)
        assert sum(taken) < total
        enough.set()
        (await sending).close()
        assert len(provider.requests[0].body) == total


async def test_abort_wakes_whoever_waits_and_closes_the_socket(upstream: PooledUpstream) -> None:
    async with peer(then_silence(CHUNKED + b"5\r\nhello\r\n")) as provider, asyncio.TaskGroup() as group:
        answer = await upstream.send(provider.post())
        assert await answer.chunk() == b"hello"
        waiting = group.create_task(outcome(answer))
        await asyncio.sleep(0)
        answer.abort()
        assert isinstance(await waiting, StreamBroken)
        assert upstream.open_connections == 0
        await gone(provider)
        answer.abort()
        answer.close()


async def test_abort_after_the_end_is_harmless(upstream: PooledUpstream) -> None:
    async with peer(polite) as provider:
        answer = await upstream.send(provider.post())
        assert await answer.read(LIMIT) == b"{}"
        answer.abort()
        answer.close()

        assert upstream.idle_connections == 1


async def test_closing_an_unread_stream_closes_its_connection(upstream: PooledUpstream) -> None:
    async with peer(then_silence(CHUNKED + b"5\r\nhello\r\n")) as provider:
        (await upstream.send(provider.post())).close()
        await gone(provider)

        assert upstream.open_connections == 0


@pytest.mark.parametrize("stage", ["head", "body"])
async def test_cancelling_the_waiting_task_closes_the_socket(upstream: PooledUpstream, stage: str) -> None:
    async def call() -> None:
        answer = await upstream.send(provider.post())
        await rest(answer)

    async with peer(then_silence(*([CHUNKED] if stage == "body" else []))) as provider:
        task = asyncio.ensure_future(call())
        while not provider.requests:
            await asyncio.sleep(0)
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (upstream.open_connections, upstream.answers_under_way) == (0, 0)
        await gone(provider)


async def test_closing_the_client_ends_calls_under_way(upstream: PooledUpstream) -> None:
    async with peer(then_silence(CHUNKED)) as provider:
        answer = await upstream.send(provider.post())
        await upstream.aclose()
        with pytest.raises(UpstreamBusy, match="shutting down"):
            await answer.chunk()
        with pytest.raises(UpstreamBusy, match="shutting down"):
            await upstream.send(Outbound("GET", Origin("http", "127.0.0.2", 1, trusted=True), b"/", []))
        await gone(provider)


@pytest.mark.parametrize(
    ("headers", "target"),
    [
        ([(b"x-a", b"b\r\nhost: evil")], b"/"),
        ([(b"x-a", b"b\nc")], b"/"),
        ([(b"x-a", b"b\x00")], b"/"),
        ([(b"x-a\r\nb", b"c")], b"/"),
        ([(b"host", b"evil")], b"/"),
        ([(b"Transfer-Encoding", b"chunked")], b"/"),
        ([], b"/ HTTP/1.1\r\nhost: evil\r\n\r\n"),
        ([], b"http://evil/"),
    ],
)
async def test_nothing_is_sent_of_a_call_that_would_break_the_head(
    upstream: PooledUpstream, headers: list[tuple[bytes, bytes]], target: bytes
) -> None:
    async with peer(polite) as provider:
        with pytest.raises(InvalidCall):
            await upstream.send(Outbound("POST", provider.origin, target, headers, b"{}"))

        assert provider.connections == 0


async def outcome(answer: Answer) -> BaseException | bytes:
    try:
        return await answer.chunk()
    except StreamBroken as error:
        return error


async def gone(provider: Peer) -> None:
    """Wait until the peer has noticed that its connection was closed."""
    while provider.conversations:
        await asyncio.sleep(0)
