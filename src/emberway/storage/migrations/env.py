"""Run by Alembic for every command: on the connection, and in the transaction, that `storage/migrate.py` has begun."""

from __future__ import annotations

from alembic import context

from emberway.storage.migrate import VERSION_TABLE
from emberway.storage.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"], target_metadata=METADATA, version_table=VERSION_TABLE
)
context.run_migrations()
