"""The threads in which databases are waited for, so that the event loop never is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


class Lane:
    """One thread that does one job after the other, in the order in which they came.

    That order is what makes giving up safe: whoever stops waiting for a job can still add the one that cleans up. The
    thread is a daemon, since one that waits for a database that hangs must not keep the process from ending; that is
    also why this is no ``ThreadPoolExecutor``, whose threads are joined at exit.
    """

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        Thread(target=self._work, name=name, daemon=True).start()

    def submit(self, job: Callable[[], T]) -> asyncio.Future[T]:
        """What ``job`` returns or raises, once it had its turn; a cancelled future leaves the job to go on."""
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()
        self._jobs.put(partial(_do, job, outcome, loop))
        return outcome

    def close(self) -> None:
        """End the thread after the jobs that it was given."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job  # or its result would live until the next one comes


class Lanes:
    """A few lanes, each lent to one holder at a time and started when the others are taken."""

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._count = count
        self._free = asyncio.Semaphore(count)
        self._started = 0
        self._idle: list[Lane] = []
        self._is_closed = False

    async def take(self) -> Lane:
        """A lane for the caller alone, until :meth:`give_back`."""
        await self._free.acquire()
        if self._idle:
            return self._idle.pop()
        self._started += 1
        return Lane(f"{self._name}-{self._started}")

    def give_back(self, lane: Lane) -> None:
        """Let others have ``lane``, whose jobs are all done."""
        self._idle.append(lane)
        self._free.release()
        if self._is_closed:
            self.close()

    async def all_back(self) -> None:
        """Wait until no lane is lent. None is lent after that."""
        for _ in range(self._count):
            await self._free.acquire()

    def close(self) -> None:
        """End every thread, those of lanes that are still lent when they are given back."""
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()


def _do(job: Callable[[], T], outcome: asyncio.Future[T], loop: asyncio.AbstractEventLoop) -> None:
    try:
        result = job()
    except BaseException as error:  # handed to whoever waits, whatever it is
        tell: Callable[[], None] = partial(_fail, outcome, error)
    else:
        tell = partial(_succeed, outcome, result)
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(tell)


def _succeed(outcome: asyncio.Future[T], result: T) -> None:
    if not outcome.done():
        outcome.set_result(result)


def _fail(outcome: asyncio.Future[T], error: BaseException) -> None:
    if not outcome.done():
        outcome.set_exception(error)
