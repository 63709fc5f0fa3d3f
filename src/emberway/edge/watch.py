"""Notices, while requests are being answered, that a body does not come or that a client has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct, field

from emberway import tasks
from emberway.exchange import Exchange

EVERY = 0.025
"""Seconds between two rounds over the requests under way.

A request is watched from the second round on that finds it, so after 25 to 50 ms: most answers are done by then, and
one timer serves them all (0.2 µs a request against 8 µs for a task). It leaves half of the 100 ms within which an
upstream connection must be closed after its client has gone.
"""

Receive = Callable[[], Awaitable[dict[str, Any]]]


class Watched(Struct, eq=False):
    """One request under way: its task is cancelled when its body is late or its client gone."""

    exchange: Exchange
    receive: Receive
    body_is_read: bool = False
    """From then on nobody else calls ``receive``, and a disconnect can be waited for."""
    is_late: bool = False
    """Whether the task was cancelled because the body did not come in time."""
    _first_seen: float = 0.0
    _task: asyncio.Task[Any] | None = field(default_factory=asyncio.current_task)
    _watcher: asyncio.Task[None] | None = None

    def watch_now(self) -> None:
        """Do not wait for the next round: a stream is about to start."""
        if self._watcher is None and self.body_is_read:
            self._watcher = tasks.start("client watch", self._wait())

    def look(self, now: float, body_seconds: float) -> None:
        """One round of the walk; ``now`` in the loop's clock."""
        if not self._first_seen:
            self._first_seen = now
        elif self.body_is_read:
            self.watch_now()
        elif now - self._first_seen > body_seconds:
            self.is_late = True
            self._cancel()

    def stop_watching(self) -> None:
        """The request is answered."""
        if self._watcher is not None:
            self._watcher.cancel()

    async def _wait(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass
        self.exchange.client_gone = True
        self._cancel()

    def _cancel(self) -> None:
        assert self._task is not None, "a request is served in a task of its own"
        self._task.cancel()


class Rounds:
    """All requests of this process that are under way."""

    def __init__(self, body_seconds: float) -> None:
        self._body_seconds = body_seconds
        self._under_way: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, request: Watched) -> None:
        """Look after it from now on."""
        self._under_way.add(request)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(EVERY, self._walk)

    def discard(self, request: Watched) -> None:
        """It is answered."""
        self._under_way.discard(request)

    def _walk(self) -> None:
        self._timer = None
        if self._under_way:
            loop = asyncio.get_running_loop()
            now = loop.time()
            for request in self._under_way:
                request.look(now, self._body_seconds)
            self._timer = loop.call_later(EVERY, self._walk)
