"""The people of the demo who keep content true: they review, block, write issues and approve."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.clock import Clock
from digital_cs.domain.content.content_item import Checked, Review
from digital_cs.domain.newsletters.issue import State
from digital_cs.domain.newsletters.newsletter import Filler
from digital_cs.domain.programs.enrollment import share_of
from digital_cs.rendering.library import EmailLibrary
from digital_cs.store.content import library, review_cases, reviews
from digital_cs.store.newsletters import issue_texts, issues
from digital_cs.temporal import newsletters
from digital_cs.temporal.gateway import Gateway
from digital_cs.temporal.issue_answers import IssueStateError

Connection = AsyncConnection[Any]

TICK_SECONDS = 0.25
SATURDAY = 5
BEGINS, ENDS = 8, 18
"""Office hours, UTC."""

REVIEWED = 0.75
"""The share of what reviewers are asked that they do; the rest goes to the next in line."""
CHANGED = 0.4
"""The share of reviews in which something is changed."""
THINKS_FOR = timedelta(hours=20)
"""Between being asked for a review and doing it."""

BLOCK_ON_DAY, BLOCKED_FOR = 44, timedelta(days=2)
BLOCKED = "blocks/help.md"
BLOCKED_BECAUSE = "Replies go to the wrong team this week."

OPENING = (
    "Hi {{{{ contact.first_name or 'there' }}}},\n\n{month} has been busy here. This is what is new"
    " for {{{{ account.name }}}}.\n\nReply if you miss something. A person reads it."
)


class Editors:
    """Everything that reviewers, writers and approvers do in the demo."""

    def __init__(
        self, gateway: Gateway, pool: AsyncConnectionPool[Any], clock: Clock, origin: datetime,
        content_dir: Path,
    ) -> None:  # fmt: skip
        self._gateway = gateway
        self._pool = pool
        self._clock = clock
        self._origin = origin
        self._library = EmailLibrary(content_dir)
        self._blocked: tuple[str, datetime] | None = None
        self._released = False

    async def run(self) -> None:
        """Live until cancelled."""
        while True:
            now = self._clock.now()
            if now.weekday() < SATURDAY and BEGINS <= now.hour < ENDS:
                await self._write_issues(now)
                async with self._pool.connection() as connection:
                    await self._review(connection, now)
                    await self._block_one(connection, now)
            await asyncio.sleep(TICK_SECONDS)

    async def _write_issues(self, now: datetime) -> None:
        """Write what is to be written, and approve what was put together."""
        async with self._pool.connection() as connection:
            rows = await issues.issues(connection)
            written = {row.id: await issue_texts.texts(connection, row.id) for row in rows}
        for row in rows:
            if row.state is State.OPEN:
                for section in row.newsletter.sections:
                    if section.filler is Filler.TEXT and section.section not in written[row.id]:
                        text = OPENING.format(month=f"{now:%B}")
                        await newsletters.write(
                            self._gateway, self._library, row.id, section.section, text, "jonas"
                        )
            elif row.state is State.FROZEN and row.approved_hash is None:
                try:
                    await newsletters.approve(self._gateway, row.id, "maya")
                except IssueStateError:
                    continue  # somebody was quicker

    async def _review(self, connection: Connection, now: datetime) -> None:
        """Do what one was asked some time ago; what nobody does goes to the next in line."""
        for kept in await review_cases.open_cases(connection):
            case = kept.case
            asked = case.told_at
            if asked is None or now - asked < THINKS_FOR:
                continue
            if share_of(case.id, str(case.rung)) >= REVIEWED:
                continue
            item = await library.get(connection, case.item_id)
            if item is None or item.blocked is not None:
                continue
            if item.reviewed_on is not None and item.reviewed_on >= asked.date():
                continue  # done, and the case ends in a moment
            changed = share_of(case.id, "changed") < CHANGED
            review = Review(
                item.id, now.date(), case.reviewer or "maya", changed,
                (Checked.STEPS, Checked.LINKS), "", "person", item.version,
            )  # fmt: skip
            async with connection.transaction():
                await reviews.record(connection, review, now)
                await review_cases.touch(connection, [case.id])

    async def _block_one(self, connection: Connection, now: datetime) -> None:
        """Somebody sees that a block is wrong; two days later it is put right."""
        day = (now - self._origin) / timedelta(days=1)
        if self._blocked is None:
            if day >= BLOCK_ON_DAY and (found := await library.find(connection, BLOCKED)):
                async with connection.transaction():
                    await reviews.block(connection, found[0].id, BLOCKED_BECAUSE, "priya", now)
                self._blocked = found[0].id, now
        elif not self._released and now >= self._blocked[1] + BLOCKED_FOR:
            async with connection.transaction():
                await reviews.unblock(connection, self._blocked[0], now)
            self._released = True
