"""Shadow traffic: copies of calls to another target, whose answers nobody waits for.

A copy starts once the client has its answer, so it can slow, fail or repeat nothing. There are never more at once than
the config allows; those beyond are dropped and counted.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from emberway import tasks
from emberway.errors import GatewayError
from emberway.exchange import Exchange, Headers
from emberway.ids import new_id
from emberway.pipeline.obtain import Origins
from emberway.pipeline.params import adapted
from emberway.pipeline.relay import relay
from emberway.pipeline.resolve import Resolver
from emberway.providers.base import Call
from emberway.routing.plan import Shadow

Record = Callable[[Exchange, float], None]
"""Takes a finished exchange and the seconds that it took."""


@dataclass(slots=True)
class Shadows:
    """All copies of this process."""

    resolver: Resolver
    origins: Origins
    dice: Callable[[], float]
    record: Record
    sent: int = 0
    dropped: int = 0
    """Copies that were not made because too many were under way."""
    _under_way: Counter[str] = field(default_factory=Counter)
    """By the target's key."""

    def cast(self, shadow: Shadow, call: Call, original: Exchange) -> None:
        """Send a copy of ``call``, which was answered, to ``shadow`` if the draw falls so."""
        if self.dice() >= shadow.share:
            return
        if self._under_way[shadow.target.key] >= shadow.max_concurrency:
            self.dropped += 1
            original.shadow = "dropped"
            return
        self.sent += 1
        original.shadow = "sent"
        self._under_way[shadow.target.key] += 1
        tasks.start("shadow call", self._copied(shadow, call, original))

    async def _copied(self, shadow: Shadow, call: Call, original: Exchange) -> None:
        exchange = Exchange(new_id(), original.trace_id, time.monotonic(), original.method, original.path)
        exchange.endpoint, exchange.identity = original.endpoint, original.identity
        exchange.shadow_of, exchange.option_path = original.request_id, shadow.target.path
        try:
            await self._answered(shadow, call, exchange)
        except GatewayError as error:
            exchange.error, exchange.status = error.code, error.status
        finally:
            self._under_way[shadow.target.key] -= 1
            if not self._under_way[shadow.target.key]:
                del self._under_way[shadow.target.key]
            self.record(exchange, time.monotonic() - exchange.started)

    async def _answered(self, shadow: Shadow, call: Call, exchange: Exchange) -> None:
        copy, changed = adapted(call, shadow.target)
        to = self.resolver.destination(copy, shadow.target)
        exchange.provider, exchange.model = to.provider.slug, copy.model or ""
        exchange.sent = time.monotonic()
        obtained = await self.origins.obtain(copy, to)
        obtained.changed = (*changed, *obtained.changed)
        exchange.status = obtained.status
        try:
            await relay(obtained, exchange, _Nobody())
        finally:
            obtained.close()


class _Nobody:
    """The client of a copy."""

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """Nobody reads it."""

    async def start(self, status: int, headers: Headers) -> None:
        """Nobody reads it."""

    async def send(self, chunk: bytes) -> None:
        """Nobody reads it."""

    async def end(self) -> None:
        """It is over."""

    async def cut(self) -> None:
        """It is over."""
