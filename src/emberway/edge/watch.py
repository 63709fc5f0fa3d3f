"""Notices, while requests are being answered, that a body does not come or that a client has gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from emberway import tasks
from emberway.exchange import Exchange

EVERY = 0.025
"""Seconds between two rounds over the requests under way.

A request is watched from the second round on that finds it, so after 25 to 50 ms: most answers are done by then, and
one timer serves them all (0.2 µs a request against 8 µs for a task). It leaves half of the 100 ms within which an
upstream connection must be closed after its client has gone.
"""

Receive = Callable[[], Awaitable[dict[str, Any]]]


class Rounds:
    """All requests of this process that are under way."""

    def __init__(self) -> None:
        self._under_way: set[Watch] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._under_way)

    def add(self, watch: Watch) -> None:
        """Look after ``watch`` from now on."""
        self._under_way.add(watch)
        if self._timer is None:
            self._timer = watch.task.get_loop().call_later(EVERY, self._walk)

    def discard(self, watch: Watch) -> None:
        """It is answered."""
        self._under_way.discard(watch)

    def _walk(self) -> None:
        self._timer = None
        if self._under_way:
            loop = asyncio.get_running_loop()
            now = loop.time()
            for watch in self._under_way:
                watch.look(now)
            self._timer = loop.call_later(EVERY, self._walk)


class Watch:
    """Cancels the task of one request when its body is late or its client gone."""

    __slots__ = (
        "_body_seconds",
        "_exchange",
        "_first_seen",
        "_reading",
        "_receive",
        "_rounds",
        "_watcher",
        "late",
        "task",
    )

    def __init__(self, rounds: Rounds, receive: Receive, exchange: Exchange, body_seconds: float) -> None:
        self._rounds = rounds
        self._receive = receive
        self._exchange = exchange
        self._body_seconds = body_seconds
        self._first_seen: float | None = None
        self._reading = True
        self._watcher: asyncio.Task[None] | None = None
        self.late = False
        """Whether the task was cancelled because the body did not come in time."""
        task = asyncio.current_task()
        assert task is not None
        self.task = task
        rounds.add(self)

    def body_read(self) -> None:
        """From now on nobody else calls ``receive``: a disconnect can be waited for."""
        self._reading = False

    def watch_now(self) -> None:
        """Do not wait for the next round: a stream is about to start."""
        if self._watcher is None and not self._reading:
            self._watcher = tasks.start("client watch", self._wait())

    def look(self, now: float) -> None:
        """One round of the walk; ``now`` in the loop's clock."""
        if self._first_seen is None:
            self._first_seen = now
        elif not self._reading:
            self.watch_now()
        elif now - self._first_seen > self._body_seconds:
            self.late = True
            self.task.cancel()

    def close(self) -> None:
        """The request is answered."""
        self._rounds.discard(self)
        if self._watcher is not None:
            self._watcher.cancel()

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._exchange.client_gone = True
        self.task.cancel()
