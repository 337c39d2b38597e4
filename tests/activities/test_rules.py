"""A program's branches may ask for anything that comes in: usage, tickets, people, membership."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests import rig
from tests.activities.house import House

FEEDS = "insert into sources (name, kind, feeds, complete_through) values ('s', 'csv', %s, %s)"
USAGE = "insert into usage_days (account_id, event, day, n) values ('acme', 'login', %s, 3)"
TICKET = (
    "insert into tickets (id, source, account_id, status, severity, opened_at, updated_at)"
    " values ('t', 'desk', 'acme', 'open', 'urgent', %s, %s)"
)
SUBSCRIPTION = (
    "insert into subscriptions (id, account_id, product, starts_on, updated_at)"
    " values ('s', 'acme', 'suite', '2026-01-01', now())"
)
SEGMENT = (
    "with s as (insert into segments (id, version, content_hash, state, changed_at)"
    " values ('small', 1, '', 'kept', %s) returning id)"
    " insert into segment_members (segment_id, account_id, since) select id, 'acme', %s from s"
)
TITLE = """update contacts set traits = '{"title": "CTO"}' where id = 'ada'"""
NOW = rig.MONDAY


@pytest.mark.parametrize(
    ("rule", "statement", "values"),
    [
        ({"usage": "login", "within": "7 days", "at_least": 3}, USAGE, ["2026-03-01"]),
        ({"tickets": "open", "severity": "urgent"}, TICKET, [NOW, NOW]),
        ({"subscription": "active", "product": "suite"}, SUBSCRIPTION, []),
        ({"segment": "small"}, SEGMENT, [NOW, NOW]),
        ({"contact": "champion", "trait": "title", "is": "CTO"}, TITLE, []),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_a_branch_goes_by_what_came_in(
    house: House, rule: dict[str, Any], statement: str, values: list[Any]
) -> None:
    await house.publish(
        {"branch": [{"when": rule, "do": [{"send": "welcome-trial-2"}]}]},
        {"send": "welcome-trial-1"},
    )
    await house.rows(FEEDS, ["usage", "tickets"], NOW)
    for account, person in (("acme", "ada"), ("other", "bob")):
        await house.account(account, person)
    await house.rows(statement, *values)

    await house.advance(await house.enroll("other"))
    assert "other welcome-trial-2" not in await sent(house)

    assert (await house.advance(await house.enroll("acme"))).ended
    assert "acme welcome-trial-2" in await sent(house)


async def sent(house: House) -> list[str]:
    """Account and e-mail of every message."""
    return sorted(f"{row['account_id']} {row['email']}" for row in await house.ledger())


async def test_a_branch_waits_while_a_feed_is_late(house: House) -> None:
    """P9: less usage than usual is not known before all of it is here."""
    rule = {"usage": "login", "within": "7 days", "at_most": 0}
    await house.publish(
        {"branch": [{"when": rule, "do": [{"send": "welcome-trial-2"}]}]},
        {"send": "welcome-trial-1"},
    )
    await house.account("acme", "ada")
    id = await house.enroll()

    reply = await house.advance(id)
    assert (reply.ended, reply.label) == (False, "hold: data is missing")

    await house.rows(FEEDS, ["usage"], datetime(2026, 3, 2, tzinfo=UTC))
    assert (await house.advance(id)).ended
    assert await sent(house) == ["acme welcome-trial-1", "acme welcome-trial-2"]
