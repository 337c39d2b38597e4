"""Whoever is asked about an issue may want a change: of which text, who, when and why."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLES = ("newsletter_issues", "newsletter_texts")


def upgrade() -> None:
    """Add the columns. All may be empty, so that workers of the release before go on."""
    for table in TABLES:
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN refused_hash TEXT, ADD COLUMN refused_by TEXT,"
            " ADD COLUMN refused_because TEXT,"
            " ADD COLUMN refused_at TIMESTAMP WITH TIME ZONE"
        )


def downgrade() -> None:
    """Drop them."""
    for table in TABLES:
        op.execute(
            f"ALTER TABLE {table} DROP COLUMN refused_hash, DROP COLUMN refused_by,"
            " DROP COLUMN refused_because, DROP COLUMN refused_at"
        )
