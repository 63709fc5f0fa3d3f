"""One HTTP request as the endpoints see it, and the way back to its client."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from emberway.edge.headers import own_headers, provider_headers
from emberway.edge.path import ApiPath
from emberway.edge.watch import Receive, Watch
from emberway.exchange import CallOptions, Exchange, Headers

Send = Callable[[dict[str, Any]], Awaitable[None]]


class AsgiClient:
    """Sends the answer; knows whether anything has left already (after that no error can become a status)."""

    __slots__ = ("_exchange", "_send", "_watch", "started")

    def __init__(self, send: Send, exchange: Exchange, watch: Watch) -> None:
        self._send = send
        self._exchange = exchange
        self._watch = watch
        self.started = False

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a provider's answer that was read whole."""
        kept = [header for header in provider_headers(headers) if header[0] != b"content-length"]
        await self.own(status, kept, body)

    async def own(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a complete answer with exactly these headers and those that every answer carries."""
        self.started = True
        self._exchange.status = status
        head = [*headers, (b"content-length", b"%d" % len(body)), (b"x-content-type-options", b"nosniff")]
        head += own_headers(self._exchange, time.monotonic())
        await self._send({"type": "http.response.start", "status": status, "headers": head})
        await self._send({"type": "http.response.body", "body": body})

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head of a streamed answer; from now on a client that goes away is noticed at once."""
        self.started = True
        self._exchange.status = status
        self._watch.watch_now()
        head = provider_headers(headers)
        head += (
            (b"x-accel-buffering", b"no"),
            (b"x-content-type-options", b"nosniff"),
        )
        if not any(name == b"cache-control" for name, _ in head):
            head.append((b"cache-control", b"no-cache"))
        head += own_headers(self._exchange, time.monotonic())
        await self._send({"type": "http.response.start", "status": status, "headers": head})

    async def send(self, chunk: bytes) -> None:
        """Send a piece; the server holds us back while the client reads slowly."""
        await self._send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def end(self) -> None:
        """The answer is whole."""
        await self._send({"type": "http.response.body", "body": b""})

    async def cut(self) -> None:
        """Break the connection: an ASGI server does that when an application fails after the head was sent."""
        raise AnswerCut


class AnswerCut(Exception):
    """An answer that cannot be completed and has no way of saying so."""


class Request:
    """What came in."""

    __slots__ = ("client", "exchange", "headers", "method", "options", "path", "query", "receive", "watch")

    def __init__(
        self,
        method: str,
        path: ApiPath,
        query: bytes,
        headers: Headers,
        options: CallOptions,
        exchange: Exchange,
        receive: Receive,
        client: AsgiClient,
        watch: Watch,
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.options = options
        self.exchange = exchange
        self.receive = receive
        self.client = client
        self.watch = watch
