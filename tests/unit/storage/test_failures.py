"""Every exception that SQLAlchemy, SQLite and psycopg have is walked: each has a verdict that somebody decided."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from types import SimpleNamespace

import psycopg
import pytest
from sqlalchemy import delete, exc, insert

from emberway.errors import Conflict, StorageDown
from emberway.storage.engines.base import Verdict
from emberway.storage.engines.postgresql import CLASSES, POSTGRESQL, STATES
from emberway.storage.engines.sqlite import EXTENDED, PRIMARY, SQLITE
from emberway.storage.failures import storage_error, verdict
from emberway.storage.tables import meta

BY_MAKE = {
    exc.DBAPIError, exc.DatabaseError, exc.DataError, exc.IntegrityError, exc.InterfaceError, exc.InternalError,
    exc.NotSupportedError, exc.OperationalError, exc.ProgrammingError,
}  # fmt: skip
"""What a driver said, packed up."""
LOST = {exc.DisconnectionError, exc.InvalidatePoolError, exc.TimeoutError}
OURS = {
    exc.AmbiguousColumnError, exc.AmbiguousForeignKeysError, exc.ArgumentError, exc.AwaitRequired,
    exc.CircularDependencyError, exc.CompileError, exc.ConstraintColumnNotFoundError, exc.DuplicateColumnError,
    exc.IdentifierError, exc.IllegalStateChangeError, exc.InvalidRequestError, exc.MissingGreenlet,
    exc.MultipleResultsFound, exc.NoDBAPILoaded, exc.NoForeignKeysError, exc.NoInspectionAvailable,
    exc.NoReferenceError, exc.NoReferencedColumnError, exc.NoReferencedTableError, exc.NoResultFound,
    exc.NoSuchColumnError, exc.NoSuchModuleError, exc.NoSuchTableError, exc.ObjectNotExecutableError,
    exc.PendingRollbackError, exc.ResourceClosedError, exc.SQLAlchemyError, exc.StatementError,
    exc.UnboundExecutionError, exc.UnreflectableTableError, exc.UnsupportedCompilationError,
}  # fmt: skip


def descendants(top: type[Exception]) -> Iterator[type[Exception]]:
    yield top
    for below in top.__subclasses__():
        yield from descendants(below)


def packed(kind: type[exc.DBAPIError], original: BaseException) -> exc.DBAPIError:
    """As SQLAlchemy hands a driver's exception on."""
    return kind("SELECT", {}, original)


def from_sqlite(code: int, message: str = "") -> exc.DBAPIError:
    original = sqlite3.DatabaseError(message)
    original.sqlite_errorcode = code
    return packed(exc.DatabaseError, original)


def test_every_exception_of_sqlalchemy_has_been_thought_of() -> None:
    known = {one for one in descendants(exc.SQLAlchemyError) if one.__module__ == exc.__name__}

    assert known == BY_MAKE | LOST | OURS


@pytest.mark.parametrize("kind", sorted(OURS | LOST, key=str))
def test_what_sqlalchemy_raises_by_itself_is_a_mistake_of_ours_unless_it_lost_the_connection(
    kind: type[exc.SQLAlchemyError],
) -> None:
    error = kind.__new__(kind)

    assert verdict(error, SQLITE) is (Verdict.DOWN if kind in LOST else Verdict.OURS)


def test_every_result_code_of_sqlite_has_a_verdict() -> None:
    codes = {value for name, value in vars(sqlite3).items() if name.startswith("SQLITE_") and 0 < value <= 101}
    documented = {*range(1, 29), 100, 101}

    assert documented <= PRIMARY.keys()
    assert all(SQLITE.verdict(from_sqlite(code)) is PRIMARY[code] for code in codes & documented)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (sqlite3.SQLITE_BUSY, Verdict.DOWN),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, Verdict.DOWN),
        (sqlite3.SQLITE_IOERR_FSYNC, Verdict.DOWN),
        (sqlite3.SQLITE_READONLY_DBMOVED, Verdict.DOWN),
        (sqlite3.SQLITE_CORRUPT_INDEX, Verdict.DOWN),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, Verdict.TAKEN),
        (sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY, Verdict.BOUND),
        (sqlite3.SQLITE_CONSTRAINT_NOTNULL, Verdict.OURS),
        (sqlite3.SQLITE_ERROR, Verdict.OURS),
    ],
)
def test_a_closer_code_of_sqlite_counts_as_its_primary_one_unless_it_is_listed(code: int, expected: Verdict) -> None:
    assert SQLITE.verdict(from_sqlite(code)) is expected


def test_the_closer_codes_are_of_their_primary_one() -> None:
    assert {code & 0xFF for code in EXTENDED} == {sqlite3.SQLITE_CONSTRAINT}


def test_what_pythons_own_module_refuses_is_a_mistake_of_ours() -> None:
    closed = sqlite3.ProgrammingError("Cannot operate on a closed database.")

    assert SQLITE.verdict(packed(exc.ProgrammingError, closed)) is Verdict.OURS


def states() -> list[str]:
    """Every SQLSTATE that psycopg knows."""
    found = {getattr(one, "sqlstate", None) for one in descendants(psycopg.Error)}
    return sorted(state for state in found if state)


@pytest.mark.parametrize("state", states())
def test_every_state_of_postgresql_has_a_verdict(state: str) -> None:
    error = packed(exc.DBAPIError, psycopg.errors.lookup(state)())

    assert state[:2] in CLASSES
    assert POSTGRESQL.verdict(error) is STATES.get(state, CLASSES[state[:2]])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("UniqueViolation", Verdict.TAKEN),
        ("ForeignKeyViolation", Verdict.BOUND),
        ("NotNullViolation", Verdict.OURS),
        ("UndefinedTable", Verdict.OURS),
        ("SyntaxError", Verdict.OURS),
        ("AdminShutdown", Verdict.DOWN),
        ("CannotConnectNow", Verdict.DOWN),
        ("TooManyConnections", Verdict.DOWN),
        ("DiskFull", Verdict.DOWN),
        ("QueryCanceled", Verdict.DOWN),
        ("LockNotAvailable", Verdict.DOWN),
        ("DeadlockDetected", Verdict.DOWN),
        ("SerializationFailure", Verdict.DOWN),
        ("ReadOnlySqlTransaction", Verdict.DOWN),
        ("InvalidPassword", Verdict.DOWN),
        ("InvalidCatalogName", Verdict.DOWN),
        ("InvalidSqlStatementName", Verdict.DOWN),
        ("IdleInTransactionSessionTimeout", Verdict.DOWN),
    ],
)
def test_what_operators_meet_has_the_right_verdict(name: str, expected: Verdict) -> None:
    error = packed(exc.DBAPIError, getattr(psycopg.errors, name)())

    assert POSTGRESQL.verdict(error) is expected


def test_a_connection_that_was_never_made_or_broke_is_an_outage() -> None:
    assert POSTGRESQL.verdict(packed(exc.OperationalError, psycopg.OperationalError("refused"))) is Verdict.DOWN
    assert POSTGRESQL.verdict(packed(exc.InterfaceError, psycopg.InterfaceError("wrong use"))) is Verdict.OURS

    broken = packed(exc.InterfaceError, psycopg.InterfaceError("closed"))
    broken.connection_invalidated = True
    assert POSTGRESQL.verdict(broken) is Verdict.DOWN


def test_a_state_that_no_release_of_psycopg_knows_is_a_mistake_of_ours() -> None:
    assert POSTGRESQL.verdict(packed(exc.DBAPIError, SimpleNamespace(sqlstate="ZZ000"))) is Verdict.OURS  # type: ignore[arg-type]


def test_an_outage_may_be_tried_again_and_tells_nothing() -> None:
    told = storage_error(from_sqlite(sqlite3.SQLITE_FULL, "/srv/emberway/control.db is full"), SQLITE)

    assert isinstance(told, StorageDown)
    assert told.retry
    assert told.message == "The gateway's database cannot be used at the moment: send the call again."


@pytest.mark.parametrize(
    ("message", "field", "told"),
    [
        ("UNIQUE constraint failed: configs.organisation_id, configs.slug_key", "slug", "one with this slug"),
        ("UNIQUE constraint failed: meta.name", "name", "one with this name"),
        ("UNIQUE constraint failed: index 'somebodys_index'", None, "one with this name"),
    ],
)
def test_what_is_there_already_is_a_conflict_about_its_field(message: str, field: str | None, told: str) -> None:
    error = storage_error(from_sqlite(sqlite3.SQLITE_CONSTRAINT_UNIQUE, message), SQLITE)

    assert isinstance(error, Conflict)
    assert error.param == field
    assert told in error.message


def test_a_constraint_that_postgresql_does_not_name_leaves_the_field_open() -> None:
    said = SimpleNamespace(sqlstate="23505", diag=SimpleNamespace(table_name=None, constraint_name=None))

    assert POSTGRESQL.taken(packed(exc.IntegrityError, said)) is None  # type: ignore[arg-type]


def test_a_reference_that_does_not_hold_is_told_from_the_side_of_the_caller() -> None:
    error = from_sqlite(sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY)

    assert storage_error(error, SQLITE, delete(meta)).code == "in_use"
    assert storage_error(error, SQLITE, insert(meta)).code == "reference_gone"


def test_a_mistake_of_ours_is_raised_as_it_is() -> None:
    mistake = from_sqlite(sqlite3.SQLITE_ERROR, "no such table: unicorns")

    with pytest.raises(exc.DatabaseError) as raised:
        storage_error(mistake, SQLITE)

    assert raised.value is mistake
