"""What the figures count, in a real ledger: whom a message reached, and which reviews count."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.content.content_item import Checked, Review
from digital_cs.domain.content.freshness_figures import Mailing, ReviewCounts
from digital_cs.store.content import impressions, reviews
from tests import rig
from tests.store.showing import at, block, email, keep

Connection = AsyncConnection[Any]


async def test_the_ledger_tells_how_many_got_which_email_on_which_day(
    connection: Connection, accounts: list[str]
) -> None:
    await send(connection, accounts[0], "hello", at(2, 23), "accepted")
    await send(connection, accounts[1], "hello", at(3, 0), "delivered")
    await send(connection, accounts[2], "hello", at(3, 9), "complained")
    for nth, state in enumerate(("bounced", "skipped", "failed", "unknown", "claimed")):
        await send(connection, accounts[nth], "hello", at(3, 10), state)
    await send(connection, accounts[3], "other", at(3, 10), "accepted")
    await send(connection, accounts[4], "other", at(1, 23), "accepted")

    found = await impressions.sent(connection, at(2, 0), at(4, 0))
    assert sorted(found, key=lambda each: (each.day, each.email)) == [
        Mailing("hello", date(2026, 3, 2), 1), Mailing("hello", date(2026, 3, 3), 2),
        Mailing("other", date(2026, 3, 3), 1),
    ]  # fmt: skip


async def test_reviews_are_those_that_people_told_and_days_those_of_any(
    connection: Connection,
) -> None:
    await keep(connection, [email("a"), block("b")])
    told = [
        Review("emails/a.md", date(2026, 3, 1), "maya", True, (Checked.LINKS,)),
        Review("emails/a.md", date(2026, 3, 2), "maya", False, (Checked.LINKS,)),
        Review("blocks/b.md", date(2026, 3, 2), "maya", True, (Checked.LINKS,)),
    ]
    for each in told:
        async with connection.transaction():
            await reviews.record(connection, each, rig.MONDAY)
    by_source = Review("emails/a.md", date(2025, 12, 1), "its source", False, via="source")
    await reviews.record_told(connection, [by_source], rig.MONDAY)

    days = await impressions.review_days(connection, ["emails/a.md"])
    assert days == {"emails/a.md": [date(2025, 12, 1), date(2026, 3, 1), date(2026, 3, 2)]}
    counts = await impressions.review_counts(connection, ["emails/a.md"], at(1), at(3))
    assert counts == ReviewCounts(asked=0, done=0, told=2, changed=1)
    none = await impressions.review_counts(connection, ["emails/a.md"], at(3), at(4))
    assert none == ReviewCounts()


async def test_asked_is_who_was_told_and_done_what_somebody_looked_at(
    connection: Connection,
) -> None:
    await keep(connection, [email(name) for name in "abcdef"])
    await case(connection, "a", told=at(2), ended_as="still-right")
    await case(connection, "b", told=at(2), ended_as="retired")
    await case(connection, "c", told=at(3), ended_as="fresh")
    await case(connection, "d", told=at(3))
    await case(connection, "e", told=None)
    await case(connection, "f", told=at(1), again=at(2), ended_as="edited")  # told before

    items = [f"emails/{name}.md" for name in "abcdef"]
    counts = await impressions.review_counts(connection, items, at(2, 0), at(4))
    assert (counts.asked, counts.done) == (4, 2)
    counts = await impressions.review_counts(connection, items[3:], at(2, 0), at(4))
    assert (counts.asked, counts.done) == (1, 0)


async def send(
    connection: Connection, account: str, email: str, moment: datetime, state: str
) -> None:
    """A row of the ledger, as a broadcast or a program would leave it."""
    enrollment = f"welcome:{account}:1"
    await connection.execute(
        "insert into enrollments (id, program_id, version, account_id, nth, source, started_at,"
        " step, visit, entered_at, position, touched_at) values (%s, 'welcome', 1, %s, 1, 'test',"
        " %s, 'touch-1', 1, %s, '{}', %s) on conflict do nothing",
        (enrollment, account, moment, moment, moment),
    )
    await connection.execute(
        "insert into messages (key, enrollment_id, program_id, version, step, visit, account_id,"
        " contact_id, email, kind, priority, state, due_at, claimed_at, attempts)"
        " values (%s, %s, 'welcome', 1, 'touch-1', 1, %s, %s, %s, 'marketing', 'normal', %s, %s,"
        " %s, 1)",
        (f"{enrollment}/{email}/{moment}/{state}", enrollment, account, f"{account}-c1", email,
         state, moment, moment),
    )  # fmt: skip


async def case(
    connection: Connection, name: str, told: datetime | None, again: datetime | None = None,
    ended_as: str | None = None,
) -> None:  # fmt: skip
    """A review case with what its story tells."""
    await connection.execute(
        "insert into review_cases (id, item_id, opened_at, opened_because, rung, ended_at,"
        " ended_as) values (%s, %s, %s, 'stale', 'owner', %s, %s)",
        (name, f"emails/{name}.md", at(1), at(3) if ended_as else None, ended_as),
    )
    for moment in filter(None, (told, again)):
        await connection.execute(
            "insert into review_steps (case_id, at, kind, words) values (%s, %s, 'told', 'Told.')",
            (name, moment),
        )
