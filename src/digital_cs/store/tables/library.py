"""The tables of the library: items of content, where they come from, and who looked at them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Index, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from digital_cs.store.tables.base import Table, json_column, texts_column


class ContentSource(Table, table=True):
    """Where content is imported from, with the mapping of its files. `revision`: a git commit."""

    __tablename__ = "content_sources"
    name: str = Field(primary_key=True)
    kind: str
    location: str
    options: dict[str, Any] = Field(sa_column=json_column())
    revision: str | None = None
    created_at: datetime
    imported_at: datetime | None = None


class ContentItem(Table, table=True):
    """One piece of content. The id is permanent; `locator` is its place in its source.

    When it is due is not kept: it follows from these columns by the rules of the domain.
    `renewed_on`, `stale_on` and what follows are kept by the pass over evidence alone.
    """

    __tablename__ = "content_items"
    __table_args__ = (
        Index("uq_content_items_locator", "source", "locator", unique=True,
              postgresql_where=text("retired_at is null")),
        Index("ix_content_items_source", "source"),
        Index("ix_content_items_locator", "locator"),
        Index("ix_content_items_url", "url"),
    )  # fmt: skip
    id: str = Field(primary_key=True)
    source: str = Field(foreign_key="content_sources.name")
    locator: str
    kind: str
    title: str
    added_on: date
    edited_at: datetime
    version: int
    content_hash: str
    sketch: list[int] = Field(
        sa_column=Column(ARRAY(BigInteger), nullable=False, server_default=text("'{}'::bigint[]"))
    )
    stated_id: str | None = None
    url: str | None = None
    owner: str | None = None
    backup: str | None = None
    topic: str | None = None
    area: str | None = None
    volatility: str
    review_every: str | None = None
    evergreen_because: str | None = None
    stated_on: date | None = None
    reviewed_on: date | None = None
    first_due_on: date | None = None
    blocked_because: str | None = None
    blocked_by: str | None = None
    blocked_at: datetime | None = None
    retired_because: str | None = None
    retired_by: str | None = None
    retired_at: datetime | None = None
    renewed_on: date | None = None
    stale_on: date | None = None
    stale_because: str | None = None
    evidence_weight: float = Field(default=0.0, sa_column_kwargs={"server_default": "0"})


class ContentVersion(Table, table=True):
    """What an item was from a moment on: the hash of its text, its title, its place."""

    __tablename__ = "content_versions"
    item_id: str = Field(primary_key=True, foreign_key="content_items.id")
    version: int = Field(primary_key=True)
    content_hash: str
    title: str
    locator: str
    seen_at: datetime


class ContentUse(Table, table=True):
    """That an item is shown by another: `how` is includes, sends or uses, as the other one does."""

    __tablename__ = "content_uses"
    __table_args__ = (Index("ix_content_uses_by_id", "by_id"),)
    item_id: str = Field(primary_key=True, foreign_key="content_items.id")
    by_id: str = Field(primary_key=True, foreign_key="content_items.id")
    how: str = Field(primary_key=True)


class ContentReview(Table, table=True):
    """That somebody looked at an item. `via` is person, or source: its date tells of it."""

    __tablename__ = "content_reviews"
    __table_args__ = (
        Index("ix_content_reviews_item_id", "item_id", "reviewed_on"),
        Index("uq_content_reviews_via_source", "item_id", "reviewed_on", unique=True,
              postgresql_where=text("via = 'source'")),
    )  # fmt: skip
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    item_id: str = Field(foreign_key="content_items.id")
    reviewed_on: date
    reviewed_by: str
    changed: bool
    checked: list[str] = Field(sa_column=texts_column())
    note: str = Field(default="", sa_column_kwargs={"server_default": ""})
    via: str
    version: int
    recorded_at: datetime
