"""One client's connection: bytes in through llhttp, requests to the application in order, answers out."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import httptools

from emberway.server import kernel
from emberway.server.cycle import ANSWER, CONTINUE, Cycle
from emberway.server.hub import Hub
from emberway.server.outlet import NEVER, Outlet
from emberway.server.refusal import Refused, answer_of, bad_http
from emberway.server.repetition import KnownHead, known_head
from emberway.server.request_head import check_codings, check_host, check_size, size_of, split_target, without_upgrade

SLICE = 2048
"""Bytes fed to the parser at a time when many requests may have come at once."""
FEW_LINES = 64
"""Line breaks up to which a larger piece is fed at once: a request has three, so it holds at most 21."""
_PROBE = b"0"
"""A leading zero of the next chunk's size."""

_TOO_MANY = Refused(503, "too_many_connections", "Too many connections are open. Try again in a moment.")
_TOO_SLOW = Refused(408, "request_timeout", "The request's head did not arrive in time. Send it at once.")


class Connection(Outlet):
    """A parser, the request being answered and those that wait behind it."""

    __slots__ = (
        "_chunk_frames",
        "_cycle",
        "_farewell",
        "_fed",
        "_has_ended_one",
        "_headers",
        "_is_chunked",
        "_is_half_closed",
        "_known",
        "_parser",
        "_partial",
        "_scope",
        "_target",
        "_unfinished",
        "_unread",
        "_waiting",
        "is_reading_paused",
    )

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self._cycle: Cycle | None = None
        """The request being answered."""
        self._waiting: deque[Cycle] = deque()
        self._unfinished: Cycle | None = None
        """The request whose body is still coming."""
        # Reading
        self.is_reading_paused = False
        self._unread = b""
        """Came, and is not given to the parser yet because too many requests wait."""
        self._is_half_closed = False
        """Whether the client has said that it will send no more."""
        # The head that is coming in
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        """Its own, or the trailers of a chunked body."""
        self._partial = 0
        """Bytes of it that came before what is being fed to the parser now."""
        self._fed = 0
        """The same, with what is being fed."""
        self._has_ended_one = False
        """Whether a request ended in what was last fed."""
        self._is_chunked = False
        self._chunk_frames = 0
        """Bytes that frame the body coming in, less those that its own bytes entitle it to."""
        self._known: KnownHead | None = None
        """The head of the last request that came alone and whole."""
        self._farewell = b""
        """Sent after the answers that are owed; then the connection closes."""

    # -- called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        super().connection_made(transport)
        hub = self.hub
        self._parser: Any = httptools.HttpRequestParser(self)
        self._scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "http",
            "root_path": "",
            "client": _address(transport.get_extra_info("peername")),
            "server": _address(transport.get_extra_info("sockname")),
            "extensions": {ANSWER: {}},
        }
        self.expires = hub.loop.time() + hub.limits.first_byte
        hub.connections.add(self)
        if len(hub.connections) > hub.limits.connections:
            self.write(answer_of(_TOO_MANY, hub.signature))
            self.close()

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._cycle is None and self._known is not None and self._is_repeated(data, self._known):
            return
        if self._is_deaf:
            self._throw_away(len(data))
        elif self._unread:
            self._unread += data
        elif len(data) <= SLICE or data.count(b"\n") <= FEW_LINES:
            is_first = self._cycle is None and not self._partial
            self._feed(data)
            if self._waiting or self._unfinished is not None:
                self.adjust_reading()
            elif is_first and self._cycle is not None and self._cycle.is_usual:
                self._known = known_head(data, self._cycle.scope)
        else:
            self._unread = data
            self._feed_slowly()

    def _is_repeated(self, data: bytes, known: KnownHead) -> bool:
        """Whether this was one whole request with a head like the last one's: then it is being answered."""
        if self._is_deaf or self._partial or self._unread or self._unfinished is not None or self.is_stalled:
            return False
        read = known.scope_and_body(data)
        if read is None:
            return False
        self.expires = NEVER
        self._cycle = cycle = Cycle(self, read[0])
        cycle.parts.append(read[1])
        cycle.is_whole = True
        cycle.start()
        return True

    def eof_received(self) -> bool:
        """The client will send no more. It may still read: a socket can be closed in one direction."""
        self._is_half_closed = True
        if self._unfinished is not None and not self._unread:
            self._give_up_unfinished()
        if self._is_closing or (self._cycle is None and not self._waiting and not self._unread):
            return False
        self._ask_presence()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed, by whomever."""
        self._is_closing = self._is_deaf = True
        self.expires = NEVER
        self._parser = None  # it holds our methods
        self._unread = b""
        self._waiting.clear()
        cycle, self._cycle = self._cycle, None
        if cycle is not None:
            cycle.lose()
        self._wake_senders()
        self.hub.forget(self)

    def resume_writing(self) -> None:
        """The client has caught up."""
        super().resume_writing()
        if self._cycle is None:
            self._next()

    # -- called by the parser

    def on_url(self, url: bytes) -> None:
        """A piece of the request's target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer."""
        self._headers.append((name.lower(), value.rstrip()))

    def on_headers_complete(self) -> None:
        """The head is there: judge it, and let the application have it when its turn has come. Raises Refused."""
        hub, parser, headers, target = self.hub, self._parser, self._headers, self._target
        limits = hub.limits
        if self._fed > limits.head_bytes or len(headers) > limits.headers or len(target) > limits.target_bytes:
            check_size(target, headers, size_of(target, headers), limits)
        named = dict(headers)
        scope = self._scope.copy()
        scope["method"] = method = parser.get_method().decode("ascii")
        scope["path"], scope["raw_path"], scope["query_string"] = split_target(target)
        scope["headers"] = headers
        cycle = Cycle(self, scope)
        is_1_1 = self._settle(cycle, named)
        check_host(headers, named, is_required=is_1_1)
        if parser.should_upgrade():
            if method == "CONNECT":
                raise bad_http("CONNECT is for proxies")
            return  # it comes again without the wish for another protocol
        if method == "HEAD":
            cycle.is_head_request = True
        self._target = b""
        self._headers = []
        self._partial = 0
        self._unfinished = cycle
        if self._cycle is None and not self.is_stalled:
            self.expires = NEVER
            self._cycle = cycle
            cycle.start()
        else:
            self._waiting.append(cycle)

    def _settle(self, cycle: Cycle, named: dict[bytes, bytes]) -> bool:
        """What version and the headers with a say in it make of the connection. Whether it is HTTP/1.1."""
        keeps_alive = self._parser.should_keep_alive()
        is_1_1 = True
        if not keeps_alive or b"connection" in named:  # every version but 1.1 keeps alive only when it is asked to
            version = self._parser.get_http_version()
            is_1_1 = version == "1.1"
            if not is_1_1:
                if version != "1.0":
                    raise Refused(505, "http_version_not_supported", "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
                cycle.is_1_0 = True
                cycle.scope["http_version"] = "1.0"
            cycle.keeps_alive = keeps_alive
        if b"transfer-encoding" in named:
            check_codings(self._headers, is_1_1=is_1_1)
            self._is_chunked = True
            self._chunk_frames = 0
        if b"expect" in named:
            cycle.awaits_go_ahead = is_1_1 and named[b"expect"].lower() == b"100-continue"
        return is_1_1

    def on_body(self, body: bytes) -> None:
        """A piece of the request's body."""
        cycle = self._unfinished
        assert cycle is not None, "a body follows a head"
        cycle.parts.append(body)
        cycle.buffered += len(body)
        self._chunk_frames -= len(body) * _FRAMES_PER_BYTE
        cycle.wake()

    def on_message_complete(self) -> None:
        """The request is whole."""
        cycle, self._unfinished = self._unfinished, None
        if cycle is None:
            return  # it asked for another protocol, and comes again
        self._has_ended_one = True
        cycle.is_whole = True
        cycle.wake()
        if self._is_chunked:
            self._is_chunked = False
            self._headers = []  # trailers: nobody reads them
        if not cycle.keeps_alive:
            self._is_deaf = True

    # -- reading

    def _feed(self, data: bytes | memoryview) -> None:
        self._has_ended_one = False
        self._fed = self._partial + len(data)
        if self._is_chunked:
            self._chunk_frames = max(0, self._chunk_frames) + len(data)
        stopped_at = None
        try:
            self._parser.feed_data(data)
            if self._unfinished is None:
                if self._target or not self._has_ended_one:
                    self._on_partial_head()
            elif self._is_chunked:
                self._check_frames()
        except httptools.HttpParserUpgrade as error:
            stopped_at = int(error.args[0])
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, Refused):
                raise  # ours
            self._refuse(error.__context__)
        except httptools.HttpParserError as error:
            self._refuse(bad_http(str(error)))
        except Refused as error:
            self._refuse(error)
        if stopped_at is not None:  # not in the handler: an error's context would be the parser's, not ours
            self._go_on_without_upgrade(data[stopped_at:])

    def _on_partial_head(self) -> None:
        """Bytes have come that do not make a head yet."""
        if not self._partial and self._cycle is None:
            self.expires = self.hub.loop.time() + self.hub.limits.head
        size = size_of(self._target, self._headers)
        self._partial = max(size, 1) if self._has_ended_one else self._fed
        check_size(self._target, self._headers, self._partial, self.hub.limits)

    def _check_frames(self) -> None:
        """Bound what frames a chunked body: extensions, leading zeros and trailers could go on for ever."""
        if self._chunk_frames > self.hub.limits.head_bytes or len(self._headers) > self.hub.limits.headers:
            raise bad_http("its chunks are mostly framing")

    def _feed_slowly(self) -> None:
        """Parse what has come a little at a time, and no further than the queue has room."""
        data = memoryview(self._unread)
        self._unread = b""
        while data and len(self._waiting) < self.hub.limits.waiting and not self._is_deaf:
            self._feed(data[:SLICE])
            data = data[SLICE:]
        if not self._is_deaf:
            self._unread = bytes(data)
        self.adjust_reading()
        if self._is_half_closed and not self._unread and self._unfinished is not None:
            self._give_up_unfinished()

    def adjust_reading(self) -> None:
        """Read from the client if, and only if, there is room for what it sends."""
        limits, unfinished = self.hub.limits, self._unfinished
        is_full = not self._is_deaf and (
            bool(self._unread)
            or len(self._waiting) >= limits.waiting
            or (unfinished is not None and unfinished.buffered > limits.buffered_body)
        )
        if is_full != self.is_reading_paused and not self._transport.is_closing():
            self.is_reading_paused = is_full
            if is_full:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def _go_on_without_upgrade(self, rest: bytes | memoryview) -> None:
        """The parser stops after a head that asks for another protocol: give it that head again, without the wish.

        A server may ignore it (RFC 9110 section 7.8), and the JDK's client asks for h2c with every first request.
        """
        line = b"%s %s HTTP/%s\r\n" % (
            self._parser.get_method(),
            self._target,
            self._parser.get_http_version().encode("ascii"),
        )
        head = line + without_upgrade(self._headers)
        self._target = b""
        self._headers = []
        self._parser = httptools.HttpRequestParser(self)
        self._feed(head + bytes(rest))

    # -- answering

    def answered(self, cycle: Cycle) -> None:
        """This request's answer is complete: on to the next, or to the end."""
        self._cycle = None
        if cycle.keeps_alive and cycle.is_whole:
            self._next()
        else:
            self._hang_up()

    def _next(self) -> None:
        if self._is_closing or self.is_stalled:
            return
        if self._waiting:
            self._cycle = cycle = self._waiting.popleft()
            cycle.start()
            if self._unread:
                self._feed_slowly()
            elif self.is_reading_paused:
                self.adjust_reading()
        elif self._farewell or self._is_half_closed or self.hub.is_draining:
            self._hang_up()
        else:
            limits = self.hub.limits
            self.expires = self.hub.loop.time() + (limits.head if self._partial else limits.idle)

    def broken_off(self, cycle: Cycle, refused: Refused) -> None:
        """The application will not complete this answer: say so while that is possible, else break the connection."""
        cycle.lose()
        self._cycle = None
        self._waiting.clear()
        if cycle.is_head_sent:
            self.abort(visibly=not cycle.is_cut_visible)
        else:
            self._farewell = answer_of(refused, self.hub.signature, has_body=not cycle.is_head_request)
            self._hang_up()

    # -- ending

    def _refuse(self, refused: Refused) -> None:
        """Answer what came with this, after the answers that are owed, and close."""
        if self._is_deaf:
            return  # what came after the last request is nobody's
        self._is_deaf = True
        self._farewell = answer_of(refused, self.hub.signature)
        self._give_up_unfinished()
        if self._cycle is None and not self._waiting:
            self._hang_up()

    def _give_up_unfinished(self) -> None:
        """The rest of this request will not come, or cannot be understood."""
        cycle, self._unfinished = self._unfinished, None
        if cycle is None:
            return
        cycle.lose()
        if cycle is not self._cycle:
            self._waiting.remove(cycle)
        elif cycle.is_head_sent or not self._farewell:
            self.abort()
        else:
            self._cycle = None

    def _hang_up(self) -> None:
        """Say what is left to say and close, giving a client that may still be sending the time to read it."""
        if self._is_closing:
            return
        may_be_sending = not self._is_half_closed and (bool(self._farewell) or not self._is_deaf)
        self._is_closing = self._is_deaf = True
        self._unread = b""
        self._unfinished = None
        if self._farewell:
            self.write(self._farewell)
        if may_be_sending and not self._transport.is_closing():
            # Closing now would send a reset for the bytes that we have not read, and the answer would be lost with it.
            self._transport.write_eof()
            self.adjust_reading()
            self._linger()
            self._watch_progress()
        else:
            self.close()

    def cut_off(self) -> None:
        """The server's time is up: close unless that is under way, with something for the client to read."""
        if not self._is_closing:
            self.abort()

    def close_if_idle(self) -> None:
        """The server stops: close unless a request is being answered, or has begun to come."""
        is_idle = self._cycle is None and not self._waiting and not self._partial and not self._is_closing
        if is_idle and not kernel.is_readable(self._socket):
            self.close()

    # -- deadlines, called by the hub

    def expire(self) -> None:
        """What had to happen has not."""
        if self._is_closing:
            if self._untaken():
                self._linger()  # the client is still reading; `look_for_progress` sees to it that it does
            else:
                self.abort()
        elif self._partial:
            self._refuse(_TOO_SLOW)
        else:
            self.close()

    # -- clients that send no more

    def _ask_presence(self) -> None:
        """Send a few bytes that mean nothing: a client that has closed for good answers them with a reset."""
        cycle = self._cycle
        if cycle is not None:
            if cycle.is_chunked:
                self.write(_PROBE)
            elif not cycle.is_head_sent and not cycle.is_1_0:
                self.write(CONTINUE)
        self.hub.ask_presence(self)


_FRAMES_PER_BYTE = 16
"""Bytes of framing that a byte of a chunked body may bring with it; one that comes alone needs 5."""


def _address(name: Any) -> tuple[str, int] | None:
    return (name[0], name[1]) if isinstance(name, tuple) else None
