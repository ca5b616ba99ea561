"""Where alembic finds the connection that ``migrate`` opened; it is run by alembic, never imported.

It is here because alembic looks for a file of this name beside the versions.
"""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"], target_metadata=None, transaction_per_migration=False
)
with context.begin_transaction():
    context.run_migrations()
