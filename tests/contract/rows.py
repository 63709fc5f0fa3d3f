"""Rows for tests: the least that a table takes, with what the test is about put in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Boolean, Insert, LargeBinary, Table, insert

from emberway.storage import tables
from emberway.storage.columns import Json, Moment
from emberway.storage.engine import Engine
from emberway.storage.tables import TENANT

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
OURS = "org-ours"
THEIRS = "org-theirs"


def row(table: Table, **values: Any) -> Insert:
    """A statement that adds a row to ``table``; names have a folded twin, and the row is ours unless it says whose."""
    filled = {column.name: _something(column.type) for column in table.columns if not column.nullable}
    if TENANT in table.info:
        filled["organisation_id"] = OURS
    for name, value in values.items():
        if f"{name}_key" in table.columns:
            filled[f"{name}_key"] = value
    return insert(table).values(filled | values)


async def add(engine: Engine, *rows: Insert) -> None:
    """Add all of them, or none."""
    async with engine.transaction() as transaction:
        for statement in rows:
            await transaction.execute(statement)


async def two_organisations(engine: Engine) -> None:
    """Ours and theirs, each with a workspace of the same name."""
    for organisation in (OURS, THEIRS):
        await add(
            engine,
            row(tables.organisations, id=organisation, name=organisation),
            row(tables.workspaces, organisation_id=organisation, id=f"ws-of-{organisation}", slug="main", name="Main"),
        )


def _something(kind: object) -> Any:
    match kind:
        case Moment():
            return NOW
        case Json():
            return {}
        case Boolean():
            return False
        case LargeBinary():
            return b"\x00\xff"
        case _:
            return "" if getattr(kind, "python_type", str) is str else 1
