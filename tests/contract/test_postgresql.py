"""What holds for PostgreSQL alone: a server that ends, hangs or takes too long, and news that it brings by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import column, func, insert, select, table, update
from tests.contract.databases import Databases
from tests.contract.postgres_server import PASSWORD, PostgresServer
from tests.contract.test_changes import Ledger, watching

from emberway.errors import Conflict, StorageDown
from emberway.secret import Secret
from emberway.storage.changes import Kind, bump
from emberway.storage.engine import Engine, open_engine
from emberway.storage.engines import find
from emberway.storage.engines.base import Terms
from emberway.storage.engines.postgresql import _Listener
from emberway.storage.migrate import upgrade
from emberway.storage.tables import changes, meta

pytestmark = pytest.mark.anyio

PATIENCE = 5.0
"""Seconds after which a call counts as hung."""


@pytest.fixture
def address(postgres_databases: Databases) -> Secret:
    address = postgres_databases.ready()
    assert isinstance(address, Secret)
    return address


@pytest.fixture
async def engine(address: Secret) -> AsyncIterator[Engine]:
    engine = open_engine(address)
    yield engine
    await engine.aclose()


async def names(engine: Engine) -> list[str]:
    return [row.name for row in await engine.fetch_all(select(meta.c.name))]


async def test_a_server_that_ends_is_reported_at_once_and_used_again_when_it_is_back(
    engine: Engine, postgres: PostgresServer
) -> None:
    await asyncio.gather(*(names(engine) for _ in range(8)))

    postgres.stop()
    try:
        for _ in range(8):
            with pytest.raises(StorageDown):
                async with asyncio.timeout(PATIENCE):
                    await names(engine)
    finally:
        postgres.start()

    assert await asyncio.gather(*(names(engine) for _ in range(8))) == [["installation_id"]] * 8


async def test_a_restart_that_nobody_noticed_costs_no_call(engine: Engine, postgres: PostgresServer) -> None:
    await asyncio.gather(*(names(engine) for _ in range(8)))

    postgres.stop()
    postgres.start()

    assert await asyncio.gather(*(names(engine) for _ in range(8))) == [["installation_id"]] * 8


async def test_a_transaction_that_loses_its_server_is_undone(engine: Engine, postgres: PostgresServer) -> None:
    async def write() -> None:
        async with engine.transaction() as transaction:
            await transaction.execute(insert(meta).values(name="a", value=""))
            postgres.stop()
            await transaction.execute(insert(meta).values(name="b", value=""))

    try:
        with pytest.raises(StorageDown):
            await write()
    finally:
        postgres.start()

    assert await names(engine) == ["installation_id"]


async def test_a_server_that_hangs_is_reported_in_time_and_used_again_when_it_goes_on(
    engine: Engine, postgres: PostgresServer
) -> None:
    await names(engine)

    with postgres.frozen():
        for _ in range(3):
            with pytest.raises(StorageDown):
                async with asyncio.timeout(PATIENCE):
                    await names(engine)

    assert await names(engine) == ["installation_id"]


async def test_a_watcher_outlives_its_server(engine: Engine, postgres: PostgresServer) -> None:
    ledger = Ledger()
    async with watching(engine, ledger) as watcher:
        await ledger.next()

        postgres.stop()
        try:
            with pytest.raises(StorageDown):
                await watcher.catch_up()
        finally:
            postgres.start()
        async with engine.transaction() as transaction:
            await bump(transaction, Kind.API_KEYS)

        assert await ledger.next() == {Kind.API_KEYS}


async def test_a_watcher_of_a_server_that_hangs_says_that_it_is_behind(
    engine: Engine, postgres: PostgresServer
) -> None:
    ledger = Ledger()
    async with watching(engine, ledger) as watcher:
        await watcher.catch_up()
        with postgres.frozen():
            with pytest.raises(StorageDown):
                await watcher.catch_up()
            assert watcher.stale_for() > 1.0

        async with asyncio.timeout(PATIENCE):
            while watcher.stale_for() > 1.0:
                await asyncio.sleep(0.05)


async def test_a_change_is_announced_and_not_only_found(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Listener, "interval", 3600.0)
    ledger = Ledger()
    async with watching(engine, ledger):
        await ledger.next()

        async with engine.transaction() as transaction:
            await bump(transaction, Kind.CONFIGS)

        assert await ledger.next() == {Kind.CONFIGS}


async def test_a_change_whose_announcement_is_lost_is_found_all_the_same(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As behind a pooler that hands connections out by transaction."""
    monkeypatch.setattr(_Listener, "interval", 0.05)
    ledger = Ledger()
    async with watching(engine, ledger):
        await ledger.next()

        await engine.execute(update(changes).where(changes.c.kind == Kind.CONFIGS).values(version=1))

        assert await ledger.next() == {Kind.CONFIGS}


async def test_what_another_transaction_holds_is_waited_for_but_not_for_long(engine: Engine) -> None:
    async def second() -> None:
        async with engine.transaction() as transaction:
            await bump(transaction, Kind.CONFIGS)

    async with engine.transaction() as transaction:
        await bump(transaction, Kind.CONFIGS)
        with pytest.raises(StorageDown):
            async with asyncio.timeout(PATIENCE):
                await second()

    await second()


async def test_a_statement_that_takes_too_long_is_given_up_by_the_server(address: Secret) -> None:
    make, url = find(address)
    engine = Engine(make, make.pool(url, Terms(lock=1.0, statement=0.1)))

    with pytest.raises(StorageDown):
        async with asyncio.timeout(PATIENCE):
            await engine.fetch_one(select(func.pg_sleep(3600)))

    assert await names(engine) == ["installation_id"]
    await engine.aclose()


async def test_a_wrong_password_is_an_outage_that_does_not_repeat_it(address: Secret) -> None:
    engine = open_engine(Secret(address.reveal().replace("sesame", "sesame-too")))

    with pytest.raises(StorageDown) as raised:
        await names(engine)

    assert "sesame" in PASSWORD
    assert "sesame" not in f"{raised.value} {raised.value.__cause__}"
    await engine.aclose()


async def test_an_operators_own_options_in_the_address_win(address: Secret) -> None:
    engine = open_engine(Secret(address.reveal() + "?application_name=theirs&connect_timeout=7"))

    found = await engine.fetch_one(select(func.current_setting("application_name")))

    assert found == ("theirs",)
    await engine.aclose()


async def test_keys_sort_by_code_point_where_the_database_would_sort_otherwise(postgres: PostgresServer) -> None:
    postgres.command(
        "CREATE DATABASE sorted LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C.UTF-8' ENCODING UTF8 TEMPLATE template0"
    )
    address = Secret(postgres.url("sorted"))
    upgrade(address)
    engine = open_engine(address)
    wild = ["a", "B", "é", "-", "Z", "_", "b"]
    await engine.execute(insert(meta), [{"name": name, "value": name} for name in wild])

    async def ordered(column: object) -> list[str]:
        rows = await engine.fetch_all(select(meta.c.name).where(meta.c.name.in_(wild)).order_by(column))  # type: ignore[arg-type]
        return [row.name for row in rows]

    assert await ordered(meta.c.name) == sorted(wild)
    assert await ordered(meta.c.value) != sorted(wild)
    await engine.aclose()


async def test_a_conflict_is_named_by_the_server_in_whatever_language(engine: Engine) -> None:
    await engine.execute(insert(meta).values(name="a", value=""))

    with pytest.raises(Conflict) as raised:
        await engine.execute(insert(meta).values(name="a", value=""))

    assert raised.value.param == "name"


async def test_a_connection_is_given_up_as_soon_as_the_watcher_is(engine: Engine, address: Secret) -> None:
    ledger = Ledger()
    async with watching(engine, ledger):
        await ledger.next()
        assert await listening(engine) == 1

    async with asyncio.timeout(PATIENCE):
        while await listening(engine):
            await asyncio.sleep(0.02)


async def listening(engine: Engine) -> int:
    """How many connections to this database wait for announcements: their last statement asked for versions."""
    activity = table("pg_stat_activity", column("query"), column("datname"), column("pid"))
    asked = (
        select(func.count())
        .select_from(activity)
        .where(
            activity.c.datname == func.current_database(),
            activity.c.pid != func.pg_backend_pid(),
            activity.c.query.contains("FROM changes"),
        )
    )
    found = await engine.fetch_one(asked)
    assert found is not None
    return int(found[0])
