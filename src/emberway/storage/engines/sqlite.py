"""SQLite: one file, the default. Many read while one writes, and a committed transaction survives a power cut."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import URL, Connection, Executable, create_engine, event
from sqlalchemy.exc import DBAPIError

from emberway.storage.engines.base import POOL_SIZE, Sentry, Terms, Use, Verdict, versions

_POLL = 0.2
"""Seconds. Looking five times a second takes 0.3 % of a core; a longer pause would be felt by whoever saves."""

_BEGIN = "emberway_begin"

PRIMARY: Mapping[int, Verdict] = {
    sqlite3.SQLITE_ERROR: Verdict.OURS,
    sqlite3.SQLITE_INTERNAL: Verdict.DOWN,
    sqlite3.SQLITE_PERM: Verdict.DOWN,
    sqlite3.SQLITE_ABORT: Verdict.DOWN,
    sqlite3.SQLITE_BUSY: Verdict.DOWN,
    sqlite3.SQLITE_LOCKED: Verdict.DOWN,
    sqlite3.SQLITE_NOMEM: Verdict.DOWN,
    sqlite3.SQLITE_READONLY: Verdict.DOWN,
    sqlite3.SQLITE_INTERRUPT: Verdict.DOWN,
    sqlite3.SQLITE_IOERR: Verdict.DOWN,
    sqlite3.SQLITE_CORRUPT: Verdict.DOWN,
    sqlite3.SQLITE_NOTFOUND: Verdict.OURS,
    sqlite3.SQLITE_FULL: Verdict.DOWN,
    sqlite3.SQLITE_CANTOPEN: Verdict.DOWN,
    sqlite3.SQLITE_PROTOCOL: Verdict.DOWN,
    sqlite3.SQLITE_EMPTY: Verdict.OURS,
    sqlite3.SQLITE_SCHEMA: Verdict.DOWN,
    sqlite3.SQLITE_TOOBIG: Verdict.OURS,
    sqlite3.SQLITE_CONSTRAINT: Verdict.OURS,
    sqlite3.SQLITE_MISMATCH: Verdict.OURS,
    sqlite3.SQLITE_MISUSE: Verdict.OURS,
    sqlite3.SQLITE_NOLFS: Verdict.DOWN,
    sqlite3.SQLITE_AUTH: Verdict.OURS,
    sqlite3.SQLITE_FORMAT: Verdict.OURS,
    sqlite3.SQLITE_RANGE: Verdict.OURS,
    sqlite3.SQLITE_NOTADB: Verdict.DOWN,
    sqlite3.SQLITE_NOTICE: Verdict.OURS,
    sqlite3.SQLITE_WARNING: Verdict.OURS,
    sqlite3.SQLITE_ROW: Verdict.OURS,
    sqlite3.SQLITE_DONE: Verdict.OURS,
}
"""By primary result code, the low byte of what SQLite says (https://sqlite.org/rescode.html)."""
EXTENDED: Mapping[int, Verdict] = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: Verdict.TAKEN,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: Verdict.TAKEN,
    sqlite3.SQLITE_CONSTRAINT_ROWID: Verdict.TAKEN,
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: Verdict.BOUND,
}
"""Those that say more than their primary code."""


class SQLite:
    """The make itself."""

    name = "sqlite"
    writers = 1
    options: Mapping[Use, Mapping[str, Any]] = {
        Use.READ: {_BEGIN: None},
        Use.SNAPSHOT: {_BEGIN: "BEGIN"},
        # Not a plain BEGIN: a transaction that reads, then wants to write after another has written, could only fail.
        Use.WRITE: {_BEGIN: "BEGIN IMMEDIATE"},
        Use.MIGRATE: {_BEGIN: "BEGIN EXCLUSIVE"},
    }

    def pool(self, url: URL, terms: Terms) -> sqlalchemy.Engine:
        """Connections to ``url``, none of them open yet."""
        pool = create_engine(
            url, connect_args={"timeout": terms.lock}, pool_size=POOL_SIZE, max_overflow=0, hide_parameters=True
        )
        event.listen(pool, "do_connect", _make_private if terms.may_create else _find_there)
        event.listen(pool, "connect", lambda connection, record: _prepare(connection, terms))
        event.listen(pool, "begin", _begin)
        return pool

    def lock_schema(self, connection: Connection) -> None:
        """BEGIN EXCLUSIVE has done so."""

    def announcement(self, kind: str) -> Executable | None:
        """None: the file tells."""
        return None

    def sentry(self, pool: sqlalchemy.Engine) -> Sentry:
        """One on a connection of ``pool``."""
        return _Poll(pool)

    def verdict(self, error: DBAPIError) -> Verdict:
        """By SQLite's result code."""
        code = getattr(error.orig, "sqlite_errorcode", None)
        if code is None:  # raised by the module, not by the library below it: a closed connection, a wrong type
            return Verdict.OURS
        return EXTENDED.get(code) or PRIMARY[code & 0xFF]

    def taken(self, error: DBAPIError) -> str | None:
        """The last column of the constraint, from the message."""
        # "UNIQUE constraint failed: configs.organisation_id, configs.workspace_id, configs.slug_key"
        named = re.search(r"\.(\w+)$", str(error.orig))
        return named[1] if named else None


class _Poll:
    """Asks SQLite whether another connection has committed, and reads only then."""

    interval = _POLL

    def __init__(self, pool: sqlalchemy.Engine) -> None:
        self._connection = pool.connect().execution_options(**SQLite.options[Use.READ])
        self._connection.detach()  # it is no good to others, and is closed when this is
        self._seen: int | None = None

    def fileno(self) -> int | None:
        return None

    def look(self) -> Mapping[str, int] | None:
        commits = self._connection.exec_driver_sql("PRAGMA data_version").scalar_one()
        if commits == self._seen:
            return None
        found = versions(self._connection)
        self._seen = commits
        return found

    def close(self) -> None:
        self._connection.close()


def _make_private(dialect: object, record: object, arguments: list[Any], keywords: dict[str, Any]) -> None:
    """Make the file, if there is none, so that no other user can read it: SQLite would go by the umask."""
    # A file that is there must not be opened here: closing it would drop this process's locks on it, which is a known
    # way to corrupt it (https://sqlite.org/howtocorrupt.html, 2.2). O_EXCL sees to that.
    try:
        os.close(os.open(arguments[0], os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise _cannot_open(error) from error


def _find_there(dialect: object, record: object, arguments: list[Any], keywords: dict[str, Any]) -> None:
    """Insist on the file: SQLite would make an empty one."""
    try:
        Path(arguments[0]).stat()
    except OSError as error:
        raise _cannot_open(error) from error


def _cannot_open(error: OSError) -> sqlite3.OperationalError:
    refused = sqlite3.OperationalError(str(error))
    refused.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
    return refused


def _prepare(connection: sqlite3.Connection, terms: Terms) -> None:
    connection.isolation_level = None  # Python's module would choose itself when to begin; `_begin` does
    _use_wal(connection, terms)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _use_wal(connection: sqlite3.Connection, terms: Terms) -> None:
    """Write ahead. The first connection to a new file switches it over, for good.

    A second one that tries at the same time is refused at once, however long it is willing to wait for other locks.
    """
    deadline = time.monotonic() + terms.lock
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin(connection: Connection) -> None:
    if statement := connection.get_execution_options().get(_BEGIN, "BEGIN"):
        connection.exec_driver_sql(statement)


SQLITE = SQLite()
