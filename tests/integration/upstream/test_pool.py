"""How connections are kept, counted, handed on and given up."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from tests.integration.upstream.peer import Program, Wire, once, peer, polite, then_silence

from emberway.errors import BadAnswer, UpstreamBusy, UpstreamError
from emberway.upstream.base import Deadlines, Outbound
from emberway.upstream.client import PooledUpstream

pytestmark = pytest.mark.anyio
OK = b"HTTP/1.1 200 OK\r\n"
HI = OK + b"content-length: 2\r\n\r\nhi"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"


@pytest.fixture
async def narrow() -> AsyncIterator[PooledUpstream]:
    """A client that opens at most two connections to an origin."""
    client = PooledUpstream(max_connections=2)
    yield client
    await client.aclose()
    assert (client.open_connections, client.answers_under_way) == (0, 0)


async def call(upstream: PooledUpstream, outbound: Outbound) -> bytes:
    answer = await upstream.send(outbound)
    try:
        return await answer.read(1 << 20)
    finally:
        answer.close()


async def test_one_connection_serves_one_call_after_another(upstream: PooledUpstream) -> None:
    async with peer(polite) as provider:
        for _ in range(20):
            assert await call(upstream, provider.post()) == b"{}"

        assert (provider.connections, upstream.open_connections, upstream.idle_connections) == (1, 1, 1)


async def test_calls_at_the_same_time_get_connections_of_their_own_and_leave_them_for_later(
    upstream: PooledUpstream,
) -> None:
    async with peer(polite) as provider:
        for _ in range(3):
            await asyncio.gather(*(call(upstream, provider.post()) for _ in range(10)))

        assert (provider.connections, upstream.idle_connections) == (10, 10)


async def test_small_writes_are_not_held_back_by_the_kernel(upstream: PooledUpstream) -> None:
    async with peer(then_silence(CHUNKED)) as provider:
        answer = await upstream.send(provider.post())
        (site,) = upstream._sites.values()
        (connection,) = site._alive
        with socket.socket(fileno=socket.dup(connection._transport.get_extra_info("socket").fileno())) as twin:
            assert twin.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        answer.close()


@pytest.mark.parametrize(
    "wire",
    [
        OK + b"connection: close\r\ncontent-length: 2\r\n\r\nhi",
        OK + b"connection: Close, x-a\r\ncontent-length: 2\r\n\r\nhi",
        OK + b"keep-alive: timeout=4\r\ncontent-length: 2\r\n\r\nhi",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi",
    ],
)
async def test_a_connection_that_the_peer_will_close_is_not_kept(upstream: PooledUpstream, wire: bytes) -> None:
    async with peer(then_silence(wire)) as provider:
        assert await call(upstream, provider.post()) == b"hi"

        assert upstream.open_connections == 0


async def test_an_idle_connection_is_closed_before_the_peer_closes_it(upstream: PooledUpstream) -> None:
    async def program(wire: Wire) -> None:
        await wire.request()
        await wire.send(OK + b"keep-alive: timeout=5, max=100\r\ncontent-length: 2\r\n\r\nhi")
        await wire.until_closed()
        closed.set()

    closed = asyncio.Event()
    async with peer(program) as provider:
        await call(upstream, provider.post())
        async with asyncio.timeout(4):  # it is kept for 5 - 4 seconds, looked at about every second
            await closed.wait()

        assert upstream.open_connections == 0


@pytest.mark.parametrize("farewell", [b"", b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n"])
async def test_an_idle_connection_on_which_something_happens_is_not_used_again(
    upstream: PooledUpstream, farewell: bytes
) -> None:
    async def program(wire: Wire) -> None:
        await wire.request()
        await wire.send(HI)
        await answer_was_read.wait()
        await wire.send(farewell)

    answer_was_read = asyncio.Event()
    async with peer(program) as provider:
        for _ in range(5):
            answer_was_read.clear()
            assert await call(upstream, provider.post()) == b"hi"
            answer_was_read.set()
            while provider.closed < provider.connections or upstream.open_connections:
                await asyncio.sleep(0)

        assert (provider.connections, upstream.stale_retries) == (5, 0)


async def test_the_kernel_is_asked_about_a_connection_that_was_idle_while_the_loop_slept(
    upstream: PooledUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with peer(once(HI)) as provider:
        await call(upstream, provider.post())
        (site,) = upstream._sites.values()
        (connection,) = site._alive
        monkeypatch.setattr("emberway.upstream.connection.BELIEVED", -1.0)
        while not connection._is_readable():  # the FIN is in the kernel; the loop may come to it at any time
            await asyncio.sleep(0)
            if connection.is_closed:
                break

        assert not connection.is_fit(site.loop.time())


def dies_after(answers: int) -> Program:
    """Answer so many requests of a connection, read one more and hang up without a word."""

    async def program(wire: Wire) -> None:
        for _ in range(answers):
            await wire.request()
            await wire.send(HI)
        await wire.request()

    return program


async def test_a_call_on_a_stale_connection_is_repeated_once_on_a_fresh_one(upstream: PooledUpstream) -> None:
    async with peer(dies_after(1)) as provider:
        for _ in range(5):
            assert await call(upstream, provider.post(may_repeat=True)) == b"hi"

        assert (provider.connections, upstream.stale_retries) == (5, 4)


async def test_a_call_that_must_not_repeat_fails_on_a_stale_connection(upstream: PooledUpstream) -> None:
    async with peer(dies_after(1)) as provider:
        await call(upstream, provider.post())
        with pytest.raises(BadAnswer, match="closed the connection before the answer was whole") as told:
            await call(upstream, provider.post())

        assert (told.value.code, provider.connections, upstream.stale_retries) == ("upstream_closed", 1, 0)


async def test_a_call_on_a_fresh_connection_is_never_repeated(upstream: PooledUpstream) -> None:
    async with peer(dies_after(0)) as provider:
        with pytest.raises(BadAnswer):
            await call(upstream, provider.post(may_repeat=True))

        assert (provider.connections, len(provider.requests), upstream.stale_retries) == (1, 1, 0)


async def test_a_call_is_repeated_only_once(upstream: PooledUpstream) -> None:
    async def program(wire: Wire) -> None:
        await wire.request()
        if provider.connections == 1:
            await wire.send(HI)
            await wire.request()

    async with peer(program) as provider:
        await call(upstream, provider.post())
        with pytest.raises(BadAnswer):
            await call(upstream, provider.post(may_repeat=True))

        assert (provider.connections, upstream.stale_retries, upstream.open_connections) == (2, 1, 0)


async def test_a_call_is_not_repeated_once_a_byte_of_answer_has_come(upstream: PooledUpstream) -> None:
    async def program(wire: Wire) -> None:
        await wire.request()
        await wire.send(HI)
        await wire.request()
        await wire.send(b"H")

    async with peer(program) as provider:
        await call(upstream, provider.post())
        with pytest.raises(BadAnswer):
            await call(upstream, provider.post(may_repeat=True))

        assert (provider.connections, upstream.stale_retries) == (1, 0)


async def test_a_peer_that_closes_just_as_we_call_costs_no_call(upstream: PooledUpstream) -> None:
    async def program(wire: Wire) -> None:
        await wire.request()
        with suppress(TimeoutError):
            while True:
                await wire.answer()
                async with asyncio.timeout(0.01):
                    await wire.request()

    paces = random.Random(7)
    async with peer(program) as provider:

        async def caller() -> None:
            for _ in range(25):
                assert await call(upstream, provider.post(may_repeat=True)) == b"{}"
                await asyncio.sleep(0.01 + paces.uniform(-0.002, 0.002))

        await asyncio.gather(*(caller() for _ in range(20)))

        assert provider.connections > 20


async def test_a_full_pool_makes_callers_wait_their_turn(narrow: PooledUpstream) -> None:
    async with peer(polite) as provider:
        bodies = await asyncio.gather(*(call(narrow, provider.post()) for _ in range(50)))

        assert bodies == [b"{}"] * 50
        assert provider.connections == 2


async def test_a_slot_that_is_freed_by_a_failure_goes_to_the_next_in_line(narrow: PooledUpstream) -> None:
    async with peer(dies_after(0)) as provider:
        outcomes = await asyncio.gather(*(call(narrow, provider.post()) for _ in range(20)), return_exceptions=True)

        assert {type(outcome) for outcome in outcomes} == {BadAnswer}
        assert (provider.connections, narrow.open_connections) == (20, 0)


async def test_waiting_for_a_slot_ends_at_the_connect_deadline(narrow: PooledUpstream) -> None:
    async with peer(then_silence(CHUNKED)) as provider:
        held = [await narrow.send(provider.post()) for _ in range(2)]
        with pytest.raises(UpstreamBusy, match="All 2 connections") as told:
            await narrow.send(provider.post(deadlines=Deadlines(connect=0.1)))
        for answer in held:
            answer.close()

        assert (told.value.status, narrow.open_connections) == (503, 0)


async def test_callers_in_the_queue_hear_that_the_gateway_is_shutting_down(narrow: PooledUpstream) -> None:
    async with peer(then_silence(CHUNKED)) as provider:
        for _ in range(2):
            await narrow.send(provider.post())
        queued = [asyncio.ensure_future(narrow.send(provider.post())) for _ in range(3)]
        await asyncio.sleep(0)
        await narrow.aclose()
        outcomes = await asyncio.gather(*queued, return_exceptions=True)

        assert [(type(outcome), getattr(outcome, "code", "")) for outcome in outcomes] == [
            (UpstreamBusy, "shutting_down")
        ] * 3
        assert provider.connections == 2


async def test_a_repeated_call_makes_room_for_a_fresh_connection(narrow: PooledUpstream) -> None:
    async def program(wire: Wire) -> None:
        await wire.request()
        await wire.send(HI)
        await wire.request()
        if provider.connections > 2:
            await wire.send(HI)

    async with peer(program) as provider:
        await asyncio.gather(*(call(narrow, provider.post()) for _ in range(2)))
        assert await call(narrow, provider.post(may_repeat=True)) == b"hi"

        assert (provider.connections, narrow.stale_retries) == (3, 1)


async def test_a_thousand_calls_cancelled_at_any_stage_leave_nothing_behind() -> None:
    async def program(wire: Wire) -> None:
        while True:
            await wire.request()
            await wire.send(CHUNKED)
            for _ in range(3):
                await asyncio.sleep(0)
                await wire.send(b"5\r\nhello\r\n")
            await wire.send(b"0\r\n\r\n")

    async def impatient(patience: int) -> None:
        task = asyncio.ensure_future(call(upstream, provider.post(may_repeat=True)))
        for _ in range(patience):
            await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except (asyncio.CancelledError, UpstreamError):
            cut.append(patience)

    dice = random.Random(11)
    cut: list[int] = []
    upstream = PooledUpstream(max_connections=8)
    async with peer(program) as provider:
        for _ in range(25):
            await asyncio.gather(*(impatient(dice.randrange(80)) for _ in range(40)))
        assert len(cut) > 300
        assert upstream.open_connections == upstream.idle_connections <= 8
        assert upstream.answers_under_way == 0

        bodies = await asyncio.gather(*(call(upstream, provider.post()) for _ in range(100)))
        assert bodies == [b"hello" * 3] * 100
        await upstream.aclose()
        assert upstream.open_connections == 0


async def test_origins_do_not_share_connections_and_are_forgotten_when_the_last_one_is_gone(
    upstream: PooledUpstream,
) -> None:
    async with peer(once(HI)) as one, peer(once(HI)) as other:
        for provider in (one, other):
            assert await call(upstream, provider.post()) == b"hi"
        assert (one.connections, other.connections) == (1, 1)
        async with asyncio.timeout(5):
            while upstream._sites:
                await asyncio.sleep(0.05)
