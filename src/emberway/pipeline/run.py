"""One request, start to finish: the table of contents of the gateway."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import msgspec

from emberway.errors import NotBuilt, NotSupported
from emberway.exchange import Exchange
from emberway.pipeline.attempt import MAX_ANSWER, MAX_ERROR, Attempt
from emberway.pipeline.converse import converse
from emberway.pipeline.relay import Client, is_event_stream, note_answer, relay_stream
from emberway.pipeline.resolve import Place, Resolver, Target
from emberway.providers.base import Call, Dialect, Written
from emberway.upstream.base import Inbound, Upstream
from emberway.wire import body as json_body
from emberway.wire.fields import not_json

_PASSED_THROUGH = Dialect()


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Everything that a call needs on its way."""

    resolver: Resolver
    upstream: Upstream
    start_emulator: Callable[[], Awaitable[Place]]
    """Starts the emulator, once, and says where it is."""

    async def run(
        self, call: Call, exchange: Exchange, client: Client, upload: AsyncIterator[bytes] | None = None
    ) -> None:
        """Answer ``call`` to ``client``; ``upload``: its body, where that is passed on in pieces."""
        target = self.resolver.resolve(call)
        exchange.provider = target.provider.slug
        refusal = target.provider.refuses(call)
        if refusal is not None:
            raise NotSupported(refusal)
        if call.fields.prompt_key is not None:
            raise _no_prompt_library(call.fields.prompt_key)
        place = target.place or await self.start_emulator()
        attempt = Attempt(self.upstream, call, target, place)
        dialect = target.provider.dialects.get(call.endpoint, _PASSED_THROUGH)
        exchange.sent = time.monotonic()
        if dialect.converse is not None:
            reply = await converse(dialect.converse(call), attempt)
            exchange.changed, exchange.answered = reply.changed, time.monotonic()
            await client.whole(reply.status, [(b"content-type", reply.content_type), *reply.headers], reply.body)
            return
        written = write(dialect, call)
        exchange.changed, exchange.warnings = written.changed, written.warnings
        inbound = await attempt.send(written, upload)
        try:
            if inbound.status >= 400:
                complaint = await inbound.read(MAX_ERROR)
                amended = None if upload else target.provider.amend(call, written, inbound.status, complaint)
                if amended is None:
                    await self._refused(target, exchange, inbound, complaint, client)
                    return
                inbound.close()
                exchange.changed = amended.changed
                inbound = await attempt.send(amended)
                if inbound.status >= 400:
                    await self._refused(target, exchange, inbound, await inbound.read(MAX_ERROR), client)
                    return
            events = is_event_stream(inbound.headers)
            if events or call.endpoint == "passthrough":
                await relay_stream(inbound, client, exchange, events=events)
                return
            answer = await inbound.read(MAX_ANSWER)
            exchange.answered = time.monotonic()
            if written.buffered and dialect.reread is not None:
                answer = dialect.reread(call, answer)
            note_answer(exchange, answer)
            await client.whole(inbound.status, inbound.headers, answer)
        finally:
            inbound.close()

    async def _refused(
        self, target: Target, exchange: Exchange, inbound: Inbound, complaint: bytes, client: Client
    ) -> None:
        """The provider's error answer: its status, its body in the envelope that OpenAI's clients read."""
        exchange.answered = time.monotonic()
        envelope = target.provider.error(inbound.status, complaint)
        exchange.error = "provider_error"
        headers = inbound.headers
        if envelope is not complaint:
            headers = [header for header in headers if header[0] != b"content-type"]
            headers.append((b"content-type", b"application/json"))
        await client.whole(inbound.status, headers, envelope)


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


def _no_prompt_library(name: str) -> NotBuilt:
    return NotBuilt(
        f"The prompt library is not part of this release, so the prompt '{name}' cannot be applied. Leave "
        "prompt_key out and send the prompt's messages in 'messages'.",
        param="prompt_key",
        code="prompts_not_built",
    )
