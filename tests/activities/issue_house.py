"""A desk of newsletters with real parts: Postgres, the playbook, and colleagues' mail to a sink."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from temporalio.testing import ActivityEnvironment

from activities.colleagues import Colleagues
from activities.composing import Composer, Question
from activities.enrollments import CalendarShelf
from activities.issue_broadcast import IssueBroadcast
from activities.issue_desk import IssueDesk
from activities.issue_telling import IssueTelling, Links
from activities.issues import IssueActivities
from activities.letters import Sender
from digital_cs.catalog.newsletters import load_newsletters
from digital_cs.channels.sink import Sink, read_index
from digital_cs.channels.smtp import SmtpChannel
from digital_cs.clock import Clock
from digital_cs.domain.content.content_import import ImportPlan
from digital_cs.domain.content.content_item import ContentItem
from digital_cs.domain.content.content_source import ContentSource, SourceKind
from digital_cs.domain.content.review_policy import Kind
from digital_cs.domain.content.team import Person, Team
from digital_cs.domain.newsletters.newsletter import Newsletter
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.messages.newsletter_issue import AdvanceIssue, IssueReply
from digital_cs.rendering.context import SenderView
from digital_cs.rendering.library import EmailLibrary
from digital_cs.signing_issues import IssueSigner
from digital_cs.store.content import library
from digital_cs.store.database import pool as pools
from digital_cs.store.newsletters import issues
from digital_cs.store.newsletters.issues import IssueRow
from digital_cs.temporal import newsletters
from tests import rig
from tests.activities.house import StoppedClock

CONTENT = rig.ROOT / "content"
LETTER = load_newsletters(CONTENT).by_name["lantern-letter"]
SOURCE = ContentSource("content", SourceKind.CONTENT, "content")
CALENDAR = BusinessCalendar()
OPENING = "Hi {{ contact.first_name or 'there' }},\n\nthis month is about **lists**."
ARTICLES = ("first-automation", "import-contacts", "invoices-and-plans", "more-seats")
LINK_KEY = "a-key-for-links-of-this-test"
TEAM = Team(
    manager="maya",
    people={
        "programs": Person(name="Programs", address="programs@lantern.example"),
        "support": Person(name="Support", address="support@lantern.example"),
        "maya": Person(name="Maya Okafor", address="maya@lantern.example"),
    },
)


def letter(**parts: Any) -> Newsletter:
    """The playbook's newsletter, to everybody with a stage, and other parts where said."""
    plain = LETTER.model_dump(mode="json", exclude_defaults=True)
    audience = {"segment": {"stage": ["active", "onboarding"]}, "to": ["champion", "any"]}
    return Newsletter.model_validate({**plain, "audience": audience, **parts})


@dataclass
class IssueHouse:
    """The parts, and short words for what tests do to them."""

    pool: AsyncConnectionPool[Any]
    clock: Any
    sink: Sink
    library: EmailLibrary
    activities: IssueActivities
    questions: list[Question]
    content: Path
    environment: ActivityEnvironment = field(default_factory=ActivityEnvironment)

    async def publish(self, newsletter: Newsletter | None = None) -> str:
        """Publish the newsletter; the id of its next issue."""
        gateway = self.gateway()
        done = await newsletters.publish(gateway, [newsletter or letter()], CALENDAR, "UTC")
        return done.planned[0]

    def gateway(self) -> Any:
        """What of a gateway the words of people need."""
        return self

    async def advance(self, id: str, now: datetime | None = None) -> IssueReply:
        """What the workflow does at a moment, the present one unless said otherwise."""
        if now is not None:
            self.clock.moment = now
        # A timer is never early, and a clock that stands still would make it so.
        request = AdvanceIssue(id, (datetime.now(UTC) + timedelta(seconds=1)).timestamp())
        return await self.environment.run(self.activities.advance, request)

    async def issue(self, id: str) -> IssueRow:
        async with self.pool.connection() as connection:
            row = await issues.get(connection, id)
        assert row is not None
        return row

    async def write(self, id: str, text: str, section: str = "opening") -> bool:
        return await newsletters.write(self.gateway(), self.library, id, section, text, "jonas")

    async def approve(self, id: str) -> None:
        await newsletters.approve(self.gateway(), id, "maya")

    async def frozen(self, accounts: int = 3) -> str:
        """An issue that was written and put together."""
        await self.accounts(accounts)
        id = await self.publish()
        await self.advance(id, day(11, 10))
        await self.write(id, OPENING)
        await self.advance(id, day(11, 26, 12))
        return id

    async def shown(self, id: str) -> list[list[str]]:
        """What the variants of an issue show that somebody gets."""
        rows = await self.rows(
            "select items from newsletter_variants where issue_id = %s and accounts > 0"
            " and items <> '{}' order by accounts desc", id,
        )  # fmt: skip
        return [row["items"] for row in rows]

    async def story(self, id: str) -> list[str]:
        """Who did what, in order."""
        async with self.pool.connection() as connection:
            return [f"{each.who}: {each.words}" for each in await issues.notes(connection, id)]

    async def articles(self, *names: str, **parts: Any) -> dict[str, str]:
        """Bring articles of the playbook into the library, fresh; their ids by name."""
        today = self.clock.now().date()
        items = tuple(
            replace(
                ContentItem(
                    f"c-{name}", SOURCE.name, f"articles/{name}.md", Kind.ARTICLE,
                    name.replace("-", " ").capitalize(), today, self.clock.now(),
                    url=f"https://lantern.example/help/{name}", reviewed_on=today,
                ),
                **parts,
            )
            for name in names
        )  # fmt: skip
        async with self.pool.connection() as connection, connection.transaction():
            await library.save_source(connection, SOURCE, self.clock.now())
            plan = ImportPlan(items, (), (), (), (), (), 0, (), 0, {})
            await library.apply(connection, plan, self.clock.now())
        return {name: f"c-{name}" for name in names}

    async def ask(self, *names: str) -> None:
        """Have support be asked what these articles answer, the first one most."""
        self.questions[:] = [Question(f"topic-{name}", name, f"c-{name}") for name in names]

    async def accounts(self, count: int, stage: str = "active") -> list[str]:
        """So many accounts of a stage with one champion each."""
        async with self.pool.connection() as connection:
            found = await rig.people(connection, count, self.clock.now())
            await connection.execute(
                "update accounts set stage = %s where id = any(%s)", (stage, found)
            )
        return found

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        async with (
            self.pool.connection() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(statement, values)
            return await cursor.fetchall() if cursor.description else []

    def mails(self) -> list[EmailMessage]:
        """What colleagues got, in order."""
        return [
            message_from_bytes((self.sink.folder / entry.file).read_bytes(), policy=policy.default)
            for entry in read_index(self.sink.folder)
        ]

    def told(self) -> list[tuple[str, str]]:
        """(to, subject) of what colleagues got, in order."""
        return [(str(m["To"].addresses[0].addr_spec), str(m["Subject"])) for m in self.mails()]


START = datetime(2026, 11, 2, 9, tzinfo=UTC)
"""A Monday."""


@contextlib.asynccontextmanager
async def opened(
    database: str, folder: Path, clock: Clock | None = None
) -> AsyncIterator[IssueHouse]:
    """The parts on a migrated database; `folder` takes the mail. A clock of its own stands still
    at the start, and tests move it."""
    the_clock = clock or StoppedClock(START)
    asked: list[Question] = []

    async def questions(now: datetime) -> Sequence[Question]:
        return asked

    async with Sink(folder / "mail") as sink, pools.opened(database, 4) as pool:
        channel = SmtpChannel(
            host="127.0.0.1", port=sink.port, tls="none", connections=1, timeout=3.0
        )
        sender = Sender(
            "Lantern <hello@vendor.test>", "vendor.test", "Lantern", "", "https://mail.vendor.test",
            "https://app.vendor.test", 4.0,
        )  # fmt: skip
        content = folder / "content"  # a copy, for tests that edit it
        shutil.copytree(CONTENT, content)
        shelf = EmailLibrary(content)
        telling = IssueTelling(
            pool=pool, colleagues=Colleagues(pool=pool, channel=channel, sender=sender),
            library=shelf, team=lambda: TEAM, sender=SenderView("Lantern", "Lantern, Somewhere 1"),
            links=Links(IssueSigner(LINK_KEY), sender.public_url),
        )  # fmt: skip
        desk = IssueDesk(
            pool=pool, composer=Composer(shelf, content, sender.public_url, questions),
            broadcast=IssueBroadcast(pool=pool, library=shelf), telling=telling,
        )  # fmt: skip
        activities = IssueActivities(
            pool=pool, clock=the_clock, calendar=CalendarShelf(CALENDAR), zone="UTC", desk=desk
        )
        try:
            yield IssueHouse(pool, the_clock, sink, shelf, activities, asked, content)
        finally:
            await channel.close()


def day(month: int, number: int, hour: int = 9) -> datetime:
    """A moment of the winter in which the tests play."""
    return datetime(2026 if month > 6 else 2027, month, number, hour, tzinfo=UTC)


FIRST_TUESDAY = date(2026, 12, 1)
