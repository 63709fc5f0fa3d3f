"""Both event loops, and a client that must leave nothing behind."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from emberway.upstream.client import PooledUpstream


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """Every promise of the client holds on both loops."""
    return ("asyncio", {"use_uvloop": request.param == "uvloop"})


@pytest.fixture
async def upstream() -> AsyncIterator[PooledUpstream]:
    """A client; after the test no slot, connection or deadline of it may be left."""
    client = PooledUpstream()
    yield client
    await client.aclose()
    assert (client.open_connections, client.idle_connections, client.answers_under_way) == (0, 0, 0)
