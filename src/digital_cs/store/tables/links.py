"""The tables of links: where they stand, how they are doing, and what live pages said."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Column, Identity, Index, text
from sqlmodel import Field

from digital_cs.store.tables.base import Table


class Link(Table, table=True):
    """A link of an item, by line. `kind`: link; page, the item's own live page; found, a link that
    stands on that page. The last two have line 0.

    No foreign key: what a link leads to is checked whether or not its item is still there.
    """

    __tablename__ = "links"
    __table_args__ = (Index("ix_links_url", "url"),)
    item_id: str = Field(primary_key=True)
    url: str = Field(primary_key=True)
    line: int = Field(primary_key=True)
    kind: str


class LinkState(Table, table=True):
    """What is known of an address, wherever it stands. Its fields are those of domain Health."""

    __tablename__ = "link_states"
    __table_args__ = (
        Index("ix_link_states_due", "host", "next_check_at"),
        Index("ix_link_states_state", "state"),
    )
    url: str = Field(primary_key=True)
    host: str
    state: str = Field(default="unknown", sa_column_kwargs={"server_default": "unknown"})
    finding: str | None = None
    since: datetime | None = None
    checked_at: datetime | None = None
    next_check_at: datetime | None = None
    tries: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    days: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    failed_on: date | None = None
    put_off: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    status: int | None = None
    detail: str = Field(default="", sa_column_kwargs={"server_default": ""})
    leads_to: str | None = None
    redirect: str | None = None


class LinkHost(Table, table=True):
    """A server that links lead to. Who has claimed it (in real time) is the only one to ask it."""

    __tablename__ = "link_hosts"
    host: str = Field(primary_key=True)
    claimed_by: str | None = None
    claimed_until: datetime | None = None
    left_alone_until: datetime | None = None


class LinkLook(Table, table=True):
    """What one look at an address found. The last ones are kept."""

    __tablename__ = "link_looks"
    __table_args__ = (Index("ix_link_looks_url", "url", "id"),)
    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    url: str
    at: datetime
    finding: str
    status: int | None = None
    detail: str = Field(default="", sa_column_kwargs={"server_default": ""})
    leads_to: str | None = None


class PageState(Table, table=True):
    """The main text of a live page when it was verified, and how it differs now.

    `verified_text` is the first that was seen until somebody verifies another. `changed_at`: the
    look at which the words first differed; null while they say the same.
    """

    __tablename__ = "page_states"
    url: str = Field(primary_key=True)
    verified_at: datetime
    verified_text: str
    seen_at: datetime
    seen_text: str | None = None
    changed_at: datetime | None = None
    similarity: float | None = None
    change: str | None = None
