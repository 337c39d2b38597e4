"""What comes back names a message of ours by its Message-ID, which servers write in any case."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create index ix_messages_message_id on messages (lower(message_id))")


def downgrade() -> None:
    op.execute("drop index ix_messages_message_id")
