"""A corrected issue may go out on the day of the one that it corrects."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a newsletter have several issues of a day; their ids tell them apart."""
    op.execute("DROP INDEX uq_newsletter_issues_day")
    op.execute("CREATE INDEX ix_newsletter_issues_day ON newsletter_issues (newsletter_id, day)")


def downgrade() -> None:
    """Refuse them again. Fails where there are some."""
    op.execute("DROP INDEX ix_newsletter_issues_day")
    op.execute(
        "CREATE UNIQUE INDEX uq_newsletter_issues_day ON newsletter_issues (newsletter_id, day)"
    )
