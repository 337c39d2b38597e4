"""Finding what a message shows, and what it links to, at the moment of sending (P25)."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Index items by their place and by their address."""
    op.execute("CREATE INDEX ix_content_items_locator ON content_items (locator)")
    op.execute("CREATE INDEX ix_content_items_url ON content_items (url)")


def downgrade() -> None:
    """Drop the indexes."""
    op.execute("DROP INDEX ix_content_items_url")
    op.execute("DROP INDEX ix_content_items_locator")
