"""How a link was asked for is kept: people's browsers do not ask only where it leads."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table clicks add column method text default 'GET' not null")


def downgrade() -> None:
    op.execute("alter table clicks drop column method")
