"""One origin's connections: how many there are, which are idle, and who waits for one."""

from __future__ import annotations

import asyncio
from collections import deque

from emberway.upstream.base import Origin
from emberway.upstream.connection import Connection
from emberway.upstream.deadlines import Sweeper
from emberway.upstream.request import authority


class Site:
    """A bounded pool. A slot is taken by :meth:`reserve` and given up by :meth:`freed`, whatever happens between."""

    __slots__ = (
        "_alive",
        "_emptied",
        "_idle",
        "_limit",
        "_waiters",
        "loop",
        "open",
        "origin",
        "sweeper",
        "where",
    )

    def __init__(self, origin: Origin, loop: asyncio.AbstractEventLoop, sweeper: Sweeper, limit: int) -> None:
        self.origin = origin
        self.loop = loop
        self.where = authority(origin)
        """The origin as messages name it."""
        self.open = 0
        """Slots in use: connections being made, at work or idle."""
        self._limit = limit
        self.sweeper = sweeper
        """Watches the deadlines of the answers under way."""
        self._idle: list[Connection] = []
        self._waiters: deque[asyncio.Future[Connection | None]] = deque()
        self._alive: set[Connection] = set()
        self._emptied: asyncio.Future[None] | None = None

    # -- taking

    def take(self, now: float) -> Connection | None:
        """The idle connection used last, if one is still good; the oldest are left to time out."""
        idle = self._idle
        while idle:
            connection = idle.pop()
            if connection.is_fit(now):
                return connection
            connection.close()
        return None

    async def reserve(self) -> Connection | None:
        """A connection that became idle, or None: the slot for a new one, which the caller now owes to :meth:`freed`.

        Whoever is cancelled while waiting leaves nothing behind.
        """
        if self.open >= self._limit and self._idle:
            self._idle.pop(0).close()  # a new one is asked for: make room
        if self.open < self._limit:
            self.open += 1
            return None
        waiter: asyncio.Future[Connection | None] = self.loop.create_future()
        self._waiters.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():  # served and cancelled in the same turn of the loop
                self._pass_on(waiter.result())
            elif waiter in self._waiters:
                self._waiters.remove(waiter)
            raise

    # -- giving back

    def give_back(self, connection: Connection) -> None:
        """An answer was whole; its connection is free for the next call."""
        waiter = self._next_waiter() if self._waiters else None
        if waiter is None:
            self._idle.append(connection)
        else:
            waiter.set_result(connection)

    def freed(self) -> None:
        """A slot is free: its connection was closed, or never came to be."""
        waiter = self._next_waiter()
        if waiter is None:
            self.open -= 1
        else:
            waiter.set_result(None)

    def _next_waiter(self) -> asyncio.Future[Connection | None] | None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                return waiter
        return None

    def _pass_on(self, given: Connection | None) -> None:
        if given is None:
            self.freed()
        elif not given.is_closed:
            self.give_back(given)

    # -- watching

    def born(self, connection: Connection) -> None:
        """A transport is open."""
        self._alive.add(connection)

    def lost(self, connection: Connection) -> None:
        """A transport is closed for good."""
        self._alive.discard(connection)
        if self._emptied is not None and not self._alive and not self._emptied.done():
            self._emptied.set_result(None)

    @property
    def idle(self) -> int:
        """How many connections wait for a call."""
        return sum(not connection.is_closed for connection in self._idle)

    def tidy(self, now: float) -> bool:
        """Close what has been idle for too long; whether anything is left of this site."""
        for connection in self._idle:
            if not connection.is_young(now):
                connection.close()
        self._idle = [connection for connection in self._idle if not connection.is_closed]
        return bool(self.open or self._alive or self._waiters)

    async def aclose(self, trouble: BaseException) -> None:
        """Close every connection and wait until the sockets are gone."""
        for connection in list(self._alive):
            connection.fail(trouble)
        if self._alive:
            self._emptied = self.loop.create_future()
            await self._emptied
