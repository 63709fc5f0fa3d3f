"""One client's connection: bytes in through llhttp, requests to the application in order, answers out."""

from __future__ import annotations

import asyncio
import fcntl
import select
import socket
import struct
import termios
from collections import deque
from collections.abc import Iterable
from typing import Any, cast

import httptools

from emberway.server.cycle import CONTINUE, Cycle
from emberway.server.hub import Hub
from emberway.server.refusal import Refused, answer_of, bad_http
from emberway.server.request_head import SPECIAL, HeadReader

SLICE = 2048
"""Bytes fed to the parser at a time when many requests came at once."""
FEW_LINES = 64
"""Line breaks up to which a larger piece is fed at once: it holds at most 21 requests, which have three lines each."""
NEVER = float("inf")


class Connection(asyncio.Protocol):
    """A transport, a parser, the request being answered and those that wait behind it."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.is_stalled = False
        """Whether the client takes less than we have for it."""
        self.is_reading_paused = False
        self.expires = NEVER
        """When, in the loop's clock, something must have happened."""
        self._cycle: Cycle | None = None
        """The request being answered."""
        self._waiting: deque[Cycle] = deque()
        self._unfinished: Cycle | None = None
        """The request whose body is still coming."""
        self._unread = b""
        """Came, and not given to the parser yet, because too many requests wait."""
        self._farewell: Refused | None = None
        """Sent after the answers that are owed; then the connection closes."""
        self._is_deaf = False
        """Whether what comes is thrown away: after the last request, or while we wait for the client to read."""
        self._is_half_closed = False
        self._is_closing = False
        self._lingered = 0
        self._drained: asyncio.Future[None] | None = None
        self._progress = (0, 0.0)
        """Bytes that the client had not taken, and when that was last seen to change."""
        self._head_size = 0
        """Bytes of a head that is not complete."""
        self._fed = 0
        """The same, with what is being fed to the parser."""
        self._is_message_done = False
        """Whether a message ended in what was last fed."""
        self._head = HeadReader()

    # -- the transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        hub = self.hub
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class, same methods
        self.write = self._transport.write
        self._parser: Any = httptools.HttpRequestParser(self)
        self._head.begin_connection(self._parser, transport)
        self.expires = hub.loop.time() + hub.limits.first_byte
        hub.connections.add(self)
        if len(hub.connections) > hub.limits.connections:
            self._refuse(Refused(503, "too_many_connections", "Too many connections are open. Try again soon."))
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._is_deaf:
            self._throw_away(len(data))
        elif self._unread:
            self._unread += data
        elif len(data) <= SLICE or data.count(b"\n") <= FEW_LINES:
            self._feed(data)
            if self._waiting or self._unfinished is not None:
                self.adjust_reading()
        else:
            self._unread = data
            self._feed_slowly()

    def eof_received(self) -> bool:
        """The client will send no more; it may still read (a socket can be closed in one direction)."""
        self._is_half_closed = True
        if self._unfinished is not None and not self._unread:
            self._give_up_unfinished()
        if self._is_deaf or self._is_closing or (self._cycle is None and not self._unread):
            return False
        self._ask_presence()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, by whomever."""
        hub = self.hub
        hub.connections.discard(self)
        hub.slow.discard(self)
        hub.half_closed.discard(self)
        self._is_closing = self._is_deaf = True
        self.expires = NEVER
        self._parser = None
        self._unread = b""
        self._waiting.clear()
        cycle, self._cycle = self._cycle, None
        if cycle is not None:
            cycle.lose()
        self._resume_senders()
        hub.note_end()

    def pause_writing(self) -> None:
        """The client takes less than we send."""
        self.is_stalled = True
        self._watch_progress()

    def resume_writing(self) -> None:
        """The client has caught up."""
        self.is_stalled = False
        self.hub.slow.discard(self)
        self._resume_senders()
        if self._cycle is None:
            self._next()

    # -- reading

    def _feed(self, data: bytes | memoryview) -> None:
        self._is_message_done = False
        self._fed = self._head_size + len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as error:
            self._ignore_upgrade(data, error)
            return
        except httptools.HttpParserError as error:
            if not self._is_deaf:  # data after the last request is nobody's
                cause = error.__context__
                self._refuse(cause if isinstance(cause, Refused) else bad_http(_in_words(error)))
            return
        if self._unfinished is None and not self._is_deaf:
            head = self._head
            if head.has_begun or not self._is_message_done:
                self._in_head(head.size() if self._is_message_done else self._fed)

    def _in_head(self, size: int) -> None:
        """Bytes have come that do not make a head yet."""
        if not self._head_size and self._cycle is None:
            self.expires = self.hub.loop.time() + self.hub.limits.head
        self._head_size = size
        trouble = self._head.too_large(size, self.hub.limits)
        if trouble is not None:
            self._refuse(trouble)

    def _feed_slowly(self) -> None:
        """Parse what has come, a little at a time, and no further than the queue has room."""
        data = memoryview(self._unread)
        while data and len(self._waiting) < self.hub.limits.waiting and not self._is_deaf:
            self._feed(data[:SLICE])
            data = data[SLICE:]
        self._unread = b"" if self._is_deaf else bytes(data)
        self.adjust_reading()
        if self._is_half_closed and not self._unread and self._unfinished is not None:
            self._give_up_unfinished()

    def adjust_reading(self) -> None:
        """Read from the client if, and only if, there is room for what it sends."""
        unfinished = self._unfinished
        must_pause = not self._is_deaf and (
            bool(self._unread)
            or len(self._waiting) >= self.hub.limits.waiting
            or (unfinished is not None and unfinished.buffered > self.hub.limits.buffered_body)
        )
        if must_pause != self.is_reading_paused and not self._transport.is_closing():
            self.is_reading_paused = must_pause
            if must_pause:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def _ignore_upgrade(self, data: bytes | memoryview, error: Exception) -> None:
        """The parser has stopped after a head that asks for another protocol: give it that head again, without the wish.

        RFC 9110 section 7.8 lets a server ignore it, and the JDK's client asks for h2c in every first request.
        """
        if self._is_deaf:
            return
        head = self._head.without_upgrade()
        self._parser = httptools.HttpRequestParser(self)
        self._head.parser = self._parser
        self._feed(head + bytes(data)[int(error.args[0]) :])

    # -- the parser's calls

    def on_url(self, url: bytes) -> None:
        """A piece of the request's target."""
        self._head.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header or a trailer."""
        name = name.lower()
        self._head.headers.append((name, value.rstrip()))
        if name in SPECIAL:
            self._head.special(name, value)

    def on_headers_complete(self) -> None:
        """The head is there: check it, and let the application have it when its turn has come."""
        head = self._head
        limits = self.hub.limits
        if self._fed > limits.head_bytes and (trouble := head.too_large(head.size(), limits)):
            raise trouble
        scope = head.scope(limits)
        if scope is None:
            return  # an upgrade was asked for: this head comes again without it
        self._head_size = 0
        self._unfinished = cycle = Cycle(self, scope, keeps_alive=head.keeps_alive)
        if head.awaits_go_ahead:
            cycle.awaits_go_ahead = True
        head.forget()
        if self._cycle is None and not self.is_stalled:
            self.expires = NEVER
            self._cycle = cycle
            cycle.start()
        else:
            self._waiting.append(cycle)

    def on_body(self, body: bytes) -> None:
        """A piece of the request's body."""
        cycle = self._unfinished
        assert cycle is not None, "a body follows a head"
        cycle.parts.append(body)
        cycle.buffered += len(body)
        cycle.wake()

    def on_message_complete(self) -> None:
        """The request is whole."""
        cycle = self._unfinished
        if cycle is None:
            return  # a head that comes again
        self._unfinished = None
        self._is_message_done = True
        cycle.is_whole = True
        cycle.wake()
        if self._head.headers:
            self._head.forget()  # trailers: nobody reads them
        if not cycle.keeps_alive:
            self._is_deaf = True

    # -- answering

    def write_all(self, pieces: Iterable[bytes]) -> None:
        """Several writes, none of them copied into another."""
        for piece in pieces:
            if piece:
                self.write(piece)

    async def drained(self) -> None:
        """Wait until the client has taken what was sent, or is gone."""
        if self._drained is None or self._drained.done():
            self._drained = self.hub.loop.create_future()
        await self._drained

    def _resume_senders(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def answered(self, cycle: Cycle) -> None:
        """This request's answer is complete: on to the next."""
        self._cycle = None
        if cycle.keeps_alive and cycle.is_whole:
            self._next()
        else:
            self._hang_up()

    def _next(self) -> None:
        if self.is_stalled or self._is_closing:
            return
        if self._waiting:
            self._cycle = cycle = self._waiting.popleft()
            cycle.start()
            if self._unread:
                self._feed_slowly()
            elif self.is_reading_paused:
                self.adjust_reading()
        elif self._farewell is not None or self._is_half_closed or self.hub.is_draining:
            self._hang_up()
        else:
            limits = self.hub.limits
            self.expires = self.hub.loop.time() + (limits.head if self._head_size else limits.idle)

    def broken_off(self, cycle: Cycle, refused: Refused) -> None:
        """The application will not complete this answer: say so while that is possible, else break the connection."""
        cycle.lose()
        self._cycle = None
        if cycle.is_head_sent:
            self.abort(visibly=not cycle.is_cut_visible)
        else:
            self._waiting.clear()
            self._farewell = refused
            self._hang_up()

    # -- ending

    def _refuse(self, refused: Refused) -> None:
        """Answer what came with this, after the answers that are owed, and close."""
        self._is_deaf = True
        self._unread = b""
        self._farewell = refused
        self._give_up_unfinished()
        if self._cycle is None and not self._waiting:
            self._hang_up()

    def _give_up_unfinished(self) -> None:
        """The rest of this request will never come, or cannot be understood."""
        cycle, self._unfinished = self._unfinished, None
        if cycle is None:
            return
        cycle.lose()
        if cycle is self._cycle:
            self._cycle = None
            if cycle.is_head_sent or self._farewell is None:
                self.abort()
        else:
            self._waiting.remove(cycle)

    def _hang_up(self) -> None:
        """Say what is left to say and close, giving a client that is still sending the time to read it."""
        if self._is_closing:
            return
        self._is_closing = True
        is_sending = not self._is_deaf or self._farewell is not None
        self._is_deaf = True
        self._unread = b""
        if self._farewell is not None:
            self.write(answer_of(self._farewell, self.hub.ending.both, has_body=self._head.method != "HEAD"))
        if is_sending and not self._is_half_closed and not self._transport.is_closing():
            # Closing now would send a reset for bytes that we have not read, and the answer would be lost with it.
            self.expires = self.hub.loop.time() + self.hub.limits.linger
            self._transport.write_eof()
            self.adjust_reading()
        else:
            self._transport.close()
            self._watch_progress()

    def _throw_away(self, size: int) -> None:
        self._lingered += size
        if self._lingered > self.hub.limits.linger_bytes:
            if self._is_closing:
                self.abort()
            else:
                self.is_reading_paused = True
                self._transport.pause_reading()

    def abort(self, *, visibly: bool = False) -> None:
        """Close at once. ``visibly``: with a reset, because nothing else tells the client that more was to come."""
        self._is_closing = self._is_deaf = True
        if visibly:
            self._socket().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def close_if_idle(self) -> None:
        """The server stops: close unless a request is being answered or has begun to come."""
        is_idle = self._cycle is None and not self._waiting and not self._head_size and not self._is_closing
        if is_idle and not _events_of(self._socket()) & select.POLLIN:
            self._is_closing = self._is_deaf = True
            self._transport.close()

    # -- deadlines, called by the hub

    def expire(self, now: float) -> None:
        """What had to happen has not."""
        self.expires = NEVER
        if self._is_closing:
            self.abort()
        elif self._head_size:
            self._refuse(Refused(408, "request_timeout", "The request's head did not arrive in time."))
        else:
            self._is_closing = self._is_deaf = True
            self._transport.close()
            self._watch_progress()

    def _watch_progress(self) -> None:
        self._progress = (self._untaken(), self.hub.loop.time())
        self.hub.slow.add(self)

    def look_for_progress(self, now: float) -> None:
        """Cut a client that takes nothing."""
        untaken, since = self._untaken(), self._progress[1]
        if untaken != self._progress[0]:
            self._progress = (untaken, now)
        elif now - since > self.hub.limits.stall:
            self.abort()

    def _untaken(self) -> int:
        """Bytes in our buffer and the kernel's: a slow reader empties the second long before we may write again."""
        descriptor = self._socket().fileno()
        if descriptor < 0:
            return 0
        queued = struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)))[0]
        return int(self._transport.get_write_buffer_size()) + int(queued)

    def _ask_presence(self) -> None:
        """Send a byte or two that mean nothing: a socket closed in both directions answers them with a reset."""
        cycle = self._cycle
        if cycle is not None and cycle.keeps_alive is not None:
            if cycle.is_chunked:
                self.write(b"0")  # a leading zero of the next chunk's size
            elif not cycle.is_head_sent and self._head.speaks_1_1:
                self.write(CONTINUE)
        self.hub.ask_presence(self)

    def look_for_presence(self) -> None:
        """Cut a client that has gone altogether."""
        if self._is_closing or _events_of(self._socket()) & (select.POLLERR | select.POLLHUP):
            self.hub.half_closed.discard(self)
            self.abort()

    def _socket(self) -> socket.socket:
        return cast("socket.socket", self._transport.get_extra_info("socket"))


def _events_of(sock: socket.socket) -> int:
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    events = poll.poll(0)
    return events[0][1] if events else 0


def _in_words(error: Exception) -> str:
    return str(error) or "its form is broken"
