"""A whole activity with real parts: Postgres, the playbook's e-mails, SMTP to the sink.

Only the clock is not real: business time moves when a test says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import shutil
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
from temporalio.testing import ActivityEnvironment

from activities.calls import Calls
from activities.claiming import Gate
from activities.enrollments import CalendarShelf, EnrollmentActivities, Workspace
from activities.letters import Sender
from activities.mailing import Mailing
from activities.programs import ProgramShelf
from digital_cs.channels.delivery import Delivery
from digital_cs.channels.sink import FaultMode, Faults, Sink, SinkEntry, read_index
from digital_cs.channels.smtp import SmtpChannel
from digital_cs.channels.webhook import WebhookChannel
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.ingest.people.intake import Intake
from digital_cs.ingest.rules.entries import Entries
from digital_cs.messages.enrollment import AdvanceReply, AdvanceRequest
from digital_cs.rendering.compiler import EmailTemplate
from digital_cs.rendering.library import EmailLibrary
from digital_cs.signing import Signer
from digital_cs.signing_links import LinkSigner
from digital_cs.store.database import pool as pools
from digital_cs.store.people import suppressions
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.store.people.contacts import ContactRecord
from digital_cs.store.programs import alerts
from digital_cs.store.programs.enrollments import enroll
from tests import rig

SIGNING_KEY = "a key of the tests"
TOUCH_TIMEOUT = 30.0


@dataclass
class StoppedClock:
    """Business time that stands still until a test moves it."""

    moment: datetime = rig.MONDAY
    speed: float = 1.0

    def now(self) -> datetime:
        return self.moment

    def seconds_until(self, moment: datetime) -> float:
        return max((moment - self.moment).total_seconds(), 0.0)


class WatchedChannel(SmtpChannel):
    """Notes what the ledger says when a message is about to be handed over."""

    ledger: Any = None
    seen: list[list[str]]

    async def deliver(self, mail: bytes, envelope_from: str, to: str) -> Delivery:
        self.seen.append([row["state"] for row in await self.ledger()])
        return await super().deliver(mail, envelope_from, to)


class WatchedLibrary(EmailLibrary):
    """Tells when an e-mail was asked for: a message is about to be rendered, then claimed."""

    asked: asyncio.Event

    def get(self, name: str) -> EmailTemplate:
        self.asked.set()
        return super().get(name)


@dataclass
class House:
    """Everything around the activity, and short words for what tests do to it."""

    pool: AsyncConnectionPool[Any]
    clock: StoppedClock
    sink: Sink
    content: Path
    library: WatchedLibrary
    channel: WatchedChannel
    activities: EnrollmentActivities
    intake: Intake
    environment: ActivityEnvironment = field(default_factory=ActivityEnvironment)

    async def advance(self, enrollment_id: str) -> AdvanceReply:
        """What the workflow does when it wakes."""
        self.environment.info = dataclasses.replace(
            self.environment.info, started_time=datetime.now(UTC),
            start_to_close_timeout=timedelta(seconds=TOUCH_TIMEOUT),
        )  # fmt: skip
        return await self.environment.run(self.activities.advance, AdvanceRequest(enrollment_id))

    async def sleep_and_advance(self, enrollment_id: str, reply: AdvanceReply) -> AdvanceReply:
        """Let the time pass that a reply asks for, and go on."""
        assert reply.sleep_seconds is not None
        self.clock.moment += timedelta(seconds=reply.sleep_seconds)
        return await self.advance(enrollment_id)

    async def advance_while(self, enrollment_id: str, change: Awaitable[Any]) -> AdvanceReply:
        """Advance, with a change that comes after the decision to send and before the claim.

        The only line to the mail server (`connections=1`) is busy with somebody else that long.
        """
        await self.publish({"send": "welcome-trial-3"}, id="busy")
        await self.account("somebody", "else")
        other = await self.enroll("somebody", "busy")
        self.misbehave(FaultMode.DELAY, seconds=0.4)
        busy = asyncio.create_task(self.advance(other))
        while not self.letters():
            await asyncio.sleep(0.01)
        self.misbehave(FaultMode.NONE)
        self.library.asked.clear()
        touch = asyncio.create_task(self.advance(enrollment_id))
        await self.library.asked.wait()
        await change
        assert not busy.done()
        assert (await busy).ended
        return await touch

    def later(self, **span: float) -> datetime:
        """Move the clock on; returns the new moment."""
        self.clock.moment += timedelta(**span)
        return self.clock.moment

    async def publish(self, *steps: dict[str, Any], id: str = "welcome", **parts: Any) -> None:
        async with self.pool.connection() as connection:
            await rig.publish(connection, rig.program(id, list(steps), **parts), self.clock.now())

    async def account(self, id: str = "acme", *people: str, **facts: Any) -> None:
        """An account with these people, the first of them its champion (none: nobody)."""
        facts = {"stage": "trial", "traits": {"plan": "trial"}, **facts}
        await self.intake.save_accounts([AccountRecord(id, id.title(), **facts)])
        for number, person in enumerate(people):
            await self.person(person, id, "champion" if number == 0 else "admin")
            self.later(microseconds=1)  # the order of people is that in which they came

    async def person(self, name: str, account: str = "acme", *roles: str, **rest: Any) -> None:
        await self.intake.save_contacts(
            [ContactRecord(name, account, f"{name}@{account}.test", name.title(), name.title(),
                           roles, **rest)]
        )  # fmt: skip

    async def unsubscribed(self, address: str) -> None:
        """What the unsubscribe link of somebody with this address does."""
        async with self.pool.connection() as connection, connection.transaction():
            await suppressions.add(
                connection, [suppressions.address_subject(address)], "unsubscribed", "link",
                self.clock.now(),
            )  # fmt: skip

    async def enroll(self, account: str = "acme", program: str = "welcome") -> str:
        async with self.pool.connection() as connection:
            found = await enroll(
                connection, program, [account], source="test", now=self.clock.now(), again="always"
            )
            assert found.enrolled == (account,), found
            await connection.execute("delete from outbox")
        (row,) = await self.rows(
            "select id from enrollments where program_id = %s and account_id = %s"
            " and ended_at is null", program, account,
        )  # fmt: skip
        return str(row["id"])

    async def start(self, *steps: dict[str, Any], people: tuple[str, ...] = ("ada",)) -> str:
        """The program `welcome` of these steps, and the account `acme` inside it."""
        await self.publish(*steps)
        await self.account("acme", *people)
        return await self.enroll()

    def misbehave(self, mode: FaultMode, **how: Any) -> None:
        Faults(mode, **how).write(self.sink.folder)

    def letters(self) -> list[SinkEntry]:
        """What the sink took, in order."""
        return read_index(self.sink.folder)

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        async with (
            self.pool.connection() as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            await cursor.execute(statement, values)
            return await cursor.fetchall() if cursor.description else []

    async def ledger(self) -> list[dict[str, Any]]:
        return await self.rows("select * from messages order by claimed_at, visit, key")

    async def message(self) -> dict[str, Any]:
        """The only message of the ledger."""
        (found,) = await self.ledger()
        return found

    async def decisions(self) -> list[tuple[str, str]]:
        """(verdict, reason) of every decision, in order."""
        rows = await self.rows("select verdict, reason from decisions order by id")
        return [(row["verdict"], row["reason"]) for row in rows]

    async def enrollment(self, id: str) -> dict[str, Any]:
        (found,) = await self.rows("select * from enrollments where id = %s", id)
        return found

    async def woken(self) -> set[str]:
        """The enrollments that wait to be woken or started, which are forgotten then."""
        rows = await self.rows("delete from outbox returning enrollment_id")
        return {row["enrollment_id"] for row in rows}

    async def open_alerts(self) -> list[dict[str, Any]]:
        async with self.pool.connection() as connection:
            return await alerts.open_alerts(connection)


@contextlib.asynccontextmanager
async def opened(
    database: str, folder: Path, *, counting: bool = False, connections: int = 4,
    smtp_timeout: float = 5.0, private_webhooks: bool = True,
) -> AsyncIterator[House]:  # fmt: skip
    """A house on a migrated database; `folder` takes the mail and a copy of the content."""
    content = folder / "content"
    shutil.copytree(rig.ROOT / "content", content)
    clock = StoppedClock()
    library = WatchedLibrary(content)
    library.asked = asyncio.Event()
    webhooks = WebhookChannel(signing_key=SIGNING_KEY, timeout=2.0, allow_private=private_webhooks)
    async with (
        Sink(folder / "mail") as sink,
        pools.opened(database, 8, counting=counting) as pool,
    ):
        channel = WatchedChannel(
            host="127.0.0.1", port=sink.port, tls="none", connections=connections,
            timeout=smtp_timeout,
        )  # fmt: skip
        mailing = Mailing(
            pool=pool, library=library, channel=channel, connections=connections,
            sender=Sender(
                "Maya <maya@vendor.test>", "vendor.test", "Maya", "Vendor Ltd",
                "https://mail.vendor.test", "https://app.vendor.test", smtp_timeout + 1.0,
            ),
            signer=Signer(SIGNING_KEY), links=LinkSigner(SIGNING_KEY), gate=Gate(clock),
        )  # fmt: skip
        activities = EnrollmentActivities(
            pool=pool, clock=clock, programs=ProgramShelf(pool),
            calendar=CalendarShelf(BusinessCalendar()), mailing=mailing,
            calls=Calls(pool, webhooks),
            # What an outage made late is not spread here: how it is, is the domain's to test.
            workspace=Workspace(zone="UTC", grace=60.0, spread=0.0),
        )  # fmt: skip
        house = House(
            pool, clock, sink, content, library, channel, activities,
            Intake(pool, clock, Entries(pool, clock, "UTC")),
        )  # fmt: skip
        channel.ledger, channel.seen = house.ledger, []
        try:
            yield house
        finally:
            await channel.close()
            await webhooks.close()
