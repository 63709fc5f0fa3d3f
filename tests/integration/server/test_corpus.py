"""Each raw payload has one meaning, or none: what is doubtful is refused, and the connection ends."""

from __future__ import annotations

import asyncio

import pytest
from tests.integration.server.corpus import CASES, LAST, Case
from tests.integration.server.served import echo, serving

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_payload_is_understood_in_one_way_or_refused(case: Case):
    async with serving(echo) as served, asyncio.timeout(10):
        client = await served.client()
        await client.send(case.payload + LAST)

        answers = await client.answers()

    assert [(one.status, one.body if one.status == 200 else b"") for one in answers] == case.answers
