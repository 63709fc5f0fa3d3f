"""A provider in total outage, and one that fails now and then, under a steady load through a real gateway."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.process import Served, gateway

MODEL = "accounts/fireworks/models/llama-v3p1-8b-instruct"
RATE = 200
"""Requests a second."""
SECONDS = 6

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
def served(tmp_path: Path) -> Any:
    with gateway(tmp_path, "--emulator") as it:
        yield it


async def ask(served: Served, config: dict[str, Any]) -> int:
    """The status of one call on a connection of its own."""
    body = json.dumps({"model": MODEL, "max_tokens": 1, "messages": [{"role": "user", "content": "hi"}]}).encode()
    lines = [
        "POST /v1/chat/completions HTTP/1.1",
        "host: gateway",
        "connection: close",
        "content-type: application/json",
        f"x-portkey-api-key: {served.key}",
        f"x-portkey-config: {json.dumps(config)}",
        f"content-length: {len(body)}",
    ]
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        return int((await reader.read()).split(b" ", 2)[1])
    finally:
        writer.close()


async def load(served: Served, config: dict[str, Any]) -> Counter[int]:
    """``RATE`` calls a second for ``SECONDS``, none of which waits for another."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    calls = []
    for number in range(RATE * SECONDS):
        await asyncio.sleep(max(0.0, begun + number / RATE - loop.time()))
        calls.append(asyncio.create_task(ask(served, config)))
    return Counter(await asyncio.gather(*calls))


async def attempts(served: Served) -> Counter[str]:
    """How often each target was asked, by the lines of the access log, once there is one for each call."""
    async with asyncio.timeout(10):
        while len(lines := _lines(served)) < RATE * SECONDS:
            await asyncio.sleep(0.02)
    asked: Counter[str] = Counter()
    for line in lines:
        asked.update(one["path"] for one in line.get("attempts") or [{"path": line["option"]}])
    return asked


def _lines(served: Served) -> list[dict[str, Any]]:
    written = served.complaints.read_text().rpartition("\n")[0].splitlines()
    return [told for told in map(json.loads, (line for line in written if line.startswith("{"))) if "option" in told]


def at(model: str, **more: Any) -> dict[str, Any]:
    return {"provider": "@emulator", "override_params": {"model": model}, **more}


async def test_retries_never_add_more_than_a_fifth_to_the_load_of_a_provider_that_is_down(served: Served) -> None:
    config = {
        "strategy": {"mode": "single"},
        "targets": [at(f"{MODEL}!500", retry={"attempts": 5, "on_status_codes": [500]})],
    }

    statuses = await load(served, config)

    assert statuses == {500: RATE * SECONDS}
    assert sum((await attempts(served)).values()) <= 1.2 * RATE * SECONDS


async def test_a_fallback_takes_over_and_the_provider_that_is_down_is_left_alone(served: Served) -> None:
    config = {"strategy": {"mode": "fallback"}, "targets": [at(f"{MODEL}!500"), at(MODEL)]}

    statuses = await load(served, config)

    assert statuses == {200: RATE * SECONDS}
    asked = await attempts(served)
    assert asked["config.targets[1]"] == RATE * SECONDS
    assert asked["config.targets[0]"] <= 0.05 * RATE * SECONDS
