"""One HTTP request as the endpoints see it, and the way back to its client."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from emberway.edge.head import NO_HEAD, Head
from emberway.edge.headers import own_lines, provider_lines
from emberway.edge.watch import Watched
from emberway.exchange import Headers
from emberway.pipeline.relay import is_event_stream
from emberway.wire.header_lines import header_lines, headers_in

Scope = Mapping[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]


MOST_DRAINED = 64 * 1024
"""Bytes of an unread body that are taken in before its call is refused; beyond, the connection is closed instead."""
_ANSWER = "emberway.answer"
"""The extension by which our server takes a whole answer in one message, its headers already written."""
_RUNS_SCRIPTS = (b"text/html", b"application/xhtml", b"image/svg", b"text/xml", b"application/xml")


class AnswerCut(Exception):
    """An answer that cannot be completed and has no way of saying so."""

    is_expected = True
    """The server cuts the connection, as it should, and has nothing to log."""


class Request(Watched, eq=False, kw_only=True):
    """What came in. It is also the pipeline's ``Client``: it sends the answer, and knows whether any of it has left."""

    scope: Scope
    reply: Send
    """ASGI's ``send``."""
    head: Head = NO_HEAD
    """What its head says; nothing where that was refused."""
    is_started: bool = False
    """After that no error can become a status."""

    def whole(self, status: int, headers: Headers, body: bytes) -> Awaitable[None]:
        """Send a provider's answer that was read whole."""
        return self._whole(status, provider_lines(headers), body)

    def own(self, status: int, headers: Headers, body: bytes) -> Awaitable[None]:
        """Send a complete answer with these headers and those that every answer carries."""
        return self._whole(status, header_lines(headers), body)

    async def _whole(self, status: int, lines: bytes, body: bytes) -> None:
        self.is_started = True
        exchange = self.exchange
        exchange.status = status
        lines += own_lines(exchange, time.monotonic())
        if not self.body_is_read and (self.is_late or not await self._drained()):
            lines += b"\r\nconnection: close"  # what is still to come would be taken for the next request
        scope = self.scope
        if "extensions" in scope and _ANSWER in scope["extensions"]:
            await self.reply({"type": _ANSWER, "status": status, "lines": lines, "body": body})
        else:
            head = [*headers_in(lines), (b"content-length", b"%d" % len(body))]
            await self.reply({"type": "http.response.start", "status": status, "headers": head})
            await self.reply({"type": "http.response.body", "body": body})

    async def next_piece(self) -> dict[str, Any]:
        """``receive`` that notes the body's end: from then on the client is watched."""
        message = await self.receive()
        self.body_is_read = not message.get("more_body", False)
        return message

    async def next_upload_piece(self) -> dict[str, Any]:
        """The same for a body that is passed on as it comes: once begun, it may take its time."""
        message = await self.next_piece()
        self._first_seen = math.inf
        return message

    async def _drained(self) -> bool:
        """Take in a small body that nobody read, so that the connection stays good for the next call."""
        named = dict(self.scope["headers"])
        length = named.get(b"content-length", b"0")
        if b"transfer-encoding" in named or len(length) > 5 or not length.isdigit() or int(length) > MOST_DRAINED:
            return False
        try:
            while length != b"0" and (await self.receive()).get("more_body"):
                pass
        except asyncio.CancelledError:
            if not self.is_late:
                raise
            return False  # it does not come: the answer is given without it
        self.body_is_read = True
        return True

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head of a streamed answer; from now on a client that goes away is noticed at once."""
        self.is_started = True
        self.exchange.status = status
        self.watch_now()
        head = headers_in(provider_lines(headers))
        named = dict(head)
        if b"cache-control" not in named:
            head.append((b"cache-control", b"no-cache"))
        if named.get(b"content-type", b"").lower().startswith(_RUNS_SCRIPTS):
            # A provider's page, opened in a browser at our address, must not act in our name (ASVS 3.2.1).
            head.append((b"content-security-policy", b"sandbox; default-src 'none'"))
        length = next((header for header in headers if header[0] == b"content-length"), None)
        if length is not None and not is_event_stream(headers):  # one that may get an error event more has no length
            head.append(length)
        if not self.body_is_read:
            head.append((b"connection", b"close"))  # the provider answered early; the rest of the body is not read
        head += ((b"x-accel-buffering", b"no"), *headers_in(own_lines(self.exchange, time.monotonic())))
        await self.reply({"type": "http.response.start", "status": status, "headers": head})

    async def send(self, chunk: bytes) -> None:
        """Send a piece; the server holds us back while the client reads slowly."""
        await self.reply({"type": "http.response.body", "body": chunk, "more_body": True})

    async def end(self) -> None:
        """The answer is whole."""
        await self.reply({"type": "http.response.body", "body": b""})

    async def cut(self) -> None:
        """Break the connection: an ASGI server does that when an application fails after the head was sent."""
        raise AnswerCut
