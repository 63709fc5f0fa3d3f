"""One attempt, start to finish: a call and a destination in, an answer out that the client may be given.

An attempt is over when it cannot fail any more without the client noticing: a whole answer is read to its end, a
stream to its first bytes. Until then another attempt may take its place.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
from msgspec import Struct

from emberway.errors import NotSupported
from emberway.exchange import Headers
from emberway.pipeline.attempt import MAX_ANSWER, MAX_ERROR, Attempt
from emberway.pipeline.converse import converse
from emberway.pipeline.destination import Destination, Place
from emberway.pipeline.relay import is_event_stream
from emberway.providers.base import Call, Dialect, Written
from emberway.upstream.base import Inbound, Upstream
from emberway.wire import body as json_body
from emberway.wire.fields import not_json

_PASSED_THROUGH = Dialect()


class Obtained(Struct, eq=False):
    """What a provider answered. Whoever holds it relays it or closes it."""

    status: int
    headers: Headers
    body: bytes
    """All of it; of a stream, its first bytes."""
    changed: tuple[str, ...] = ()
    """Names of the rules that changed the call."""
    warnings: tuple[str, ...] = ()
    rest: Inbound | None = None
    """Brings what follows, where the answer is passed on as it comes."""
    is_refused: bool = False
    """Whether it is the provider's error, in the envelope that OpenAI's clients read."""

    def close(self) -> None:
        """Nobody will read the rest."""
        if self.rest is not None:
            self.rest.close()


class Origins(Struct, frozen=True):
    """The way out, and the providers on this machine."""

    upstream: Upstream
    start_emulator: Callable[[], Awaitable[Place]]
    """Starts the emulator, once, and says where it is."""

    async def obtain(self, call: Call, to: Destination, upload: AsyncIterator[bytes] | None = None) -> Obtained:
        """The answer of ``to``, whatever its status; ``upload``: the call's body, where that is passed on in pieces.

        Raises UpstreamError where there is no usable answer, and a CallerError for a call that ``to`` cannot be sent.
        """
        provider = to.provider
        refusal = provider.refuses(call)
        if refusal is not None:
            raise NotSupported(refusal)
        attempt = Attempt(self.upstream, call, to, to.place or await self.start_emulator())
        dialect = provider.dialects.get(call.endpoint, _PASSED_THROUGH)
        if dialect.converse is not None:
            reply = await converse(dialect.converse(call), attempt)
            headers = [(b"content-type", reply.content_type), *reply.headers]
            return Obtained(reply.status, headers, reply.body, reply.changed)
        written = write(dialect, call)
        inbound = await attempt.send(written, upload)
        is_kept = False
        try:
            if inbound.status >= 400:
                complaint = await inbound.read(MAX_ERROR)
                amended = None if upload else provider.amend(call, written, inbound.status, complaint)
                if amended is None:
                    return _refused(to, inbound, complaint, written)
                inbound.close()
                written = amended
                inbound = await attempt.send(written)
                if inbound.status >= 400:
                    return _refused(to, inbound, await inbound.read(MAX_ERROR), written)
            status, headers = inbound.status, inbound.headers
            if call.endpoint == "passthrough" or is_event_stream(headers):
                first = await inbound.chunk()
                is_kept = True
                return Obtained(status, headers, first, written.changed, written.warnings, inbound)
            answer = await inbound.read(MAX_ANSWER)
            if written.buffered and dialect.reread is not None:
                answer = dialect.reread(call, answer)
            return Obtained(status, headers, answer, written.changed, written.warnings)
        finally:
            if not is_kept:
                inbound.close()


def _refused(to: Destination, inbound: Inbound, complaint: bytes, written: Written) -> Obtained:
    """The provider's error answer: its status, its body in the envelope."""
    envelope = to.provider.error(inbound.status, complaint)
    headers = inbound.headers
    if envelope is not complaint:
        headers = [header for header in headers if header[0] != b"content-type"]
        headers.append((b"content-type", b"application/json"))
    return Obtained(inbound.status, headers, envelope, written.changed, written.warnings, is_refused=True)


def write(dialect: Dialect, call: Call) -> Written:
    """``call`` as the provider takes it; InvalidCall where a rule looks closer and finds no JSON."""
    try:
        return dialect.write(call) if dialect.write is not None else passed_through(call)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise not_json(error) from None


def passed_through(call: Call) -> Written:
    """A call that no dialect reads, as it came: only an ``@slug/`` in front of the model's name is taken off."""
    kept = (b"content-type", b"accept", b"range", b"if-none-match")
    headers = tuple(header for header in call.headers if header[0] in kept)
    if call.model is not None and call.fields.model != call.model:
        model = msgspec.json.encode(call.model)
        return Written(call.path, json_body.update(call.body, {"model": model}), headers, ("model_slug",))
    return Written(call.path, call.body, headers)
