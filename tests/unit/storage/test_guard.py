from __future__ import annotations

import pytest
from sqlalchemy import (
    Executable,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    literal_column,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.schema import CreateTable

from emberway.storage.guard import StatementRefused, check, for_all_organisations
from emberway.storage.tables import audit_log, changes, config_versions, configs, organisations, users, workspaces

OURS = configs.c.organisation_id == "org"
OTHER = configs.alias()
JOINED = configs.join(
    workspaces,
    and_(workspaces.c.organisation_id == configs.c.organisation_id, workspaces.c.id == configs.c.workspace_id),
)


def refusal(statement: Executable) -> str:
    with pytest.raises(StatementRefused) as raised:
        check(statement)
    return str(raised.value)


@pytest.mark.parametrize(
    "statement",
    [
        select(configs).where(OURS),
        select(configs).where(configs.c.organisation_id.in_(["org"])),
        select(configs.c.id, workspaces.c.name).select_from(JOINED).where(OURS),
        select(OTHER).where(OTHER.c.organisation_id == "org"),
        select(configs).where(OURS, configs.c.id.in_(select(users.c.id).where(users.c.organisation_id == "org"))),
        union_all(select(configs.c.id).where(OURS), select(users.c.id).where(users.c.organisation_id == "org")),
        insert(configs).values(organisation_id="org", id="x"),
        insert(configs).from_select(["id"], select(users.c.id).where(users.c.organisation_id == "org")),
        insert(config_versions).values(organisation_id="org", id="x"),
        update(configs).where(OURS).values(name="x"),
        delete(configs).where(OURS),
        select(organisations),
        select(func.count()).select_from(changes).where(changes.c.kind.contains("a")),
        select(exists().where(changes.c.kind == "a")),
        update(changes).values(version=0),
    ],
    ids=str,
)
def test_a_statement_that_says_whose_rows_it_means_passes(statement: Executable) -> None:
    check(statement)


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        (select(configs), "configs"),
        (select(configs).where(configs.c.id == "x"), "configs"),
        (select(configs.c.organisation_id).order_by(configs.c.organisation_id), "configs"),
        (select(configs).where(configs.c.organisation_id != "org"), "configs"),
        (select(configs).where(configs.c.organisation_id.is_not(None)), "configs"),
        (select(OTHER).where(OURS), "configs"),
        (select(configs, OTHER).where(OURS), "configs"),
        (select(configs, users).where(OURS), "users"),
        (select(configs).where(OURS, exists(select(users.c.id).where(users.c.id == configs.c.owner_id))), "users"),
        (union_all(select(configs.c.id).where(OURS), select(users.c.id)), "users"),
        (insert(configs).from_select(["id"], select(users.c.id)), "users"),
        (insert(configs).from_select(["id"], select(configs.c.id)), "configs"),
        (insert(changes).values(kind=select(users.c.id).scalar_subquery()), "users"),
        (update(configs).where(configs.c.id == "x").values(organisation_id="org"), "configs"),
        (update(changes).values(kind=select(users.c.id).scalar_subquery()), "users"),
        (delete(configs), "configs"),
        (select(changes).where(changes.c.kind.in_(select(workspaces.c.slug))), "workspaces"),
    ],
    ids=str,
)
def test_a_statement_that_forgets_whose_rows_it_means_is_refused(statement: Executable, table: str) -> None:
    assert refusal(statement) == f"whose rows of {table}? The statement compares no organisation_id"


def test_all_organisations_can_be_meant_when_it_is_said() -> None:
    statement: Select[str] = for_all_organisations(select(configs.c.id))

    check(statement)


@pytest.mark.parametrize("table", [config_versions, audit_log])
@pytest.mark.parametrize("statement", [update, delete])
def test_what_is_written_once_is_neither_changed_nor_taken_away(table: object, statement: object) -> None:
    rewriting = statement(table).where(table.c.organisation_id == "org")  # type: ignore[operator, attr-defined]

    assert "are written once" in refusal(rewriting)
    assert "are written once" in refusal(for_all_organisations(rewriting))


@pytest.mark.parametrize(
    "statement",
    [text("SELECT 1"), select(text("1")), select(configs).where(OURS, text("1 = 1")), select(literal_column("1"))],
)
def test_sql_as_text_is_refused(statement: Executable) -> None:
    assert refusal(statement) == "SQL as text belongs to engines/: write an expression"


def test_what_makes_tables_is_left_to_migrations() -> None:
    assert refusal(CreateTable(configs)) == "CreateTable is for migrations: here rows are read and written"
