from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from emberway.edge.watch import EVERY, Rounds, Watched
from emberway.exchange import Exchange

PATIENCE = 5.0
"""Seconds after which something that does not happen counts as never happening."""

pytestmark = pytest.mark.anyio


class Client:
    """The other end: says nothing until it goes away, and notes whether anybody listens."""

    def __init__(self) -> None:
        self.listened = asyncio.Event()
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def receive(self) -> dict[str, Any]:
        self.listened.set()
        return await self._messages.get()

    def send(self, piece: bytes) -> None:
        self._messages.put_nowait({"type": "http.request", "body": piece, "more_body": False})

    def go(self) -> None:
        self._messages.put_nowait({"type": "http.disconnect"})


class Visit(Watched, eq=False):
    """A request whose handler waits for ever."""

    @property
    def handler(self) -> asyncio.Task[Any]:
        assert self._task is not None
        return self._task

    async def end(self) -> None:
        """The request is answered, as the edge does it."""
        self.stop_watching()
        self.handler.cancel()
        await asyncio.wait([self.handler])

    @property
    def is_watched(self) -> bool:
        return self._watcher is not None


@pytest.fixture
def client() -> Client:
    return Client()


def visit_of(client: Client, *, body_is_read: bool) -> Visit:
    handler: asyncio.Task[Any] = asyncio.create_task(asyncio.Event().wait())
    return Visit(Exchange("id", "id", 0.0), client.receive, body_is_read=body_is_read, _task=handler)


@pytest.fixture
async def read(client: Client) -> AsyncIterator[Visit]:
    visit = visit_of(client, body_is_read=True)
    yield visit
    await visit.end()


@pytest.fixture
async def unread(client: Client) -> AsyncIterator[Visit]:
    visit = visit_of(client, body_is_read=False)
    yield visit
    await visit.end()


async def cancelled(visit: Visit) -> bool:
    """Whether the handler is over, once everything that is due has run."""
    await asyncio.wait([visit.handler], timeout=PATIENCE)
    return visit.handler.cancelled()


async def test_a_handler_is_cancelled_when_its_client_goes(client: Client, read: Visit) -> None:
    read.watch_now()
    await client.listened.wait()
    client.go()

    assert await cancelled(read)
    assert (read.exchange.client_gone, read.is_late) == (True, False)


async def test_bytes_after_the_body_are_no_farewell(client: Client, read: Visit) -> None:
    read.watch_now()
    for piece in (b"", b"stray"):
        client.send(piece)
        client.listened.clear()
        await client.listened.wait()

    assert not read.handler.done()
    assert not read.exchange.client_gone


async def test_a_request_is_watched_from_the_second_round_on(read: Visit) -> None:
    seen = []
    for now in (10.0, 10.025, 10.05):
        read.look(now, body_seconds=30)
        seen.append(read.is_watched)

    assert seen == [False, True, True]


async def test_a_client_is_listened_to_once_however_often_it_is_looked_after(client: Client, read: Visit) -> None:
    read.watch_now()
    first = read._watcher
    read.watch_now()
    read.look(10.0, body_seconds=30)
    read.look(11.0, body_seconds=30)

    assert read._watcher is first


async def test_nobody_takes_pieces_of_a_body_that_is_still_being_read(unread: Visit) -> None:
    unread.watch_now()
    unread.look(10.0, body_seconds=30)
    unread.look(20.0, body_seconds=30)

    assert not unread.is_watched


@pytest.mark.parametrize(("waited", "late"), [(29.9, False), (30.0, False), (30.1, True)])
async def test_a_handler_is_cancelled_when_its_body_is_late(unread: Visit, waited: float, late: bool) -> None:
    unread.look(10.0, body_seconds=30)
    unread.look(10.0 + waited, body_seconds=30)
    await asyncio.sleep(0)

    assert (unread.is_late, unread.handler.cancelled()) == (late, late)
    assert not unread.exchange.client_gone


async def test_a_body_that_came_is_never_late(read: Visit) -> None:
    read.look(10.0, body_seconds=30)
    read.look(1000.0, body_seconds=30)
    await asyncio.sleep(0)

    assert not read.is_late
    assert not read.handler.done()


async def test_an_answered_request_is_watched_no_longer(client: Client, read: Visit) -> None:
    read.watch_now()
    await client.listened.wait()
    watcher = read._watcher
    assert watcher is not None
    read.stop_watching()
    await asyncio.wait([watcher])
    client.go()
    await asyncio.sleep(0)

    assert watcher.cancelled()
    assert not read.exchange.client_gone


async def test_a_request_that_was_never_watched_ends_all_the_same(read: Visit) -> None:
    read.stop_watching()

    assert not read.is_watched


# The rounds.


async def test_the_rounds_notice_clients_that_go(client: Client, read: Visit) -> None:
    rounds = Rounds(body_seconds=30)
    rounds.add(read)
    async with asyncio.timeout(PATIENCE):
        await client.listened.wait()
    client.go()

    assert await cancelled(read)
    rounds.discard(read)


async def test_the_rounds_notice_bodies_that_do_not_come(unread: Visit) -> None:
    rounds = Rounds(body_seconds=EVERY / 2)
    rounds.add(unread)

    assert await cancelled(unread)
    assert unread.is_late
    rounds.discard(unread)


async def test_a_request_that_is_answered_at_once_is_never_looked_at(read: Visit) -> None:
    rounds = Rounds(body_seconds=30)
    rounds.add(read)
    rounds.discard(read)
    rounds._walk()
    rounds._walk()

    assert (read._first_seen, read.is_watched) == (0.0, False)


async def test_one_timer_serves_all_and_stops_with_the_last(client: Client) -> None:
    rounds = Rounds(body_seconds=30)
    visits = [visit_of(client, body_is_read=False) for _ in range(3)]
    timers = []
    for visit in visits:
        rounds.add(visit)
        timers.append(rounds._timer)
    (timer,) = set(timers)
    assert timer is not None
    for visit in visits:
        rounds.discard(visit)
        await visit.end()

    timer.cancel()
    rounds._walk()
    assert rounds._timer is None


async def test_the_rounds_begin_again_with_the_next_request(client: Client, read: Visit) -> None:
    rounds = Rounds(body_seconds=30)
    rounds._walk()
    rounds.add(read)

    async with asyncio.timeout(PATIENCE):
        await client.listened.wait()
    rounds.discard(read)
