"""The way out to one client: what is written for it, whether it takes that, and how the connection ends."""

from __future__ import annotations

import asyncio
import socket
from typing import cast

from emberway.server import kernel
from emberway.server.hub import Hub

NEVER = float("inf")


class Outlet(asyncio.Protocol):
    """The half of a connection that knows nothing of requests."""

    __slots__ = (
        "__weakref__",
        "_drained",
        "_is_closing",
        "_is_deaf",
        "_thrown_away",
        "_transport",
        "_untaken_before",
        "_untaken_since",
        "expires",
        "hub",
        "is_stalled",
        "write",
    )

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.expires = NEVER
        """When, in the loop's clock, something must have happened."""
        self.is_stalled = False
        """Whether the client takes less than we have for it."""
        self._drained: asyncio.Future[None] | None = None
        self._untaken_before = 0
        self._untaken_since = 0.0
        self._is_deaf = False
        """Whether what comes is thrown away: after the last request, or while the client reads our last words."""
        self._thrown_away = 0
        self._is_closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class, same methods
        self.write = self._transport.write

    @property
    def _socket(self) -> socket.socket:
        return cast("socket.socket", self._transport.get_extra_info("socket"))

    # -- writing

    def write_all(self, *pieces: bytes) -> None:
        """Several writes, none of them copied into another."""
        for piece in pieces:
            if piece:
                self.write(piece)

    async def drained(self) -> None:
        """Wait until the client has taken what was sent, or is gone."""
        if self._drained is None or self._drained.done():
            self._drained = self.hub.loop.create_future()
        await self._drained

    def _wake_senders(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def pause_writing(self) -> None:
        """The client takes less than we send."""
        self.is_stalled = True
        self._watch_progress()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self.is_stalled = False
        self._wake_senders()

    def _watch_progress(self) -> None:
        self._untaken_before, self._untaken_since = self._untaken(), self.hub.loop.time()
        self.hub.slow.add(self)

    def look_for_progress(self, now: float) -> None:
        """Cut a client that takes nothing."""
        untaken = self._untaken()
        if untaken != self._untaken_before:
            self._untaken_before, self._untaken_since = untaken, now
        elif not self.is_stalled and not self._is_closing:
            self.hub.slow.discard(self)
        elif now - self._untaken_since > self.hub.limits.stall:
            self.abort()

    def _untaken(self) -> int:
        """Bytes in our buffer and the kernel's, which a slow reader empties long before we may write again."""
        return self._transport.get_write_buffer_size() + kernel.unacknowledged(self._socket)

    # -- ending

    def _linger(self) -> None:
        self.expires = self.hub.loop.time() + self.hub.limits.linger

    def close(self) -> None:
        """Close once the client has taken what was written for it."""
        self._is_closing = self._is_deaf = True
        self.expires = NEVER
        self._transport.close()
        self._watch_progress()

    def abort(self, *, visibly: bool = False) -> None:
        """Close at once. ``visibly``: with a reset, because nothing else tells the client that more was to come."""
        self._is_closing = self._is_deaf = True
        if visibly:
            kernel.reset_on_close(self._socket)
        self._transport.abort()

    def _throw_away(self, size: int) -> None:
        self._thrown_away += size
        if self._thrown_away > self.hub.limits.linger_bytes:
            self.abort()

    def look_for_presence(self) -> None:
        """Cut a client that has gone for good."""
        if kernel.has_hung_up(self._socket):
            self.abort()
