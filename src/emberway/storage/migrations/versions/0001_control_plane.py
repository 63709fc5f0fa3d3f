"""The control database as it was first released.

A revision is a record: it is never edited, and knows nothing of what `storage/tables.py` says today.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TEXT = JSON = sa.Text()
BYTES = sa.LargeBinary()
NUMBER = MOMENT = sa.BigInteger()
TRUTH = sa.Boolean()

KINDS = ("api_keys", "configs", "virtual_keys", "workspaces")


def upgrade() -> None:
    """Everything."""
    op.create_table(
        "changes",
        one("kind", KEY),
        one("version", NUMBER),
        sa.PrimaryKeyConstraint("kind", name="pk_changes"),
    )
    op.create_table(
        "meta",
        one("name", KEY),
        one("value", TEXT),
        sa.PrimaryKeyConstraint("name", name="pk_meta"),
    )
    op.create_table(
        "organisations",
        one("id", KEY),
        one("name", TEXT),
        one("name_key", KEY),
        one("settings", JSON),
        one("created_at", MOMENT),
        one("last_updated_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_organisations"),
        sa.UniqueConstraint("name_key", name="uq_organisations_name_key"),
    )
    op.create_table(
        "audit_log",
        one("organisation_id", KEY),
        one("id", KEY),
        maybe("workspace_id", KEY),
        one("number", NUMBER),
        one("at", MOMENT),
        one("user_type", TEXT),
        maybe("user_id", KEY),
        one("action", TEXT),
        one("resource_type", TEXT),
        maybe("resource_id", KEY),
        maybe("method", TEXT),
        maybe("uri", TEXT),
        maybe("query_params", JSON),
        maybe("request_id", KEY),
        maybe("request_headers", JSON),
        maybe("request_body", JSON),
        maybe("response_status_code", NUMBER),
        maybe("client_ip", TEXT),
        maybe("country", TEXT),
        one("mac", BYTES),
        sa.PrimaryKeyConstraint("organisation_id", "id", name="pk_audit_log"),
        sa.UniqueConstraint("organisation_id", "number", name="uq_audit_log_number"),
        owned("audit_log"),
    )
    op.create_index("ix_audit_log_at", "audit_log", ["organisation_id", "at"])
    op.create_table(
        "invitations",
        one("organisation_id", KEY),
        one("id", KEY),
        one("email", TEXT),
        one("email_key", KEY),
        one("role", TEXT),
        one("workspaces", JSON),
        maybe("workspace_api_key_details", JSON),
        one("token_digest", BYTES),
        one("status", TEXT),
        maybe("invited_by", KEY),
        maybe("accepted_by", KEY),
        one("created_at", MOMENT),
        one("expires_at", MOMENT),
        maybe("accepted_at", MOMENT),
        sa.PrimaryKeyConstraint("organisation_id", "id", name="pk_invitations"),
        sa.UniqueConstraint("token_digest", name="uq_invitations_token_digest"),
        owned("invitations"),
    )
    op.create_index("ix_invitations_email_key", "invitations", ["organisation_id", "email_key"])
    op.create_table(
        "users",
        one("organisation_id", KEY),
        one("id", KEY),
        one("email", TEXT),
        one("email_key", KEY),
        maybe("first_name", TEXT),
        maybe("last_name", TEXT),
        one("role", TEXT),
        one("status", TEXT),
        maybe("password_hash", TEXT),
        maybe("last_login_at", MOMENT),
        one("created_at", MOMENT),
        one("last_updated_at", MOMENT),
        sa.PrimaryKeyConstraint("organisation_id", "id", name="pk_users"),
        sa.UniqueConstraint("organisation_id", "email_key", name="uq_users_email_key"),
        owned("users"),
    )
    op.create_index("ix_users_email_key", "users", ["email_key"])
    op.create_table(
        "workspaces",
        one("organisation_id", KEY),
        one("id", KEY),
        one("slug", TEXT),
        one("slug_key", KEY),
        one("name", TEXT),
        one("name_key", KEY),
        maybe("description", TEXT),
        one("is_default", TRUTH),
        one("defaults", JSON),
        maybe("usage_limits", JSON),
        maybe("rate_limits", JSON),
        one("status", TEXT),
        one("created_at", MOMENT),
        one("last_updated_at", MOMENT),
        sa.PrimaryKeyConstraint("organisation_id", "id", name="pk_workspaces"),
        sa.UniqueConstraint("organisation_id", "name_key", name="uq_workspaces_name_key"),
        sa.UniqueConstraint("organisation_id", "slug_key", name="uq_workspaces_slug_key"),
        owned("workspaces"),
    )
    op.create_table(
        "api_keys",
        one("organisation_id", KEY),
        one("id", KEY),
        maybe("workspace_id", KEY),
        maybe("user_id", KEY),
        one("type", TEXT),
        one("name", TEXT),
        maybe("description", TEXT),
        one("public_id", TEXT),
        one("last4", TEXT),
        one("scopes", JSON),
        one("defaults", JSON),
        maybe("usage_limits", JSON),
        maybe("rate_limits", JSON),
        one("alert_emails", JSON),
        maybe("rotation_policy", JSON),
        maybe("next_rotation_at", MOMENT),
        one("creation_mode", TEXT),
        one("status", TEXT),
        maybe("created_by", KEY),
        maybe("expires_at", MOMENT),
        maybe("last_used_at", MOMENT),
        maybe("last_reset_at", MOMENT),
        one("created_at", MOMENT),
        one("last_updated_at", MOMENT),
        sa.PrimaryKeyConstraint("organisation_id", "id", name="pk_api_keys"),
        owned("api_keys"),
        refers("api_keys", "user_id", "users"),
        refers("api_keys", "workspace_id", "workspaces"),
    )
    op.create_table(
        "configs",
        one("organisation_id", KEY),
        one("id", KEY),
        one("workspace_id", KEY),
        one("slug", TEXT),
        one("slug_key", KEY),
        one("name", TEXT),
        one("is_default", TRUTH),
        one("version", NUMBER),
        one("status", TEXT),
        maybe("owner_id", KEY),
        maybe("updated_by", KEY),
        one("created_at", MOMENT),
        one("last_updated_at", MOMENT),
        sa.PrimaryKeyConstraint("organisation_id", "id", name="pk_configs"),
        sa.UniqueConstraint("organisation_id", "workspace_id", "slug_key", name="uq_configs_slug_key"),
        owned("configs"),
        refers("configs", "workspace_id", "workspaces"),
    )
    op.create_table(
        "memberships",
        one("organisation_id", KEY),
        one("workspace_id", KEY),
        one("user_id", KEY),
        one("role", TEXT),
        maybe("scopes", JSON),
        one("created_at", MOMENT),
        one("last_updated_at", MOMENT),
        sa.PrimaryKeyConstraint("organisation_id", "workspace_id", "user_id", name="pk_memberships"),
        owned("memberships"),
        refers("memberships", "user_id", "users", part=True),
        refers("memberships", "workspace_id", "workspaces", part=True),
    )
    op.create_table(
        "secrets",
        one("organisation_id", KEY),
        one("id", KEY),
        maybe("workspace_id", KEY),
        one("kind", TEXT),
        one("record_id", KEY),
        one("version", NUMBER),
        one("master_key_id", KEY),
        one("envelope", BYTES),
        maybe("last4", TEXT),
        one("created_at", MOMENT),
        one("last_updated_at", MOMENT),
        sa.PrimaryKeyConstraint("organisation_id", "id", name="pk_secrets"),
        sa.UniqueConstraint("organisation_id", "kind", "record_id", name="uq_secrets_record_id"),
        refers("secrets", "workspace_id", "workspaces"),
    )
    op.create_index("ix_secrets_master_key_id", "secrets", ["master_key_id"])
    op.create_table(
        "sessions",
        one("organisation_id", KEY),
        one("id", KEY),
        one("user_id", KEY),
        one("digest", BYTES),
        maybe("client_ip", TEXT),
        maybe("user_agent", TEXT),
        one("created_at", MOMENT),
        one("last_seen_at", MOMENT),
        one("expires_at", MOMENT),
        sa.PrimaryKeyConstraint("organisation_id", "id", name="pk_sessions"),
        sa.UniqueConstraint("digest", name="uq_sessions_digest"),
        owned("sessions"),
        refers("sessions", "user_id", "users", part=True),
    )
    op.create_table(
        "api_key_digests",
        one("organisation_id", KEY),
        one("digest", BYTES),
        one("api_key_id", KEY),
        maybe("expires_at", MOMENT),
        one("created_at", MOMENT),
        sa.PrimaryKeyConstraint("organisation_id", "digest", name="pk_api_key_digests"),
        sa.UniqueConstraint("digest", name="uq_api_key_digests_digest"),
        refers("api_key_digests", "api_key_id", "api_keys", part=True),
        owned("api_key_digests"),
    )
    op.create_table(
        "config_versions",
        one("organisation_id", KEY),
        one("id", KEY),
        one("config_id", KEY),
        one("number", NUMBER),
        one("content", TEXT),
        maybe("created_by", KEY),
        one("created_at", MOMENT),
        sa.PrimaryKeyConstraint("organisation_id", "id", name="pk_config_versions"),
        sa.UniqueConstraint("organisation_id", "config_id", "number", name="uq_config_versions_number"),
        refers("config_versions", "config_id", "configs", part=True),
        owned("config_versions"),
    )
    op.create_table(
        "integrations",
        one("organisation_id", KEY),
        one("id", KEY),
        maybe("workspace_id", KEY),
        one("slug", TEXT),
        one("slug_key", KEY),
        one("name", TEXT),
        maybe("description", TEXT),
        one("ai_provider_id", TEXT),
        maybe("secret_id", KEY),
        maybe("custom_host", TEXT),
        maybe("custom_headers", JSON),
        one("configurations", JSON),
        one("allow_all_models", TRUTH),
        one("global_workspace_access", JSON),
        maybe("secret_mappings", JSON),
        maybe("pricing_adjustments", JSON),
        one("status", TEXT),
        maybe("owner_id", KEY),
        maybe("expires_at", MOMENT),
        one("created_at", MOMENT),
        one("last_updated_at", MOMENT),
        sa.PrimaryKeyConstraint("organisation_id", "id", name="pk_integrations"),
        sa.UniqueConstraint("organisation_id", "slug_key", name="uq_integrations_slug_key"),
        owned("integrations"),
        refers("integrations", "secret_id", "secrets"),
        refers("integrations", "workspace_id", "workspaces"),
    )
    op.create_table(
        "integration_models",
        one("organisation_id", KEY),
        one("integration_id", KEY),
        one("slug", KEY),
        maybe("name", TEXT),
        one("enabled", TRUTH),
        one("is_custom", TRUTH),
        one("is_finetune", TRUTH),
        maybe("base_model_slug", TEXT),
        maybe("configurations", JSON),
        maybe("pricing_config", JSON),
        one("created_at", MOMENT),
        one("last_updated_at", MOMENT),
        sa.PrimaryKeyConstraint("organisation_id", "integration_id", "slug", name="pk_integration_models"),
        refers("integration_models", "integration_id", "integrations", part=True),
        owned("integration_models"),
    )
    op.create_table(
        "integration_workspaces",
        one("organisation_id", KEY),
        one("integration_id", KEY),
        one("workspace_id", KEY),
        one("enabled", TRUTH),
        maybe("usage_limits", JSON),
        maybe("rate_limits", JSON),
        one("created_at", MOMENT),
        one("last_updated_at", MOMENT),
        sa.PrimaryKeyConstraint("organisation_id", "integration_id", "workspace_id", name="pk_integration_workspaces"),
        refers("integration_workspaces", "integration_id", "integrations", part=True),
        owned("integration_workspaces"),
        refers("integration_workspaces", "workspace_id", "workspaces", part=True),
    )
    op.create_table(
        "virtual_keys",
        one("organisation_id", KEY),
        one("id", KEY),
        one("workspace_id", KEY),
        one("slug", TEXT),
        one("slug_key", KEY),
        one("name", TEXT),
        maybe("note", TEXT),
        maybe("integration_id", KEY),
        maybe("ai_provider_id", TEXT),
        maybe("secret_id", KEY),
        maybe("custom_host", TEXT),
        maybe("custom_headers", JSON),
        one("model_config", JSON),
        maybe("allowed_models", JSON),
        maybe("usage_limits", JSON),
        maybe("rate_limits", JSON),
        maybe("secret_mappings", JSON),
        one("status", TEXT),
        maybe("created_by", KEY),
        maybe("expires_at", MOMENT),
        maybe("last_reset_at", MOMENT),
        one("created_at", MOMENT),
        one("last_updated_at", MOMENT),
        sa.PrimaryKeyConstraint("organisation_id", "id", name="pk_virtual_keys"),
        sa.UniqueConstraint("organisation_id", "workspace_id", "slug_key", name="uq_virtual_keys_slug_key"),
        refers("virtual_keys", "integration_id", "integrations"),
        owned("virtual_keys"),
        refers("virtual_keys", "secret_id", "secrets"),
        refers("virtual_keys", "workspace_id", "workspaces"),
    )
    op.bulk_insert(
        sa.table("changes", sa.column("kind", KEY), sa.column("version", NUMBER)),
        [{"kind": kind, "version": 0} for kind in KINDS],
    )


def one(name: str, kind: Any) -> sa.Column[Any]:
    """A column that is always filled."""
    return sa.Column(name, kind, nullable=False)


def maybe(name: str, kind: Any) -> sa.Column[Any]:
    """A column that may be empty."""
    return sa.Column(name, kind, nullable=True)


def owned(table: str) -> sa.ForeignKeyConstraint:
    """Rows of ``table`` belong to organisations."""
    return sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=f"fk_{table}_organisation_id")


def refers(table: str, column: str, other: str, *, part: bool = False) -> sa.ForeignKeyConstraint:
    """``column`` of ``table`` names a row of ``other`` of the same organisation; a ``part`` goes when that row goes."""
    return sa.ForeignKeyConstraint(
        ["organisation_id", column],
        [f"{other}.organisation_id", f"{other}.id"],
        name=f"fk_{table}_{column}",
        ondelete="CASCADE" if part else None,
    )
