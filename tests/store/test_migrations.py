"""Migrations: from empty, from every earlier release with data in it, twice, at once, and back."""

from __future__ import annotations

import concurrent.futures
import uuid
from datetime import UTC, datetime

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from digital_cs.stack.postgres import PostgresServer
from digital_cs.store import revision
from digital_cs.store.migrate import MIGRATIONS, current, head, migrate, sqlalchemy_url
from digital_cs.store.revision import DatabaseAheadError, DatabaseBehindError
from digital_cs.store.tables import Table

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def _script() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return ScriptDirectory.from_config(config)


OF_ENROLLMENTS = ["enrollment_id", "program_id", "version", "step", "visit"]
"""What messages have all of, or none, if they are a broadcast's."""

PARTITIONS = {"one_day", "usage_days_open", "usage_days_settled"}
"""Rows come into them by the tables that they are parts of."""

REVISIONS = [each.revision for each in reversed(list(_script().walk_revisions()))]
"""Every revision, oldest first."""


@pytest.fixture
def empty(postgres: PostgresServer) -> str:
    """URL of a database with nothing in it."""
    return postgres.createdb(f"empty-{uuid.uuid4().hex[:12]}")


def _tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("select tablename from pg_tables where schemaname = 'public'")
        return {row[0] for row in rows}


def _fill(url: str) -> dict[str, int]:
    """One row into every table, whatever its columns are at this revision; rows by table."""
    sample = {
        "text": "sample", "integer": 1, "bigint": 1, "boolean": False, "jsonb": "{}",
        "timestamp with time zone": NOW, "date": NOW.date(), "ARRAY": [], "double precision": 1.0,
        "numeric": 1, "bytea": b"sample",
    }  # fmt: skip
    with psycopg.connect(url) as connection:
        # Foreign keys are of no interest here, and this saves knowing their order.
        connection.execute("set session_replication_role = replica")
        if _is_partitioned(connection, "product_events"):
            connection.execute(
                "create table one_day partition of product_events"
                " for values from ('2026-03-02') to ('2026-03-03')"
            )
        for table in sorted(_tables(url) - {"alembic_version", *PARTITIONS}):
            columns = connection.execute(
                "select column_name, data_type from information_schema.columns"
                " where table_name = %s and table_schema = 'public'"
                " and (is_nullable = 'NO' or table_name in ('messages', 'decisions')"
                "      and column_name = any(%s))"
                " and is_identity = 'NO' order by ordinal_position",
                (table, OF_ENROLLMENTS),
            ).fetchall()
            names = ", ".join(name for name, _ in columns)
            places = ", ".join(["%s"] * len(columns))
            connection.execute(
                f"insert into {table} ({names}) values ({places})",
                [sample[kind] for _, kind in columns],
            )
        return _counts(connection, _tables(url) - {"alembic_version"})


def _is_partitioned(connection: psycopg.Connection, table: str) -> bool:
    found = connection.execute(
        "select 1 from pg_partitioned_table where partrelid = %s::regclass", (table,)
    )
    return found.fetchone() is not None


def _counts(connection: psycopg.Connection, tables: set[str]) -> dict[str, int]:
    found = {}
    for table in sorted(tables):
        row = connection.execute(f"select count(*) from {table}").fetchone()
        assert row is not None
        found[table] = row[0]
    return found


def test_an_empty_database_comes_to_the_newest_revision(empty: str) -> None:
    assert current(empty) is None
    assert migrate(empty) == (None, head())
    assert current(empty) == head()
    assert {table.name for table in Table.metadata.sorted_tables} < _tables(empty)


@pytest.mark.parametrize("earlier", REVISIONS)
def test_the_data_of_every_earlier_revision_survives(empty: str, earlier: str) -> None:
    migrate(empty, to=earlier)
    before = _fill(empty)

    assert migrate(empty) == (earlier, head())

    with psycopg.connect(empty) as connection:
        after = _counts(connection, set(before) & _tables(empty))
    assert after == {table: before[table] for table in after}
    assert "accounts" in after


def test_migrating_twice_changes_nothing(database: str) -> None:
    assert migrate(database) == (head(), head())


def test_two_migrators_at_once_wait_for_each_other(empty: str) -> None:
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        done = list(threads.map(lambda _: migrate(empty), range(4)))

    assert sorted(done, key=str) == sorted([(None, head()), *[(head(), head())] * 3], key=str)


def test_a_database_that_a_newer_release_migrated_is_left_alone(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("update alembic_version set version_num = '9999'")

    with pytest.raises(DatabaseAheadError, match=r"revision 9999.* Install that release, or"):
        migrate(database)
    assert current(database) == "9999"


def test_what_a_worker_needs_is_said_for_every_state_of_a_database() -> None:
    revision.require_newest(head())
    with pytest.raises(DatabaseBehindError, match=r"at nothing.*digital-cs migrate"):
        revision.require_newest(None)
    with pytest.raises(DatabaseAheadError, match="9999"):
        revision.require_newest("9999")


async def test_the_revision_is_told_without_loading_what_migrates(
    connection: psycopg.AsyncConnection, empty: str
) -> None:
    assert revision.known_revisions() == REVISIONS
    assert await revision.current(connection) == head()
    async with await psycopg.AsyncConnection.connect(empty, autocommit=True) as other:
        assert await revision.current(other) is None


def test_the_tables_in_the_code_are_those_that_the_migrations_make(database: str) -> None:
    engine = create_engine(sqlalchemy_url(database))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, _kind, _parents: name not in PARTITIONS,
            },
        )
        assert compare_metadata(context, Table.metadata) == []
    engine.dispose()


def test_every_migration_can_be_taken_back(empty: str) -> None:
    migrate(empty)
    engine = create_engine(sqlalchemy_url(empty))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    engine.dispose()

    assert _tables(empty) == {"alembic_version"}
    assert migrate(empty) == (None, head())
