from __future__ import annotations

import pytest
from sqlalchemy import ForeignKeyConstraint, LargeBinary, PrimaryKeyConstraint, Table, UniqueConstraint

from emberway.storage.columns import Folded, Key, Moment
from emberway.storage.tables import METADATA, TENANT, WRITTEN_ONCE

TABLES = METADATA.sorted_tables
TENANTS = [table for table in TABLES if TENANT in table.info]
BY_NAME = pytest.mark.parametrize("table", TABLES, ids=str)
OF_TENANTS = pytest.mark.parametrize("table", TENANTS, ids=str)


def test_only_what_belongs_to_nobody_has_no_tenant() -> None:
    assert {table.name for table in TABLES} - {table.name for table in TENANTS} == {"meta", "changes", "organisations"}


@OF_TENANTS
def test_a_tenants_row_is_named_by_its_organisation_first(table: Table) -> None:
    key = [column.name for column in table.primary_key.columns]

    assert key[0] == "organisation_id"
    assert len(key) > 1


@OF_TENANTS
def test_a_reference_stays_within_the_organisation(table: Table) -> None:
    references = {
        tuple(constraint.column_keys): [element.target_fullname for element in constraint.elements]
        for constraint in table.constraints
        if isinstance(constraint, ForeignKeyConstraint)
    }

    assert references.pop(("organisation_id",), None) == (None if table.name == "secrets" else ["organisations.id"])
    assert all(columns[0] == "organisation_id" for columns in references)
    assert all(target[0].endswith(".organisation_id") for target in references.values())


@OF_TENANTS
def test_what_names_another_row_refers_to_it(table: Table) -> None:
    """Except to what may be deleted while the trace of it stays, or to one of several tables."""
    traces = {
        "created_by",
        "updated_by",
        "invited_by",
        "accepted_by",
        "owner_id",
        "record_id",
        "resource_id",
        "request_id",
    }
    named = {column.name for column in table.columns if column.name.endswith(("_id", "_by"))}
    referring = {
        constraint.column_keys[-1] for constraint in table.constraints if isinstance(constraint, ForeignKeyConstraint)
    }
    elsewhere = {"organisation_id", "master_key_id", "ai_provider_id", "public_id"}

    if table.name == "audit_log":
        traces |= {"workspace_id", "user_id"}
    assert named - traces - elsewhere == referring - traces - elsewhere


@BY_NAME
def test_a_folded_name_stands_beside_the_name_that_was_given(table: Table) -> None:
    folded = {column.name for column in table.columns if isinstance(column.type, Folded)}

    assert folded == {column.name for column in table.columns if column.name.endswith("_key")}
    assert {name.removesuffix("_key") for name in folded} <= {column.name for column in table.columns}


@BY_NAME
def test_every_slug_is_unique_whatever_its_case(table: Table) -> None:
    unique = {
        [*constraint.columns][-1].name
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint | PrimaryKeyConstraint)
    }

    if "slug" in table.columns:
        assert unique & {"slug", "slug_key"}


@BY_NAME
def test_a_time_is_a_moment_and_a_digest_is_bytes(table: Table) -> None:
    for column in table.columns:
        assert isinstance(column.type, Moment) == (column.name == "at" or column.name.endswith("_at"))
        assert isinstance(column.type, LargeBinary) == (column.name in {"envelope", "mac"} or "digest" in column.name)


@BY_NAME
def test_ids_sort_alike_on_every_engine(table: Table) -> None:
    for column in table.columns:
        if (column.name.endswith("_id") and column.name not in {"public_id", "ai_provider_id"}) or column.name == "id":
            assert isinstance(column.type, Key), column


@BY_NAME
def test_no_constraint_is_left_to_the_engine_to_name(table: Table) -> None:
    names = [constraint.name for constraint in (*table.constraints, *table.indexes)]

    assert None not in names
    assert len({*names}) == len(names)
    assert all(len(str(name)) < 64 for name in names)


def test_versions_of_configs_and_the_audit_log_are_written_once() -> None:
    assert {table.name for table in TABLES if table.info.get(WRITTEN_ONCE)} == {"config_versions", "audit_log"}
