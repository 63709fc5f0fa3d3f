"""One request and its answer: the ``receive`` and ``send`` that an ASGI application is given."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from emberway.server.refusal import Refused
from emberway.server.response_head import CLOSE, BadHead, head_block

if TYPE_CHECKING:
    from emberway.server.connection import Connection

Message = dict[str, Any]

JOINED = 64 * 1024
"""Bytes up to which a piece of a body is sent in one write with what frames it; beyond, copying costs more."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_log = logging.getLogger("emberway")
_FAILED = Refused(500, "internal_error", "The gateway failed on this request; its log has the details.")
_STOPPED = Refused(503, "shutting_down", "The gateway is shutting down. Send the request again.")


class ClientLeft(ConnectionError):
    """``send`` was called after the client had gone (an OSError, as ASGI 2.4 asks)."""

    is_expected = True


class MisusedProtocol(RuntimeError):
    """The application sent messages that ASGI does not allow, or not in this order."""


class Cycle:
    """Made when a request's head is there. Fields that most requests leave as they are live on the class."""

    is_whole = False
    """Whether the request has come to its end."""
    is_gone = False
    """Whether the client can no longer be answered, or no longer sends what it promised."""
    is_complete = False
    """Whether the answer has been handed to the transport to its end."""
    is_head_sent = False
    is_chunked = False
    """Whether the answer is; between two pieces a chunk may then begin."""
    is_cut_visible = True
    """Whether a client can see that the answer ended early when the connection is closed in good order."""
    awaits_go_ahead = False
    """``Expect: 100-continue``: the client holds its body back until it is asked for."""
    buffered = 0
    """Bytes in ``parts``."""
    _is_taken = False
    """Whether the application has been given the end of the request."""
    _start: Message | None = None
    _left: int | None = None
    """Bytes of the answer's body that its content-length still promises."""
    _has_no_body = False
    _waiter: asyncio.Future[None] | None = None
    task: asyncio.Task[None]

    def __init__(self, connection: Connection, scope: dict[str, Any], *, keeps_alive: bool) -> None:
        self._connection = connection
        self._scope = scope
        self.keeps_alive = keeps_alive
        """Whether the connection may be used again after this answer."""
        self.parts: list[bytes] = []
        """Of the request's body, as they came; not yet taken by the application."""

    def start(self) -> None:
        """Run the application."""
        hub = self._connection.hub
        # Not through `tasks.start`: 1.5 µs for a name, a set and a callback that this class makes up for
        # (`hub.cycles` keeps the task, `_run` reports its death); benchmarks/server.py.
        self.task = hub.loop.create_task(self._run())
        hub.cycles.add(self)

    async def _run(self) -> None:
        hub = self._connection.hub
        trouble = None
        try:
            await hub.app(self._scope, self.receive, self.send)
        except asyncio.CancelledError:
            trouble = _STOPPED
        except Exception as error:  # the application's outermost boundary
            if not (self.is_gone or getattr(error, "is_expected", False)):
                _log.error("the application failed on %s", self._scope["path"], exc_info=error)
        finally:
            hub.cycles.discard(self)
            if hub.is_draining:
                hub.note_end()
        if not self.is_complete and not self.is_gone:
            self._connection.broken_off(self, trouble or _FAILED)

    # -- the request

    async def receive(self) -> Message:
        """The next piece of the body, or ``http.disconnect`` once there is nobody to answer."""
        if not self._is_taken:
            if not self.parts and not self.is_whole and not self.is_gone:
                if self.awaits_go_ahead and not self.is_head_sent:
                    self.awaits_go_ahead = False
                    self._connection.write(CONTINUE)
                await self._news()
            if not self.is_gone:
                return self._take()
        while not self.is_gone and not self.is_complete:
            await self._news()
        return {"type": "http.disconnect"}

    def _take(self) -> Message:
        parts = self.parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        self.buffered = 0
        self._is_taken = self.is_whole
        if self._connection.is_reading_paused:
            self._connection.adjust_reading()
        return {"type": "http.request", "body": body, "more_body": not self.is_whole}

    async def _news(self) -> None:
        """Wait until more of the request is there, or the client is not."""
        if self._waiter is None or self._waiter.done():
            self._waiter = self._connection.hub.loop.create_future()
        await self._waiter

    def wake(self) -> None:
        """Something has changed that ``receive`` may be waiting for."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def lose(self) -> None:
        """The client has gone, or will never send the rest of its request."""
        self.is_gone = True
        self.parts.clear()
        self.wake()

    # -- the answer

    async def send(self, message: Message) -> None:
        """Send the answer's head or a piece of its body, waiting while the client does not take what was sent before.

        Raises ClientLeft when there is nobody to take it, MisusedProtocol for messages out of order, BadHead for a head
        that would not be HTTP.
        """
        if self.is_gone:
            raise ClientLeft("the client has gone")
        kind = message["type"]
        if kind == "http.response.start":
            self._begin(message)
        elif kind == "http.response.body":
            more = message.get("more_body", False)
            self._write(message.get("body", b""), more)
            if more and self._connection.is_stalled:
                await self._connection.drained()
        else:
            raise MisusedProtocol(f"{kind!r} is no message of an HTTP answer")

    def _begin(self, message: Message) -> None:
        if self._start is not None:
            raise MisusedProtocol("the answer has already begun")
        self._start = message
        if not any(name == b"content-length" for name, _ in message.get("headers", ())):
            # Of a stream, the head should not wait for the first event; of anything else it leaves with the body.
            self._connection.hub.loop.call_soon(self._send_head_alone)

    def _send_head_alone(self) -> None:
        if not (self.is_head_sent or self.is_gone or self.is_complete):
            try:
                head = self._head(0, more=True)
            except BadHead:
                return  # the application is told when it sends its body
            self._connection.write(head)

    def _write(self, body: bytes, more: bool) -> None:
        if self.is_complete or self._start is None:
            raise MisusedProtocol("http.response.body came before http.response.start, or after the answer's end")
        connection = self._connection
        head = b""
        if not self.is_head_sent:
            try:
                head = self._head(len(body), more=more)
            except BadHead:
                connection.broken_off(self, _FAILED)
                raise
        size = len(body)
        if self._has_no_body:
            body = b""
        elif self._left is not None:
            self._left -= size
            if self._left < 0 or (self._left and not more):
                connection.broken_off(self, _FAILED)
                raise MisusedProtocol("the answer's body is not as long as its content-length says")
        before, after = head, b""
        if self.is_chunked:
            if size:
                before, after = head + b"%x\r\n" % size, b"\r\n"
            if not more:
                after += b"0\r\n\r\n"
        if size <= JOINED:
            connection.write(before + body + after)
        else:
            connection.write_all((before, body, after))
        if not more:
            self.is_complete = True
            self.wake()
            connection.answered(self)

    def _head(self, size: int, *, more: bool) -> bytes:
        """The head's bytes; settles the framing. ``size``: of the body's first piece, its last if not ``more``."""
        assert self._start is not None, "called after http.response.start"
        hub = self._connection.hub
        block, named = head_block(self._start, hub.ending)
        status = self._start["status"]
        length = named.get(b"content-length")
        framing = b""
        is_head_request = self._scope["method"] == "HEAD"
        if is_head_request or status in _BODILESS:
            self._has_no_body = True
        elif length is not None:
            if not length.isdigit():
                raise BadHead(f"{length!r} is no content-length")
            self._left = int(length)
        elif not more:
            framing = b"\r\ncontent-length: %d" % size
        elif self._scope["http_version"] == "1.1":
            self.is_chunked = True
            framing = b"\r\ntransfer-encoding: chunked"
        else:
            self.keeps_alive = self.is_cut_visible = False
        if not self.is_whole or hub.is_draining or b"close" in named.get(b"connection", b"").lower():
            self.keeps_alive = False
        if not self.keeps_alive:
            framing += CLOSE
        elif self._scope["http_version"] == "1.0":
            framing += b"\r\nconnection: keep-alive"
        self.is_head_sent = True
        return block + framing + b"\r\n\r\n"


_BODILESS = frozenset({204, 304})
