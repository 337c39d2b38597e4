"""Alembic's entry: runs the migrations over the connection that `migrate` hands in."""

from __future__ import annotations

from alembic import context

from digital_cs.store.tables import Table

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Table.metadata, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
