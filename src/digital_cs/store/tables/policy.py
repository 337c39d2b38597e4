"""The tables of what stands between a program and a person: policy, refusals, limits, feedback."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Index, Integer, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from digital_cs.store.tables.base import Table, json_column


class Policy(Table, table=True):
    """One published version of content/policy.yaml; the highest number is in force."""

    __tablename__ = "policies"
    version: int = Field(
        sa_column=Column(Integer, primary_key=True, autoincrement=False, nullable=False)
    )
    content_hash: str
    spec: dict[str, Any] = Field(sa_column=json_column())
    published_at: datetime


class Suppression(Table, table=True):
    """Who is not written to now, with the weightiest reason of its entries.

    `subject` is address:…, domain:… (both lower case) or account:…. Derived from the entries.
    """

    __tablename__ = "suppressions"
    subject: str = Field(primary_key=True)
    reason: str


class SuppressionEntry(Table, table=True):
    """One reason not to write to a subject, in force until it is lifted or expires."""

    __tablename__ = "suppression_entries"
    __table_args__ = (
        Index("uq_suppression_entries_now", "subject", "reason", unique=True,
              postgresql_where=text("lifted_at is null")),
        Index("ix_suppression_entries_expires_at", "expires_at",
              postgresql_where=text("lifted_at is null and expires_at is not null")),
    )  # fmt: skip
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    subject: str
    reason: str
    source: str
    note: str = Field(default="", sa_column_kwargs={"server_default": ""})
    created_at: datetime
    expires_at: datetime | None = None
    lifted_at: datetime | None = None
    lifted_by: str | None = None


class Preference(Table, table=True):
    """What a contact said about a topic: wanted, or not."""

    __tablename__ = "preferences"
    contact_id: str = Field(primary_key=True, foreign_key="contacts.id")
    topic: str = Field(primary_key=True)
    wanted: bool
    source: str
    changed_at: datetime


class Holdout(Table, table=True):
    """Whether an account is held out of a program: assigned once, at eligibility, and kept (P27).

    `point` is the number in [0, 1) that its salted hash gave; it is held out if that is below
    `share`, which is in percent.
    """

    __tablename__ = "holdouts"
    program_id: str = Field(primary_key=True)
    account_id: str = Field(primary_key=True)
    held: bool
    point: float
    share: float
    assigned_at: datetime


class Stop(Table, table=True):
    """A pressing of the switch that stops everything; one without an end is in force."""

    __tablename__ = "stops"
    __table_args__ = (
        Index("uq_stops_now", "scope", unique=True, postgresql_where=text("lifted_at is null")),
    )  # fmt: skip
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    scope: str = Field(default="everything", sa_column_kwargs={"server_default": "everything"})
    because: str
    by: str
    at: datetime
    lifted_at: datetime | None = None
    lifted_by: str | None = None


class Incident(Table, table=True):
    """Something that is wrong with the product: marketing waits. Without accounts: for all."""

    __tablename__ = "incidents"
    __table_args__ = (
        Index("ix_incidents_open", "opened_at", postgresql_where=text("closed_at is null")),
    )
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    title: str
    account_ids: list[str] | None = Field(
        default=None, sa_column=Column(ARRAY(Text), nullable=True)
    )
    opened_at: datetime
    opened_by: str
    closed_at: datetime | None = None
    closed_by: str | None = None


class ProgramDay(Table, table=True):
    """How much a program sent on one UTC day, and how much it may. `cap` null: no limit."""

    __tablename__ = "program_days"
    program_id: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    sent: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    cap: int | None = None
    allowed_by: str | None = None


class Rate(Table, table=True):
    """When the next message of a scope may go: fleet, program:… or domain:…. Real time.

    `last_slot` is the latest moment that was given away to one that has to wait.
    """

    __tablename__ = "rates"
    scope: str = Field(primary_key=True)
    free_at: datetime
    last_slot: datetime


class Merge(Table, table=True):
    """A message that was over budget and waits to be part of the next newsletter (P17).

    States: waiting, taken, expired. `taken_by` is the broadcast that it goes out with.
    """

    __tablename__ = "merges"
    __table_args__ = (
        Index("ix_merges_waiting", "contact_id", postgresql_where=text("state = 'waiting'")),
        Index("ix_merges_taken_by", "taken_by", postgresql_where=text("taken_by is not null")),
    )
    message_key: str = Field(primary_key=True)
    account_id: str
    contact_id: str = Field(foreign_key="contacts.id")
    program_id: str
    email: str
    topic: str | None = None
    state: str
    at: datetime
    useful_until: datetime
    settled_at: datetime | None = None
    taken_by: str | None = None


class MergeRide(Table, table=True):
    """A merged message that goes along if this reader gets the broadcast, in the text chosen for
    them. Where one person is in several accounts, it rides on each of their copies (P2): one goes.
    """

    __tablename__ = "merge_rides"
    broadcast_id: str = Field(primary_key=True)
    message_key: str = Field(primary_key=True, foreign_key="merges.message_key")
    account_id: str = Field(primary_key=True)
    contact_id: str = Field(primary_key=True)


class ReturnedMessage(Table, table=True):
    """Something that came back: a bounce, a complaint, an automatic answer, a reply.

    `id` is the hash of what came, or the provider's id of the event. States: applied, ignored
    (understood, and nothing follows) and listed (a person should look). `raw` goes after a while.
    """

    __tablename__ = "returned_messages"
    __table_args__ = (
        Index("ix_returned_messages_address", "address", "received_at",
              postgresql_where=text("kind = 'soft'")),
        Index("ix_returned_messages_listed", "received_at",
              postgresql_where=text("state = 'listed'")),
        Index("ix_returned_messages_message_key", "message_key"),
        Index("ix_returned_messages_account_id", "account_id", "received_at"),
        Index("ix_returned_messages_raw", "raw_kept_until",
              postgresql_where=text("raw_kept_until is not null")),
    )  # fmt: skip
    id: str = Field(primary_key=True)
    received_at: datetime
    source: str
    kind: str
    state: str
    message_key: str | None = None
    contact_id: str | None = None
    account_id: str | None = None
    address: str | None = None
    status: str | None = None
    detail: str = Field(default="", sa_column_kwargs={"server_default": ""})
    looked_at: datetime | None = None
    looked_by: str | None = None
    raw: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    raw_kept_until: datetime | None = None


class Click(Table, table=True):
    """Somebody, or some scanner, followed a link of a message. `why` says how that is known."""

    __tablename__ = "clicks"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    message_key: str = Field(index=True)
    nth: int
    url: str
    at: datetime
    agent: str = Field(default="", sa_column_kwargs={"server_default": ""})
    method: str = Field(default="GET", sa_column_kwargs={"server_default": "GET"})
    human: bool
    why: str


class Opening(Table, table=True):
    """A picture of a message was loaded. Evidence of nothing (P28): recorded only where asked."""

    __tablename__ = "openings"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    message_key: str = Field(index=True)
    at: datetime
    agent: str = Field(default="", sa_column_kwargs={"server_default": ""})
