"""A ledger whose rows are claimed and settled where they stand: no index changes with them."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

OPEN_STATE = (
    "case when state in ('unknown', 'failed') or state = 'claimed' and broadcast_id is null"
    " then state end"
)

# What was claimed after its row said that it was useful counts in budgets, too.
CHANGES = (
    "update messages set useful_until = claimed_at"
    " where claimed_at > coalesce(useful_until, '-infinity')",
    "drop index ix_messages_account",
    "drop index ix_messages_contact",
    "drop index ix_messages_message_id",
    "drop index ix_messages_open",
    f"alter table messages add column open_state text generated always as ({OPEN_STATE}) stored",
    "create index ix_messages_account on messages (account_id, useful_until)",
    "create index ix_messages_contact on messages (contact_id, useful_until)",
    "create index ix_messages_message_id on messages using hash (lower(message_id))"
    " where message_id is not null",
    "create index ix_messages_open on messages (open_state) where open_state is not null",
    "alter table messages set (fillfactor = 32)",
)

TAKE_BACK = (
    "alter table messages reset (fillfactor)",
    "drop index ix_messages_open",
    "drop index ix_messages_message_id",
    "drop index ix_messages_contact",
    "drop index ix_messages_account",
    "alter table messages drop column open_state",
    "create index ix_messages_account on messages (account_id, claimed_at)",
    "create index ix_messages_contact on messages (contact_id, claimed_at)"
    " where claimed_at is not null",
    "create index ix_messages_message_id on messages (lower(message_id))"
    " where message_id is not null",
    "create index ix_messages_open on messages (state)"
    " where state in ('claimed', 'unknown', 'failed')",
)


def upgrade() -> None:
    """Change the indexes; the generated column writes the table anew."""
    for statement in CHANGES:
        op.execute(statement)


def downgrade() -> None:
    """Have the indexes of before."""
    for statement in TAKE_BACK:
        op.execute(statement)
