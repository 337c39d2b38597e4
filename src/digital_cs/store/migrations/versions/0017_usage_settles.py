"""Usage of days that are over lies apart from what still comes in, with its counts in the index."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# All that is there stays where it is: the keeper settles it a little at a time, while what needs it
# reads it wherever it lies. An update of a column that is in an index costs an entry in the index,
# which is why the counts are in none of the rows that still grow.
APART = (
    "alter table usage_days rename to usage_days_open",
    "alter table usage_days_open rename constraint pk_usage_days to pk_usage_days_open",
    "alter table usage_days_open add column settled boolean not null default false",
    "create table usage_days (like usage_days_open including defaults) partition by list (settled)",
    "alter table usage_days attach partition usage_days_open for values in (false)",
    # So that a day that was settled is read from its index alone, the pages have to be known as
    # visible to all: a day's worth of rows is reason enough for a vacuum.
    """
    create table usage_days_settled partition of usage_days for values in (true)
      with (autovacuum_vacuum_insert_scale_factor = 0.01, autovacuum_vacuum_scale_factor = 0.01)
    """,
    "alter table usage_days_settled alter column settled set default true",
    """
    alter table usage_days_settled add constraint pk_usage_days_settled
      primary key (account_id, event, day) include (n)
    """,
)

TOGETHER = (
    "alter table usage_days detach partition usage_days_open",
    """
    insert into usage_days_open as u
           (account_id, event, day, n, users, value, first_at, last_at, user_keys)
    select account_id, event, day, n, users, value, first_at, last_at, user_keys
      from usage_days_settled
    on conflict (account_id, event, day) do update set n = u.n + excluded.n
    """,
    "drop table usage_days",
    "alter table usage_days_open drop column settled",
    "alter table usage_days_open rename constraint pk_usage_days_open to pk_usage_days",
    "alter table usage_days_open rename to usage_days",
)


def upgrade() -> None:
    for statement in APART:
        op.execute(statement)


def downgrade() -> None:
    for statement in TOGETHER:
        op.execute(statement)
