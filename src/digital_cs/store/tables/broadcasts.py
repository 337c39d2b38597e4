"""The tables of broadcasts: what goes to many, and how far it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Text, text
from sqlmodel import Field

from digital_cs.store.tables.base import Table, json_column


class Broadcast(Table, table=True):
    """One thing that is sent to many. Its recipients are rows of the ledger, made at the freeze.

    `state` is draft, running, done or cancelled. `approved_hash` is over the sources of what was
    approved, and the plan; `held_because` says what holds all of it. `per_minute` is its own rate.
    With `wished_at` somebody said something that its workflow has not been told yet.
    """

    __tablename__ = "broadcasts"
    id: str = Field(primary_key=True)
    name: str
    owner: str
    spec: dict[str, Any] = Field(sa_column=json_column())
    state: str
    paused: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    per_minute: float | None = None
    created_at: datetime
    changed_at: datetime
    changed_by: str
    approved_hash: str | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None
    frozen_at: datetime | None = None
    recipients: int | None = None
    held_because: str | None = None
    held_since: datetime | None = None
    ended_at: datetime | None = None
    wished_at: datetime | None = None


class BroadcastText(Table, table=True):
    """A text that is no file of the content folder: Markdown with front matter, for a variant."""

    __tablename__ = "broadcast_texts"
    broadcast_id: str = Field(primary_key=True, foreign_key="broadcasts.id")
    variant: str = Field(primary_key=True)
    source: str


class BroadcastChoice(Table, table=True):
    """Which variant an account gets, with values of its own that the text may print as traits.

    An account without a row gets the variant ''; `contact_id` '' stands for all of its people.
    """

    __tablename__ = "broadcast_choices"
    broadcast_id: str = Field(primary_key=True, foreign_key="broadcasts.id")
    account_id: str = Field(primary_key=True)
    contact_id: str = Field(default="", sa_column=Column(Text, primary_key=True, server_default=""))
    variant: str = Field(default="", sa_column_kwargs={"server_default": ""})
    traits: dict[str, Any] = Field(sa_column=json_column())
