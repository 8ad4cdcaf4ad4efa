"""What Alembic runs: migrations on the connection that it is given, in its transaction."""

from __future__ import annotations

from alembic import context

from android_bench.history.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
