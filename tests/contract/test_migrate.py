"""A database comes to this release's schema as a whole or not at all, whoever else starts or dies meanwhile."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, inspect, select, update
from tests.contract.databases import Databases, connected
from tests.contract.other_process import other_process

from emberway.errors import StorageDown
from emberway.secret import Secret
from emberway.storage.changes import Kind
from emberway.storage.engines import Address
from emberway.storage.migrate import (
    MIGRATIONS,
    SCHEMA,
    SCHEMA_VERSION,
    VERSION_TABLE,
    SchemaForeign,
    SchemaTooNew,
    upgrade,
)
from emberway.storage.tables import METADATA, changes, meta


def table_names(address: Address) -> set[str]:
    with connected(address) as connection:
        return {*inspect(connection).get_table_names()}


def description(connection: sqlalchemy.Connection) -> dict[str, Any]:
    """Everything that the database says of its tables."""
    inspector = inspect(connection)
    facts = {
        "columns": inspector.get_multi_columns(),
        "primary key": inspector.get_multi_pk_constraint(),
        "foreign keys": inspector.get_multi_foreign_keys(),
        "unique": inspector.get_multi_unique_constraints(),
        "indexes": inspector.get_multi_indexes(),
        "checks": inspector.get_multi_check_constraints(),
    }
    return {
        f"{fact} of {table}": sorted(map(repr, found)) if isinstance(found, list) else repr(found)
        for fact, tables in facts.items()
        for (_, table), found in tables.items()
        if table != VERSION_TABLE
    }


def test_a_new_database_gets_the_schema_and_an_old_one_is_left_alone(databases: Databases) -> None:
    address = databases.fresh()

    assert upgrade(address) is True
    with connected(address) as connection:
        before = connection.execute(select(meta)).all()
    assert upgrade(address) is False
    with connected(address) as connection:
        assert connection.execute(select(meta)).all() == before
    assert [row.name for row in before] == ["installation_id"]


def test_every_installation_has_its_own_id(databases: Databases) -> None:
    ids = set()
    for address in (databases.fresh(), databases.fresh()):
        upgrade(address)
        with connected(address) as connection:
            ids.add(connection.execute(select(meta.c.value)).scalar_one())

    assert len(ids) == 2


def test_every_kind_of_change_has_its_counter(address: Address) -> None:
    with connected(address) as connection:
        assert {*connection.execute(select(changes.c.kind)).scalars()} == {*Kind}


def test_the_tables_in_the_code_are_those_that_the_migrations_make(address: Address) -> None:
    with connected(address) as connection:
        options = {"compare_type": True, "version_table": VERSION_TABLE}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), METADATA) == []


def test_they_are_so_to_the_last_name_of_a_constraint(databases: Databases, address: Address) -> None:
    with connected(databases.fresh()) as connection:
        METADATA.create_all(connection)
        meant = description(connection)

    with connected(address) as connection:
        assert description(connection) == meant


def test_the_newest_revision_is_the_one_that_the_code_knows() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)

    assert scripts.get_heads() == [SCHEMA]
    assert all(len(revision.revision) == len(SCHEMA) for revision in scripts.walk_revisions())


@pytest.mark.parametrize("statement", ["CREATE TABLE virtual_keys", "INSERT INTO meta"])
def test_a_process_that_is_killed_while_it_migrates_leaves_nothing_half_done(
    databases: Databases, statement: str
) -> None:
    address = databases.fresh()

    with other_process("upgrade-and-die", address, statement) as other:
        other.go()
        assert other.says() == ""
        assert other.ends() == -9

    assert table_names(address) == set()
    assert upgrade(address) is True


def test_a_failing_revision_leaves_the_database_as_it_was(databases: Databases) -> None:
    address = databases.fresh()

    def fail(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        if "CREATE TABLE configs" in statement:
            raise ZeroDivisionError

    event.listen(sqlalchemy.Engine, "before_cursor_execute", fail)
    try:
        with pytest.raises(ZeroDivisionError):
            upgrade(address)
    finally:
        event.remove(sqlalchemy.Engine, "before_cursor_execute", fail)

    assert table_names(address) == set()


def test_of_two_processes_that_start_at_once_one_migrates_and_the_other_waits(databases: Databases) -> None:
    address = databases.fresh()

    with ExitStack() as stack:
        others = [stack.enter_context(other_process("upgrade", address)) for _ in range(2)]
        for other in others:
            other.go()
        said = sorted(other.says() for other in others)

    assert said == ["False", "True"]
    assert table_names(address) == {*METADATA.tables, VERSION_TABLE}


def test_a_schema_of_a_later_release_is_refused(address: Address) -> None:
    with connected(address) as connection:
        connection.execute(update(SCHEMA_VERSION).values(version_num="9999"))

    with pytest.raises(SchemaTooNew) as raised:
        upgrade(address)

    assert str(raised.value) == (
        f"The database was brought to schema 9999 by a later release, and this one knows {SCHEMA}:"
        " start that release, or restore the backup from before it."
    )


def test_a_database_of_something_else_is_left_alone(databases: Databases) -> None:
    address = databases.fresh()
    stranger = sqlalchemy.Table("users", sqlalchemy.MetaData(), sqlalchemy.Column("login", sqlalchemy.Text))
    with connected(address) as connection:
        stranger.create(connection)

    with pytest.raises(SchemaForeign, match=r"something else \(users\)"):
        upgrade(address)

    assert table_names(address) == {"users"}


def test_a_database_that_cannot_be_reached_is_reported(databases: Databases, tmp_path: Path) -> None:
    address = databases.fresh()
    nowhere = (
        tmp_path / "no" / "such" / "folder" if isinstance(address, Path) else Secret(address.reveal() + "_missing")
    )

    with pytest.raises(StorageDown):
        upgrade(nowhere)
