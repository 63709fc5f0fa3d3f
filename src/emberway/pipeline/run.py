"""One request, start to finish: the table of contents of the gateway."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from emberway.errors import NotBuilt
from emberway.exchange import Exchange
from emberway.pipeline.destination import Destination
from emberway.pipeline.drive import Driver
from emberway.pipeline.obtain import Origins
from emberway.pipeline.relay import Client, relay
from emberway.pipeline.resolve import Planned, Resolver
from emberway.pipeline.shadow import Shadows
from emberway.providers.base import Call


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Everything that a call needs on its way."""

    resolver: Resolver
    origins: Origins
    driver: Driver
    shadows: Shadows

    async def run(
        self, call: Call, exchange: Exchange, client: Client, upload: AsyncIterator[bytes] | None = None
    ) -> None:
        """Answer ``call`` to ``client``; ``upload``: its body, where that is passed on in pieces."""
        to = self.resolver.resolve(call)
        if isinstance(to, Destination):
            exchange.provider = to.provider.slug
        if call.fields.prompt_key is not None:
            raise _no_prompt_library(call.fields.prompt_key)
        if isinstance(to, Destination):
            exchange.sent = time.monotonic()
            obtained = await self.origins.obtain(call, to, upload)
        else:
            obtained = await self.driver.drive(to, call, exchange, upload)
        try:
            await relay(obtained, exchange, client)
        finally:
            obtained.close()
        if isinstance(to, Planned) and to.plan.shadow is not None and upload is None:
            self.shadows.cast(to.plan.shadow, call, exchange)


def _no_prompt_library(name: str) -> NotBuilt:
    return NotBuilt(
        f"The prompt library is not part of this release, so the prompt '{name}' cannot be applied. Leave "
        "prompt_key out and send the prompt's messages in 'messages'.",
        param="prompt_key",
        code="prompts_not_built",
    )
