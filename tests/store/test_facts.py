"""Facts: what the rules of a version read of an account is loaded for them, and no more."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.domain.account import UsageDay
from digital_cs.domain.rules.condition import Verdict
from digital_cs.store.database.pool import CountingConnection, opened
from digital_cs.store.product.usage import UsageRecord, save_usage
from digital_cs.store.rules import triggers
from tests import rig
from tests.store.rule_strategies import READ
from tests.store.touching import ACME, ADA, enrolled, load

Connection = AsyncConnection[Any]
NOW = rig.MONDAY

RULES: dict[str, dict[str, Any]] = {
    "usage": {"usage": "login", "within": "7 days", "at_least": 3},
    "users": {"usage": "any", "measure": "users", "within": "7 days", "at_least": 2},
    "tickets": {"tickets": "open", "severity": "urgent"},
    "subscription": {"subscription": "active", "product": "suite"},
    "segment": {"segment": "small"},
    "program": {"program": "welcome"},
    "contact": {"contact": "champion", "trait": "title", "is": "CTO"},
    "gone": {"gone": "admin"},
    "trigger": {"trigger": "quiet"},
}


async def _fill(connection: Connection) -> None:
    """One of everything that a rule may look at, for ACME."""
    now = rig.MONDAY
    await save_usage(connection, [UsageRecord(ACME, date(2026, 3, 1), "login", 3)], now)
    await connection.execute(
        "update usage_days set user_keys = '{7,9}', users = 2 where account_id = %s", (ACME,)
    )
    await rig.usage_complete(connection, date(2026, 3, 1))
    await connection.execute(
        "insert into sources (name, kind, feeds, complete_through)"
        " values ('desk', 'zendesk', '{tickets}', %s)",
        (now,),
    )
    for ticket, status, days in (("t1", "open", -90), ("t2", "solved", -90), ("t3", "new", -1)):
        await connection.execute(
            "insert into tickets (id, source, account_id, status, severity, opened_at, updated_at)"
            " values (%s, 'desk', %s, %s, 'urgent', %s, %s)",
            (ticket, ACME, status, now + days * timedelta(days=1), now),
        )
    await connection.execute(
        "insert into subscriptions (id, account_id, product, starts_on, mrr, updated_at)"
        " values ('s', %s, 'suite', '2026-01-01', 99.5, %s)",
        (ACME, now),
    )
    await connection.execute(
        "insert into segments (id, version, content_hash, state, changed_at)"
        " values ('small', 1, '', 'kept', %s)",
        (now,),
    )
    await connection.execute(
        "insert into segment_members (segment_id, account_id, since) values ('small', %s, %s)",
        (ACME, now),
    )
    await _fires(connection, "quiet", -5, 0, 1, 2)
    await connection.execute('update contacts set traits = \'{"title": "CTO", "b": 1}\'')
    await connection.execute(
        "insert into memberships (contact_id, account_id, joined_at, left_at, roles)"
        " values (%s, %s, %s, %s, '{admin}')",
        (ADA, ACME, now - timedelta(days=9), now - timedelta(days=8)),
    )


async def _fires(connection: Connection, trigger: str, *hours: int) -> None:
    """The trigger fired for ACME so long after MONDAY."""
    for hour in hours:
        await triggers.record(
            connection, trigger, 1, rig.MONDAY + timedelta(hours=hour), {ACME: ("so", {})}
        )


async def _publish(connection: Connection, *rules: dict[str, Any]) -> None:
    steps = [{"branch": [{"when": rule, "do": [{"end": "so"}]}]} for rule in rules]
    await rig.publish(
        connection, rig.program("welcome", [*steps, {"send": "welcome-trial-1"}]), rig.MONDAY
    )


@pytest.mark.parametrize("kind", RULES)
async def test_what_a_version_reads_is_loaded_for_it(
    connection: Connection, accounts: list[str], kind: str
) -> None:
    await _fill(connection)
    await _publish(connection, RULES[kind])
    rule = READ.validate_python(RULES[kind])

    account = (await enrolled(connection)).account

    later = rig.MONDAY + timedelta(days=1)
    assert rule.verdict(account, rig.MONDAY, later) is Verdict.YES


async def test_what_a_version_does_not_read_is_not_loaded(
    connection: Connection, accounts: list[str]
) -> None:
    await _fill(connection)

    account = (await enrolled(connection)).account

    assert (account.usage, account.tickets, account.subscriptions) == ({}, (), ())
    assert (account.segments, account.programs, account.former_roles) == ({}, {}, frozenset())
    assert account.firings == {}
    assert [contact.traits for contact in account.contacts] == [{}]


async def test_no_more_of_it_is_loaded_than_is_read(
    connection: Connection, accounts: list[str]
) -> None:
    """Not who the users were, no ticket that was solved long ago, no other trait of a contact."""
    await _fill(connection)
    await save_usage(
        connection,
        [UsageRecord(ACME, date(2026, 3, 1), "export", 1),
         UsageRecord(ACME, date(2026, 1, 1), "login", 1)],
        rig.MONDAY,
    )  # fmt: skip
    await _publish(connection, RULES["usage"], RULES["tickets"], RULES["contact"])

    account = (await enrolled(connection)).account

    assert account.usage == {"login": (UsageDay(date(2026, 3, 1), 3, 2, 0.0, None),)}
    assert {ticket.id for ticket in account.tickets} == {"t1", "t3"}
    assert account.tickets_through == rig.MONDAY
    assert [contact.traits for contact in account.contacts] == [{"title": "CTO"}]


async def test_firings_are_loaded_since_the_entry_and_of_each_day_the_first_and_the_last(
    connection: Connection, accounts: list[str]
) -> None:
    await _fill(connection)
    await _fires(connection, "spike", 3)
    await _fires(connection, "quiet", 3, 26)
    await _publish(connection, RULES["trigger"])

    account = (await enrolled(connection)).account

    moments = {rig.MONDAY + timedelta(hours=hour) for hour in (1, 3, 26)}
    assert {name: set(found) for name, found in account.firings.items()} == {"quiet": moments}


async def test_whatever_is_read_is_one_round_trip(
    database: str, connection: Connection, accounts: list[str]
) -> None:
    await _fill(connection)
    await _publish(connection, *RULES.values())
    await enrolled(connection)
    async with opened(database, 1, counting=True) as pool, pool.connection() as counted:
        before = CountingConnection.round_trips
        account = (await load(counted)).account
        assert CountingConnection.round_trips - before == 1
    assert account.usage
    assert account.tickets
    assert account.programs == {"welcome": {"inside"}}


async def test_a_rule_is_judged_for_the_moment_for_which_a_touch_was_planned(
    connection: Connection, accounts: list[str]
) -> None:
    """Which may be of the day before the one on which it is loaded."""
    await save_usage(connection, [UsageRecord(ACME, date(2026, 2, 23), "login", 3)], rig.MONDAY)
    await _publish(connection, RULES["usage"])
    rule = READ.validate_python(RULES["usage"])
    planned = rig.MONDAY.replace(hour=0) - timedelta(seconds=1)

    account = (await enrolled(connection)).account

    assert rule.verdict(account, planned, planned) is Verdict.YES


async def test_a_mere_count_of_a_day_is_an_event_of_the_days_beginning(
    connection: Connection, accounts: list[str]
) -> None:
    """P9: who loads usage by day tells no moment, and is not taken for one who told nothing."""
    days = [UsageRecord(ACME, date(2026, 3, day), "login", 3) for day in (2, 4)]
    await save_usage(connection, [*days, UsageRecord(ACME, date(2026, 3, 3), "login", 0)], NOW)
    rule = READ.validate_python({"event": "login"})
    await _publish(connection, {"event": "login"})

    account = (await enrolled(connection)).account

    assert [event.at for event in account.events] == [datetime(2026, 3, 4, tzinfo=UTC)]
    assert rule.verdict(account, NOW, NOW) is Verdict.NO
    assert rule.verdict(account, NOW, NOW + timedelta(days=2)) is Verdict.YES
