"""Of whom it is not known whether they belong to a segment is kept, for whoever asks for it."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; a keeper fills it at its next look at everybody."""
    op.execute(
        """
        CREATE TABLE segment_unknown (
          segment_id TEXT NOT NULL,
          account_id TEXT NOT NULL,
          CONSTRAINT pk_segment_unknown PRIMARY KEY (segment_id, account_id),
          CONSTRAINT fk_segment_unknown_segment_id FOREIGN KEY(segment_id) REFERENCES segments (id),
          CONSTRAINT fk_segment_unknown_account_id FOREIGN KEY(account_id) REFERENCES accounts (id)
        )
        """
    )
    op.execute("CREATE INDEX ix_segment_unknown_account_id ON segment_unknown (account_id)")
    op.execute(
        "update segments set evaluated_at = null"
        " where state = 'kept' and position(chr(58) in id) = 0"
    )


def downgrade() -> None:
    """Drop it: who is not known does not belong, as before."""
    op.execute("DROP TABLE segment_unknown")
