"""One connection to an origin: bytes out, llhttp in, one answer at a time; closed on any doubt about framing."""

from __future__ import annotations

import asyncio
import select
from typing import TYPE_CHECKING, cast

import httptools

from emberway.errors import GatewayError
from emberway.upstream import framing
from emberway.upstream.failures import Malformed, PeerClosed

if TYPE_CHECKING:
    from emberway.upstream.answer import Answer
    from emberway.upstream.site import Site

MOST_HEAD = 64 * 1024
"""Bytes of an answer's head, interim answers before it included, and of its trailers."""
MOST_HEADERS = 200
TOO_LONG = "its head or trailers are too long"
HIGH_WATER = 256 * 1024
"""Body bytes that wait for their holder before the peer is made to wait too."""
KEPT_IDLE = 55.0
"""Seconds that an idle connection is kept where the peer does not say; most peers close after 60 or more."""
PEER_MARGIN = 4.0
"""Seconds by which we close before a peer that named its time-out: a request may be under way that long."""
BELIEVED = 0.05
"""Seconds of idleness up to which the event loop is believed that the peer has sent nothing."""
JOINED = 64 * 1024
"""Bytes up to which a body is sent in one piece with its head; beyond, joining costs more than a second write."""


class Connection(asyncio.Protocol):
    """A transport, its parser, and the answer under way, if any. Its site counts it until it is closed."""

    __slots__ = (
        "_answer",
        "_drained",
        "_has_hops",
        "_has_no_body",
        "_has_slot",
        "_headers",
        "_idle_since",
        "_is_chunked",
        "_is_paused",
        "_is_unheard",
        "_is_whole",
        "_keep_for",
        "_keeps_alive",
        "_length",
        "_overhead",
        "_packing",
        "_parser",
        "_site",
        "_transport",
        "is_closed",
        "is_reused",
        "is_uploading",
    )

    def __init__(self, site: Site) -> None:
        self._site = site
        self._answer: Answer | None = None
        self._drained: asyncio.Future[None] | None = None
        self._is_paused = False
        self._keep_for = KEPT_IDLE
        self._idle_since = 0.0
        self._headers: list[tuple[bytes, bytes]]
        self._length: int | None
        self._is_chunked: bool
        self._has_hops: bool
        self._packing: bytes
        self._has_slot = False
        self.is_closed = False
        self.is_reused = False
        self.is_uploading = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open, TLS included."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class, same methods
        self._parser = httptools.HttpResponseParser(self)

    def adopt_slot(self) -> None:
        """From here on this connection answers for the slot that was reserved for it.

        Not earlier: a dial that is cancelled gives the slot back itself, and uvloop then never says connection_lost.
        """
        self._has_slot = True
        self._site.born(self)

    @property
    def peer_address(self) -> str:
        """The address at the other end, as the kernel says it (getpeername)."""
        return str(self._transport.get_extra_info("peername")[0])

    # -- sending

    def begin(self, answer: Answer, head: bytes, body: bytes, *, has_no_body: bool) -> None:
        """Send a request; what comes back fills ``answer``. ``has_no_body``: it was a HEAD."""
        self._answer = answer
        self._has_no_body = has_no_body
        self._is_unheard = True
        self._is_whole = False
        self._overhead = 0
        self._headers = []
        self._length = None
        self._is_chunked = self._has_hops = self._keeps_alive = False
        self._packing = b""
        if len(body) <= JOINED:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)

    async def write(self, data: bytes) -> None:
        """Send a piece of a body, waiting while the peer does not take what was sent before."""
        if self._drained is not None:
            await self._drained
        if not self._transport.is_closing():
            self._transport.write(data)

    def pause_writing(self) -> None:
        """The peer takes less than we send."""
        self._drained = self._site.loop.create_future()

    def resume_writing(self) -> None:
        """The peer has caught up."""
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    # -- receiving

    def data_received(self, data: bytes) -> None:
        """Feed the parser, then wake the holder once for all that came."""
        answer = self._answer
        if answer is None:
            self.close()  # bytes that nobody asked for: a time-out notice, or worse
            return
        self._is_unheard = False
        self._overhead += len(data)
        was_waiting = not answer.status
        parts = answer.parts
        before = len(parts)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.fail(error)
            return
        if len(parts) > before:
            self._overhead = 0
        elif self._overhead > MOST_HEAD and not self._is_whole:
            self.fail(Malformed(TOO_LONG))
            return
        if len(parts) > before + 1:
            parts[before:] = [b"".join(parts[before:])]  # tiny chunks of one turn of the loop become one piece
        if self._is_whole:
            self._finish(answer)
        elif answer.pending > HIGH_WATER and not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()
        if answer.status and (parts or self._is_whole or was_waiting):  # a chunk's size alone is no progress
            answer.wake()

    def resume(self) -> None:
        """The holder has taken what had come."""
        if self._is_paused:
            self._is_paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    def eof_received(self) -> None:
        """The peer has said its last word: the end of a body, or the loss of an answer."""
        answer = self._answer
        if answer is not None and answer.status and self._length is None and not self._is_chunked:
            self._keeps_alive = False
            self._finish(answer)  # a body without a stated length ends with the connection (RFC 9112, 6.3)
            answer.wake()
        else:
            self.fail(PeerClosed())

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self.fail(exc or PeerClosed())
        self.resume_writing()
        del self._parser  # it holds our methods: a cycle
        self._site.lost(self)

    # -- the parser's callbacks

    def on_message_begin(self) -> None:
        """A status line begins."""
        if self._is_whole:
            raise Malformed("bytes follow its end")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or a trailer, which nobody reads."""
        name = name.lower()
        self._headers.append((name, value))
        if name in framing.SPECIAL:
            self._on_special_header(name, value)

    def on_headers_complete(self) -> None:
        """The blank line after a head."""
        answer = self._answer
        assert answer is not None  # data_received feeds the parser only while an answer is awaited
        status = self._parser.get_status_code()
        if not 200 <= status <= 599:
            self._on_interim(status)
            return
        headers, self._headers = self._headers, []  # what still comes is trailers
        if len(headers) > MOST_HEADERS:
            raise Malformed("it has too many headers")
        if self._overhead > MOST_HEAD and framing.size(headers) > MOST_HEAD:
            raise Malformed(TOO_LONG)
        if self._has_hops or not self._parser.should_keep_alive():
            self._check_version()
            headers = framing.end_to_end(headers)
        has_no_body = self._has_no_body or status in {204, 304}
        if self._packing and not has_no_body:
            answer.unpack_from(framing.packing(self._packing))
            headers = [header for header in headers if header[0] not in framing.OF_PACKED]
        answer.headers = headers
        answer.length = None if has_no_body else self._length
        answer.status = status
        self._is_whole = self._has_no_body

    def on_body(self, body: bytes) -> None:
        """Bytes of the body, without their framing."""
        answer = self._answer
        if answer is not None and not self._is_whole:
            answer.parts.append(body)
            answer.pending += len(body)

    def on_message_complete(self) -> None:
        """The end of an answer, interim ones included."""
        if self._answer is not None and self._answer.status:  # not an interim answer
            self._keeps_alive = not self._is_whole and self._parser.should_keep_alive()
            self._is_whole = True

    # -- inside

    def _on_special_header(self, name: bytes, value: bytes) -> None:
        if self._answer is not None and self._answer.status:
            return  # a trailer has no say in these matters (RFC 9110, 6.5.1)
        if name == b"content-length":
            self._length = int(value)  # llhttp has checked its form, and that there is one
        elif name == b"content-encoding":
            self._packing = self._packing + b"," + value if self._packing else value
        else:
            self._has_hops = True
            if name == b"transfer-encoding":
                if self._is_chunked or value.lower() != b"chunked":
                    raise Malformed("its transfer-encoding is not chunked alone")
                self._is_chunked = True
            elif name == b"keep-alive":
                self._keep_for = min(KEPT_IDLE, framing.peer_keeps(value) - PEER_MARGIN)

    def _on_interim(self, status: int) -> None:
        if status == 101 or not 100 <= status <= 199:
            raise Malformed(f"its status is {status}")
        # 100 and 103 announce the answer proper; nothing in them is passed on.
        self._headers = []
        self._length = None
        self._is_chunked = self._has_hops = self._keeps_alive = False
        self._packing = b""

    def _check_version(self) -> None:
        """llhttp reads 0.9 and 2.0 as well; neither is spoken here. Both fail to keep alive, or say so in a header."""
        if self._parser.get_http_version() not in {"1.1", "1.0"}:
            raise Malformed("its version is not HTTP/1.1 or 1.0")

    def _finish(self, answer: Answer) -> None:
        self._answer = None
        answer.is_complete, answer.connection = True, None
        self._site.sweeper.forget(answer)
        if not self._keeps_alive or self.is_uploading or self._transport.get_write_buffer_size() or self._keep_for <= 0:
            self.close()
            return
        self.resume()
        self.is_reused = True
        self._idle_since = self._site.loop.time()
        self._site.give_back(self)

    def is_fit(self, now: float) -> bool:
        """Whether an idle connection may be used again: young enough, nothing to read, not closed by the peer.

        The transport knows first: it tells us of a loss only in the next turn of the loop.
        """
        if self._transport.is_closing() or not self.is_young(now):
            return False
        return now - self._idle_since < BELIEVED or not self._is_readable()

    def is_young(self, now: float) -> bool:
        """Whether the peer is not about to close this idle connection."""
        return now - self._idle_since < self._keep_for

    def _is_readable(self) -> bool:
        """Ask the kernel, because the event loop may not have come to it yet (0.5 µs where the loop was busy)."""
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def fail(self, trouble: BaseException) -> None:
        """Close, and tell the holder of the answer under way why no more will come."""
        answer, self._answer = self._answer, None
        self.close()
        if answer is not None:
            answer.died_unheard = self.is_reused and self._is_unheard and not isinstance(trouble, GatewayError)
            self._site.sweeper.forget(answer)
            answer.fail(trouble)

    def close(self) -> None:
        """Close the socket now. Idempotent; the slot is free at once."""
        if not self.is_closed:
            self.is_closed = True
            self._transport.abort()
            if self._has_slot:
                self._site.freed()
