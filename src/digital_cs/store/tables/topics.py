"""The tables of topics: their rules, the topics of tickets, and proposals."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, Identity, Index, Integer, LargeBinary
from sqlmodel import Field

from digital_cs.store.tables.base import Table, json_column, texts_column


class TopicVersion(Table, table=True):
    """Topics as they were published. `assigned_through` is the last ticket that was looked at
    again by this version, `assigned_at` when all were."""

    __tablename__ = "topic_versions"
    version: int = Field(primary_key=True)
    content_hash: str
    spec: dict[str, Any] = Field(sa_column=json_column())
    published_at: datetime
    assigned_through: str = Field(default="", sa_column_kwargs={"server_default": ""})
    assigned_at: datetime | None = None


class NamedTopic(Table, table=True):
    """A topic that a person made of a proposal. One of the same id in topics.yaml goes before."""

    __tablename__ = "named_topics"
    topic: str = Field(primary_key=True)
    spec: dict[str, Any] = Field(sa_column=json_column())
    proposal: int
    named_by: str
    named_at: datetime


class TicketTopic(Table, table=True):
    """Why a ticket has its topic. `by`: person, source, rule, proposal or learned.

    `words` are those of a rule, a tag or the model: never what stands in the ticket beside them.
    Without a topic, a person said that it is of none.
    """

    __tablename__ = "ticket_topics"
    __table_args__ = (Index("ix_ticket_topics_topic", "topic", "by"),)
    ticket: str = Field(primary_key=True)
    topic: str | None = None
    by: str
    rule: int | None = None
    words: list[str] = Field(sa_column=texts_column())
    sure: float | None = None
    version: int | None = None
    model: int | None = None
    proposal: int | None = None
    person: str | None = None
    at: datetime


class TopicModelRow(Table, table=True):
    """What was learned from tickets that rules and people assigned. The newest is in use."""

    __tablename__ = "topic_models"
    id: int | None = Field(default=None, sa_column=Column(Integer, Identity(), primary_key=True))
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    tickets: int
    topics: list[str] = Field(sa_column=texts_column())
    version: int
    learned_at: datetime


class TopicProposal(Table, table=True):
    """Tickets that no topic catches and that are alike. States: open, named, merged, refused, gone.

    `part_of` is the topic or, as "#7", the proposal that it became part of.
    """

    __tablename__ = "topic_proposals"
    id: int | None = Field(default=None, sa_column=Column(Integer, Identity(), primary_key=True))
    state: str
    words: list[str] = Field(sa_column=texts_column())
    typical: list[str] = Field(sa_column=texts_column())
    cohesion: float
    part_of: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    first_seen_at: datetime
    last_seen_at: datetime


class TopicProposalMember(Table, table=True):
    """A ticket of a proposal."""

    __tablename__ = "topic_proposal_members"
    __table_args__ = (Index("ix_topic_proposal_members_ticket", "ticket"),)
    proposal: int = Field(primary_key=True, foreign_key="topic_proposals.id")
    ticket: str = Field(primary_key=True)


class TopicCoverage(Table, table=True):
    """That a topic was covered: on which day, and by what: an issue of a newsletter, or by hand."""

    __tablename__ = "topic_coverage"
    topic: str = Field(primary_key=True)
    covered_on: date = Field(primary_key=True)
    by: str = Field(primary_key=True)
    note: str = Field(default="", sa_column_kwargs={"server_default": ""})
    recorded_at: datetime


class WritingTask(Table, table=True):
    """What a task to write an article is about. Its samples are ids: texts stay with tickets."""

    __tablename__ = "writing_tasks"
    task: str = Field(primary_key=True, foreign_key="tasks.key")
    topic: str
    tickets: list[str] = Field(sa_column=texts_column())


class ContentText(Table, table=True):
    """What stands in an article, kept to find it by what customers ask."""

    __tablename__ = "content_texts"
    item_id: str = Field(primary_key=True, foreign_key="content_items.id")
    content_hash: str
    headings: list[str] = Field(sa_column=texts_column())
    body: str
