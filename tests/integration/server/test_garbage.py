"""Requests and connections free themselves: the process runs its garbage collector as rarely as it can."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest
from tests.integration.server.served import Message, Receive, Send, answer, body_of, http, serving

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("way", ["close", "half_close", "reset"])
async def test_neither_a_request_nor_its_connection_needs_the_collector(way: str):
    seen: set[weakref.ref[object]] = set()

    @http
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        seen.update(weakref.ref(each) for each in (*served.hub.cycles, *served.hub.connections))
        await body_of(receive)
        watching = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await answer(send)
        await watching

    gc.collect()
    gc.disable()
    try:
        async with serving(app) as served, asyncio.timeout(5):
            client = await served.client()
            for _ in range(3):
                await client.get()
            getattr(client, way)()
            await served.until(lambda: not served.hub.connections)
            await asyncio.sleep(0)

            assert len(seen) == 4
            assert [each() for each in seen] == [None] * 4
    finally:
        gc.enable()
