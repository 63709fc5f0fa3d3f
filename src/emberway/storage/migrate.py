"""Brings a database's schema to what this release needs: forward only, all of it or nothing, one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, Table, Text, insert, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from emberway.ids import new_id
from emberway.storage.engines import Address, find
from emberway.storage.engines.base import Make, Terms, Use
from emberway.storage.failures import storage_error
from emberway.storage.tables import METADATA, meta

SCHEMA = "0001"
"""The newest revision in ``migrations/versions``, said here too: a start with nothing to do need not load Alembic."""
VERSION_TABLE = "schema_version"
"""Where Alembic notes how far a database has come."""
MIGRATIONS = Path(__file__).parent / "migrations"

MIGRATING = Terms(lock=60.0, statement=0, may_create=True)

SCHEMA_VERSION = Table(VERSION_TABLE, MetaData(), Column("version_num", Text))
"""Alembic's table, as far as it is read here."""


class SchemaProblem(Exception):
    """The database cannot be brought to this release's schema; the message says why. Nothing was changed."""


class SchemaTooNew(SchemaProblem):
    """A later release has brought the schema to where this one cannot follow."""


class SchemaForeign(SchemaProblem):
    """The database holds somebody else's tables."""


def upgrade(address: Address) -> bool:
    """Make the database at ``address`` have this release's schema, and say whether anything had to be done.

    Blocks; for a start, before calls are served. Several processes may start at once: one migrates, the others wait for
    it. Whatever interrupts it leaves the database as it was. Raises SchemaProblem, and StorageDown where the database
    cannot be reached, or is locked for longer than a minute.
    """
    make, url = find(address)
    pool = make.pool(url, MIGRATING)
    try:
        with _begun(pool.connect(), make, Use.READ) as connection:
            if _stored(connection) == SCHEMA:
                return False
        with _begun(pool.connect(), make, Use.MIGRATE) as connection:
            make.lock_schema(connection)
            if (stored := _stored(connection)) == SCHEMA:
                return False
            _refuse(stored, connection)
            _migrate(connection)
            if stored is None:
                connection.execute(insert(meta).values(name="installation_id", value=new_id()))
            connection.commit()
            return True
    except SQLAlchemyError as error:
        raise storage_error(error, make) from error
    finally:
        pool.dispose()


@contextmanager
def _begun(connection: Connection, make: Make, use: Use) -> Iterator[Connection]:
    with connection.execution_options(**make.options[use]):
        connection.begin()
        yield connection


def _stored(connection: Connection) -> str | None:
    """How far the schema has come, ``None`` for a database that was never used."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return str(connection.execute(select(SCHEMA_VERSION.c.version_num)).scalar_one())


def _refuse(stored: str | None, connection: Connection) -> None:
    if stored is None:
        if foreign := METADATA.tables.keys() & {*inspect(connection).get_table_names()}:
            raise SchemaForeign(
                f"The database holds tables of something else ({', '.join(sorted(foreign))}):"
                " give Emberway one of its own."
            )
    elif stored > SCHEMA:
        raise SchemaTooNew(
            f"The database was brought to schema {stored} by a later release, and this one knows {SCHEMA}:"
            " start that release, or restore the backup from before it."
        )


def _migrate(connection: Connection) -> None:
    """Run every revision that the database has not seen, in the transaction that ``connection`` is in."""
    # Not at the top: 15 MiB and 0.3 s, which all starts but the first of a release are spared.
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))  # it interpolates
    command.upgrade(config, "head")
