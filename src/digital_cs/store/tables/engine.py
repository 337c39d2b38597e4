"""The tables of the engine: programs, enrollments, the ledger, and what people are asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Computed, Identity, Index, Text, text
from sqlmodel import Field

from digital_cs.store.tables.base import Table, json_column, texts_column


class Program(Table, table=True):
    """A program that was published; its states are those of `store.programs.State`."""

    __tablename__ = "programs"
    id: str = Field(primary_key=True)
    state: str
    version: int
    changed_at: datetime


class ProgramVersion(Table, table=True):
    """One immutable version. `listens` are the keys that may wake its enrollments, `reads` what of
    an account its conditions look at."""

    __tablename__ = "program_versions"
    program_id: str = Field(primary_key=True, foreign_key="programs.id")
    number: int = Field(primary_key=True)
    content_hash: str
    spec: dict[str, Any] = Field(sa_column=json_column())
    first_step: str
    event_names: list[str] = Field(sa_column=texts_column())
    listens: list[str] = Field(sa_column=texts_column())
    reads: dict[str, Any] = Field(sa_column=json_column())
    published_at: datetime


class Enrollment(Table, table=True):
    """One account in one program, pinned to a version. `nth` counts re-entries.

    `plans_*` is the message that it will send next, as far as that is known: what the attention
    budget keeps room for (P17).
    """

    __tablename__ = "enrollments"
    __table_args__ = (
        Index("uq_enrollments_inside", "program_id", "account_id", unique=True,
              postgresql_where=text("ended_at is null")),
        Index("ix_enrollments_wake_at", "wake_at", postgresql_where=text("ended_at is null")),
        Index("ix_enrollments_account_id", "account_id"),
    )  # fmt: skip
    id: str = Field(primary_key=True)
    program_id: str = Field(foreign_key="programs.id")
    version: int
    account_id: str = Field(foreign_key="accounts.id")
    nth: int
    source: str
    paused: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    started_at: datetime
    step: str
    visit: int
    entered_at: datetime
    position: dict[str, Any] = Field(sa_column=json_column())
    wake_at: datetime | None = None
    label: str = Field(default="", sa_column_kwargs={"server_default": ""})
    next_label: str = Field(default="", sa_column_kwargs={"server_default": ""})
    listens: list[str] = Field(sa_column=texts_column())
    revision: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    exit_because: str | None = None
    skip_visit: int | None = None
    not_before: datetime | None = None
    skip_due_before: datetime | None = None
    ended_at: datetime | None = None
    ending: str | None = None
    because: str | None = None
    touched_at: datetime
    plans_at: datetime | None = None
    plans_priority: str | None = None
    plans_contact: str | None = None
    plans_email: str | None = None


class Outbox(Table, table=True):
    """A wish to start or wake a workflow, committed together with its cause."""

    __tablename__ = "outbox"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    kind: str
    enrollment_id: str
    created_at: datetime = Field(sa_column_kwargs={"server_default": text("clock_timestamp()")})


ONE_OWNER = "num_nonnulls(enrollment_id, broadcast_id) = 1"
"""A message, and what was decided of it, is of an enrollment or of a broadcast."""


OPEN_STATE = (
    "case when state in ('unknown', 'failed') or state = 'claimed' and broadcast_id is null"
    " then state end"
)


class Message(Table, table=True):
    """The ledger: one row a message, written before the server is spoken to (P13).

    `claim_until` is real time; every other moment is business time. Those of a broadcast are in
    chunks, each of which one activity sends; `variant` is which of its texts they get.

    A row of a broadcast is written when it is frozen, claimed and settled. No index is over what
    those two change, and pages are filled so that there is room for it: then the row stays where
    it is, and no index is written ("heap only tuples"). This is why budgets look by `useful_until`
    (nothing is claimed after it), and why what somebody may have to look at has a column of its
    own, `open_state`, that is empty of all else.
    """

    __tablename__ = "messages"
    __table_args__ = (
        CheckConstraint(ONE_OWNER, name="ck_messages_owner"),
        Index("ix_messages_visit", "enrollment_id", "visit",
              postgresql_where=text("enrollment_id is not null")),
        Index("ix_messages_broadcast", "broadcast_id", "chunk",
              postgresql_where=text("broadcast_id is not null")),
        Index("ix_messages_account", "account_id", "useful_until"),
        Index("ix_messages_contact", "contact_id", "useful_until"),
        # By a hash: they are long, in no order, and only asked for one by one.
        Index("ix_messages_message_id", text("lower(message_id)"), postgresql_using="hash",
              postgresql_where=text("message_id is not null")),
        Index("ix_messages_open", "open_state",
              postgresql_where=text("open_state is not null")),
    )  # fmt: skip
    key: str = Field(primary_key=True)
    enrollment_id: str | None = Field(default=None, foreign_key="enrollments.id")
    program_id: str | None = None
    version: int | None = None
    step: str | None = None
    visit: int | None = None
    broadcast_id: str | None = None  # without a foreign key: a million would be checked one by one
    chunk: int | None = None
    variant: str = Field(default="", sa_column_kwargs={"server_default": ""})
    account_id: str
    contact_id: str | None = None
    email: str
    kind: str
    priority: str
    topic: str | None = None
    policy: int | None = None
    state: str
    due_at: datetime
    useful_until: datetime | None = None
    zone: str | None = None
    zone_source: str | None = None
    attempts: int = 0
    retry_at: datetime | None = None
    claimed_at: datetime | None = None
    claim_until: datetime | None = None
    claim_token: str | None = None
    settled_at: datetime | None = None
    message_id: str | None = None
    content_hash: str | None = None
    smtp_code: int | None = None
    reason: str | None = None
    detail: str | None = None
    open_state: str | None = Field(
        default=None, sa_column=Column(Text, Computed(OPEN_STATE, persisted=True))
    )


class Decision(Table, table=True):
    """Why something was done or not done, in words (P19). `data_as_of`: age of the data.

    `rule` is what of the policy decided and `policy` its version; `until` a deferral's end.
    """

    __tablename__ = "decisions"
    __table_args__ = (
        CheckConstraint(ONE_OWNER, name="ck_decisions_owner"),
        Index("ix_decisions_account", "account_id", "at"),
        Index("ix_decisions_enrollment", "enrollment_id",
              postgresql_where=text("enrollment_id is not null")),
    )  # fmt: skip
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    at: datetime
    enrollment_id: str | None = None
    broadcast_id: str | None = None
    account_id: str
    program_id: str | None = None
    version: int | None = None
    step: str | None = None
    visit: int | None = None
    contact_id: str | None = None
    verdict: str
    reason: str
    words: str
    data_as_of: datetime | None = None
    rule: str | None = None
    policy: int | None = None
    until: datetime | None = None


class Task(Table, table=True):
    """Something that a person is asked to do. States: open, done, expired, cancelled.

    `kind` is step, of an enrollment, or reply: a contact wrote back, and what they wrote is the
    note. An open reply quiets the whole account (P18). One of kind writing asks for an article, and
    is of no account.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        Index("ix_tasks_replies", "account_id",
              postgresql_where=text("kind = 'reply' and state = 'open'")),
    )  # fmt: skip
    key: str = Field(primary_key=True)
    kind: str = Field(default="step", sa_column_kwargs={"server_default": "step"})
    enrollment_id: str | None = Field(default=None, foreign_key="enrollments.id", index=True)
    program_id: str | None = None
    account_id: str | None = Field(default=None, index=True)
    contact_id: str | None = None
    step: str | None = None
    visit: int | None = None
    title: str
    note: str = ""
    assign_to: str
    state: str
    opened_at: datetime
    due_at: datetime
    closed_at: datetime | None = None
    closed_by: str | None = None


class WebhookCall(Table, table=True):
    """A call to another system. States: planned, delivered, dead (listed, never lost)."""

    __tablename__ = "webhook_calls"
    key: str = Field(primary_key=True)
    enrollment_id: str = Field(foreign_key="enrollments.id")
    program_id: str
    account_id: str
    step: str
    visit: int
    url: str
    state: str
    attempts: int = 0
    retry_at: datetime | None = None
    give_up_at: datetime
    status: int | None = None
    detail: str | None = None
    changed_at: datetime


class Alert(Table, table=True):
    """Something the owner of a program is told, once, while it lasts (P12)."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index("uq_alerts_open", "program_id", "step", "kind", unique=True,
              postgresql_where=text("closed_at is null")),
    )  # fmt: skip
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    program_id: str
    step: str
    kind: str
    owner: str
    words: str
    times: int = 1
    first_at: datetime
    last_at: datetime
    closed_at: datetime | None = None
