"""A library with a team around it: items, cases, the mail to reviewers, and its server."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from temporalio.testing import ActivityEnvironment

from activities.casebook import Casebook, Connection, Swept, TeamShelf
from activities.colleagues import Colleagues
from activities.digests import Digests
from activities.enrollments import CalendarShelf
from activities.letters import Sender
from activities.reviews import ReviewActivities
from digital_cs.channels.sink import Sink, read_index
from digital_cs.channels.sink_faults import FaultMode, Faults
from digital_cs.channels.smtp import SmtpChannel
from digital_cs.clock import Clock
from digital_cs.domain.content.content_import import ImportPlan
from digital_cs.domain.content.content_item import ContentItem
from digital_cs.domain.content.content_source import ContentSource, SourceKind
from digital_cs.domain.content.exposure import Exposure, Showing
from digital_cs.domain.content.review_case import CaseStep
from digital_cs.domain.content.review_policy import Kind
from digital_cs.domain.content.team import Person, Team
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.messages.content_review import AdvanceReview, AdvanceReviewReply
from digital_cs.signing_reviews import ReviewSigner
from digital_cs.store.content import library, review_cases
from digital_cs.store.content.review_cases import Kept
from digital_cs.store.database import pool as pools
from tests.activities.house import SIGNING_KEY, StoppedClock

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
SOURCE = ContentSource("docs", SourceKind.FOLDER, "docs")
TEAM = Team(
    manager="maya",
    people={
        "ann": Person(name="Ann Ray", address="ann@lantern.example"),
        "ben": Person(name="Ben Oduya", address="ben@lantern.example"),
        "maya": Person(name="Maya Okafor", address="maya@lantern.example"),
    },
)


def item(id: str = "c-1", **parts: Any) -> ContentItem:
    """An article of Ann's, which is overdue since 1 February 2026 unless said otherwise."""
    plain = ContentItem(
        id, SOURCE.name, f"{id}.md", Kind.ARTICLE, f"About {id}", date(2025, 1, 1), MONDAY,
        owner="ann", backup="ben", reviewed_on=date(2025, 8, 1),
    )  # fmt: skip
    return replace(plain, **parts)


def seen(people: int, on: date, email: str = "welcome-trial-2") -> Exposure:
    """So many people will be shown an item on a day, one an account."""
    return Exposure(people, people, on, (Showing(email, "welcome", on, people, True),))


@dataclass
class Reviewing:
    """The parts, and short words for what tests do to them."""

    pool: AsyncConnectionPool[Any]
    clock: Clock
    sink: Sink
    team: TeamShelf
    casebook: Casebook
    colleagues: Colleagues
    digests: Digests
    activities: ReviewActivities
    exposure: dict[str, Exposure]
    environment: ActivityEnvironment = field(default_factory=ActivityEnvironment)

    async def keep(self, *items: ContentItem) -> None:
        """Bring items into the library, or change them there."""
        plan = ImportPlan(
            added=tuple(items), updated=(), edited=(), renamed=(), revived=(), gone=(),
            unchanged=0, reviews=(), living_before=0, items={},
        )  # fmt: skip
        async with self.pool.connection() as connection, connection.transaction():
            await library.save_source(connection, SOURCE, MONDAY)
            await library.apply(connection, replace(plan, added=tuple(items)), MONDAY)

    async def change(self, changed: ContentItem) -> None:
        """Change an item, as an import does."""
        async with self.pool.connection() as connection, connection.transaction():
            await library.apply(
                connection,
                ImportPlan((), (changed,), (), (), (), (), 0, (), 0, {}),
                MONDAY,
            )

    async def sweep(self, now: datetime = MONDAY) -> Swept:
        async with self.pool.connection() as connection:
            return await self.casebook.sweep(connection, now)

    async def send(self, now: datetime = MONDAY) -> int:
        """What the workflow of digests does at a moment: how many mails were handed over."""
        return (await self.digests.send_due(now)).mails

    async def advance(self, case_id: str, now: datetime) -> AdvanceReviewReply:
        """What the workflow of a case does at a moment."""
        real = datetime.now(UTC) + (now - self.clock.now())
        request = AdvanceReview(case_id, real.timestamp())
        return await self.environment.run(self.activities.advance, request)

    async def open_cases(self) -> list[Kept]:
        async with self.pool.connection() as connection:
            return await review_cases.open_cases(connection)

    async def case(self) -> Kept:
        """The only case there is, open or not."""
        (row,) = await self.rows("select id from review_cases")
        async with self.pool.connection() as connection:
            found = await review_cases.get(connection, row["id"])
        assert found is not None
        return found

    async def story(self, case_id: str | None = None) -> list[CaseStep]:
        id = case_id or (await self.case()).case.id
        async with self.pool.connection() as connection:
            return await review_cases.steps_of(connection, id)

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        async with (
            self.pool.connection() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(statement, values)
            return await cursor.fetchall() if cursor.description else []

    async def ledger(self) -> list[tuple[str, str]]:
        """(key, state) of every mail to a colleague, in order."""
        rows = await self.rows("select key, state from colleague_mails order by created_at, key")
        return [(row["key"], row["state"]) for row in rows]

    def mails(self) -> list[EmailMessage]:
        """What the mail server took, in order."""
        return [
            message_from_bytes((self.sink.folder / entry.file).read_bytes(), policy=policy.default)
            for entry in read_index(self.sink.folder)
        ]

    def text(self, number: int = -1) -> str:
        """The text part of a mail, the last one unless said otherwise."""
        part = self.mails()[number].get_body(("plain",))
        assert part is not None
        return str(part.get_content())

    def misbehave(self, mode: FaultMode, **how: Any) -> None:
        Faults(mode, **how).write(self.sink.folder)


@contextlib.asynccontextmanager
async def opened(
    database: str, folder: Path, team: Team = TEAM, clock: Clock | None = None,
    calendar: BusinessCalendar | None = None,
) -> AsyncIterator[Reviewing]:  # fmt: skip
    """The parts on a migrated database; `folder` takes the mail."""
    exposure: dict[str, Exposure] = {}

    async def exposure_of(connection: Connection, now: datetime) -> Mapping[str, Exposure]:
        return exposure

    the_clock = clock or StoppedClock()
    async with Sink(folder / "mail") as sink, pools.opened(database, 4) as pool:
        channel = SmtpChannel(
            host="127.0.0.1", port=sink.port, tls="none", connections=1, timeout=3.0
        )
        shelf = TeamShelf(team)
        casebook = Casebook(
            team=shelf, calendar=CalendarShelf(calendar or BusinessCalendar()), zone="UTC",
            exposure_of=exposure_of,
        )  # fmt: skip
        sender = Sender(
            "Lantern <hello@vendor.test>", "vendor.test", "Lantern", "", "https://mail.vendor.test",
            "https://app.vendor.test", 4.0,
        )  # fmt: skip
        colleagues = Colleagues(pool=pool, channel=channel, sender=sender)
        digests = Digests(
            pool=pool, casebook=casebook, colleagues=colleagues, signer=ReviewSigner(SIGNING_KEY),
            public_url="https://mail.vendor.test",
        )  # fmt: skip
        activities = ReviewActivities(
            pool=pool, clock=the_clock, casebook=casebook, digests=digests
        )
        try:
            yield Reviewing(
                pool, the_clock, sink, shelf, casebook, colleagues, digests, activities, exposure
            )
        finally:
            await channel.close()


def told(steps: Iterable[CaseStep]) -> list[str]:
    """A story as a reader knows it: "Mon 2 Mar told Ann Ray was told."."""
    return [f"{each.at:%a %-d %b} {each.did}: {each.words}" for each in steps]


def days(count: float) -> timedelta:
    return timedelta(days=count)
