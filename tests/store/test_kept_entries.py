"""Entry marks of an earlier release become members of kept rules, and go back to marks."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from psycopg import AsyncConnection
from sqlalchemy import create_engine

from digital_cs.catalog.programs import program_to_json
from digital_cs.stack.postgres import PostgresServer
from digital_cs.store.migrate import MIGRATIONS, migrate, sqlalchemy_url
from digital_cs.store.programs.programs import keep_all_entries
from digital_cs.store.rules.segments import kept
from tests import rig

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
PROGRAM = rig.program(
    "p", [{"wait": "1 day"}],
    enter={"when": [
        {"event": "login"}, {"segment": {"trait": "plan", "is": "pro"}},
        {"date": "renewal_on", "shift": "90 days before"}, {"date": "renewal_on"},
    ]},
)  # fmt: skip
MARKS = [
    ("a", "segment 1", NOW), ("a", "90 days before renewal_on 2026-05-01", NOW),
    ("b", "renewal_on 2026-03-02", NOW - timedelta(days=1)), ("b", "segment 7", NOW),
]  # fmt: skip


@pytest.fixture
def earlier(postgres: PostgresServer) -> str:
    """URL of a database of the first release, with a program and its marks."""
    url = postgres.createdb(f"earlier-{uuid.uuid4().hex[:12]}")
    migrate(url, to="0001")
    with psycopg.connect(url) as connection:
        connection.execute(
            "insert into accounts (id, name, created_at, updated_at) select x, x, %s, %s"
            " from unnest(%s::text[]) x", (NOW, NOW, ["a", "b"]),
        )  # fmt: skip
        connection.execute(
            "insert into programs (id, state, version, changed_at) values ('p', 'running', 1, %s)",
            (NOW,),
        )
        connection.execute(
            "insert into program_versions (program_id, number, content_hash, spec, first_step,"
            " published_at) values ('p', 1, '', %s, '', %s)",
            (json.dumps(program_to_json(PROGRAM)), NOW),
        )
        for mark in MARKS:
            connection.execute("insert into entry_marks values ('p', %s, %s, %s)", mark)
    return url


def _rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def test_marks_become_members_and_go_back(earlier: str) -> None:
    migrate(earlier)
    query = "select segment_id, account_id, mark, since from segment_members order by 1, 2"
    assert _rows(earlier, query) == [
        ("entry:p:1", "a", "", NOW),
        ("entry:p:2", "a", "2026-05-01", NOW),
        ("entry:p:3", "b", "2026-03-02", NOW - timedelta(days=1)),
    ]

    engine, config = create_engine(sqlalchemy_url(earlier)), Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    engine.dispose()
    found = _rows(earlier, "select account_id, mark, at from entry_marks order by 1, 2")
    assert found == sorted(MARKS[:3])


async def test_the_first_keeper_fills_in_what_the_rules_say(earlier: str) -> None:
    migrate(earlier)
    async with await AsyncConnection.connect(earlier, autocommit=True) as connection:
        await keep_all_entries(connection, NOW)
        rows = await kept(connection)
        assert [(row.id, row.version, "trait:plan" in row.reads) for row in rows] == [
            ("entry:p:1", 1, True), ("entry:p:2", 1, False), ("entry:p:3", 1, False),
        ]  # fmt: skip
        cursor = await connection.execute("select count(*) from segment_members")
        assert await cursor.fetchone() == (3,)
        await keep_all_entries(connection, NOW)
        assert await kept(connection) == rows
