from __future__ import annotations

import asyncio
import threading

import pytest

from emberway.storage.lanes import Lane, Lanes

pytestmark = pytest.mark.anyio


async def test_jobs_are_done_one_after_the_other_in_their_order() -> None:
    lane, done = Lane("test"), list[int]()

    await asyncio.gather(*(lane.submit(lambda number=number: done.append(number)) for number in range(50)))

    assert done == [*range(50)]
    lane.close()


async def test_what_a_job_returns_and_raises_comes_back() -> None:
    lane = Lane("test")

    assert await lane.submit(lambda: 6 * 7) == 42
    with pytest.raises(ZeroDivisionError):
        await lane.submit(lambda: 1 // 0)
    lane.close()


async def test_the_event_loop_goes_on_while_a_job_waits() -> None:
    lane, gate = Lane("test"), threading.Event()

    job = lane.submit(gate.wait)
    await asyncio.sleep(0)
    gate.set()

    assert await job
    lane.close()


async def test_a_job_that_nobody_waits_for_any_more_still_has_its_turn() -> None:
    lane, gate, done = Lane("test"), threading.Event(), list[str]()
    lane.submit(gate.wait)

    lane.submit(lambda: done.append("given up")).cancel()
    last = lane.submit(lambda: done.append("cleaned up"))
    gate.set()
    await last

    assert done == ["given up", "cleaned up"]
    lane.close()


async def test_a_lane_ends_when_its_jobs_are_done() -> None:
    lane = Lane("test-that-ends")
    thread = await lane.submit(threading.current_thread)

    lane.close()

    thread.join(5)
    assert not thread.is_alive()


async def test_a_lane_that_hangs_does_not_keep_the_process_from_ending() -> None:
    lane = Lane("test")

    assert await lane.submit(lambda: threading.current_thread().daemon)
    lane.close()


async def test_a_lane_is_lent_to_one_holder_at_a_time() -> None:
    lanes = Lanes("test", 2)
    first, second = await lanes.take(), await lanes.take()
    assert first is not second

    third = asyncio.ensure_future(lanes.take())
    await asyncio.sleep(0)
    assert not third.done()
    lanes.give_back(first)

    assert await third is first
    for lane in (first, second):
        lanes.give_back(lane)
    lanes.close()


async def test_no_more_threads_are_started_than_are_needed() -> None:
    lanes = Lanes("test", 4)

    used = []
    for _ in range(10):
        lane = await lanes.take()
        used.append(lane)
        lanes.give_back(lane)

    assert len({*map(id, used)}) == 1
    lanes.close()


async def test_whoever_stops_waiting_for_a_lane_takes_none_away() -> None:
    lanes = Lanes("test", 1)
    lane = await lanes.take()
    waiting = asyncio.ensure_future(lanes.take())
    await asyncio.sleep(0)

    waiting.cancel()
    lanes.give_back(lane)

    assert await lanes.take() is lane
    lanes.give_back(lane)
    lanes.close()


async def test_a_lane_that_is_given_back_after_the_end_ends_as_well() -> None:
    lanes = Lanes("test", 1)
    lane = await lanes.take()
    thread = await lane.submit(threading.current_thread)

    lanes.close()
    lanes.give_back(lane)

    thread.join(5)
    assert not thread.is_alive()
