"""Serves an ASGI application on listening sockets until it is asked to stop, then ends in good order."""

from __future__ import annotations

import asyncio
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
"""Connections that the kernel holds while the process is busy."""
LAST_WORDS = 2.0
"""Seconds that cancelled requests get to end."""


class Server:
    """One application, one event loop."""

    def __init__(self, app: ASGIApp, limits: ServerLimits | None = None, *, drain_timeout: float = 120.0) -> None:
        self._app = app
        self._limits = limits or ServerLimits()
        self._drain_timeout = drain_timeout
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._listeners: list[asyncio.Server] = []

    @property
    def port(self) -> int:
        """Of the first listener."""
        return int(self._listeners[0].sockets[0].getsockname()[1])

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Run the application's start-up, then accept. Raises StartFailed."""
        loop = asyncio.get_running_loop()
        self.hub = Hub(self._app, self._limits, loop)
        self._lifespan = Lifespan(self._app)
        await self._lifespan.startup()
        self.hub.watch()
        for sock in sockets:
            listener = await loop.create_server(lambda: Connection(self.hub), sock=sock, backlog=BACKLOG)
            self._listeners.append(listener)

    def stop(self) -> None:
        """Ask for the end: once, and calls under way may end; twice, and they are ended."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def serve(self) -> None:
        """Until `stop`; then drain and close."""
        await self._stop.wait()
        await self.close()

    async def close(self) -> None:
        """Accept no more, let calls under way end, cancel those that do not, tell the application."""
        self._stop.set()
        hub = self.hub
        for listener in self._listeners:
            listener.close()
        hub.drain()
        await self._drain()
        for cycle in tuple(hub.cycles):
            cycle.task.cancel()
        if hub.cycles:
            await asyncio.wait([cycle.task for cycle in hub.cycles], timeout=LAST_WORDS)
        for connection in tuple(hub.connections):
            connection.abort()
        with suppress(TimeoutError):
            await asyncio.wait_for(hub.emptied.wait(), LAST_WORDS)
        hub.close()
        await self._lifespan.shutdown()

    async def _drain(self) -> None:
        """Wait until everything has ended by itself, the time is over or somebody is in a hurry."""
        waits = [tasks.start("drain", self.hub.emptied.wait()), tasks.start("second signal", self._hurry.wait())]
        await asyncio.wait(waits, timeout=self._drain_timeout, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()


async def serve(
    app: ASGIApp,
    sockets: Sequence[socket.socket],
    *,
    on_ready: Callable[[], None] = lambda: None,
    limits: ServerLimits | None = None,
    drain_timeout: float = 120.0,
    signals: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGINT),
) -> None:
    """Serve until one of ``signals`` comes; a second one ends calls under way at once. Raises StartFailed."""
    server = Server(app, limits, drain_timeout=drain_timeout)
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
    limits: ServerLimits | None = None,
    drain_timeout: float = 120.0,
) -> None:
    """One worker process's life: make the application, serve it, return when it has ended. Raises StartFailed."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(make_app(), sockets, on_ready=on_ready, limits=limits, drain_timeout=drain_timeout))
