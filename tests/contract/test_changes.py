"""Every process learns of every change, whoever made it and whatever happened to the database meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import select, update
from tests.contract.databases import Databases
from tests.contract.other_process import other_process

from emberway.errors import StorageDown
from emberway.storage.changes import Kind, Watcher, bump
from emberway.storage.engine import Engine, open_engine
from emberway.storage.engines import Address
from emberway.storage.tables import changes

pytestmark = pytest.mark.anyio

PATIENCE = 10.0
"""Seconds after which a change counts as unseen. It should take one; the machine may be busy."""


class Ledger:
    """What a watcher has called back with."""

    def __init__(self) -> None:
        self.calls: list[frozenset[Kind]] = []
        self.fails: Callable[[], None] = lambda: None
        self._called = asyncio.Event()

    async def note(self, kinds: frozenset[Kind]) -> None:
        self.fails()
        self.calls.append(kinds)
        self._called.set()

    async def next(self) -> frozenset[Kind]:
        """The call after those that were asked for."""
        async with asyncio.timeout(PATIENCE):
            while not self.calls:
                await self._called.wait()
                self._called.clear()
        return self.calls.pop(0)


@asynccontextmanager
async def watching(engine: Engine, ledger: Ledger) -> AsyncIterator[Watcher]:
    watcher = Watcher(engine, ledger.note)
    task = asyncio.create_task(watcher.run())
    try:
        yield watcher
    finally:
        task.cancel()
        await asyncio.wait([task])


async def change(engine: Engine, *kinds: Kind) -> None:
    async with engine.transaction() as transaction:
        await bump(transaction, *kinds)


async def test_the_first_look_reports_everything(engine: Engine) -> None:
    ledger = Ledger()

    async with watching(engine, ledger):
        assert await ledger.next() == {*Kind}


async def test_a_change_is_reported_by_its_kind_and_once(engine: Engine) -> None:
    ledger = Ledger()
    async with watching(engine, ledger) as watcher:
        await ledger.next()

        await change(engine, Kind.CONFIGS)
        await watcher.catch_up()
        await watcher.catch_up()

    assert ledger.calls == [{Kind.CONFIGS}]


async def test_changes_that_come_together_are_reported_together(engine: Engine) -> None:
    ledger = Ledger()
    async with watching(engine, ledger) as watcher:
        await ledger.next()

        await change(engine, Kind.VIRTUAL_KEYS, Kind.API_KEYS)
        await watcher.catch_up()

    assert ledger.calls == [{Kind.API_KEYS, Kind.VIRTUAL_KEYS}]


async def test_what_another_process_changes_is_seen_without_being_asked(engine: Engine, address: Address) -> None:
    ledger = Ledger()
    async with watching(engine, ledger):
        await ledger.next()

        with other_process("bump", address) as other:
            other.go()
            assert await ledger.next() == {Kind.CONFIGS}
            assert other.says() == "1"


async def test_what_was_undone_is_not_reported(engine: Engine) -> None:
    ledger = Ledger()

    async def fail() -> None:
        async with engine.transaction() as transaction:
            await bump(transaction, Kind.CONFIGS)
            raise ZeroDivisionError

    async with watching(engine, ledger) as watcher:
        await ledger.next()
        with pytest.raises(ZeroDivisionError):
            await fail()
        await watcher.catch_up()

    assert ledger.calls == []


async def test_versions_rise_by_one_however_many_change_at_once(engine: Engine) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(change(engine, Kind.CONFIGS, Kind.API_KEYS))

    async with engine.transaction() as transaction:
        assert await bump(transaction, Kind.API_KEYS, Kind.CONFIGS) == {Kind.API_KEYS: 11, Kind.CONFIGS: 11}


async def test_a_change_that_could_not_be_taken_over_is_reported_again(engine: Engine) -> None:
    ledger = Ledger()
    failures = iter([StorageDown("away"), ValueError("a mistake of ours")])

    def fail_at_first() -> None:
        if (failure := next(failures, None)) is not None:
            raise failure

    ledger.fails = fail_at_first
    async with watching(engine, ledger) as watcher:
        assert await ledger.next() == {*Kind}
        await watcher.catch_up()

    assert ledger.calls == []


async def test_a_time_of_trouble_is_logged_once_and_so_is_its_end(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Ledger()
    failures = iter([StorageDown("away"), StorageDown("still away")])

    def fail_at_first() -> None:
        if (failure := next(failures, None)) is not None:
            raise failure

    ledger.fails = fail_at_first
    with caplog.at_level(logging.INFO, "emberway"):
        async with watching(engine, ledger) as watcher:
            await ledger.next()
            await watcher.catch_up()

    assert [record.getMessage() for record in caplog.records] == [
        "changes in the database are not seen, what was loaded stays: away",
        "changes in the database are seen again",
    ]


async def test_how_old_the_state_may_be_is_known(engine: Engine) -> None:
    ledger = Ledger()
    watcher = Watcher(engine, ledger.note)
    assert watcher.stale_for() == float("inf")

    async with watching(engine, ledger) as watcher:
        await watcher.catch_up()
        assert watcher.stale_for() < PATIENCE


async def test_a_database_that_is_away_at_first_is_waited_for(databases: Databases, address: Address) -> None:
    engine, ledger = open_engine(address), Ledger()
    with databases.outage(address):
        watcher = Watcher(engine, ledger.note)
        task = asyncio.create_task(watcher.run())
        with pytest.raises(StorageDown):
            await watcher.catch_up()
        assert watcher.stale_for() == float("inf")

    assert await ledger.next() == {*Kind}

    task.cancel()
    await asyncio.wait([task])
    await engine.aclose()


async def test_a_version_that_falls_back_is_a_change_as_well(engine: Engine) -> None:
    """A backup that was restored."""
    ledger = Ledger()
    async with watching(engine, ledger) as watcher:
        await change(engine, Kind.CONFIGS)
        await watcher.catch_up()
        ledger.calls.clear()

        await engine.execute(update(changes).where(changes.c.kind == Kind.CONFIGS).values(version=0))
        await watcher.catch_up()

    assert ledger.calls == [{Kind.CONFIGS}]


async def test_a_kind_that_a_later_release_counts_is_left_alone(engine: Engine) -> None:
    ledger = Ledger()
    await engine.execute(changes.insert().values(kind="of a later release", version=1))

    async with watching(engine, ledger):
        assert await ledger.next() == {*Kind}
    assert len(await engine.fetch_all(select(changes))) == len(Kind) + 1
