"""PostgreSQL, for gateways on several machines: through psycopg 3, which is imported when it is first needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy
from sqlalchemy import URL, Connection, Executable, create_engine, event, func, select
from sqlalchemy.exc import DBAPIError, OperationalError

from emberway.storage.engines.base import POOL_SIZE, EngineUnusable, Sentry, Terms, Use, Verdict, versions
from emberway.storage.tables import METADATA

_CHANNEL = "emberway_changes"
_POLL = 1.0
"""Seconds. Notifications come at once; this is for those that a connection pooler in between swallows."""
_SCHEMA_LOCK = 0x656D6265727761  # "emberwa": an advisory lock's name is a number
_IDLE_IN_TRANSACTION = 30.0
"""Seconds until the server frees what a process that hangs has locked."""

_CONNECTING: Mapping[str, Any] = {
    "application_name": "emberway",
    "connect_timeout": 2,  # the least that there is
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""For libpq, each unless the URL says otherwise: a machine that is gone is noticed in ten seconds, not in hours."""

CLASSES: Mapping[str, Verdict] = {
    "00": Verdict.OURS,  # successful completion
    "01": Verdict.OURS,  # warning
    "02": Verdict.OURS,  # no data
    "03": Verdict.OURS,  # SQL statement not yet complete
    "08": Verdict.DOWN,  # connection exception
    "09": Verdict.OURS,  # triggered action exception
    "0A": Verdict.OURS,  # feature not supported
    "0B": Verdict.OURS,  # invalid transaction initiation
    "0F": Verdict.OURS,  # locator exception
    "0L": Verdict.OURS,  # invalid grantor
    "0P": Verdict.OURS,  # invalid role specification
    "0Z": Verdict.OURS,  # diagnostics exception
    "10": Verdict.OURS,  # XQuery error
    "20": Verdict.OURS,  # case not found
    "21": Verdict.OURS,  # cardinality violation
    "22": Verdict.OURS,  # data exception
    "23": Verdict.OURS,  # integrity constraint violation
    "24": Verdict.OURS,  # invalid cursor state
    "25": Verdict.OURS,  # invalid transaction state
    "26": Verdict.DOWN,  # invalid SQL statement name: a pooler has given us another server connection
    "27": Verdict.OURS,  # triggered data change violation
    "28": Verdict.DOWN,  # invalid authorization specification
    "2B": Verdict.OURS,  # dependent privilege descriptors still exist
    "2D": Verdict.OURS,  # invalid transaction termination
    "2F": Verdict.OURS,  # SQL routine exception
    "34": Verdict.OURS,  # invalid cursor name
    "38": Verdict.OURS,  # external routine exception
    "39": Verdict.OURS,  # external routine invocation exception
    "3B": Verdict.OURS,  # savepoint exception
    "3D": Verdict.DOWN,  # invalid catalog name: there is no such database
    "3F": Verdict.OURS,  # invalid schema name
    "40": Verdict.DOWN,  # transaction rollback: a deadlock, or a snapshot that cannot be kept
    "42": Verdict.OURS,  # syntax error or access rule violation
    "44": Verdict.OURS,  # WITH CHECK OPTION violation
    "53": Verdict.DOWN,  # insufficient resources
    "54": Verdict.OURS,  # program limit exceeded
    "55": Verdict.DOWN,  # object not in prerequisite state: a lock that was not to be had in time
    "57": Verdict.DOWN,  # operator intervention: a shutdown, or a statement that took too long
    "58": Verdict.DOWN,  # system error
    "72": Verdict.DOWN,  # snapshot too old
    "F0": Verdict.DOWN,  # configuration file error
    "HV": Verdict.OURS,  # foreign data wrapper error
    "P0": Verdict.OURS,  # PL/pgSQL error
    "XX": Verdict.DOWN,  # internal error: corrupt data
}
"""By the first two characters of SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""
STATES: Mapping[str, Verdict] = {
    "23001": Verdict.BOUND,  # restrict violation
    "23503": Verdict.BOUND,  # foreign key violation
    "23505": Verdict.TAKEN,  # unique violation
    "25006": Verdict.DOWN,  # read-only transaction: the server became a standby
    "25P03": Verdict.DOWN,  # idle in transaction for too long
    "25P04": Verdict.DOWN,  # transaction timeout
    "42501": Verdict.DOWN,  # insufficient privilege: the operator's to mend
}
"""Those that mean something else than their class."""


class PostgreSQL:
    """The make itself."""

    name = "postgresql"
    writers = 4
    options: Mapping[Use, Mapping[str, Any]] = {
        Use.READ: {"isolation_level": "AUTOCOMMIT"},  # spares BEGIN and ROLLBACK, each a round trip
        Use.SNAPSHOT: {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
        Use.WRITE: {},
        Use.MIGRATE: {},
    }

    def pool(self, url: URL, terms: Terms) -> sqlalchemy.Engine:
        """Connections to ``url``, none of them open yet."""
        connecting = {name: value for name, value in _CONNECTING.items() if name not in url.query}
        try:
            pool = create_engine(
                url.set(drivername="postgresql+psycopg"),
                # Statements prepared on the server are lost behind a pooler that hands connections out by transaction.
                connect_args={**connecting, "prepare_threshold": None},
                pool_size=POOL_SIZE,
                max_overflow=0,
                pool_pre_ping=True,
                hide_parameters=True,
                use_native_hstore=False,
            )
        except ModuleNotFoundError:
            raise EngineUnusable("PostgreSQL needs its driver: install `emberway[postgres]`") from None
        event.listen(pool, "connect", lambda connection, record: _prepare(connection, terms))
        return pool

    def lock_schema(self, connection: Connection) -> None:
        """Take the lock that goes when the transaction ends."""
        connection.execute(select(func.pg_advisory_xact_lock(_SCHEMA_LOCK)))

    def announcement(self, kind: str) -> Executable | None:
        """A notification, which the server sends at the commit."""
        return select(func.pg_notify(_CHANNEL, kind))

    def sentry(self, pool: sqlalchemy.Engine) -> Sentry:
        """One on a connection of ``pool``."""
        return _Listener(pool)

    def verdict(self, error: DBAPIError) -> Verdict:
        """By SQLSTATE."""
        state = getattr(error.orig, "sqlstate", None)
        if state is not None:
            return STATES.get(state) or CLASSES.get(state[:2], Verdict.OURS)
        # Raised on this side of the connection: because it broke, or because it was never there.
        return Verdict.DOWN if error.connection_invalidated or isinstance(error, OperationalError) else Verdict.OURS

    def taken(self, error: DBAPIError) -> str | None:
        """The last column of the constraint, which the server names."""
        said = error.orig.diag  # type: ignore[union-attr]  # psycopg's: imported nowhere, so that it need not be there
        if (table := METADATA.tables.get(said.table_name)) is None:
            return None
        kinds = sqlalchemy.UniqueConstraint | sqlalchemy.PrimaryKeyConstraint
        unique = [constraint for constraint in table.constraints if isinstance(constraint, kinds)]
        return next((list(one.columns)[-1].name for one in unique if one.name == said.constraint_name), None)


class _Listener:
    """Is told of changes by the server, and asks for them now and then."""

    interval = _POLL

    def __init__(self, pool: sqlalchemy.Engine) -> None:
        self._connection = pool.connect().execution_options(**PostgreSQL.options[Use.READ])
        driver: Any = self._connection.connection.driver_connection
        driver.add_notify_handler(_heard)
        self._fileno = int(driver.fileno())
        self._connection.detach()  # it listens: the pool must not hand it to others
        try:
            # Before the first look, so that nothing happens unheard in between.
            self._connection.exec_driver_sql(f"LISTEN {_CHANNEL}")
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int | None:
        return self._fileno

    def look(self) -> Mapping[str, int] | None:
        return versions(self._connection)

    def close(self) -> None:
        self._connection.close()


def _heard(notification: object) -> None:
    """What was announced does not matter, the look that follows tells; without a handler psycopg would collect them."""


def _prepare(connection: Any, terms: Terms) -> None:
    connection.autocommit = True  # or the settings would be rolled back with the first transaction
    connection.execute(
        f"SET statement_timeout = {terms.statement * 1000:.0f};"
        f"SET lock_timeout = {terms.lock * 1000:.0f};"
        f"SET idle_in_transaction_session_timeout = {_IDLE_IN_TRANSACTION * 1000:.0f}"
    )
    connection.autocommit = False


POSTGRESQL = PostgreSQL()
