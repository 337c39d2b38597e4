"""The base of all tables, with the column types that they share."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Column, MetaData, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import SQLModel

CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Table(SQLModel):
    """Base of every table; gives constraints stable names."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=CONVENTION)


def json_column(default: str = "{}") -> Any:
    """A JSONB column that is never null."""
    return Column(JSONB, nullable=False, server_default=text(f"'{default}'::jsonb"))


def texts_column() -> Any:
    """A column with a list of texts that is never null."""
    return Column(ARRAY(Text), nullable=False, server_default=text("'{}'::text[]"))
