"""Databases for one test each, on either engine: fresh ones, ready ones, and ones that go away for a while."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, delete, insert, select
from tests.contract.postgres_server import PostgresServer

from emberway.secret import Secret
from emberway.storage.engines import Address, find
from emberway.storage.migrate import MIGRATING, SCHEMA_VERSION, upgrade
from emberway.storage.tables import METADATA


class Databases(Protocol):
    """What a test of the contract knows of the engine that it runs on."""

    def fresh(self) -> Address:
        """A database in which there is nothing."""

    def ready(self) -> Address:
        """A database that has the schema."""

    def outage(self, address: Address) -> AbstractContextManager[None]:
        """For as long as the block lasts, nobody can connect to the database."""


class SQLiteDatabases:
    def __init__(self, folder: Path, template: Path) -> None:
        self._folder = folder
        self._template = template
        self._numbers = count()

    def fresh(self) -> Address:
        return self._folder / f"control-{next(self._numbers)}.db"

    def ready(self) -> Address:
        address = self.fresh()
        assert isinstance(address, Path)
        shutil.copy(self._template, address)
        return address

    @contextmanager
    def outage(self, address: Address) -> Iterator[None]:
        assert isinstance(address, Path)
        elsewhere = address.rename(address.with_suffix(".away"))
        try:
            yield
        finally:
            elsewhere.rename(address)


class PostgresDatabases:
    """Making a database takes longer than most tests, so there is one that is ready, emptied for each test."""

    _numbers = count()

    def __init__(self, server: PostgresServer, prepared: PreparedDatabase) -> None:
        self._server = server
        self._prepared = prepared
        self._made: list[str] = []

    def fresh(self) -> Address:
        name = f"fresh_{next(self._numbers)}"
        self._server.command(f"CREATE DATABASE {name} TEMPLATE template0")
        self._made.append(name)
        return Secret(self._server.url(name))

    def ready(self) -> Address:
        self._prepared.restore()
        return self._prepared.address

    @contextmanager
    def outage(self, address: Address) -> Iterator[None]:
        self._server.stop()
        try:
            yield
        finally:
            self._server.start()

    def close(self) -> None:
        for name in self._made:
            self._server.command(f"DROP DATABASE {name} WITH (FORCE)")


class PreparedDatabase:
    """A database with the schema, and the rows that it had when it was new."""

    def __init__(self, address: Secret) -> None:
        upgrade(address)
        self.address = address
        self._tables = [*METADATA.sorted_tables, SCHEMA_VERSION]
        with connected(address) as connection:
            self._rows = {table: [*connection.execute(select(table)).mappings()] for table in self._tables}

    def restore(self) -> None:
        """Have it as it was."""
        with connected(self.address) as connection:
            for table in reversed(self._tables):
                connection.execute(delete(table))
            for table, rows in self._rows.items():
                for row in rows:
                    connection.execute(insert(table).values(row))


@contextmanager
def connected(address: Address) -> Iterator[Connection]:
    """A connection past all that the engine does; what is done in the block is committed."""
    make, url = find(address)
    pool = make.pool(url, MIGRATING)
    try:
        with pool.begin() as connection:
            yield connection
    finally:
        pool.dispose()


def sqlite_template(folder: Path) -> Path:
    """A file with the schema, to be copied: its write-ahead log is empty."""
    template = folder / "template.db"
    upgrade(template)
    with sqlite3.connect(template) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return template


def postgres_database(server: PostgresServer) -> PreparedDatabase:
    """The one that is ready."""
    server.command("CREATE DATABASE ready TEMPLATE template0")
    return PreparedDatabase(Secret(server.url("ready")))
