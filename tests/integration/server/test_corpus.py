"""Each raw payload has one meaning, or none: what is doubtful is refused, and the connection ends."""

from __future__ import annotations

import asyncio

import pytest
from tests.integration.server.corpus import CASES, LAST, Case
from tests.integration.server.served import Client, echo, serving

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_payload_is_understood_in_one_way_or_refused(case: Case):
    async with serving(echo) as served, asyncio.timeout(10):
        client = await served.client()
        await client.send(case.payload + LAST)

        assert await answers(client) == case.answers


async def answers(client: Client) -> list[tuple[int, bytes]]:
    """Status and body of every answer up to the connection's end; bodies of refusals are left out."""
    found: list[tuple[int, bytes]] = []
    while True:
        try:
            answer = await client.answer()
        except EOFError as error:
            assert error.args == (b"",), "the connection ended within a head"
            return found
        assert answer.is_whole
        found.append((answer.status, answer.body if answer.status == 200 else b""))
