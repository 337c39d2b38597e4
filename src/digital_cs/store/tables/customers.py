"""The tables of customers: accounts, their people, and what they bought."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field

from digital_cs.store.tables.base import Table, json_column, texts_column


class Account(Table, table=True):
    """A customer. `domains` are its own e-mail domains, lower case."""

    __tablename__ = "accounts"
    __table_args__ = (  # Without a list of late entries: each search would read all of it again.
        Index(
            "ix_accounts_domains",
            "domains",
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        ),
    )
    id: str = Field(primary_key=True)
    name: str
    stage: str | None = None
    managed: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    zone: str | None = None
    country: str | None = None
    traits: dict[str, Any] = Field(sa_column=json_column())
    domains: list[str] = Field(sa_column=texts_column())
    last_active_on: date | None = None
    created_at: datetime
    updated_at: datetime


class Contact(Table, table=True):
    """A person. Without an address nobody can write to them, but what they do still counts.

    `quiet_until` is a pause that they asked for, `fewer` their wish for fewer e-mails.
    """

    __tablename__ = "contacts"
    __table_args__ = (
        Index("ix_contacts_address", text("lower(email)")),
        Index("ix_contacts_domain", text("split_part(lower(email), '@', -1)")),
    )
    id: str = Field(primary_key=True)
    email: str | None = None
    first_name: str = Field(default="", sa_column_kwargs={"server_default": ""})
    full_name: str = Field(default="", sa_column_kwargs={"server_default": ""})
    zone: str | None = None
    language: str | None = None
    active: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    quiet_until: datetime | None = None
    fewer: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    traits: dict[str, Any] = Field(sa_column=json_column())
    created_at: datetime
    updated_at: datetime


class Membership(Table, table=True):
    """A contact in an account, with their roles there. One that is over stays, with its end."""

    __tablename__ = "memberships"
    __table_args__ = (
        Index("uq_memberships_now", "contact_id", "account_id", unique=True,
              postgresql_where=text("left_at is null")),
        Index("ix_memberships_account_id", "account_id"),
    )  # fmt: skip
    contact_id: str = Field(primary_key=True, foreign_key="contacts.id")
    account_id: str = Field(primary_key=True, foreign_key="accounts.id")
    joined_at: datetime = Field(primary_key=True)
    left_at: datetime | None = None
    roles: list[str] = Field(sa_column=texts_column())
    source: str = Field(default="", sa_column_kwargs={"server_default": ""})


class Identity(Table, table=True):
    """Another id that a contact is or was known by. `kind`: anonymous or merged. Once for all."""

    __tablename__ = "identities"
    alias: str = Field(primary_key=True)
    contact_id: str = Field(foreign_key="contacts.id", index=True)
    kind: str
    at: datetime
    source: str = Field(default="", sa_column_kwargs={"server_default": ""})


class Subscription(Table, table=True):
    """Something that an account bought, or tries. `ends_on` is the first day without it."""

    __tablename__ = "subscriptions"
    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id", index=True)
    product: str = Field(default="", sa_column_kwargs={"server_default": ""})
    plan: str | None = None
    starts_on: date
    ends_on: date | None = None
    mrr: Decimal | None = None
    seats: int | None = None
    trial: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    traits: dict[str, Any] = Field(sa_column=json_column())
    source: str = Field(default="", sa_column_kwargs={"server_default": ""})
    updated_at: datetime
