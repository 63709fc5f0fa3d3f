"""The makes of database that the gateway runs on, and which of them an address means."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from emberway.secret import Secret
from emberway.storage.engines.base import EngineUnusable, Make
from emberway.storage.engines.postgresql import POSTGRESQL
from emberway.storage.engines.sqlite import SQLITE

ENGINES: Mapping[str, Make] = {make.name: make for make in (SQLITE, POSTGRESQL)}

Address = Path | Secret
"""Where a database is: SQLite's file, or a URL, which may hold a password."""


_ALIASES = {"postgres": "postgresql"}
"""libpq takes both, and hosting companies hand out either."""


def find(address: Address) -> tuple[Make, URL]:
    """The make that ``address`` is for, and its URL in SQLAlchemy's form. EngineUnusable when there is none."""
    if isinstance(address, Path):
        return SQLITE, URL.create(SQLITE.name, database=str(address))
    try:
        url = make_url(address.reveal())
    except ArgumentError:
        raise EngineUnusable("the database's address is not a URL") from None
    name = url.get_backend_name()
    make = ENGINES.get(_ALIASES.get(name, name))
    if make is None:
        raise EngineUnusable(f"there is no engine {name}: there are {', '.join(ENGINES)}")
    if make is SQLITE and (url.query or url.database in (None, "", ":memory:")):
        raise EngineUnusable("SQLite needs the path of a file, and takes no options")
    return make, url.set(drivername=make.name)
