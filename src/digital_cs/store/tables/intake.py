"""The tables of what comes in: events, usage, milestones, tickets, and how fresh each source is."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Index, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from digital_cs.store.tables.base import Table, json_column, texts_column


class ProductEvent(Table, table=True):
    """Something that happened in the product, as it came in. One partition a day.

    Without an account it waits until somebody says where its user belongs. No foreign keys: this
    is the table that most rows go into.
    """

    __tablename__ = "product_events"
    __table_args__ = (
        Index("ix_product_events_waiting", "user_id", postgresql_where=text("account_id is null")),
        Index("ix_product_events_anonymous", "anonymous_id",
              postgresql_where=text("anonymous_id is not null")),
        {"postgresql_partition_by": "RANGE (day)"},
    )  # fmt: skip
    id: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    at: datetime
    received_at: datetime
    account_id: str | None = None
    user_id: str | None = None
    anonymous_id: str | None = None
    kind: str
    name: str
    value: float | None = None
    properties: dict[str, Any] = Field(sa_column=json_column())
    source: str


class EventDay(Table, table=True):
    """A day of product events. `state`: open, or dropped, after which nothing more is counted."""

    __tablename__ = "event_days"
    day: date = Field(primary_key=True)
    state: str
    last_received_at: datetime


class UsageDay(Table, table=True):
    """What happened of one event on one UTC day in one account; a row is in one of two partitions.

    What comes in grows in the open one. A while after a day is over its rows are settled: there the
    counts are in the key's index as well, so that all days of an account are read from one place.
    `user_keys`: the distinct users, hashed and sorted; null where a source gave only a count.
    """

    __tablename__ = "usage_days"
    __table_args__ = ({"postgresql_partition_by": "LIST (settled)"},)
    account_id: str = Field(primary_key=True)
    event: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    n: int = Field(sa_column=Column(BigInteger, nullable=False))
    users: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    value: float = Field(default=0.0, sa_column_kwargs={"server_default": "0"})
    first_at: datetime | None = None
    last_at: datetime | None = None
    user_keys: list[int] | None = Field(sa_column=Column(ARRAY(BigInteger), nullable=True))
    settled: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})


class UsageRow(Table, table=True):
    """One row of usage that a source knows by an id of its own: a part of its usage day.

    What makes a repeated or corrected row count once, in whichever file it comes.
    """

    __tablename__ = "usage_rows"
    __table_args__ = (Index("ix_usage_rows_day", "account_id", "event", "day"),)
    source: str = Field(primary_key=True)
    row_id: str = Field(primary_key=True)
    account_id: str
    event: str
    day: date
    n: int = Field(sa_column=Column(BigInteger, nullable=False))
    users: int
    value: float


class Milestone(Table, table=True):
    """A product touchpoint that an account reached, once."""

    __tablename__ = "milestones"
    account_id: str = Field(primary_key=True, foreign_key="accounts.id")
    name: str = Field(primary_key=True)
    reached_at: datetime


class MilestoneDefinition(Table, table=True):
    """What it takes to reach a milestone, as content/milestones.yaml says."""

    __tablename__ = "milestone_definitions"
    name: str = Field(primary_key=True)
    title: str
    position: int
    rule: dict[str, Any] = Field(sa_column=json_column())
    content_hash: str
    changed_at: datetime
    retired_at: datetime | None = None


class Ticket(Table, table=True):
    """A question or a complaint to support. `id` is source:id there.

    `matched_by`: organization, address, domain or given; null while no account is known.
    `account_given` and `organization_account` are what the source calls the account, known or not.
    `topic` is the one that holds, `source_topic` what the help desk says itself; `topic_due`: its
    words are new or changed, and nobody has looked yet which topic they are of.
    """

    __tablename__ = "tickets"
    __table_args__ = (
        Index("ix_tickets_account", "account_id", "opened_at"),
        Index("ix_tickets_waiting", "id", postgresql_where=text("account_id is null")),
        Index("ix_tickets_text", "text_kept_until",
              postgresql_where=text("text_kept_until is not null")),
        Index("ix_tickets_topic_due", "id", postgresql_where=text("topic_due")),
        Index("ix_tickets_opened", "opened_at"),
    )  # fmt: skip
    id: str = Field(primary_key=True)
    source: str
    account_id: str | None = Field(default=None, foreign_key="accounts.id")
    matched_by: str | None = None
    contact_id: str | None = None
    requester_email: str | None = None
    organization: str | None = None
    organization_account: str | None = None
    organization_domains: list[str] = Field(sa_column=texts_column())
    account_given: str | None = None
    subject: str | None = None
    body: str | None = None
    text_kept_until: datetime | None = None
    status: str
    severity: str | None = None
    tags: list[str] = Field(sa_column=texts_column())
    topic: str | None = None
    source_topic: str | None = None
    topic_due: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    opened_at: datetime
    updated_at: datetime
    solved_at: datetime | None = None


class AccountLink(Table, table=True):
    """What another system calls one of our accounts."""

    __tablename__ = "account_links"
    source: str = Field(primary_key=True)
    external_id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id", index=True)


class Source(Table, table=True):
    """Where data comes from, and the moment up to which all of it is here."""

    __tablename__ = "sources"
    name: str = Field(primary_key=True)
    kind: str
    feeds: list[str] = Field(sa_column=texts_column())
    complete_through: datetime | None = None
    last_received_at: datetime | None = None
    received: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    refused: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    rate_per_minute: float = Field(default=0.0, sa_column_kwargs={"server_default": "0"})
    expected_every: float | None = None
    cursor: str | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None
    retired_at: datetime | None = None


class CsvMapping(Table, table=True):
    """How the columns of a file that comes again and again are read."""

    __tablename__ = "csv_mappings"
    name: str = Field(primary_key=True)
    noun: str
    columns: dict[str, Any] = Field(sa_column=json_column())
    options: dict[str, Any] = Field(sa_column=json_column())
    saved_at: datetime


class AccountChange(Table, table=True):
    """Keys that changed for an account, until those segments are looked at that read them."""

    __tablename__ = "account_changes"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    account_id: str
    keys: list[str] = Field(sa_column=texts_column())
    created_at: datetime = Field(sa_column_kwargs={"server_default": text("clock_timestamp()")})
