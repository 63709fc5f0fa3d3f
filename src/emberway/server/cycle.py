"""One request and its answer: the ``receive`` and ``send`` that an ASGI application is given."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from emberway.server.refusal import Refused
from emberway.server.response_head import (
    CHUNKED,
    CLOSE,
    END,
    KEEP_ALIVE,
    STATUS_LINES,
    Headers,
    all_lines,
    asks_to_close,
    check_length,
    unusual_status_line,
)
from emberway.wire.header_lines import BadHead, headers_in

if TYPE_CHECKING:
    from emberway.server.connection import Connection

Message = dict[str, Any]

JOINED = 64 * 1024
"""Bytes up to which a piece of a body is sent in one write with what frames it; beyond, copying costs more."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
ANSWER = "emberway.answer"
"""An ASGI extension: a message that is a whole answer, its headers written as lines by `wire.header_lines`.

Head and body in one message, and no header taken apart that was just put together: 5 µs less than the two messages of
ASGI for a usual answer (benchmarks/edge.py).
"""
_BODILESS = frozenset({204, 304})

_log = logging.getLogger("emberway")
_FAILED = Refused(500, "internal_error", "The gateway failed on this request; its log has the details.")
_STOPPED = Refused(503, "shutting_down", "The gateway is shutting down. Send the request again.")


class ClientLeft(ConnectionError):
    """``send`` was called when there was nobody to answer any more (an OSError, as ASGI 2.4 asks)."""

    is_expected = True


class MisusedProtocol(RuntimeError):
    """The application sent messages that ASGI does not allow, or not in this order."""


class Cycle(Struct, eq=False, weakref=True):
    """Made when a request's head is there."""

    _connection: Connection
    scope: dict[str, Any]
    # The request
    is_whole: bool = False
    """Whether it has come to its end."""
    is_gone: bool = False
    """Whether there is nobody to answer: the client has left, or broken its request off."""
    is_head_request: bool = False
    is_1_0: bool = False
    awaits_go_ahead: bool = False
    """``Expect: 100-continue``: the client holds its body back until it is asked for."""
    parts: list[bytes] = []
    """Of its body, as they came; not yet taken by the application."""
    buffered: int = 0
    """Bytes in ``parts``."""
    _is_taken: bool = False
    """Whether the application has been given its end."""
    _waiter: asyncio.Future[None] | None = None
    task: asyncio.Task[None] | None = None
    """Runs the application, from `start` on."""
    # The answer
    keeps_alive: bool = True
    """Whether the connection may be used again after it."""
    is_head_sent: bool = False
    is_chunked: bool = False
    is_complete: bool = False
    """Whether it has been handed to the transport to its end."""
    is_cut_visible: bool = True
    """Whether its framing tells a client that it ended early."""
    _status: bytes = b""
    """The status line; empty until the application has begun."""
    _lines: bytes = b""
    _left: int | None = None
    """Bytes of its body that its content-length still promises."""
    _has_no_body: bool = False

    def start(self) -> None:
        """Run the application."""
        hub = self._connection.hub
        # Not through `tasks.start`, which costs 2 µs more for what this class does itself: `hub.cycles` keeps the
        # task, `_run` reports its death (benchmarks/server.py).
        self.task = hub.loop.create_task(self._run())
        hub.cycles.add(self)

    async def _run(self) -> None:
        hub = self._connection.hub
        ending = _FAILED
        try:
            await hub.app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            ending = _STOPPED
        except Exception as error:  # the application's outermost boundary
            if not (self.is_gone or getattr(error, "is_expected", False)):
                _log.error("the application failed on %s", self.scope["path"], exc_info=error)
        finally:
            hub.cycles.discard(self)
            if hub.is_draining:
                hub.note_end()
        if not self.is_complete and not self.is_gone:
            self._connection.broken_off(self, ending)

    @property
    def is_usual(self) -> bool:
        """Whether it is whole, and nothing about it or its connection is out of the ordinary."""
        return self.is_whole and self.keeps_alive and not (self.is_1_0 or self.is_head_request or self.awaits_go_ahead)

    # -- the request

    async def receive(self) -> Message:
        """The next piece of the body, or ``http.disconnect`` once there is nobody to answer. One caller at a time."""
        if not self._is_taken:
            if not self.parts and not self.is_whole and not self.is_gone:
                await self._more()
            if not self.is_gone:
                return self._take()
        while not self.is_gone and not self.is_complete:
            await self._news()
        return {"type": "http.disconnect"}

    async def _more(self) -> None:
        if self.awaits_go_ahead and not self.is_head_sent:
            self.awaits_go_ahead = False
            self._connection.write(CONTINUE)
        while not self.parts and not self.is_whole and not self.is_gone:
            await self._news()

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
        if self._waiter is None or self._waiter.done():
            self._waiter = self._connection.hub.loop.create_future()
        await self._waiter

    def wake(self) -> None:
        """Something has changed that ``receive`` may be waiting for."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def lose(self) -> None:
        """There is nobody to answer any more."""
        self.is_gone = True
        self.parts.clear()
        self.wake()

    # -- the answer

    async def send(self, message: Message) -> None:
        """Send the answer's head or a piece of its body, waiting while the client does not take what was sent before.

        Raises ClientLeft when there is nobody to take it, MisusedProtocol for messages out of order or a body that is
        not as long as promised, BadHead for a head that would not be HTTP.
        """
        if self.is_gone:
            raise ClientLeft("the client has left")
        kind = message["type"]
        if kind == ANSWER:
            self._answer(message["status"], message["lines"], message["body"])
        elif kind == "http.response.body":
            more = message.get("more_body", False)
            self._write(message.get("body", b""), more=more)
            if more and self._connection.is_stalled:
                await self._connection.drained()
        elif kind == "http.response.start":
            self._begin(message)
        else:
            raise MisusedProtocol(f"{kind!r} is no message of an HTTP answer")

    def _answer(self, status: int, lines: bytes, body: bytes) -> None:
        """Write a whole answer at once; ``lines``: of its head, without those of its framing."""
        connection = self._connection
        hub = connection.hub
        is_usual = self.is_whole and self.keeps_alive and not (self.is_1_0 or self.is_head_request or hub.is_draining)
        if not is_usual or self._status or status in _BODILESS or b"\r\nconnection: " in lines:
            self._begin({"status": status, "headers": [*headers_in(lines), (b"content-length", b"%d" % len(body))]})
            self._write(body, more=False)
            return
        self._status = line = STATUS_LINES.get(status) or unusual_status_line(status)
        head = b"%s%s%s\r\ncontent-length: %d\r\n\r\n" % (line, hub.signature.both, lines, len(body))
        if len(body) <= JOINED:
            connection.write(head + body)
        else:
            connection.write_all(head, body)
        self.is_head_sent = self.is_complete = True
        if self._waiter is not None:
            self.wake()
        connection.answered(self)

    def _begin(self, message: Message) -> None:
        """Check the head and hold it, so that it leaves in one write with the body's first piece."""
        if self._status:
            raise MisusedProtocol("the answer has already begun")
        hub = self._connection.hub
        headers, status = message.get("headers", ()), message["status"]
        try:
            self._status = STATUS_LINES.get(status) or unusual_status_line(status)
            if status in _BODILESS:
                headers = self._without_body(status, headers)
            named = dict(headers)
            self._lines = all_lines(headers, named, hub.signature)
            length = named.get(b"content-length")
            if length is None:
                # A stream's head should not wait for the first event: it leaves with the next turn of the loop.
                hub.loop.call_soon(self._send_head_alone)
            elif not length.isdigit() or len(named) != len(headers):
                check_length(headers)
            if length is not None and not (self.is_head_request or self._has_no_body):
                self._left = int(length)
        except BadHead:
            self._connection.broken_off(self, _FAILED)
            raise
        if b"connection" in named and asks_to_close(headers):
            self.keeps_alive = False

    def _without_body(self, status: int, headers: Headers) -> Headers:
        self._has_no_body = True
        if status == 204:  # must not have a length (RFC 9110 section 8.6)
            return [header for header in headers if header[0] != b"content-length"]
        return headers

    def _send_head_alone(self) -> None:
        if not (self.is_head_sent or self.is_gone):
            self._connection.write(self._head(0, more=True))
            self.is_head_sent = True

    def _head(self, size: int, *, more: bool) -> bytes:
        """The head's bytes; settles the framing. ``size``: of the body's first piece, its last if not ``more``."""
        framing = b""
        if self.is_head_request:
            self._has_no_body, self._left = True, None
        elif self._left is None and not self._has_no_body:
            if not more:
                framing = b"\r\ncontent-length: %d" % size
            elif not self.is_1_0:
                framing = CHUNKED
                self.is_chunked = True
            else:
                self.keeps_alive = self.is_cut_visible = False
        if not self.is_whole or self._connection.hub.is_draining:
            self.keeps_alive = False
        if not self.keeps_alive:
            framing += CLOSE
        elif self.is_1_0:
            framing += KEEP_ALIVE
        return b"".join((self._status, self._lines, framing, END))

    def _write(self, body: bytes, *, more: bool) -> None:
        if self.is_complete or not self._status:
            raise MisusedProtocol("http.response.body came before http.response.start, or after the answer's end")
        connection = self._connection
        size = len(body)
        if self._left is not None:
            self._left = left = self._left - size
            if left and (left < 0 or not more):
                connection.broken_off(self, _FAILED)
                raise MisusedProtocol("the answer's body is not as long as its content-length says")
        before = b"" if self.is_head_sent else self._head(size, more=more)
        after = b""
        if self._has_no_body:
            body = b""
        elif self.is_chunked:
            before, after = _in_chunks(before, size, more)
        if size <= JOINED:
            connection.write(before + body + after)
        else:
            connection.write_all(before, body, after)
        self.is_head_sent = True
        if not more:
            self.is_complete = True
            if self._waiter is not None:
                self.wake()
            connection.answered(self)


def _in_chunks(before: bytes, size: int, more: bool) -> tuple[bytes, bytes]:
    """What stands before and after a piece of a chunked body; an empty piece must not end it."""
    after = b""
    if size:
        before, after = before + b"%x\r\n" % size, b"\r\n"
    return before, after if more else after + b"0\r\n\r\n"
