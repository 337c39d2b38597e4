"""The tables of reminding: who is asked to look at which item, and what mail they got."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, Identity, Index, text
from sqlmodel import Field

from digital_cs.store.tables.base import Table, texts_column


class ReviewCase(Table, table=True):
    """That an item has to be looked at, and whose turn it is. One open case an item.

    `holder` is the name that content states for whose turn it is, `reviewer` their address in
    small letters; both null when nobody can be asked. `in_line` says what their next digest tells.
    `relayed` is the last revision that the case's workflow was woken for.
    """

    __tablename__ = "review_cases"
    __table_args__ = (
        Index("uq_review_cases_item_id", "item_id", unique=True,
              postgresql_where=text("ended_at is null")),
        Index("ix_review_cases_reviewer", "reviewer", postgresql_where=text("ended_at is null")),
        Index("ix_review_cases_next_at", "next_at", postgresql_where=text("ended_at is null")),
        Index("ix_review_cases_unrelayed", "id", postgresql_where=text("relayed < revision")),
        Index("ix_review_cases_opened_for", "opened_for", "opened_at"),
    )  # fmt: skip
    id: str = Field(primary_key=True)
    item_id: str = Field(foreign_key="content_items.id")
    opened_at: datetime
    opened_because: str
    opened_for: str | None = None
    owner: str | None = None
    assigned: str | None = None
    rung: str
    holder: str | None = None
    reviewer: str | None = None
    in_line: str | None = None
    in_line_since: datetime | None = None
    told_at: datetime | None = None
    reminded_at: datetime | None = None
    unreachable: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    snoozed_at: datetime | None = None
    snoozed_until: datetime | None = None
    at_once_at: datetime | None = None
    next_at: datetime | None = None
    ended_at: datetime | None = None
    ended_as: str | None = None
    revision: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    relayed: int = Field(default=0, sa_column_kwargs={"server_default": "0"})


class ReviewStep(Table, table=True):
    """One thing that happened to a case: what, by or to whom, and in words."""

    __tablename__ = "review_steps"
    __table_args__ = (Index("ix_review_steps_case_id", "case_id", "id"),)
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    case_id: str = Field(foreign_key="review_cases.id")
    at: datetime
    kind: str
    who: str | None = None
    words: str


class ColleagueMail(Table, table=True):
    """One mail to a colleague: written before it is handed over, and never handed over twice.

    States: claimed, planned (refused for now: tried again), accepted, failed, unknown. `about`
    holds the ids of what it tells of.
    """

    __tablename__ = "colleague_mails"
    __table_args__ = (
        Index("ix_colleague_mails_reviewer", "reviewer", "created_at"),
        Index("ix_colleague_mails_unsettled", "state",
              postgresql_where=text("state in ('claimed', 'planned', 'unknown')")),
    )  # fmt: skip
    key: str = Field(primary_key=True)
    kind: str
    reviewer: str
    subject: str
    about: list[str] = Field(sa_column=texts_column())
    state: str
    attempts: int
    created_at: datetime
    claimed_at: datetime
    claim_until: datetime | None = None
    claim_token: str | None = None
    retry_at: datetime | None = None
    settled_at: datetime | None = None
    message_id: str
    code: int | None = None
    detail: str = Field(default="", sa_column_kwargs={"server_default": ""})
