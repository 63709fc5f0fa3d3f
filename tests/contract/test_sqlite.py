"""What holds for SQLite alone: its file, its settings, and what becomes of those who meet a locked or damaged one."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from emberway.errors import StorageDown
from emberway.storage.engine import Engine, open_engine
from emberway.storage.migrate import upgrade
from emberway.storage.tables import meta

pytestmark = pytest.mark.anyio

PATIENCE = 5.0


@pytest.fixture
def file(tmp_path: Path) -> Path:
    upgrade(tmp_path / "control.db")
    return tmp_path / "control.db"


@pytest.fixture
async def engine(file: Path) -> AsyncIterator[Engine]:
    engine = open_engine(file)
    yield engine
    await engine.aclose()


@contextmanager
def held(file: Path, lock: str) -> Iterator[None]:
    """Somebody else has begun a transaction and does not end it."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute(lock)
        yield


async def test_no_other_user_can_read_the_file_or_what_lies_beside_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        upgrade(tmp_path / "control.db")
        engine = open_engine(tmp_path / "control.db")
        await engine.execute(insert(meta).values(name="a", value=""))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        await engine.aclose()
    finally:
        os.umask(before)

    assert modes == {"control.db": 0o600, "control.db-wal": 0o600, "control.db-shm": 0o600}


@pytest.mark.parametrize(
    ("name", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 1200)]
)
async def test_every_connection_is_set_up_to_lose_nothing(engine: Engine, name: str, value: object) -> None:
    for _ in range(2):
        with engine.pool.connect() as connection, engine.pool.connect() as another:
            for one in (connection, another):
                assert one.exec_driver_sql(f"PRAGMA {name}").scalar_one() == value


async def test_reading_goes_on_while_another_process_writes_and_writing_is_refused_in_time(
    engine: Engine, file: Path
) -> None:
    with held(file, "BEGIN EXCLUSIVE"):
        with pytest.raises(StorageDown):
            async with asyncio.timeout(PATIENCE):
                await engine.execute(insert(meta).values(name="a", value=""))
        assert len(await engine.fetch_all(select(meta))) == 1

    await engine.execute(insert(meta).values(name="a", value=""))
    assert len(await engine.fetch_all(select(meta))) == 2


async def test_transactions_of_one_process_wait_for_each_other_without_taking_the_readers_places(
    engine: Engine,
) -> None:
    async def write(number: int) -> None:
        async with engine.transaction() as transaction:
            await transaction.execute(insert(meta).values(name=str(number), value=""))

    async with engine.transaction():
        writers = [asyncio.create_task(write(number)) for number in range(10)]
        await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE):
            await engine.fetch_all(select(meta))
    await asyncio.gather(*writers)

    assert len(await engine.fetch_all(select(meta))) == 11


async def test_a_file_that_was_lost_is_not_replaced_by_an_empty_one(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "control.db")

    with pytest.raises(StorageDown):
        await engine.fetch_all(select(meta))

    assert [*tmp_path.iterdir()] == []
    await engine.aclose()


async def test_a_file_that_is_something_else_is_an_outage_and_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "control.db"
    file.write_bytes(b"not a database at all, " * 100)
    engine = open_engine(file)

    with pytest.raises(StorageDown):
        await engine.fetch_all(select(meta))
    with pytest.raises(StorageDown):
        upgrade(file)

    assert file.read_bytes() == b"not a database at all, " * 100
    await engine.aclose()


def test_many_can_be_the_first_to_open_a_new_file(tmp_path: Path) -> None:
    for number in range(5):
        with ThreadPoolExecutor(6) as starts:
            ran = [*starts.map(upgrade, [tmp_path / f"{number}.db"] * 6)]
        assert sorted(ran) == [False] * 5 + [True]
