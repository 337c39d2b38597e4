"""Broadcasts, and messages that belong to one."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLES = (
    """
    CREATE TABLE broadcasts (
      id TEXT NOT NULL,
      name TEXT NOT NULL,
      owner TEXT NOT NULL,
      spec JSONB DEFAULT '{}'::jsonb NOT NULL,
      state TEXT NOT NULL,
      paused BOOLEAN DEFAULT false NOT NULL,
      per_minute FLOAT,
      created_at TIMESTAMP WITH TIME ZONE NOT NULL,
      changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
      changed_by TEXT NOT NULL,
      approved_hash TEXT,
      approved_by TEXT,
      approved_at TIMESTAMP WITH TIME ZONE,
      frozen_at TIMESTAMP WITH TIME ZONE,
      recipients INTEGER,
      held_because TEXT,
      held_since TIMESTAMP WITH TIME ZONE,
      ended_at TIMESTAMP WITH TIME ZONE,
      wished_at TIMESTAMP WITH TIME ZONE,
      CONSTRAINT pk_broadcasts PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE broadcast_texts (
      broadcast_id TEXT NOT NULL,
      variant TEXT NOT NULL,
      source TEXT NOT NULL,
      CONSTRAINT pk_broadcast_texts PRIMARY KEY (broadcast_id, variant),
      CONSTRAINT fk_broadcast_texts_broadcast_id FOREIGN KEY(broadcast_id) REFERENCES broadcasts (id)
    )
    """,
    """
    CREATE TABLE broadcast_choices (
      broadcast_id TEXT NOT NULL,
      account_id TEXT NOT NULL,
      contact_id TEXT DEFAULT '' NOT NULL,
      variant TEXT DEFAULT '' NOT NULL,
      traits JSONB DEFAULT '{}'::jsonb NOT NULL,
      CONSTRAINT pk_broadcast_choices PRIMARY KEY (broadcast_id, account_id, contact_id),
      CONSTRAINT fk_broadcast_choices_broadcast_id FOREIGN KEY(broadcast_id) REFERENCES broadcasts (id)
    )
    """,
)

OPTIONAL = (
    "alter column enrollment_id {0} not null, alter column program_id {0} not null,"
    " alter column version {0} not null, alter column step {0} not null,"
    " alter column visit {0} not null"
)
ONE_OWNER = "check (num_nonnulls(enrollment_id, broadcast_id) = 1)"

COLUMNS = (
    f"alter table messages {OPTIONAL.format('drop')}, add column broadcast_id text,"
    " add column chunk integer, add column variant text not null default ''",
    f"alter table messages add constraint ck_messages_owner {ONE_OWNER}",
    "drop index ix_messages_visit",
    "create index ix_messages_visit on messages (enrollment_id, visit)"
    " where enrollment_id is not null",
    "create index ix_messages_broadcast on messages (broadcast_id, chunk)"
    " where broadcast_id is not null",
    "drop index ix_messages_contact",
    "create index ix_messages_contact on messages (contact_id, claimed_at)"
    " where claimed_at is not null",
    "drop index ix_messages_message_id",
    "create index ix_messages_message_id on messages (lower(message_id))"
    " where message_id is not null",
    "drop index ix_messages_open",
    "create index ix_messages_open on messages (state)"
    " where state in ('claimed', 'unknown', 'failed')",
    f"alter table decisions {OPTIONAL.format('drop')}, add column broadcast_id text",
    f"alter table decisions add constraint ck_decisions_owner {ONE_OWNER}",
    "drop index ix_decisions_enrollment",
    "create index ix_decisions_enrollment on decisions (enrollment_id)"
    " where enrollment_id is not null",
)

TAKE_BACK = (
    "delete from decisions where broadcast_id is not null",
    "delete from messages where broadcast_id is not null",
    "drop index ix_decisions_enrollment",
    "create index ix_decisions_enrollment on decisions (enrollment_id)",
    "alter table decisions drop constraint ck_decisions_owner",
    f"alter table decisions {OPTIONAL.format('set')}, drop column broadcast_id",
    "drop index ix_messages_open",
    "create index ix_messages_open on messages (state)"
    " where state in ('planned', 'claimed', 'unknown', 'failed')",
    "drop index ix_messages_message_id",
    "create index ix_messages_message_id on messages (lower(message_id))",
    "drop index ix_messages_contact",
    "create index ix_messages_contact on messages (contact_id, claimed_at)",
    "drop index ix_messages_broadcast",
    "drop index ix_messages_visit",
    "create index ix_messages_visit on messages (enrollment_id, visit)",
    "alter table messages drop constraint ck_messages_owner",
    f"alter table messages {OPTIONAL.format('set')}, drop column broadcast_id, drop column chunk,"
    " drop column variant",
    "drop table broadcast_choices",
    "drop table broadcast_texts",
    "drop table broadcasts",
)


def upgrade() -> None:
    for statement in (*TABLES, *COLUMNS):
        op.execute(statement)


def downgrade() -> None:
    for statement in TAKE_BACK:
        op.execute(statement)
