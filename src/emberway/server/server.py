"""Serves an ASGI application on listening sockets until it is asked to stop, then ends in good order."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress

from emberway import tasks
from emberway.server.connection import Connection
from emberway.server.hub import ASGIApp, Hub
from emberway.server.lifespan import Lifespan
from emberway.server.limits import ServerLimits

BACKLOG = 2048
"""Connections that the kernel holds while the process is busy; more than the usual limit of 4096 is not granted."""
LAST_WORDS = 1.0
"""Seconds that cancelled requests, and after them connections that were cut, get to end."""

_log = logging.getLogger("emberway")


class Server:
    """One application on one event loop, the one that is running when `start` is called."""

    hub: Hub
    """From `start` on."""

    def __init__(
        self,
        app: ASGIApp,
        limits: ServerLimits | None = None,
        *,
        on_stop: Callable[[], None] = lambda: None,
        drain_delay: float = 0.0,
        drain_timeout: float = 120.0,
    ) -> None:
        """``on_stop`` is called at the first wish to stop; what the seconds are for, `serve` says."""
        self._app = app
        self._limits = limits or ServerLimits()
        self._on_stop = on_stop
        self._drain_delay = drain_delay
        self._drain_timeout = drain_timeout
        self._lifespan = Lifespan(app)
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._listeners: list[asyncio.Server] = []

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Run the application's start-up, then accept on these bound sockets, which are ours from then on.

        Raises StartFailed.
        """
        loop = asyncio.get_running_loop()
        self.hub = Hub(self._app, self._limits, loop)
        await self._lifespan.startup()
        self.hub.watch()
        for sock in sockets:
            listener = await loop.create_server(lambda: Connection(self.hub), sock=sock, backlog=BACKLOG)
            self._listeners.append(listener)

    def stop(self) -> None:
        """Ask for the end: once, and calls under way may end by themselves; twice, and they are ended."""
        if self._stop.is_set():
            self._hurry.set()
            return
        self._stop.set()
        self._on_stop()

    async def serve(self) -> None:
        """Wait for `stop`, then accept no more, let calls under way end, and tell the application.

        New calls are still taken for ``drain_delay`` seconds, so that whoever sends them can learn from ``on_stop``'s
        effect to send them elsewhere; calls under way get ``drain_timeout`` seconds more.
        """
        await self._stop.wait()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._hurry.wait(), self._drain_delay)
        for listener in self._listeners:
            listener.close()
        self.hub.drain()
        await self._drained()
        await self._cut_off()
        self.hub.close()
        await self._lifespan.shutdown()

    async def _drained(self) -> None:
        """Wait until everything has ended by itself, time is up or somebody is in a hurry."""
        waits = [tasks.start("drain", self.hub.emptied.wait()), tasks.start("hurry", self._hurry.wait())]
        await asyncio.wait(waits, timeout=self._drain_timeout, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()
        await asyncio.wait(waits)

    async def _cut_off(self) -> None:
        """End what has not ended: cancelled requests may still say something to their clients."""
        under_way = [cycle.task for cycle in self.hub.cycles if cycle.task is not None]
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way, timeout=LAST_WORDS)
        for connection in tuple(self.hub.connections):
            connection.cut_off()
        await self._emptied()
        for connection in tuple(self.hub.connections):
            connection.abort()
        await self._emptied()
        if self.hub.cycles:
            _log.error("%d requests did not end when they were cancelled", len(self.hub.cycles))

    async def _emptied(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.hub.emptied.wait(), LAST_WORDS)


async def serve(
    app: ASGIApp,
    sockets: Sequence[socket.socket],
    *,
    on_ready: Callable[[], None] = lambda: None,
    on_stop: Callable[[], None] = lambda: None,
    limits: ServerLimits | None = None,
    drain_delay: float = 0.0,
    drain_timeout: float = 120.0,
    signals: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGINT),
) -> None:
    """Serve until one of ``signals`` comes; a second one ends calls under way at once. Raises StartFailed.

    ``on_ready`` is called when connections are accepted, ``on_stop`` when the first signal has come. From then on,
    ``drain_delay``: seconds in which new calls are still taken; ``drain_timeout``: seconds for calls under way to end.
    """
    server = Server(app, limits, on_stop=on_stop, drain_delay=drain_delay, drain_timeout=drain_timeout)
    loop = asyncio.get_running_loop()
    for number in signals:
        loop.add_signal_handler(number, server.stop)
    try:
        await server.start(sockets)
        on_ready()
        await server.serve()
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def run(
    make_app: Callable[[], ASGIApp],
    sockets: Sequence[socket.socket],
    *,
    on_ready: Callable[[], None] = lambda: None,
    on_stop: Callable[[], None] = lambda: None,
    limits: ServerLimits | None = None,
    drain_delay: float = 0.0,
    drain_timeout: float = 120.0,
) -> None:
    """One worker process's life: make the application, `serve` it, return when it has ended. Raises StartFailed.

    The sockets are bound; they may be shared with other workers, by fork or by SO_REUSEPORT.
    """
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            serve(
                make_app(),
                sockets,
                on_ready=on_ready,
                on_stop=on_stop,
                limits=limits,
                drain_delay=drain_delay,
                drain_timeout=drain_timeout,
            )
        )
