"""The database as the rest of the house sees it: a few coroutines that take SQLAlchemy Core expressions.

::

    async with engine.transaction() as transaction:
        await transaction.execute(insert(configs).values(...))
        await bump(transaction, Kind.CONFIGS)

The work itself is synchronous and is done in four threads of the engine's own; the event loop never waits, and its
default executor is never used. Every wait has an end: whoever is made to wait for too long gets StorageDown.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar, TypeVarTuple

import sqlalchemy
from sqlalchemy import CompoundSelect, Connection, Executable, Row, Select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql.selectable import TypedReturnsRows

from emberway.errors import StorageDown
from emberway.storage.engines import Address, find
from emberway.storage.engines.base import Make, Terms, Use
from emberway.storage.failures import UNAVAILABLE, storage_error, within
from emberway.storage.guard import check
from emberway.storage.lanes import Lane, Lanes

LANES = 4
"""Threads, and with them connections, of one process. What needs more than these has no business in a gateway."""
CHECKOUT_SECONDS = 1.5
"""Until a connection is there and has begun: a database that is gone is reported in under two seconds."""
STATEMENT_SECONDS = 12.0
"""Until a statement is given up here. The database itself gives up before: this is for one that does not answer."""
CLOSE_SECONDS = 2.0
"""For what is under way when the engine is closed."""

SERVING = Terms(lock=1.2, statement=10.0)

_OPTIONS = {"preserve_rowcount": True}
"""Or many rows at once would be counted on one engine, and not on the other."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


def open_engine(address: Address) -> Engine:
    """The database at ``address``, to which no connection is made yet. Needs a schema: see `migrate.py`."""
    make, url = find(address)
    return Engine(make, make.pool(url, SERVING))


class Engine:
    """One database. All methods raise StorageDown when it cannot be used, and the next call tries it anew."""

    def __init__(self, make: Make, pool: sqlalchemy.Engine) -> None:
        self.make = make
        self.pool = pool
        self._lanes = Lanes("storage", LANES)
        self._readers = asyncio.Semaphore(LANES)
        self._writers = asyncio.Semaphore(make.writers)
        self.is_closed = False

    async def fetch_one(self, statement: Select[*Ts] | CompoundSelect[*Ts]) -> Row[*Ts] | None:
        """The only row of a select on its own, ``None`` if there is none. More than one is the statement's fault."""
        async with self._hold(Use.READ) as hold:
            return await Snapshot(hold).fetch_one(statement)

    async def fetch_all(self, statement: Select[*Ts] | CompoundSelect[*Ts]) -> Sequence[Row[*Ts]]:
        """Every row of a select on its own."""
        async with self._hold(Use.READ) as hold:
            return await Snapshot(hold).fetch_all(statement)

    async def execute(self, statement: Executable, rows: Sequence[Mapping[str, Any]] | None = None) -> int:
        """A transaction of one statement: how many rows it changed."""
        async with self.transaction() as transaction:
            return await transaction.execute(statement, rows)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """For several reads that see the database as it was at one moment, whatever is committed meanwhile."""
        async with self._hold(Use.SNAPSHOT) as hold:
            yield Snapshot(hold)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Commits what was done in the block when it ends, undoes it when it is left by an exception.

        What failed in it once fails again, whoever caught it, and nothing is kept: so it is on PostgreSQL, and so it is
        made on SQLite. Wait in it for nothing but the database: on SQLite no other transaction of any process can begin
        meanwhile. When committing raises StorageDown, or is cancelled, it may or may not have come to pass.
        """
        async with self._hold(Use.WRITE) as hold:
            yield Transaction(hold, self.make)
            await hold.commit()

    async def aclose(self) -> None:
        """Let what is under way end, within CLOSE_SECONDS, and close every connection. StorageDown from then on."""
        self.is_closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._lanes.all_back()
        last = Lane("storage-closing")
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await last.submit(self.close_idle)
        last.close()
        self._lanes.close()

    def close_idle(self) -> None:
        """Close the connections that nobody has; blocks."""
        self.pool.pool.dispose()  # not the engine's own dispose: that would forget what is given back later

    @asynccontextmanager
    async def _hold(self, use: Use) -> AsyncIterator[Hold]:
        """A connection that has begun, and is let go of when the block is left."""
        async with within(CHECKOUT_SECONDS):
            hold = await self._take(use)
            try:
                await hold.begin(use)
            except BaseException:
                hold.end()
                raise
        try:
            yield hold
        finally:
            # Not waited for: whoever was cancelled must not be kept, and who got an answer has no use for the rest.
            hold.end()

    async def _take(self, use: Use) -> Hold:
        """A lane, once it is the caller's turn: writers who wait for each other take no lane from readers."""
        if self.is_closed:
            raise StorageDown(UNAVAILABLE)
        turn = self._writers if use is Use.WRITE else self._readers
        await turn.acquire()
        try:
            lane = await self._lanes.take()
        except BaseException:
            turn.release()
            raise

        def give_back(_: object) -> None:
            self._lanes.give_back(lane)
            turn.release()

        return Hold(lane, self, give_back)


class Hold:
    """A connection and the lane in which alone it is used, for as long as one caller needs it."""

    def __init__(self, lane: Lane, engine: Engine, ended: Callable[[object], None]) -> None:
        self._lane = lane
        self._engine = engine
        self._ended = ended
        self._connection: Connection | None = None
        self._failure: Exception | None = None

    async def begin(self, use: Use) -> None:
        """Connect, if need be, and begin."""

        def connect() -> None:
            self._connection = self._engine.pool.connect()
            self._connection.execution_options(**self._engine.make.options[use]).begin()

        await self._done(connect)

    async def run(
        self, statement: Executable, take: Callable[[sqlalchemy.CursorResult[Any]], T], rows: Any = None
    ) -> T:
        """What ``take`` makes, in the thread, of the statement's result."""
        check(statement)
        async with within(STATEMENT_SECONDS):
            return await self._done(
                lambda: take(self._open.execute(statement, rows, execution_options=_OPTIONS)), statement
            )

    async def commit(self) -> None:
        """Make what was done last."""
        async with within(STATEMENT_SECONDS):
            await self._done(self._open.commit)

    def end(self) -> None:
        """Undo what was not committed and free the connection and the lane, as soon as what is under way has ended."""
        self._lane.submit(self._release).add_done_callback(self._ended)

    @property
    def _open(self) -> Connection:
        assert self._connection is not None
        return self._connection

    async def _done(self, job: Callable[[], T], statement: Executable | None = None) -> T:
        if self._failure is not None:
            raise self._failure
        self._failure = StorageDown(UNAVAILABLE)  # for whoever stops waiting, and goes on without knowing how it ended
        try:
            result = await self._lane.submit(job)
        except SQLAlchemyError as error:
            self._failure = error
            self._failure = storage_error(error, self._engine.make, statement)
            raise self._failure from error
        self._failure = None
        return result

    def _release(self) -> None:
        if self._connection is not None:
            with suppress(SQLAlchemyError):  # it is lost, and the pool knows
                self._connection.close()
        if self._engine.is_closed:
            self._engine.close_idle()


class Snapshot:
    """Reads of one moment."""

    def __init__(self, hold: Hold) -> None:
        self._hold = hold

    async def fetch_one(self, statement: Select[*Ts] | CompoundSelect[*Ts]) -> Row[*Ts] | None:
        """The only row, ``None`` if there is none. More than one is the statement's fault."""
        return await self._hold.run(statement, lambda result: result.one_or_none())

    async def fetch_all(self, statement: Select[*Ts] | CompoundSelect[*Ts]) -> Sequence[Row[*Ts]]:
        """Every row."""
        return await self._hold.run(statement, lambda result: result.all())


class Transaction:
    """Reads and writes that are made together or not at all."""

    def __init__(self, hold: Hold, make: Make) -> None:
        self._hold = hold
        self._make = make

    async def fetch_one(self, statement: TypedReturnsRows[*Ts]) -> Row[*Ts] | None:
        """The only row, also of a ``returning``; ``None`` if there is none. More than one is the statement's fault."""
        return await self._hold.run(statement, lambda result: result.one_or_none())

    async def fetch_all(self, statement: TypedReturnsRows[*Ts]) -> Sequence[Row[*Ts]]:
        """Every row, also of a ``returning``."""
        return await self._hold.run(statement, lambda result: result.all())

    async def execute(self, statement: Executable, rows: Sequence[Mapping[str, Any]] | None = None) -> int:
        """How many rows the statement changed. ``rows``: once for each of them. Conflict where one is there already."""
        return await self._hold.run(statement, lambda result: result.rowcount, rows)

    async def announce(self, kind: str) -> None:
        """Have those who watch told, at the commit, that ``kind`` has changed. On SQLite they see for themselves."""
        if (announcement := self._make.announcement(kind)) is not None:
            await self._hold.run(announcement, lambda result: result.close())
