"""The seam where exceptions of SQLAlchemy and of the drivers become ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import assert_never

from sqlalchemy import Delete, Executable, exc
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from emberway.errors import Conflict, GatewayError, StorageDown
from emberway.storage.engines.base import Make, Verdict

UNAVAILABLE = "The gateway's database cannot be used at the moment: send the call again."


def verdict(error: SQLAlchemyError, make: Make) -> Verdict:
    """What ``error`` means. What SQLAlchemy raises by itself is a mistake of ours, unless it lost the connection."""
    match error:
        case DBAPIError():
            return make.verdict(error)
        case exc.DisconnectionError() | exc.TimeoutError():  # by its pool
            return Verdict.DOWN
        case _:
            return Verdict.OURS


def storage_error(error: SQLAlchemyError, make: Make, statement: Executable | None = None) -> GatewayError:
    """Our error for ``error``, which ``statement`` led to; one that is a mistake of ours is raised on as it is."""
    match verdict(error, make):
        case Verdict.DOWN:
            return StorageDown(UNAVAILABLE)
        case Verdict.TAKEN:
            assert isinstance(error, DBAPIError)
            return _taken(make.taken(error))
        case Verdict.BOUND:
            return _bound(statement)
        case Verdict.OURS:
            raise error
        case unknown:
            assert_never(unknown)


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """StorageDown when what is waited for in the block takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise StorageDown(UNAVAILABLE) from None


def _taken(column: str | None) -> Conflict:
    """``column``, without the ending of those that hold a folded name, is the field that the caller knows."""
    field = column.removesuffix("_key") if column else None
    return Conflict(f"There is one with this {field or 'name'} already: choose another.", param=field)


def _bound(statement: Executable | None) -> Conflict:
    if isinstance(statement, Delete):
        return Conflict("It is in use: first delete what refers to it, or let that refer to another.", code="in_use")
    return Conflict("It refers to something that is not there any more.", code="reference_gone")
