from __future__ import annotations

import asyncio
import gc
import logging
import weakref

import pytest

from emberway import tasks

pytestmark = pytest.mark.anyio


async def fail() -> None:
    raise ValueError("out of tea")


async def test_a_background_task_that_dies_is_reported_by_name(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "emberway"):
        await asyncio.wait([tasks.start("tea maker", fail())])
        await asyncio.sleep(0)

    (record,) = caplog.records
    assert record.getMessage() == "background task tea maker died"
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "out of tea"


async def test_a_task_that_ends_or_is_cancelled_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    ended, cancelled = tasks.start("short", asyncio.sleep(0)), tasks.start("long", asyncio.Event().wait())
    cancelled.cancel()
    await asyncio.wait([ended, cancelled])
    await asyncio.sleep(0)

    assert caplog.records == []


async def test_a_task_that_nobody_holds_is_not_lost_to_the_garbage_collector() -> None:
    waited_for: weakref.WeakSet[asyncio.Future[None]] = weakref.WeakSet()
    done = asyncio.Event()

    async def work() -> None:
        waiting = asyncio.get_running_loop().create_future()
        waited_for.add(waiting)
        await waiting
        done.set()

    tasks.start("kept", work())
    await asyncio.sleep(0)
    gc.collect()

    assert len(waited_for) == 1
    waited_for.pop().set_result(None)
    async with asyncio.timeout(5):
        await done.wait()


async def test_a_task_that_is_over_is_forgotten() -> None:
    before = len(tasks._running)
    task = tasks.start("short", asyncio.sleep(0))
    held = len(tasks._running)
    await task
    await asyncio.sleep(0)

    assert (held - before, len(tasks._running) - before) == (1, 0)
