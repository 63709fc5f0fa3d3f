"""Runs every test of the contract on every engine; without a PostgreSQL server half of them is skipped."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.contract.databases import (
    Databases,
    PostgresDatabases,
    PreparedDatabase,
    SQLiteDatabases,
    postgres_database,
    sqlite_template,
)
from tests.contract.postgres_server import PostgresServer, find_binaries, running_server

from emberway.storage.engine import Engine, open_engine
from emberway.storage.engines import ENGINES, Address


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    if (binaries := find_binaries()) is None:
        pytest.skip("no PostgreSQL server is installed here: scripts/setup-system installs one")
    with running_server(binaries) as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_databases_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sqlite_template(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def prepared_postgres(postgres: PostgresServer) -> PreparedDatabase:
    return postgres_database(postgres)


@pytest.fixture
def sqlite_databases(tmp_path: Path, sqlite_databases_template: Path) -> Databases:
    return SQLiteDatabases(tmp_path, sqlite_databases_template)


@pytest.fixture
def postgres_databases(postgres: PostgresServer, prepared_postgres: PreparedDatabase) -> Iterator[Databases]:
    databases = PostgresDatabases(postgres, prepared_postgres)
    yield databases
    databases.close()


@pytest.fixture(params=ENGINES)
def databases(request: pytest.FixtureRequest) -> Databases:
    """Of each engine in turn."""
    name = {"sqlite": "sqlite_databases", "postgresql": "postgres_databases"}[request.param]
    found: Databases = request.getfixturevalue(name)
    return found


@pytest.fixture
def address(databases: Databases) -> Address:
    return databases.ready()


@pytest.fixture
async def engine(address: Address) -> AsyncIterator[Engine]:
    engine = open_engine(address)
    yield engine
    await engine.aclose()
