"""Refuses statements that no feature may mean: that forget whose rows they ask for, rewrite history, or are text.

The first is the usual way in which one tenant gets to see what is another's (OWASP API1:2023, broken object level
authorization). Every statement is looked at when it is run, so no test has to exist for the mistake to be found.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from sqlalchemy import (
    Alias,
    BinaryExpression,
    Column,
    ColumnClause,
    Delete,
    Executable,
    FromClause,
    Insert,
    Table,
    TextClause,
    Update,
)
from sqlalchemy.schema import ExecutableDDLElement
from sqlalchemy.sql import operators
from sqlalchemy.sql.visitors import ExternallyTraversible

from emberway.storage.tables import TENANT, WRITTEN_ONCE

_ALL = "emberway_all_organisations"

S = TypeVar("S", bound=Executable)


class StatementRefused(Exception):
    """A statement that breaks a rule of this database: a mistake in our code, found before it reached the rows."""


def for_all_organisations(statement: S) -> S:
    """``statement``, which means the rows of every organisation: for loading a snapshot, or finding whose a key is."""
    return statement.execution_options(**{_ALL: True})


def check(statement: Executable) -> None:
    """StatementRefused where ``statement`` reads or changes a tenant's table without saying whose rows it means.

    Each such table has to stand in an equality (or ``in``) of its ``organisation_id``, be it with another table's. That
    finds what was forgotten, not what was meant ill: a condition under an ``or`` counts as well.
    """
    if isinstance(statement, ExecutableDDLElement) or not isinstance(statement, ExternallyTraversible):
        raise StatementRefused(f"{type(statement).__name__} is for migrations: here rows are read and written")
    elements = [*_elements(statement)]
    if any(_is_text(element) for element in elements):
        raise StatementRefused("SQL as text belongs to engines/: write an expression")
    if isinstance(statement, Update | Delete):
        _refuse_rewriting(statement)
    if statement.get_execution_options().get(_ALL):
        return
    scoped = {table for element in elements for table in _scoped_by(element)}
    if forgotten := {_name(table) for table in elements if _is_tenants(table) and table not in scoped}:
        raise StatementRefused(
            f"whose rows of {', '.join(sorted(forgotten))}? The statement compares no organisation_id"
        )


def _refuse_rewriting(statement: Update | Delete) -> None:
    if isinstance(statement.table, Table) and statement.table.info.get(WRITTEN_ONCE):
        raise StatementRefused(f"rows of {_name(statement.table)} are written once")


def _elements(statement: ExternallyTraversible) -> Iterator[ExternallyTraversible]:
    """All that the statement is made of, except what stands behind an alias and the table that new rows go to."""
    todo = [statement]
    seen = set()
    while todo:
        element = todo.pop()
        if id(element) in seen:
            continue
        seen.add(id(element))
        yield element
        match element:
            case Alias(element=Table()):
                continue
            case Insert():
                todo += [child for child in element.get_children() if child is not element.table]
            case _:
                todo += element.get_children()


def _is_text(element: ExternallyTraversible) -> bool:
    if isinstance(element, ColumnClause):
        return element.is_literal and element.name != "*"  # SQLAlchemy's own, of count(*)
    return isinstance(element, TextClause)


def _is_tenants(element: ExternallyTraversible) -> bool:
    table = element.element if isinstance(element, Alias) else element
    return isinstance(table, Table) and TENANT in table.info


def _scoped_by(element: ExternallyTraversible) -> Iterator[FromClause]:
    """The tables whose organisation ``element`` compares."""
    if isinstance(element, BinaryExpression) and element.operator in (operators.eq, operators.in_op):
        for side in (element.left, element.right):
            if isinstance(side, Column) and side.name == "organisation_id":
                yield side.table


def _name(element: ExternallyTraversible) -> str:
    return str((element.element if isinstance(element, Alias) else element).name)  # type: ignore[attr-defined]
