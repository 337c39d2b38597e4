"""What a demo tells of its content: what was asked, reviewed and held, and the newsletters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import AsyncConnection

from digital_cs.demo.fates import times
from digital_cs.domain.content.freshness import State
from digital_cs.domain.sending.reason import Reason
from digital_cs.store.content import library

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class IssueTold:
    """An issue that went out: its readers, its variants, and those who followed a link."""

    newsletter: str
    sent_on: date
    readers: int
    variants: int
    followed: int


@dataclass(frozen=True, slots=True)
class ContentTold:
    """Counts over the demo; `stale` and `blocked` are items of today, `left_open` review cases.

    `held` messages waited because what they show was wrong or stale.
    """

    items: int
    stale: int
    blocked: int
    reviews: int
    changed: int
    digests: int
    left_open: int
    held: int
    held_because: str
    issues: tuple[IssueTold, ...] = ()


async def tell_content(connection: Connection, today: date) -> ContentTold:
    """Read it from the database."""
    items = await library.items(connection)
    cursor = await connection.execute(
        """
        select (select count(*) from content_reviews where via = 'person'),
               (select count(*) from content_reviews where via = 'person' and changed),
               (select count(*) from colleague_mails where kind = 'digest' and state = 'accepted'),
               (select count(*) from review_cases where ended_at is null),
               (select count(distinct (enrollment_id, visit)) from decisions
                 where reason = any(%(reasons)s)),
               (select words from decisions where reason = any(%(reasons)s)
                 order by id limit 1)
        """,
        {"reasons": [Reason.CONTENT_BLOCKED.value, Reason.CONTENT_STALE.value]},
    )
    row = await cursor.fetchone()
    assert row is not None
    states = [item.state(today) for item in items]
    cursor = await connection.execute(
        """
        select i.spec->>'name', i.send_on, count(m.key), count(distinct m.variant),
               count(distinct k.message_key)
          from newsletter_issues i
          join messages m on m.broadcast_id = i.broadcast_id
           and m.state in ('accepted', 'delivered', 'bounced', 'complained')
          left join clicks k on k.message_key = m.key and k.human
         group by i.id order by i.send_on
        """
    )
    issues = tuple(IssueTold(*each) for each in await cursor.fetchall())
    return ContentTold(
        len(items), states.count(State.STALE), states.count(State.BLOCKED), row[0], row[1], row[2],
        row[3], row[4], row[5] or "", issues,
    )  # fmt: skip


def content_in_words(told: ContentTold) -> Iterator[str]:
    """The same as lines of text."""
    now = f"{told.stale} of them stale today" if told.stale else "none of them stale today"
    yield (
        f"The library has {times(told.items, 'item')}, {now}. Reviewers got"
        f" {times(told.digests, 'digest')} of at most seven items, and did"
        f" {times(told.reviews, 'review')}: {told.changed} changed something."
    )
    if told.held:
        verb = "was" if told.held == 1 else "were"
        yield (
            f"{times(told.held, 'message')} {verb} held because of what they show:"
            f" {told.held_because}"
        )
    for issue in told.issues:
        yield (
            f"{issue.newsletter} of {issue.sent_on:%-d %B} went to {times(issue.readers, 'reader')}"
            f" in {times(issue.variants, 'variant')}; {issue.followed} followed a link."
        )
