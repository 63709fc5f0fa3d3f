"""What one make of database does in its own way: how it is opened, locked and watched, and how it says no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import sqlalchemy
from sqlalchemy import URL, Connection, Executable, select
from sqlalchemy.exc import DBAPIError

from emberway.storage.tables import changes

POOL_SIZE = 8
"""Connections that are kept open: one for each lane, those of lanes that hang, and one more for whoever watches."""


class EngineUnusable(Exception):
    """No engine can be opened at the address that was given; the message says why."""


class Use(Enum):
    """What a connection is wanted for."""

    READ = "one select on its own"
    SNAPSHOT = "several selects that see one and the same moment"
    WRITE = "a transaction that may write"
    MIGRATE = "the transaction that brings the schema up to date, alone"


class Verdict(Enum):
    """What a failure means for the caller."""

    DOWN = "the database, the network or the machine is not able to: the same call may succeed later"
    TAKEN = "there is a row already where there may be one only"
    BOUND = "a row that is referred to is missing, or would be"
    OURS = "a mistake in our code"


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms connections are made."""

    lock: float
    """Seconds until the database gives up waiting for what another transaction holds."""
    statement: float
    """Seconds until it gives up a statement; 0 for as long as it takes."""
    may_create: bool = False
    """Whether a file that is not there is made: not while serving, where an empty one would hide that it was lost."""


class Sentry(Protocol):
    """One connection that looks out for changes. Used by one thread at a time."""

    interval: float
    """Seconds after which to look again unasked."""

    def fileno(self) -> int | None:
        """What becomes readable when there may be news; ``None`` where only looking tells."""

    def look(self) -> Mapping[str, int] | None:
        """The version of each kind; ``None`` when certainly nothing has changed since the last look."""

    def close(self) -> None:
        """Give the connection up."""


def versions(connection: Connection) -> Mapping[str, int]:
    """The version of each kind of thing that is counted."""
    return {row.kind: row.version for row in connection.execute(select(changes.c.kind, changes.c.version))}


class Make(Protocol):
    """A make of database. One value of each is listed in ``ENGINES``."""

    name: str
    writers: int
    """How many transactions of one process may be in a position to write."""
    options: Mapping[Use, Mapping[str, Any]]
    """SQLAlchemy's execution options of a connection, by what it is wanted for."""

    def pool(self, url: URL, terms: Terms) -> sqlalchemy.Engine:
        """Connections to ``url``, none of them open yet."""

    def lock_schema(self, connection: Connection) -> None:
        """Wait, in the transaction that ``Use.MIGRATE`` began, until no other process migrates."""

    def announcement(self, kind: str) -> Executable | None:
        """What tells, when the transaction commits, all processes that ``kind`` has changed; ``None``: they look."""

    def sentry(self, pool: sqlalchemy.Engine) -> Sentry:
        """A sentry on a connection of ``pool``."""

    def verdict(self, error: DBAPIError) -> Verdict:
        """What the driver's exception means."""

    def taken(self, error: DBAPIError) -> str | None:
        """The last column of the constraint that found a row to be ``TAKEN``."""
