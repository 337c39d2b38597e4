"""The tables of evidence: why content may be stale, and what it was good for."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Column, Identity, Index, text
from sqlmodel import Field

from digital_cs.store.tables.base import Table


class Evidence(Table, table=True):
    """One piece of evidence against an item, which counts until it ended. `about`: what it is
    of, as the address of a link; nothing where an item can have only one of the signal."""

    __tablename__ = "evidence"
    __table_args__ = (
        Index("uq_evidence_open", "item_id", "signal", "about", unique=True,
              postgresql_where=text("ended_at is null")),
        Index("ix_evidence_item_id", "item_id"),
    )  # fmt: skip
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    item_id: str = Field(foreign_key="content_items.id")
    signal: str
    about: str = Field(default="", sa_column_kwargs={"server_default": ""})
    since: datetime
    words: str
    weight: float
    found_at: datetime
    ended_at: datetime | None = None


class ContentUseOnTicket(Table, table=True):
    """That an item helped with a ticket. `renewed_on`: the day that this renewed it to, when the
    ticket was solved. The ticket is called as it was told, known or not."""

    __tablename__ = "content_uses_on_tickets"
    __table_args__ = (
        Index("ix_content_uses_on_tickets_waiting", "ticket_id",
              postgresql_where=text("renewed_on is null")),
    )  # fmt: skip
    item_id: str = Field(primary_key=True, foreign_key="content_items.id")
    ticket_id: str = Field(primary_key=True)
    at: datetime
    source: str
    renewed_on: date | None = None


class ContentVote(Table, table=True):
    """Whether an item helped a reader, as they said last."""

    __tablename__ = "content_votes"
    item_id: str = Field(primary_key=True, foreign_key="content_items.id")
    voter: str = Field(primary_key=True)
    helpful: bool
    at: datetime
    source: str


class EvidencePass(Table, table=True):
    """One look at all evidence: items, pieces that count, items that these make stale."""

    __tablename__ = "evidence_passes"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    at: datetime
    items: int
    evidence: int
    stale: int
    seconds: float
