"""Issues that were called back and corrected, and whose copy a merged message goes along with."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns, which may all be empty, and the table."""
    op.execute(
        "ALTER TABLE newsletter_issues ADD COLUMN recalled_at TIMESTAMP WITH TIME ZONE,"
        " ADD COLUMN recalled_by TEXT, ADD COLUMN recalled_because TEXT,"
        " ADD COLUMN corrects TEXT, ADD COLUMN corrects_for TEXT"
    )
    op.execute(
        """
        CREATE TABLE merge_rides (
          broadcast_id TEXT NOT NULL,
          message_key TEXT NOT NULL,
          account_id TEXT NOT NULL,
          contact_id TEXT NOT NULL,
          CONSTRAINT pk_merge_rides PRIMARY KEY (broadcast_id, message_key, account_id, contact_id),
          CONSTRAINT fk_merge_rides_message_key_merges
            FOREIGN KEY(message_key) REFERENCES merges (message_key)
        )
        """
    )


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP TABLE merge_rides")
    op.execute(
        "ALTER TABLE newsletter_issues DROP COLUMN recalled_at, DROP COLUMN recalled_by,"
        " DROP COLUMN recalled_because, DROP COLUMN corrects, DROP COLUMN corrects_for"
    )
