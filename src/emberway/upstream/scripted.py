"""The test double of the client: a function from what would be sent to what comes back, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from inspect import isawaitable

from emberway.errors import BadAnswer, GatewayError, StreamBroken
from emberway.upstream.base import Outbound, Upstream


@dataclass(frozen=True, slots=True)
class ScriptedAnswer:
    """What a provider would send: one chunk per element of ``chunks``, then ``error`` if there is one, else the end.

    Asynchronous ``chunks`` let a test hold the answer back until something has happened.
    """

    status: int = 200
    headers: list[tuple[bytes, bytes]] = field(default_factory=lambda: [(b"content-type", b"application/json")])
    chunks: Iterable[bytes] | AsyncIterable[bytes] = ()
    error: GatewayError | None = None


Scripted = ScriptedAnswer | GatewayError
Script = Callable[[Outbound], Scripted | Awaitable[Scripted]]


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it would have gone out, its body whole, and the answer that was handed over for it, if any."""

    outbound: Outbound
    body: bytes
    inbound: ScriptedInbound | None


class ScriptedInbound:
    """One scripted answer in its holder's hands."""

    def __init__(self, answer: ScriptedAnswer) -> None:
        self.status = answer.status
        self.headers = list(answer.headers)
        self.is_read_whole = False
        self.is_aborted = False
        self.is_closed = False
        self._chunks = _asynchronous(answer.chunks)
        self._error = answer.error
        self._aborted = asyncio.Event()

    async def chunk(self) -> bytes:
        """The next scripted chunk; empty ones are skipped, since ``b""`` means the end."""
        if self.is_read_whole:
            return b""
        while not self.is_aborted:
            chunk = await self._next()
            if chunk is None:
                return self._end()
            if chunk:
                return chunk
        raise StreamBroken("The answer was cut off by this gateway.", code="aborted")

    async def read(self, limit: int) -> bytes:
        """All chunks that are left; BadAnswer beyond ``limit`` bytes."""
        body = b""
        while chunk := await self.chunk():
            body += chunk
            if len(body) > limit:
                self.abort()
                raise BadAnswer(f"The answer is longer than the allowed {limit} bytes.")
        return body

    def abort(self) -> None:
        """Wake a waiting ``chunk`` with StreamBroken."""
        self.is_aborted = True
        self._aborted.set()

    def close(self) -> None:
        """Note that the holder has done its duty; an answer that was not read whole counts as aborted."""
        self.is_closed = True
        if not self.is_read_whole:
            self.abort()

    def _end(self) -> bytes:
        if self._error is not None:
            raise self._error
        self.is_read_whole = True
        return b""

    async def _next(self) -> bytes | None:
        """The next chunk, or None at the end; ``b""`` where an abort came first."""
        coming = asyncio.ensure_future(anext(self._chunks, None))
        aborted = asyncio.ensure_future(self._aborted.wait())
        try:
            await asyncio.wait((coming, aborted), return_when=asyncio.FIRST_COMPLETED)
            return coming.result() if coming.done() else b""
        finally:
            coming.cancel()
            aborted.cancel()


class ScriptedUpstream(Upstream):
    """Answers every request by ``script``, and keeps in ``sent`` what it was asked.

    The script may return (or raise) a GatewayError for a call that gets no answer, and may be asynchronous.
    """

    def __init__(self, script: Script) -> None:
        self.sent: list[Sent] = []
        self.is_closed = False
        self._script = script

    @classmethod
    def in_turn(cls, *answers: Scripted) -> ScriptedUpstream:
        """The first request gets the first answer, and so on; one request too many fails the test."""
        left = iter(answers)
        return cls(lambda _: next(left))

    async def send(self, outbound: Outbound) -> ScriptedInbound:
        """The scripted answer to ``outbound``, after its body was taken whole."""
        pieces = outbound.body
        body = pieces if isinstance(pieces, bytes) else b"".join([piece async for piece in pieces])
        try:
            scripted = self._script(outbound)
            answer = await scripted if isawaitable(scripted) else scripted
            if isinstance(answer, GatewayError):
                raise answer
        except GatewayError:
            self.sent.append(Sent(outbound, body, None))
            raise
        inbound = ScriptedInbound(answer)
        self.sent.append(Sent(outbound, body, inbound))
        return inbound

    async def aclose(self) -> None:
        """Note that the owner has closed the client."""
        self.is_closed = True


async def _asynchronous(chunks: Iterable[bytes] | AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    if isinstance(chunks, AsyncIterable):
        async for chunk in chunks:
            yield chunk
    else:
        for chunk in chunks:
            yield chunk
