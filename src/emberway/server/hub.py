"""What all connections of one process share, and the one timer that looks after their deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from emberway.server.limits import ServerLimits
from emberway.server.response_head import signature

if TYPE_CHECKING:
    from emberway.server.connection import Connection
    from emberway.server.cycle import Cycle
    from emberway.server.outlet import Outlet

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]


class Hub:
    """Belongs to one event loop. A timer per connection would cost more than the look at all of them twice a second."""

    def __init__(self, app: ASGIApp, limits: ServerLimits, loop: asyncio.AbstractEventLoop) -> None:
        self.app = app
        self.limits = limits
        self.loop = loop
        self.connections: set[Connection] = set()
        self.slow: set[Outlet] = set()
        """Those that hold bytes which their client does not take."""
        self.half_closed: set[Connection] = set()
        """Those whose client has said that it will send no more, and is still owed an answer."""
        self.cycles: set[Cycle] = set()
        """Requests that the application is working on, finished answers included until it returns."""
        self.is_draining = False
        self.emptied = asyncio.Event()
        """Set when, while draining, the last connection and the last request have ended."""
        self.signature = signature(formatdate(usegmt=True))
        self._timer: asyncio.TimerHandle | None = None
        self._presence_timer: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """Start the timer."""
        self._sweep()

    def close(self) -> None:
        """Stop the timers."""
        for timer in (self._timer, self._presence_timer):
            if timer is not None:
                timer.cancel()

    def drain(self) -> None:
        """From now on every answer is its connection's last."""
        self.is_draining = True
        for connection in tuple(self.connections):
            connection.close_if_idle()
        self.note_end()

    def forget(self, connection: Connection) -> None:
        """It is closed."""
        self.connections.discard(connection)
        self.slow.discard(connection)
        self.half_closed.discard(connection)
        if self.is_draining:
            self.note_end()

    def note_end(self) -> None:
        """A connection or a request has ended."""
        if self.is_draining and not self.connections and not self.cycles:
            self.emptied.set()

    def _sweep(self) -> None:
        self._timer = self.loop.call_later(self.limits.sweep, self._sweep)
        self.signature = signature(formatdate(usegmt=True))
        now = self.loop.time()
        for connection in [each for each in self.connections if each.expires <= now]:
            connection.expire()
        for outlet in tuple(self.slow):
            outlet.look_for_progress(now)

    def ask_presence(self, connection: Connection) -> None:
        """Find out whether this client, which sends no more, is still there to read."""
        self.half_closed.add(connection)
        if self._presence_timer is None:
            self._presence_timer = self.loop.call_later(PRESENCE, self._look_for_presence)

    def _look_for_presence(self) -> None:
        self._presence_timer = None
        for connection in tuple(self.half_closed):
            connection.look_for_presence()
        if self.half_closed:
            self._presence_timer = self.loop.call_later(PRESENCE, self._look_for_presence)


PRESENCE = 0.025
"""Seconds between two looks at half-closed sockets: once a client has gone, its call must end within 100 ms."""
