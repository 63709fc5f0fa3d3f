"""One sending of a call to its target: what goes on the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable

from msgspec import Struct

from emberway.exchange import Headers
from emberway.pipeline.destination import Destination, Pairs, Place, no_credential
from emberway.providers.base import Ask, Call, Written
from emberway.upstream.base import Inbound, Origin, Outbound, Upstream
from emberway.upstream.request import head_start

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer that is read whole."""
MAX_ERROR = 1024 * 1024
"""Bytes of an error answer that are read."""

_ONCE = frozenset({b"idempotency-key"})
"""Meant for one request: passed on with a call, not with each of a conversation's requests."""
_MOST_STARTS = 32
"""Of one target: a handful of endpoints; paths with ids in them must not pile up."""


class Attempt(Struct, eq=False):
    """Sends one call; :meth:`send` returns once the answer's status and headers are there."""

    upstream: Upstream
    call: Call
    to: Destination
    place: Place

    def send(self, written: Written, upload: AsyncIterator[bytes] | None = None) -> Awaitable[Inbound]:
        """The provider's answer to ``written``, whatever its status. Raises UpstreamError where there is none."""
        call, to = self.call, self.to
        outbound = Outbound(
            call.method,
            self.place.base.origin,
            b"",
            (),
            written.body if upload is None else upload,
            _declared_length(call) if upload is not None else None,
            to.streaming if call.fields.stream else to.deadlines,
            upload is None and (call.endpoint != "passthrough" or call.method == "GET"),
        )
        wanted = to.forwarded
        if call.query or not wanted.isdisjoint(call.names):
            outbound.target = self._target(written.path)
            outbound.headers = (*written.headers, *self._credential(), *self._forwarded(wanted))
        else:
            start = to.starts.get((call.method, written.path, written.headers))
            outbound.start = start if start is not None else self._first_start(written)
        return self.upstream.send(outbound)

    def ask(self, ask: Ask, elsewhere: tuple[Origin, bytes] | None = None) -> Awaitable[Inbound]:
        """One request of a conversation; ``elsewhere``: to that origin and target, without the credential."""
        if elsewhere is None:
            origin, target = self.place.base.origin, self._target(ask.path)
            headers = (*ask.headers, *self._credential(), *self._forwarded(self.to.forwarded - _ONCE))
        else:
            (origin, target), headers = elsewhere, ask.headers
        return self.upstream.send(
            Outbound(ask.method, origin, target, headers, ask.body, None, self.to.deadlines, may_repeat=True)
        )

    def _first_start(self, written: Written) -> bytes:
        """The head's start, made once for all calls of this target that are written alike."""
        method, starts = self.call.method, self.to.starts
        headers = (*written.headers, *self._credential())
        start = head_start(method, self._target(written.path), headers, self.place.base.origin)
        if len(starts) < _MOST_STARTS:
            starts[method, written.path, written.headers] = start
        return start

    def _target(self, path: str) -> bytes:
        target = (self.place.base.path + path).encode("latin-1")
        return target + b"?" + self.call.query if self.call.query else target

    def _credential(self) -> Pairs:
        secret = self.to.credential or self.place.credential
        if secret is None:
            raise no_credential(self.to.provider)
        return self.to.provider.auth(secret)

    def _forwarded(self, wanted: frozenset[bytes]) -> Headers:
        """The caller's own headers that go on to the provider."""
        return [one for one in self.call.headers if one[0] in wanted]


def _declared_length(call: Call) -> int | None:
    return next((int(value) for name, value in call.headers if name == b"content-length"), None)
