"""How every process learns that something in the database has changed: a counter for each kind of thing, a watcher.

Whoever changes a thing counts its kind up in the same transaction. The counter's row stays locked until that
transaction ends, so versions are seen in their order: who has seen version 7 has seen all that led to it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import TypeVar

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from emberway.errors import GatewayError
from emberway.storage.engine import CHECKOUT_SECONDS, Engine, Transaction
from emberway.storage.engines.base import Sentry
from emberway.storage.failures import storage_error, within
from emberway.storage.lanes import Lane
from emberway.storage.tables import changes

_log = logging.getLogger("emberway")

_PAUSE = 1.0
"""Seconds between two attempts while the database cannot be used, or what it says cannot be taken over."""

T = TypeVar("T")


class Kind(StrEnum):
    """What is counted: the things that requests are served from memory with. Each has its row from a migration."""

    API_KEYS = "api_keys"
    CONFIGS = "configs"
    VIRTUAL_KEYS = "virtual_keys"
    WORKSPACES = "workspaces"


async def bump(transaction: Transaction, *kinds: Kind) -> Mapping[Kind, int]:
    """Say that ``kinds`` change with this transaction; their new versions. The last thing to do in it.

    Last, because until the commit everybody else who changes such a thing waits; all kinds at once, because two
    transactions that took them in different orders would wait for each other.
    """
    versions = {}
    for kind in sorted(set(kinds)):
        counted = update(changes).where(changes.c.kind == kind).values(version=changes.c.version + 1)
        row = await transaction.fetch_one(counted.returning(changes.c.version))
        assert row is not None, f"no migration has made a counter for {kind}"
        versions[kind] = row.version
        await transaction.announce(kind)
    return versions


class Watcher:
    """Calls back, on the event loop, when any process has changed something.

    ``on_change`` is given the kinds that are not as they were when it last succeeded: at first all of them. Until it
    succeeds it is called again. It runs in the watcher's own task, so there is one call at a time.
    """

    def __init__(self, engine: Engine, on_change: Callable[[frozenset[Kind]], Awaitable[None]]) -> None:
        self._engine = engine
        self._on_change = on_change
        self._seen: Mapping[str, int] = {}
        self._taken_over: Mapping[str, int] = {}
        self._current_at = float("-inf")
        self._begun = 0
        self._ended = 0
        self._round = asyncio.Condition()
        self._wake = asyncio.Event()
        self._in_trouble = False

    def stale_for(self) -> float:
        """Seconds for which changes may have gone unseen: a second or less in peace, infinite before the first look."""
        return asyncio.get_running_loop().time() - self._current_at

    async def catch_up(self) -> None:
        """Return when all that was committed before this call has been taken over; StorageDown when that takes long."""
        # Counted and not timed: a loop's clock may stand still for a millisecond, and a round may have begun in it.
        wanted = self._begun + 1
        self._wake.set()
        async with within(CHECKOUT_SECONDS), self._round:
            await self._round.wait_for(lambda: self._ended >= wanted)

    async def run(self) -> None:
        """Watch until cancelled, through the loss of the database and errors of ``on_change``."""
        while True:
            post = _Post(self._engine)
            try:
                await post.open()
                while True:
                    await self._look(post)
                    await self._news(post.interval, post.fileno())
            # Whatever it was: a gateway that no longer hears of changes would let a revoked key in for good.
            except Exception as error:
                self._report(error)
            finally:
                post.close()
            await self._news(_PAUSE, None)

    async def _look(self, post: _Post) -> None:
        """One round: see what is there, have it taken over."""
        self._begun += 1
        this, began_at = self._begun, asyncio.get_running_loop().time()
        self._seen = await post.look() or self._seen
        changed = frozenset(kind for kind in Kind if self._seen.get(kind) != self._taken_over.get(kind))
        if changed:
            await self._on_change(changed)
            self._taken_over = self._seen
        self._current_at, self._ended = began_at, this
        if self._in_trouble:
            self._in_trouble = False
            _log.info("changes in the database are seen again")
        async with self._round:
            self._round.notify_all()

    async def _news(self, seconds: float, descriptor: int | None) -> None:
        """Wait until something was announced, somebody wants to catch up, or ``seconds`` have gone."""
        loop = asyncio.get_running_loop()
        alarm = loop.call_later(seconds, self._wake.set)
        if descriptor is not None:
            loop.add_reader(descriptor, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            alarm.cancel()
            if descriptor is not None:
                loop.remove_reader(descriptor)
        self._wake.clear()

    def _report(self, error: Exception) -> None:
        """One line for each time of trouble, with the traceback where it is a mistake of ours."""
        if not self._in_trouble:
            ours = None if isinstance(error, GatewayError) else error
            why = error.__cause__ or error
            _log.warning("changes in the database are not seen, what was loaded stays: %s", why, exc_info=ours)
        self._in_trouble = True


class _Post:
    """A sentry, and the lane in which it looks out."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lane = Lane("storage-watch")
        self._sentry: Sentry | None = None

    @property
    def interval(self) -> float:
        """Seconds until it should look again."""
        return self._present.interval

    def fileno(self) -> int | None:
        """What becomes readable when there may be news."""
        return self._present.fileno()

    async def open(self) -> None:
        """Connect."""

        def connect() -> None:
            self._sentry = self._engine.make.sentry(self._engine.pool)

        await self._done(connect)

    async def look(self) -> Mapping[str, int] | None:
        """The version of each kind, ``None`` when nothing has changed."""
        return await self._done(self._present.look)

    def close(self) -> None:
        """Give connection and thread up, as soon as what is under way has ended."""
        self._lane.submit(self._release)
        self._lane.close()

    @property
    def _present(self) -> Sentry:
        assert self._sentry is not None
        return self._sentry

    async def _done(self, job: Callable[[], T]) -> T:
        try:
            async with within(CHECKOUT_SECONDS):
                return await self._lane.submit(job)
        except SQLAlchemyError as error:
            raise storage_error(error, self._engine.make) from error

    def _release(self) -> None:
        if self._sentry is not None:
            with suppress(SQLAlchemyError):  # it is lost anyway
                self._sentry.close()
