"""The whole control database: what is kept of organisations, people, keys, providers and configs.

Four rules hold for every table (docs/decisions/0010):

- A row of a tenant says whose it is: ``organisation_id`` begins its primary key, and every reference to another row
  carries it along, so that the database itself refuses a row of one tenant that points at one of another.
- What points at something holds it: a virtual key keeps its integration from being deleted. What is a part goes with
  the whole: the versions of a config.
- ``…_key`` columns hold a name as it counts for uniqueness (:class:`~emberway.storage.columns.Folded`).
- Words such as ``status`` are the wire protocol's own and are checked where they come in, not here: a list of them in
  the schema could not grow on SQLite without copying the table.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Constraint,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.schema import SchemaItem

from emberway.storage.columns import Folded, Json, Key, Moment


def _last_column(constraint: Constraint, table: Table) -> str:
    """What tells a constraint from the others of its table: the columns before the last say whose row it is."""
    assert isinstance(constraint, UniqueConstraint | ForeignKeyConstraint | Index)
    return list(constraint.columns)[-1].name


METADATA = MetaData(
    naming_convention={
        "last_column": _last_column,
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(last_column)s",
        "fk": "fk_%(table_name)s_%(last_column)s",
        "ix": "ix_%(table_name)s_%(last_column)s",
    }
)

TENANT = "tenant"
"""In ``Table.info``: each row is one organisation's, and a statement says which."""
WRITTEN_ONCE = "written once"
"""In ``Table.info``: rows are added, never changed."""


def _one(name: str, kind: Any = Text, **more: Any) -> Column[Any]:
    """A column that is always filled."""
    return Column(name, kind, nullable=False, **more)


def _maybe(name: str, kind: Any = Text) -> Column[Any]:
    """A column that may be empty."""
    return Column(name, kind, nullable=True)


def _dated() -> tuple[Column[Any], Column[Any]]:
    return _one("created_at", Moment), _one("last_updated_at", Moment)


def _refers(column: str, table: str, *, part: bool = False) -> ForeignKeyConstraint:
    """``column`` names a row of ``table`` of the same organisation; a ``part`` goes when that row goes."""
    target = [f"{table}.organisation_id", f"{table}.id"]
    return ForeignKeyConstraint(["organisation_id", column], target, ondelete="CASCADE" if part else None)


def _tenant(name: str, key: str, *items: SchemaItem, owned: bool = True, once: bool = False) -> Table:
    """A table whose rows belong to organisations; ``key`` are the columns that, with the organisation, name a row."""
    organisation = Column("organisation_id", Key, nullable=False)
    primary = PrimaryKeyConstraint("organisation_id", *key.split())
    owners = [ForeignKeyConstraint(["organisation_id"], ["organisations.id"])] if owned else []
    return Table(name, METADATA, organisation, *items, primary, *owners, info={TENANT: True, WRITTEN_ONCE: once})


# ---------------------------------------------------------------------------------------------- this database itself

meta = Table("meta", METADATA, _one("name", Key), _one("value"), PrimaryKeyConstraint("name"))
"""Facts about this database: ``installation_id``, and what features add."""

changes = Table("changes", METADATA, _one("kind", Key), _one("version", BigInteger), PrimaryKeyConstraint("kind"))
"""How often each kind of thing has changed (`changes.py`)."""

# -------------------------------------------------------------------------------------- organisations and workspaces

organisations = Table(
    "organisations",
    METADATA,
    _one("id", Key),
    _one("name"),
    _one("name_key", Folded),
    _one("settings", Json),
    *_dated(),
    PrimaryKeyConstraint("id"),
    UniqueConstraint("name_key"),
)

workspaces = _tenant(
    "workspaces",
    "id",
    _one("id", Key),
    _one("slug"),
    _one("slug_key", Folded),
    _one("name"),
    _one("name_key", Folded),
    _maybe("description"),
    _one("is_default", Boolean),
    _one("defaults", Json),  # {"metadata": {}, "input_guardrails": [], "output_guardrails": []}
    _maybe("usage_limits", Json),
    _maybe("rate_limits", Json),
    _one("status"),  # active, archived
    *_dated(),
    UniqueConstraint("organisation_id", "slug_key"),
    UniqueConstraint("organisation_id", "name_key"),
)

# ------------------------------------------------------------------------------------------------------------ people

users = _tenant(
    "users",
    "id",
    _one("id", Key),
    _one("email"),
    _one("email_key", Folded),
    _maybe("first_name"),
    _maybe("last_name"),
    _one("role"),  # owner, admin, member: of the organisation
    _one("status"),  # active, deactivated
    _maybe("password_hash"),
    _maybe("last_login_at", Moment),
    *_dated(),
    UniqueConstraint("organisation_id", "email_key"),
    Index(None, "email_key"),
)

memberships = _tenant(
    "memberships",
    "workspace_id user_id",
    _one("workspace_id", Key),
    _one("user_id", Key),
    _one("role"),  # admin, manager, member: of the workspace
    _maybe("scopes", Json),
    *_dated(),
    _refers("workspace_id", "workspaces", part=True),
    _refers("user_id", "users", part=True),
)

invitations = _tenant(
    "invitations",
    "id",
    _one("id", Key),
    _one("email"),
    _one("email_key", Folded),
    _one("role"),  # as of users
    _one("workspaces", Json),  # [{"id": "ws-…", "role": "member"}]
    _maybe("workspace_api_key_details", Json),  # {"scopes": []}
    _one("token_digest", LargeBinary),  # HMAC-SHA-256 of what the link holds
    _one("status"),  # pending, cancelled, accepted; one past expires_at is expired
    _maybe("invited_by", Key),
    _maybe("accepted_by", Key),
    _one("created_at", Moment),
    _one("expires_at", Moment),
    _maybe("accepted_at", Moment),
    UniqueConstraint("token_digest"),
    Index(None, "organisation_id", "email_key"),
)

sessions = _tenant(
    "sessions",
    "id",
    _one("id", Key),
    _one("user_id", Key),
    _one("digest", LargeBinary),  # HMAC-SHA-256 of the cookie
    _maybe("client_ip"),
    _maybe("user_agent"),
    _one("created_at", Moment),
    _one("last_seen_at", Moment),
    _one("expires_at", Moment),
    UniqueConstraint("digest"),
    _refers("user_id", "users", part=True),
)

# ---------------------------------------------------------------------------------------------------------- API keys

api_keys = _tenant(
    "api_keys",
    "id",
    _one("id", Key),
    _maybe("workspace_id", Key),  # none for an organisation's own key
    _maybe("user_id", Key),  # of type workspace-user
    _one("type"),  # organisation-service, workspace-service, workspace-user
    _one("name"),
    _maybe("description"),
    _one("public_id"),  # the visible part of the present value
    _one("last4"),
    _one("scopes", Json),
    _one("defaults", Json),  # {"metadata": {}, "config_id": null, "allow_config_override": true}
    _maybe("usage_limits", Json),
    _maybe("rate_limits", Json),
    _one("alert_emails", Json),
    _maybe("rotation_policy", Json),
    _maybe("next_rotation_at", Moment),
    _one("creation_mode"),  # ui, api, auto
    _one("status"),  # active, exhausted
    _maybe("created_by", Key),
    _maybe("expires_at", Moment),
    _maybe("last_used_at", Moment),
    _maybe("last_reset_at", Moment),
    *_dated(),
    _refers("workspace_id", "workspaces"),
    _refers("user_id", "users"),
)

api_key_digests = _tenant(
    "api_key_digests",
    "digest",
    _one("digest", LargeBinary),  # HMAC-SHA-256 of a value that is accepted for the key
    _one("api_key_id", Key),
    _maybe("expires_at", Moment),  # set when a rotation has put another value in its place: the end of the transition
    _one("created_at", Moment),
    UniqueConstraint("digest"),
    _refers("api_key_id", "api_keys", part=True),
)

# ----------------------------------------------------------------------------------------------------------- secrets

secrets = _tenant(
    "secrets",
    "id",
    _one("id", Key),
    _maybe("workspace_id", Key),  # none for what belongs to the whole organisation
    _one("kind"),  # table and field, such as virtual_key.key: with the next two, and whose it is, the secret's place
    _one("record_id", Key),
    _one("version", BigInteger),
    _one("master_key_id", Key),  # the one that the envelope names
    _one("envelope", LargeBinary),
    _maybe("last4"),
    *_dated(),
    UniqueConstraint("organisation_id", "kind", "record_id"),
    Index(None, "master_key_id"),
    _refers("workspace_id", "workspaces"),
    owned=False,  # the installation has secrets of its own: their organisation is the empty text
)

# --------------------------------------------------------------------------------------- integrations, virtual keys

integrations = _tenant(
    "integrations",
    "id",
    _one("id", Key),
    _maybe("workspace_id", Key),  # none where it is the organisation's
    _one("slug"),
    _one("slug_key", Folded),
    _one("name"),
    _maybe("description"),
    _one("ai_provider_id"),  # fireworks-ai
    _maybe("secret_id", Key),
    _maybe("custom_host"),
    _maybe("custom_headers", Json),  # those that hold secrets are in the vault
    _one("configurations", Json),
    _one("allow_all_models", Boolean),
    _one("global_workspace_access", Json),  # {"enabled": true, "usage_limits": null, "rate_limits": null}
    _maybe("secret_mappings", Json),
    _maybe("pricing_adjustments", Json),
    _one("status"),  # active, archived
    _maybe("owner_id", Key),
    _maybe("expires_at", Moment),
    *_dated(),
    UniqueConstraint("organisation_id", "slug_key"),
    _refers("workspace_id", "workspaces"),
    _refers("secret_id", "secrets"),
)

integration_models = _tenant(
    "integration_models",
    "integration_id slug",
    _one("integration_id", Key),
    _one("slug", Key),  # the model's own name, in which case counts
    _maybe("name"),
    _one("enabled", Boolean),
    _one("is_custom", Boolean),
    _one("is_finetune", Boolean),
    _maybe("base_model_slug"),
    _maybe("configurations", Json),
    _maybe("pricing_config", Json),
    *_dated(),
    _refers("integration_id", "integrations", part=True),
)

integration_workspaces = _tenant(
    "integration_workspaces",
    "integration_id workspace_id",
    _one("integration_id", Key),
    _one("workspace_id", Key),
    _one("enabled", Boolean),
    _maybe("usage_limits", Json),
    _maybe("rate_limits", Json),
    *_dated(),
    _refers("integration_id", "integrations", part=True),
    _refers("workspace_id", "workspaces", part=True),
)

virtual_keys = _tenant(
    "virtual_keys",  # and the wire protocol's "providers": one namespace, so that @slug means one thing
    "id",
    _one("id", Key),
    _one("workspace_id", Key),
    _one("slug"),
    _one("slug_key", Folded),
    _one("name"),
    _maybe("note"),
    _maybe("integration_id", Key),  # made from an integration, whose secret and provider it uses; or it has its own:
    _maybe("ai_provider_id"),
    _maybe("secret_id", Key),
    _maybe("custom_host"),
    _maybe("custom_headers", Json),
    _one("model_config", Json),
    _maybe("allowed_models", Json),
    _maybe("usage_limits", Json),
    _maybe("rate_limits", Json),
    _maybe("secret_mappings", Json),
    _one("status"),  # active, exhausted, expired
    _maybe("created_by", Key),
    _maybe("expires_at", Moment),
    _maybe("last_reset_at", Moment),
    *_dated(),
    UniqueConstraint("organisation_id", "workspace_id", "slug_key"),
    _refers("workspace_id", "workspaces"),
    _refers("integration_id", "integrations"),
    _refers("secret_id", "secrets"),
)

# ----------------------------------------------------------------------------------------------------------- configs

configs = _tenant(
    "configs",
    "id",
    _one("id", Key),
    _one("workspace_id", Key),
    _one("slug"),
    _one("slug_key", Folded),
    _one("name"),
    _one("is_default", Boolean),
    _one("version", BigInteger),  # the number of the one in force
    _one("status"),  # active, archived
    _maybe("owner_id", Key),
    _maybe("updated_by", Key),
    *_dated(),
    UniqueConstraint("organisation_id", "workspace_id", "slug_key"),
    _refers("workspace_id", "workspaces"),
)

config_versions = _tenant(
    "config_versions",
    "id",
    _one("id", Key),
    _one("config_id", Key),
    _one("number", BigInteger),  # 1, 2, 3 …
    _one("content"),  # the JSON text
    _maybe("created_by", Key),
    _one("created_at", Moment),
    UniqueConstraint("organisation_id", "config_id", "number"),
    _refers("config_id", "configs", part=True),
    once=True,
)

# ------------------------------------------------------------------------------------------------------------- audit

audit_log = _tenant(
    "audit_log",
    "id",
    _one("id", Key),
    _maybe("workspace_id", Key),
    _one("number", BigInteger),  # 1, 2, 3 … in each organisation: a gap is a row that was taken away
    _one("at", Moment),
    _one("user_type"),  # user, api_key, system
    _maybe("user_id", Key),
    _one("action"),
    _one("resource_type"),
    _maybe("resource_id", Key),
    _maybe("method"),
    _maybe("uri"),
    _maybe("query_params", Json),
    _maybe("request_id", Key),
    _maybe("request_headers", Json),  # masked
    _maybe("request_body", Json),  # masked
    _maybe("response_status_code", BigInteger),
    _maybe("client_ip"),
    _maybe("country"),
    _one("mac", LargeBinary),  # HMAC-SHA-256 over the row and the mac before it
    UniqueConstraint("organisation_id", "number"),
    Index(None, "organisation_id", "at"),
    once=True,
)
