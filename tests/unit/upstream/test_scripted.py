"""The double keeps the contract that the client keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from emberway.errors import BadAnswer, ConnectFailed, StreamBroken
from emberway.upstream.base import Inbound, Origin, Outbound, Upstream
from emberway.upstream.scripted import ScriptedAnswer, ScriptedUpstream

pytestmark = pytest.mark.anyio
OUTBOUND = Outbound("POST", Origin("https", "a.test", 443), b"/v1", [], b"{}")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def send(answer: ScriptedAnswer) -> Inbound:
    upstream: Upstream = ScriptedUpstream.in_turn(answer)
    return await upstream.send(OUTBOUND)


async def test_chunks_come_one_by_one_and_then_the_end() -> None:
    inbound = await send(ScriptedAnswer(201, [(b"x-a", b"b")], [b"one", b"", b"two"]))

    assert (inbound.status, inbound.headers) == (201, [(b"x-a", b"b")])
    assert [await inbound.chunk() for _ in range(4)] == [b"one", b"two", b"", b""]


async def test_an_error_at_the_end_comes_after_the_chunks() -> None:
    inbound = await send(ScriptedAnswer(chunks=[b"one"], error=StreamBroken("gone")))

    assert await inbound.chunk() == b"one"
    with pytest.raises(StreamBroken, match="gone"):
        await inbound.chunk()


async def test_reading_stops_at_the_limit() -> None:
    with pytest.raises(BadAnswer, match="longer than the allowed 5 bytes"):
        await (await send(ScriptedAnswer(chunks=[b"one", b"two"]))).read(5)

    assert await (await send(ScriptedAnswer(chunks=[b"one", b"two"]))).read(6) == b"onetwo"


async def test_abort_wakes_whoever_waits() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"one"
        await asyncio.Event().wait()

    inbound = await send(ScriptedAnswer(chunks=chunks()))
    assert await inbound.chunk() == b"one"
    asyncio.get_running_loop().call_soon(inbound.abort)
    with pytest.raises(StreamBroken):
        await inbound.chunk()


async def test_what_was_sent_is_kept_with_its_body_whole() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    upstream = ScriptedUpstream(lambda outbound: ScriptedAnswer(chunks=[outbound.target]))
    for body in (b"{}", pieces()):
        inbound = await upstream.send(Outbound("POST", OUTBOUND.origin, b"/v2", [], body))
        assert await inbound.read(10) == b"/v2"
        inbound.close()

    assert [sent.body for sent in upstream.sent] == [b"{}", b"onetwo"]
    assert all(sent.inbound and sent.inbound.is_closed and not sent.inbound.is_aborted for sent in upstream.sent)


async def test_an_answer_closed_half_read_counts_as_aborted() -> None:
    upstream = ScriptedUpstream.in_turn(ScriptedAnswer(chunks=[b"one"]))
    (await upstream.send(OUTBOUND)).close()

    assert upstream.sent[0].inbound is not None
    assert upstream.sent[0].inbound.is_aborted


async def test_a_call_without_an_answer_fails_and_is_kept_all_the_same() -> None:
    async def refuse(_: Outbound) -> ConnectFailed:
        return ConnectFailed("refused")

    upstream = ScriptedUpstream(refuse)
    with pytest.raises(ConnectFailed, match="refused"):
        await upstream.send(OUTBOUND)

    assert (upstream.sent[0].outbound, upstream.sent[0].inbound) == (OUTBOUND, None)
