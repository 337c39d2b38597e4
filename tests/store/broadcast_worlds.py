"""Made-up worlds: people in several accounts, with all that can stand against a broadcast."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.sending.broadcast import Broadcast, BroadcastPlan
from digital_cs.store.broadcasts import broadcasts
from digital_cs.store.programs.enrollments import enroll
from tests import rig

Connection = AsyncConnection[Any]

NOW = rig.MONDAY
ROLES = ("champion", "admin", "billing")
ZONES = (None, "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Mars/Olympus", "Pacific/Apia")
TOPICS = ("newsletter", "tips")

ANY_HOUR = {"days": "every day", "hours": "00:00-24:00", "holidays": "ignore"}


def a_plan(**parts: Any) -> BroadcastPlan:
    """A plan that may send at any hour, unless said otherwise."""
    return BroadcastPlan.model_validate(
        {"email": "welcome-trial-1", "topic": "newsletter", "send_window": ANY_HOUR, **parts}
    )


async def start(connection: Connection, plan: BroadcastPlan, id: str = "spring") -> Broadcast:
    """A broadcast that is approved (as "approved") and started, and not frozen yet."""
    await broadcasts.save_draft(connection, id, "Spring", "maya", plan, None, "test", NOW)
    await broadcasts.approve(connection, id, "approved", "test", NOW)
    found = await broadcasts.start(connection, id, plan, "test", NOW)
    assert found is not None
    return found


async def populate(connection: Connection, seed: int, accounts: int = 25) -> list[str]:
    """Accounts with up to four people each, some of whom are in several; returns their ids."""
    chance = random.Random(seed)
    ids = [f"acct-{number:05d}" for number in range(accounts)]
    for id in ids:
        await connection.execute(
            "insert into accounts (id, name, stage, zone, country, traits, created_at, updated_at)"
            " values (%s, %s, %s, %s, %s, '{}', %s, %s)",
            (id, f"Company {id}", chance.choice((None, "active", "active", "active", "churned")),
             chance.choice(ZONES), chance.choice((None, "DE", "US")), NOW, NOW),
        )  # fmt: skip
    for number in range(accounts * 2):
        contact = f"c-{number:05d}"
        address = f"Person{chance.randrange(accounts)}@{chance.choice(('one', 'two'))}.test"
        await connection.execute(
            "insert into contacts (id, email, first_name, full_name, zone, active, quiet_until,"
            " fewer, traits, created_at, updated_at)"
            " values (%s, %s, 'Ada', %s, %s, %s, %s, %s, '{}', %s, %s)",
            (contact, chance.choice((address, address.upper(), address, None)), f"Ada {number}",
             chance.choice(ZONES), chance.random() > 0.1,
             chance.choice((None, None, None, NOW + timedelta(days=2), NOW - timedelta(days=2))),
             chance.random() < 0.1, NOW - timedelta(days=chance.randrange(9)), NOW),
        )  # fmt: skip
        for account in chance.sample(ids, chance.choice((0, 1, 1, 1, 2))):
            await connection.execute(
                "insert into memberships (contact_id, account_id, joined_at, left_at, roles)"
                " values (%s, %s, %s, %s, %s)",
                (contact, account, NOW, chance.choice((None, None, None, NOW)),
                 chance.sample(ROLES, chance.randrange(3))),
            )  # fmt: skip
        if chance.random() < 0.2:
            await connection.execute(
                "insert into preferences (contact_id, topic, wanted, source, changed_at)"
                " values (%s, %s, %s, 'test', %s)",
                (contact, chance.choice(TOPICS), chance.random() < 0.3, NOW),
            )
    for number in range(accounts // 3):
        subject = chance.choice(
            (f"address:person{number}@one.test", f"address:person{number}@two.test",
             f"account:{chance.choice(ids)}")
        )  # fmt: skip
        await connection.execute(
            "insert into suppressions (subject, reason) values (%s, %s) on conflict do nothing",
            (subject, chance.choice(("unsubscribed", "hard bounce", "complaint"))),
        )
    return ids


async def disturb(connection: Connection, seed: int, accounts: list[str]) -> None:
    """What came and what is planned: messages of other senders, tickets, incidents, replies."""
    chance = random.Random(seed)
    contacts = [f"c-{number:05d}" for number in range(len(accounts) * 2)]
    for number in range(len(accounts) // 2):
        await connection.execute(
            "insert into messages (key, broadcast_id, account_id, contact_id, email, kind,"
            " priority, state, due_at, claimed_at, useful_until, attempts) values (%s, %s, %s, %s,"
            " 'x', %s, 'normal', %s, %s, %s, %s, 1)",
            (f"old/{number}", chance.choice(("old", "old", "spring")), chance.choice(accounts),
             chance.choice(contacts), chance.choice(("marketing", "marketing", "service")),
             chance.choice(("claimed", "accepted", "bounced", "unknown", "failed", "skipped")),
             NOW, claimed := NOW - timedelta(hours=chance.randrange(40 * 24)),
             claimed + timedelta(days=chance.randrange(9))),
        )  # fmt: skip
    for number in range(len(accounts) // 2):
        await connection.execute(
            "insert into tickets (id, account_id, source, status, severity, opened_at, updated_at)"
            " values (%s, %s, 'test', %s, %s, %s, %s)",
            (f"t-{number}", chance.choice(accounts), chance.choice(("open", "solved")),
             chance.choice(("low", "high", "urgent")), _ago(chance), NOW),
        )  # fmt: skip
    for number in range(3):
        await connection.execute(
            "insert into incidents (title, account_ids, opened_at, opened_by, closed_at)"
            " values (%s, %s, %s, 'test', %s)",
            (f"incident {number}", chance.sample(accounts, 3), _ago(chance),
             chance.choice((None, None, NOW))),
        )  # fmt: skip
    for number in range(4):
        await connection.execute(
            "insert into tasks (key, kind, account_id, title, note, assign_to, state, opened_at,"
            " due_at) values (%s, 'reply', %s, 'x', '', 'maya', %s, %s, %s)",
            (f"reply:{number}", chance.choice(accounts), chance.choice(("open", "done")),
             _ago(chance), NOW),
        )  # fmt: skip
    await rig.publish(connection, rig.drip("welcome", 2, "3 days"), NOW)
    some = chance.sample(accounts, len(accounts) // 3)
    await enroll(connection, "welcome", some, source="test", now=NOW, again="never")
    for account in some:
        await connection.execute(
            "update enrollments set plans_at = %s, plans_priority = %s, plans_contact = %s,"
            " plans_email = 'x', paused = %s where account_id = %s",
            (NOW + timedelta(hours=chance.randrange(-2, 40)), chance.choice(("normal", "high")),
             chance.choice(contacts), chance.random() < 0.1, account),
        )  # fmt: skip


def _ago(chance: random.Random) -> datetime:
    return NOW - timedelta(hours=chance.randrange(1, 90))
