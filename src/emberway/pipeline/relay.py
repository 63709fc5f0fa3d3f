"""The chosen answer to the client: whole or as it comes. After the first byte nothing is taken back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import Protocol

from emberway.errors import UpstreamError
from emberway.exchange import Exchange, Headers
from emberway.upstream.base import Inbound
from emberway.wire.sse import error_event, name_errors
from emberway.wire.tap import Tap, read_answer

MAX_TAPPED = 1024 * 1024
"""Bytes up to which a whole answer is read for its usage: a longer one is pictures or vectors, and passes unread."""


_STOPPED = "The gateway is shutting down, and the answer is not whole. Send the call again."


class Client(Protocol):
    """The one who called, seen from here."""

    def whole(self, status: int, headers: Headers, body: bytes) -> Awaitable[None]:
        """Send a complete answer."""

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head of an answer whose body follows in pieces."""

    async def send(self, chunk: bytes) -> None:
        """Send a piece; waits while the client reads slower than we write."""

    async def end(self) -> None:
        """The answer is whole."""

    async def cut(self) -> None:
        """The answer will not be whole, and nothing can be said about it any more: break the connection."""


def is_event_stream(headers: Headers) -> bool:
    """Whether an answer's content type is ``text/event-stream``."""
    for name, value in headers:
        if name == b"content-type":
            return value[:17].lower() == b"text/event-stream"
    return False


class Begun(Protocol):
    """An answer that is whole, or whose first bytes are there."""

    status: int
    headers: Headers
    body: bytes
    """All of it, or the first bytes."""
    rest: Inbound | None
    """Brings what follows."""
    changed: tuple[str, ...]
    warnings: tuple[str, ...]
    is_refused: bool
    """Whether it is the provider's error."""


async def relay(begun: Begun, exchange: Exchange, client: Client) -> None:
    """Give the client the chosen answer, and note in ``exchange`` what it says."""
    exchange.answered = time.monotonic()
    exchange.changed, exchange.warnings = begun.changed, begun.warnings
    if begun.rest is not None:
        await relay_stream(begun, client, exchange, events=is_event_stream(begun.headers))
        return
    if begun.is_refused:
        exchange.error = "provider_error"
    else:
        note_answer(exchange, begun.body)
    await client.whole(begun.status, begun.headers, begun.body)


async def relay_stream(begun: Begun, client: Client, exchange: Exchange, *, events: bool) -> None:
    """Pass the body on as it comes. ``events``: it is an event stream, so the tap reads it and a break can be told."""
    chunk, inbound = begun.body, begun.rest
    assert inbound is not None, "an answer that is whole is not relayed in pieces"
    # The first bytes are there: until now an error could still become a status, from here on it cannot.
    await client.start(begun.status, begun.headers)
    tap = Tap()
    try:
        while chunk:
            if events:
                if b'data: {"error"' in chunk:
                    chunk = name_errors(chunk, inside_event=tap.inside_event)
                tap.feed(chunk, time.monotonic())
            await client.send(chunk)
            chunk = await inbound.chunk()
    except UpstreamError as error:
        exchange.error = error.code
        if events:
            await client.send(error_event(error.message, error.type, error.code, inside_event=tap.inside_event))
            await client.end()
        else:
            await client.cut()
    except asyncio.CancelledError:
        if events and not exchange.client_gone:  # this process ends: the client's is still there to be told
            exchange.error = "shutting_down"
            await client.send(error_event(_STOPPED, "gateway_error", exchange.error, inside_event=tap.inside_event))
            await client.end()
        raise
    else:
        await client.end()
    finally:
        _note(exchange, tap)


def note_answer(exchange: Exchange, body: bytes) -> None:
    """Usage, model and finish reason of a whole answer, where it is JSON and says so."""
    if len(body) <= MAX_TAPPED:
        said = read_answer(body)
        if said.usage is not None:
            exchange.usage = said.usage
        if said.model is not None:
            exchange.response_model = said.model
        if said.choices:
            exchange.finish_reason = said.choices[0].finish_reason or ""


def _note(exchange: Exchange, tap: Tap) -> None:
    exchange.usage = tap.usage
    exchange.finish_reason = tap.finish_reason
    exchange.response_model = tap.model
    if tap.first_content is not None:
        exchange.first_token = tap.first_content - exchange.started
