"""A warehouse's copy of Zendesk is read, whatever the warehouse did to its names."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import FastClock
from digital_cs.domain.timing.zone import load_zone
from digital_cs.errors import UsageError
from digital_cs.ingest.support.zendesk_warehouse import Imported, Warehouse, import_warehouse
from digital_cs.ingest.support.zendesk_zones import ZONES, zone_of
from digital_cs.store.database import pool as pools
from digital_cs.store.product import sources
from digital_cs.store.support import tickets
from digital_cs.store.support.tickets import TicketRecord
from tests import rig

STOPPED = FastClock(rig.MONDAY, datetime(2999, 1, 1, tzinfo=UTC), 1.0)
SAMPLES = rig.ROOT.parent / "shared" / "samples" / "zendesk-warehouse"

TICKETS = """\
id,_fivetran_synced,created_at,description,organization_id,priority,requester_id,status,subject,updated_at
1,2026-03-02 02:00:00.1,2026-02-01 09:00:00,d1,70,urgent,5,closed,s1,2026-02-20 09:00:00.000
2,2026-03-02 02:00:00.1,2026-02-02 09:00:00,d2,,,6,hold,s2,2026-02-21 09:00:00 UTC
3,2026-03-02 02:00:00.1,2026-02-03 09:00:00,d3,71,medium,5,deleted,s3,2026-02-22T09:00:00Z
4,2026-03-02 02:00:00.1,2026-02-04 09:00:00,d4,72,,,pending,s4,2026-02-23 09:00:00+00
5,2026-03-02 02:00:00.1,,d5,72,,,open,s5,2026-02-23 09:00:00
"""
TABLES = {
    "ticket_data": TICKETS,
    "ticket_tag_data": "tag,ticket_id\nvip,1\nvip,1\nbilling,1\n,2\n",
    "ticket_field_history_data": (
        "field_name,ticket_id,updated,value\nstatus,1,2026-02-12 09:00:00,closed\n"
        "status,1,2026-02-11 09:00:00,solved\nstatus,1,2026-02-10 09:00:00,open\n"
        "status,1,2026-02-05 09:00:00,solved\npriority,1,2026-02-05 10:00:00,solved\n"
        "status,1,2026-02-11 09:00:00,solved\nstatus,1,never,open\n"
    ),
    "user_data": (
        "id,email,time_zone,_fivetran_deleted\n5,Ada@acme.test,Pacific Time (US & Canada),FALSE\n"
        "6,eve@gone.test,London,TRUE\n7,bob@acme.test,Mars,\n"
    ),
    "organization_data": "id,external_id,name\n70,acme,Acme\n",
    "domain_name_data": (
        "index,organization_id,domain_name\n0,72,globex.test\n1,72,gmail.com\n0,70,x.test\n"
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in TABLES.items():
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


@pytest.fixture
async def pool(database: str) -> AsyncIterator[AsyncConnectionPool[Any]]:
    async with pools.opened(database, 2) as opened:
        yield opened


async def load(pool: AsyncConnectionPool[Any], folder: Path, **options: Any) -> Imported:
    return await import_warehouse(pool, STOPPED, folder, **{"text_days": 180, **options})


async def accounts(connection: AsyncConnection[Any]) -> None:
    await connection.execute(
        "insert into accounts (id, name, domains, created_at, updated_at) values"
        " ('acme', 'Acme', '{}', now(), now()), ('globex', 'Globex', '{globex.test}', now(), now())"
    )


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def test_tickets_come_with_what_the_tables_beside_them_say(
    pool: AsyncConnectionPool[Any], connection: AsyncConnection[Any], folder: Path
) -> None:
    await accounts(connection)
    done = await load(pool, folder)
    assert (done.new, done.unmatched, done.refused, done.absent) == (4, 1, 1, ())
    assert done.problems == (
        "ticket_data.csv, line 6: Ticket 5 has no created_at that can be read: write it like"
        " 2026-03-02T09:00:00Z.",
    )
    one, two, three, four = [await tickets.find(connection, f"zendesk:{n}") for n in "1234"]
    assert one is not None
    assert (one.account_id, one.matched_by, one.severity) == ("acme", "organization", "urgent")
    assert (one.tags, one.subject, one.body) == (["billing", "vip"], "s1", "d1")
    assert one.solved_at == moment("2026-02-11 09:00"), "the last time that it was not over before"
    assert two is not None
    assert (two.account_id, two.status, two.severity, two.tags) == (None, "hold", None, [])
    assert three is not None
    assert (three.status, three.subject) == ("deleted", None)
    assert four is not None
    assert (four.account_id, four.status) == ("globex", "pending")


async def test_it_is_complete_to_its_newest_update_or_as_it_is_said(
    pool: AsyncConnectionPool[Any], connection: AsyncConnection[Any], folder: Path
) -> None:
    assert (await load(pool, folder)).complete_through == moment("2026-02-23 09:00")
    again = await load(pool, folder, through=moment("2026-03-02 02:00"))
    assert (again.new, again.updated, again.same) == (0, 0, 4)
    source = await sources.get(connection, "zendesk")
    assert source is not None
    assert source.complete_through == moment("2026-03-02 02:00")
    assert (source.kind, source.received, source.refused) == ("warehouse", 8, 2)


async def test_headers_come_quoted_in_capitals_and_with_a_mark_at_the_beginning(
    pool: AsyncConnectionPool[Any], connection: AsyncConnection[Any], folder: Path
) -> None:
    head, _, rest = TICKETS.partition("\n")
    loud = ",".join(f'"""{name.upper()}"""' for name in head.split(","))
    (folder / "ticket_data.csv").unlink()
    (folder / "TICKET.csv").write_text(f"\ufeff{loud}\n{rest}", encoding="utf-8")
    (folder / "ticket_tag_data.csv").unlink()
    (folder / "ticket_tag_data_snowflake.csv").write_text('"TAG",TICKET_ID\nvip,1\n')
    assert (await load(pool, folder)).new == 4
    found = await tickets.find(connection, "zendesk:1")
    assert found is not None
    assert (found.severity, found.tags) == ("urgent", ["vip"])


async def test_only_the_tickets_are_needed(pool: AsyncConnectionPool[Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no table of tickets"):
        Warehouse(tmp_path)
    (tmp_path / "tickets.csv").write_text("id,status\n1,open\n")
    with pytest.raises(UsageError, match="no column created_at, updated_at"):
        await load(pool, tmp_path)
    (tmp_path / "tickets.csv").write_text(TICKETS)
    done = await load(pool, tmp_path)
    assert (done.new, len(done.absent)) == (4, 5)


async def test_a_zone_is_given_on_demand_and_only_where_none_is_known(
    pool: AsyncConnectionPool[Any], connection: AsyncConnection[Any], folder: Path
) -> None:
    await connection.execute(
        "insert into contacts (id, email, zone, created_at, updated_at) values"
        " ('ada', 'ada@acme.test', null, now(), now()),"
        " ('ada2', 'ADA@acme.test', 'Asia/Tokyo', now(), now()),"
        " ('bob', 'bob@acme.test', null, now(), now())"
    )
    assert (await load(pool, folder)).zones == 0
    assert (await load(pool, folder, zones=True)).zones == 1
    cursor = await connection.execute("select zone from contacts order by id")
    assert await cursor.fetchall() == [("America/Los_Angeles",), ("Asia/Tokyo",), (None,)]


def test_every_zone_of_zendesk_is_one_of_the_world() -> None:
    for zone in ZONES.values():
        load_zone(zone)
    assert zone_of("Pacific Time (US & Canada)") == "America/Los_Angeles"
    assert zone_of("Middle Earth") is None


async def test_the_samples_of_a_real_warehouse_come_in(
    pool: AsyncConnectionPool[Any], connection: AsyncConnection[Any]
) -> None:
    if not SAMPLES.is_dir():
        pytest.skip(f"the samples of a real warehouse are not here: {SAMPLES}")
    done = await load(pool, SAMPLES, text_days=36_500)
    assert (done.new, done.refused, done.absent) == (10, 0, ())
    cursor = await connection.execute("select status, count(*) from tickets group by 1 order by 1")
    assert await cursor.fetchall() == [("closed", 7), ("deleted", 2), ("solved", 1)]
    solved = await tickets.find(connection, "zendesk:11071")
    assert solved is not None
    assert (solved.severity, solved.solved_at) == ("urgent", moment("2020-11-14 11:01:27"))
    assert await load(pool, SAMPLES, text_days=36_500) == Imported(
        10, 0, 0, 0, 10, 8, 0, 0, (), (), done.complete_through
    )
    for number, zone in enumerate(Warehouse(SAMPLES).rows("user"), 2):
        assert zone_of(zone["time_zone"]), f"user_data.csv, line {number}"


def test_variants_of_the_same_table_read_alike(tmp_path: Path) -> None:
    if not SAMPLES.is_dir():
        pytest.skip(f"the samples of a real warehouse are not here: {SAMPLES}")
    (tmp_path / "ticket_data.csv").write_bytes((SAMPLES / "ticket_data.csv").read_bytes())
    users = (SAMPLES / "user_data_snowflake.csv").read_bytes()
    (tmp_path / "user_data_snowflake.csv").write_bytes(users)
    warehouse = Warehouse(tmp_path)
    assert "user" not in warehouse.absent
    assert {row["active"] for row in warehouse.rows("user")} == {"TRUE"}
    assert all(isinstance(each, TicketRecord) for each in warehouse.tickets())
