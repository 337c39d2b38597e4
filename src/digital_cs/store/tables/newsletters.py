"""The tables of newsletters: what they are, their issues, and what each reader was shown."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Index, text
from sqlmodel import Field

from digital_cs.store.tables.base import Table, json_column, texts_column


class Newsletter(Table, table=True):
    """A newsletter that was published; its issues keep the version that they began with."""

    __tablename__ = "newsletters"
    id: str = Field(primary_key=True)
    version: int
    content_hash: str
    spec: dict[str, Any] = Field(sa_column=json_column())
    published_at: datetime
    retired_at: datetime | None = None


class NewsletterIssue(Table, table=True):
    """One issue; its states are those of `domain.issue.State`.

    `content_hash` is of what is written for it now, `frozen_hash` of what was when it was put
    together last, and `texts_hash` of the texts that came of it, as they go out. `revision`
    counts what people changed; the workflow was told of it up to `relayed`. `next_at` is when the
    issue has to be looked at again. One that `corrects` another, which was recalled, is for those
    who missed that one, or for everybody (`corrects_for`).
    """

    __tablename__ = "newsletter_issues"
    __table_args__ = (
        Index("ix_newsletter_issues_day", "newsletter_id", "day"),
        Index("ix_newsletter_issues_unrelayed", "id",
              postgresql_where=text("relayed < revision")),
        Index("ix_newsletter_issues_next_at", "next_at",
              postgresql_where=text("next_at is not null")),
        Index("ix_newsletter_issues_broadcast", "broadcast_id",
              postgresql_where=text("state = 'sending'")),
    )  # fmt: skip
    id: str = Field(primary_key=True)
    newsletter_id: str = Field(foreign_key="newsletters.id")
    spec: dict[str, Any] = Field(sa_column=json_column())
    day: date
    send_on: date
    extra: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    state: str
    subject: str
    preview: str
    content_hash: str | None = None
    frozen_hash: str | None = None
    texts_hash: str | None = None
    frozen_at: datetime | None = None
    approved_hash: str | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    refused_hash: str | None = None
    refused_by: str | None = None
    refused_because: str | None = None
    refused_at: datetime | None = None
    leaves_at: datetime | None = None
    broadcast_id: str | None = None
    sent_at: datetime | None = None
    recalled_at: datetime | None = None
    recalled_by: str | None = None
    recalled_because: str | None = None
    corrects: str | None = None
    corrects_for: str | None = None
    report: dict[str, Any] = Field(sa_column=json_column())
    created_at: datetime
    next_at: datetime | None = None
    revision: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    relayed: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class NewsletterText(Table, table=True):
    """What somebody wrote for a section of an issue, and the texts that an expert agreed to, and
    wanted changed."""

    __tablename__ = "newsletter_texts"
    issue_id: str = Field(primary_key=True, foreign_key="newsletter_issues.id")
    section: str = Field(primary_key=True)
    text: str
    text_hash: str
    written_by: str
    written_at: datetime
    signed_hash: str | None = None
    signed_by: str | None = None
    signed_at: datetime | None = None
    refused_hash: str | None = None
    refused_by: str | None = None
    refused_because: str | None = None
    refused_at: datetime | None = None


class NewsletterStep(Table, table=True):
    """Something that was done about an issue, once: its key says what, and about which text."""

    __tablename__ = "newsletter_steps"
    issue_id: str = Field(primary_key=True, foreign_key="newsletter_issues.id")
    key: str = Field(primary_key=True)
    at: datetime


class NewsletterNote(Table, table=True):
    """The story of an issue, for people: who did what, and what the engine did."""

    __tablename__ = "newsletter_notes"
    __table_args__ = (Index("ix_newsletter_notes_issue", "issue_id", "id"),)
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    issue_id: str = Field(foreign_key="newsletter_issues.id")
    at: datetime
    who: str
    words: str


class NewsletterVariant(Table, table=True):
    """One text of an issue, as it was frozen, and for how many accounts it is.

    `items` are those of its own, `shown` all that it shows, `topics` what they answer. `name` "" is
    the plain one.
    """

    __tablename__ = "newsletter_variants"
    issue_id: str = Field(primary_key=True, foreign_key="newsletter_issues.id")
    name: str = Field(primary_key=True)
    items: list[str] = Field(sa_column=texts_column())
    shown: list[str] = Field(sa_column=texts_column())
    topics: list[str] = Field(sa_column=texts_column())
    accounts: int
    source: str


class NewsletterReader(Table, table=True):
    """Which variant an account of the audience gets, and what would have suited it best."""

    __tablename__ = "newsletter_readers"
    __table_args__ = (Index("ix_newsletter_readers_account", "account_id"),)
    issue_id: str = Field(primary_key=True, foreign_key="newsletter_issues.id")
    account_id: str = Field(primary_key=True)
    wish: list[str] = Field(sa_column=texts_column())
    variant: str = Field(default="", sa_column_kwargs={"server_default": ""})
