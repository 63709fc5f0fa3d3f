"""One sending of a call to its target: what goes on the wire, and the one repeat that a provider's complaint allows."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from emberway.exchange import CallOptions, Exchange, Headers
from emberway.pipeline.resolve import Place, Target, no_credential
from emberway.providers.base import Ask, Call, Provider, Written
from emberway.upstream.base import Deadlines, Inbound, Outbound, Upstream

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer that is read whole."""
MAX_ERROR = 1024 * 1024
"""Bytes of an error answer that are read."""

_ALWAYS_FORWARDED = frozenset({b"traceparent", b"tracestate", b"idempotency-key"})


@dataclass(slots=True)
class Attempt:
    """Sends one call; :meth:`send` returns once the answer's status and headers are there."""

    upstream: Upstream
    deadlines: Deadlines
    call: Call
    target: Target
    place: Place
    exchange: Exchange

    async def send(self, written: Written, upload: AsyncIterator[bytes] | None = None) -> Inbound:
        """The provider's answer to ``written``, whatever its status. Raises UpstreamError where there is none."""
        call = self.call
        path = self.place.base.path + written.path
        target = path.encode("latin-1") + (b"?" + call.query if call.query else b"")
        length = next((value for name, value in call.headers if name == b"content-length"), None) if upload else None
        outbound = Outbound(
            call.method,
            self.place.base.origin,
            target,
            self._headers(written.headers),
            written.body if upload is None else upload,
            content_length=int(length) if length is not None else None,
            deadlines=deadlines_of(self.deadlines, call.options),
            may_repeat=upload is None and (call.endpoint != "passthrough" or call.method == "GET"),
        )
        return await self._timed(outbound)

    async def ask(self, ask: Ask, elsewhere: Place | None = None) -> Inbound:
        """One request of a conversation; ``elsewhere``: at that place, without the credential."""
        place = elsewhere or self.place
        outbound = Outbound(
            ask.method,
            place.base.origin,
            (place.base.path + ("" if elsewhere else ask.path)).encode("latin-1"),
            list(ask.headers) if elsewhere else self._headers(ask.headers),
            ask.body,
            deadlines=deadlines_of(self.deadlines, self.call.options),
            may_repeat=True,
        )
        return await self._timed(outbound)

    async def _timed(self, outbound: Outbound) -> Inbound:
        began = time.monotonic()
        try:
            return await self.upstream.send(outbound)
        finally:
            self.exchange.upstream_seconds += time.monotonic() - began

    def _headers(self, written: tuple[tuple[bytes, bytes], ...]) -> Headers:
        provider = self.target.provider
        headers: Headers = [*written, *self._credential(provider)]
        wanted = provider.forwards
        headers += [one for one in self.call.headers if one[0] in wanted or one[0] in _ALWAYS_FORWARDED]
        if named := self.call.options.forward_headers:
            headers += [one for one in self.call.headers if one[0].decode("latin-1") in named]
        return headers

    def _credential(self, provider: Provider) -> tuple[tuple[bytes, bytes], ...]:
        secret = self.target.credential or self.place.credential
        if secret is None:
            raise no_credential(provider)
        return provider.auth(secret)


def deadlines_of(deadlines: Deadlines, options: CallOptions) -> Deadlines:
    """The caller's ``x-portkey-request-timeout`` bounds the whole call, head and body (in the operator's bounds)."""
    wanted = options.request_timeout
    if wanted is None:
        return deadlines
    return replace(deadlines, first_byte=min(wanted, deadlines.first_byte), total=min(wanted, deadlines.total))
