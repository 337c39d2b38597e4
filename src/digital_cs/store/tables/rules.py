"""The tables of rules: segments, who is in them, triggers, and what they did."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Index, text
from sqlmodel import Field

from digital_cs.store.tables.base import Table, json_column, texts_column


class Segment(Table, table=True):
    """A rule whose members are kept. `state`: kept or retired.

    `reads` are the keys on a change of which an account is looked at again. `turns_daily`: a new
    day may change any account's verdict, so that all are looked at once a day. `turned_on` is the
    day for which that was done, `fed` how far the feeds were that it reads, as a text. Without
    `evaluated_at` nobody was looked at so far. While there is a `fence`, transactions may be under
    way that did not know the rule when they said what they changed: see `store/rules/segments.py`.
    """

    __tablename__ = "segments"
    id: str = Field(primary_key=True)
    version: int
    content_hash: str
    spec: dict[str, Any] = Field(sa_column=json_column())
    reads: list[str] = Field(sa_column=texts_column())
    turns_daily: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    state: str
    changed_at: datetime
    evaluated_at: datetime | None = None
    turned_on: date | None = None
    fed: str | None = None
    fence: int | None = Field(default=None, sa_column=Column(BigInteger))


class SegmentMember(Table, table=True):
    """An account that a segment's rule holds for. `mark` tells one match from the next."""

    __tablename__ = "segment_members"
    __table_args__ = (Index("ix_segment_members_account_id", "account_id"),)
    segment_id: str = Field(primary_key=True, foreign_key="segments.id")
    account_id: str = Field(primary_key=True, foreign_key="accounts.id")
    since: datetime
    mark: str = Field(default="", sa_column_kwargs={"server_default": ""})


class SegmentUnknown(Table, table=True):
    """An account of which it is not known whether it belongs to a segment with a name."""

    __tablename__ = "segment_unknown"
    __table_args__ = (Index("ix_segment_unknown_account_id", "account_id"),)
    segment_id: str = Field(primary_key=True, foreign_key="segments.id")
    account_id: str = Field(primary_key=True, foreign_key="accounts.id")


class SegmentFlip(Table, table=True):
    """The moment at which time alone may change what a segment says of an account."""

    __tablename__ = "segment_flips"
    __table_args__ = (Index("ix_segment_flips_at", "segment_id", "at"),)
    segment_id: str = Field(primary_key=True, foreign_key="segments.id")
    account_id: str = Field(primary_key=True, foreign_key="accounts.id")
    at: datetime


class SegmentChange(Table, table=True):
    """An account entered or left a segment."""

    __tablename__ = "segment_changes"
    __table_args__ = (
        Index("ix_segment_changes_account", "account_id", "at"),
        Index("ix_segment_changes_segment", "segment_id", "at"),
    )
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    segment_id: str
    account_id: str
    kind: str
    at: datetime
    because: str = ""


class Trigger(Table, table=True):
    """A trigger that was published. `state`: running or stopped."""

    __tablename__ = "triggers"
    id: str = Field(primary_key=True)
    version: int
    content_hash: str
    spec: dict[str, Any] = Field(sa_column=json_column())
    state: str
    changed_at: datetime
    judged_on: date | None = None


class TriggerState(Table, table=True):
    """Where an account stands with a trigger: since when its rule holds, when it last fired."""

    __tablename__ = "trigger_states"
    __table_args__ = (
        Index("ix_trigger_states_due", "due_at", postgresql_where=text("due_at is not null")),
    )
    trigger_id: str = Field(primary_key=True, foreign_key="triggers.id")
    account_id: str = Field(primary_key=True, foreign_key="accounts.id")
    since: datetime | None = None
    due_at: datetime | None = None
    fired_at: datetime | None = None
    armed: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})


class TriggerFiring(Table, table=True):
    """A trigger fired for an account, with its reason in words."""

    __tablename__ = "trigger_firings"
    __table_args__ = (
        Index("ix_trigger_firings_account", "account_id", "at"),
        Index("ix_trigger_firings_trigger", "trigger_id", "at"),
    )
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    trigger_id: str
    version: int
    account_id: str
    at: datetime
    words: str
    figures: dict[str, Any] = Field(sa_column=json_column())
