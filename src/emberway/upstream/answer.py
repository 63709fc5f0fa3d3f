"""One answer as its holder sees it: a sink that the connection fills and ``chunk`` empties."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec import Struct

from emberway.errors import BadAnswer, GatewayError, StreamBroken, UpstreamTimeout
from emberway.upstream.base import Deadlines
from emberway.upstream.failures import Stage, upstream_error
from emberway.upstream.unpacking import Unpacker

if TYPE_CHECKING:
    from emberway.upstream.connection import Connection

MOST_UNPACKED = 64 * 1024 * 1024
"""Bytes of a body that came compressed which ``read`` will hold."""


class Answer(Struct, eq=False):
    """Status, headers and the body as it comes. Its connection feeds it; the sweeper reads ``expires``."""

    _loop: asyncio.AbstractEventLoop
    connection: Connection | None
    """What still brings bytes; ``None`` once the last one has come, and the connection is free."""
    _where: str
    _deadlines: Deadlines
    _ends_at: float
    expires: float
    """When the sweeper calls :meth:`expire`, on the loop's clock."""
    status: int = 0
    """0 until the head is there."""
    headers: list[tuple[bytes, bytes]] = []
    length: int | None = None
    """Bytes of the body on the wire, where the head says."""
    parts: list[bytes] = []
    """Body bytes that have come and are not handed over."""
    pending: int = 0
    """How many bytes ``parts`` holds."""
    is_complete: bool = False
    trouble: BaseException | None = None
    """Why no more will come."""
    died_unheard: bool = False
    """Whether a kept-alive connection ended without one byte of answer: the one case that may be repeated."""
    _stage: Stage = Stage.WAITING
    _unpacker: Unpacker | None = None
    _waiter: asyncio.Future[None] | None = None

    # -- the holder's side

    async def head(self) -> None:
        """Wait for status and headers. Raises the error of a call without an answer."""
        try:
            while not self.status and self.trouble is None:
                await self._news()
        except BaseException:  # whoever is cancelled while waiting closes the connection
            self.abort()
            raise
        if self.trouble is not None:
            raise self._error()
        self._stage = Stage.OPENED
        self.expires = self._ends_at

    async def chunk(self) -> bytes:
        """The next bytes of the body, all that have come; ``b""`` at its end. Raises UpstreamError."""
        while True:
            if data := self._take():
                self._stage = Stage.READING
                return data
            if self.trouble is not None:
                raise self._error()
            if self.is_complete:
                return b""
            self.expires = min(self._loop.time() + self._deadlines.idle, self._ends_at)
            try:
                await self._news()
            except BaseException:  # as in head
                self.abort()
                raise
            self.expires = self._ends_at

    async def read(self, limit: int) -> bytes:
        """The rest of the body; BadAnswer beyond ``limit`` bytes."""
        if self.is_complete and self._unpacker is None and self.trouble is None and self.pending <= limit:
            parts, self.parts, self.pending = self.parts, [], 0
            return parts[0] if len(parts) == 1 else b"".join(parts)
        if self._unpacker is not None:
            limit = min(limit, MOST_UNPACKED)
        elif self._stage is Stage.OPENED and self.length is not None and self.length > limit:
            raise self._too_long(limit)
        elif self.is_complete and self.trouble is None and self.pending <= limit:
            return self._take()  # the usual short answer is whole already: 1 µs less (benchmarks/upstream_client.py)
        return await self._gathered(limit)

    def abort(self) -> None:
        """Close the connection now and wake a waiting ``chunk`` with StreamBroken; safe to call at any time."""
        self._stop(StreamBroken(f"The answer from {self._where} was cut off by this gateway.", code="aborted"))

    def close(self) -> None:
        """Give the connection back if the answer was read whole, else close it. Idempotent."""
        if self.connection is not None:
            self.abort()

    # -- the connection's side

    def unpack_from(self, packing: bytes) -> None:
        """The body is packed once; what is handed over is unpacked."""
        self._unpacker = Unpacker(packing)

    def fail(self, trouble: BaseException) -> None:
        """No more will come, for this reason."""
        if self.trouble is None:
            self.trouble = trouble
        self.connection = None
        self.wake()

    def wake(self) -> None:
        """Let a waiting holder look again."""
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def expire(self, now: float) -> None:
        """A deadline has passed: close the connection and say which one it was."""
        given = self._deadlines
        if now >= self._ends_at:
            name, seconds, code = "was not whole", given.total, "upstream_total_timeout"
        elif self._stage is Stage.WAITING:
            name, seconds, code = "did not begin", given.first_byte, "upstream_timeout"
        else:
            name, seconds, code = "paused for longer than the allowed", given.idle, "upstream_idle_timeout"
        when = f"{seconds:g} s" if code == "upstream_idle_timeout" else f"within {seconds:g} s"
        self._stop(UpstreamTimeout(f"The answer from {self._where} {name} {when}.", code=code))

    # -- inside

    def _take(self) -> bytes:
        """All that has come, unpacked where need be (then at most one window of it)."""
        parts = self.parts
        if self._unpacker is not None:
            return self._take_unpacked(self._unpacker)
        if not parts:
            return b""
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        self._drained()
        return data

    def _take_unpacked(self, unpacker: Unpacker) -> bytes:
        try:
            while self.parts or unpacker.has_more:
                packed = b"".join(self.parts)
                self._drained()
                if data := unpacker.unpack(packed):
                    return data
            if self.is_complete:
                unpacker.finish()
        except Exception as error:  # zlib's and our own, told apart by the table
            self._stop(error)
        return b""

    def _drained(self) -> None:
        self.parts.clear()
        self.pending = 0
        if self.connection is not None:
            self.connection.resume()

    async def _gathered(self, limit: int) -> bytes:
        stage = self._stage
        pieces: list[bytes] = []
        size = 0
        while piece := await self.chunk():
            self._stage = stage  # nobody has seen these bytes yet
            size += len(piece)
            if size > limit:
                raise self._too_long(limit)
            pieces.append(piece)
        return b"".join(pieces)

    def _news(self) -> asyncio.Future[None]:
        """Done when the connection or the sweeper has something to tell."""
        self._waiter = self._loop.create_future()
        return self._waiter

    def _stop(self, trouble: BaseException) -> None:
        connection = self.connection
        if connection is not None:
            connection.fail(trouble)
        elif self.trouble is None:
            self.trouble = trouble
        self.parts.clear()
        self._unpacker = None

    def _too_long(self, limit: int) -> BadAnswer:
        error = BadAnswer(f"The answer from {self._where} is longer than the allowed {limit} bytes.")
        self._stop(error)
        return error

    def _error(self) -> GatewayError:
        assert self.trouble is not None
        return upstream_error(self.trouble, self._stage, self._where)
