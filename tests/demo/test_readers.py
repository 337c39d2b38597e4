"""Readers of the demo come by the real doors: the links of their mail, and mail that comes back."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from digital_cs.channels.mail import OutgoingMail, to_bytes
from digital_cs.channels.mail_door import MailDoor
from digital_cs.channels.sink_folder import SinkFolder
from digital_cs.demo.habits import SCANNED, SHARES, Habit, habit_for
from digital_cs.demo.readers import COMPLAINS_FROM_DAY, MOST_TRIES, Readers, UnheardError
from digital_cs.ingest.mail.returned import Returns
from digital_cs.ingest.mail.returned_doors import answering, wanted
from digital_cs.signing import Signer
from digital_cs.signing_links import Link, LinkSigner
from digital_cs.stack.ports import free_port
from tests.console.serving import SIGNING_KEY, served
from tests.demo.conftest import ORIGIN, Scene, StoppedClock

DOMAIN = "lantern.example"
MAYA = f"maya@{DOMAIN}"
READER = "shop-p1@shop.example"
SCANNED_READER = next(
    address for n in itertools.count()
    if habit_for("", address := f"ada@shop-{n}.example") is Habit.SCAN
)  # fmt: skip
LATER = timedelta(days=2)


def message_with(habit: Habit | None) -> str:
    """The hash in the id of a message with which a reader does this."""
    ids = (hashlib.sha256(str(n).encode()).hexdigest()[:40] for n in itertools.count())
    return next(id for id in ids if habit_for(f"<{id}@{DOMAIN}>", READER) is habit)


@dataclass
class Town:
    """A shop with one reader, the doors of the demo, and what can be found behind them."""

    scene: Scene
    pool: AsyncConnectionPool[Any]
    clock: StoppedClock
    api: str
    folder: Path

    async def deliver(self, habit: Habit, to: str = READER) -> None:
        """Put a message into the reader's box, with which something is done."""
        local = message_with(Habit.CLICK if habit in (Habit.SCAN, Habit.COMPLAIN) else habit)
        id = f"<{local}@{DOMAIN}>"
        enrollment = await self.scene.enrollment("welcome-trial", "shop", 0)
        await self.scene.message(enrollment, 0, "welcome-trial-1", 1, message_id=id)
        token = Signer(SIGNING_KEY).sign_contact("shop-p1")
        follow = [
            f"{self.api}/c/{LinkSigner(SIGNING_KEY).sign(Link(local, nth, 1, destination))}"
            for nth, destination in ((1, "https://app.lantern.example/setup"), (0, ""))
        ]
        links = [follow[0], f"{self.api}/p/{token}", f"{self.api}/u/{token}", follow[1]]
        mail = OutgoingMail(
            message_id=id, mail_from=f"Maya <{MAYA}>", envelope_from="", to=to,
            to_name="Ada Byron", subject="Welcome", text="Hello Ada.", date=ORIGIN,
            html="".join(f'<a href="{link}">this</a>' for link in links),
            unsubscribe_url=f"{self.api}/u/{token}",
        )  # fmt: skip
        sink = SinkFolder(self.folder)
        sink.store(to_bytes(mail), [to])
        sink.close()

    @asynccontextmanager
    async def door(self, port: int = 0) -> AsyncIterator[MailDoor]:
        """The listener for mail that comes back."""
        returns = Returns(pool=self.pool, clock=self.clock, mail_domain=DOMAIN, kept_days=30)
        wants = wanted(DOMAIN, f"Maya <{MAYA}>")
        async with MailDoor(answering(returns, "smtp"), wants, port=port) as door:
            yield door

    async def live(self, readers: Readers, days: float = 0) -> None:
        """The mail is looked at, and two days later what is to be done is done."""
        self.clock.at = ORIGIN + timedelta(days=days)
        await readers.tick()
        self.clock.at += LATER
        await readers.tick()

    async def comes(self, habit: Habit, to: str = READER, days: float = 0) -> None:
        """A message comes, and its reader does this with it."""
        await self.deliver(habit, to)
        async with (
            self.door() as door,
            Readers(self.folder, door.port, self.clock, ORIGIN) as readers,
        ):
            await self.live(readers, days)
            assert readers.to_come == 0

    async def clicks(self, count: int) -> list[tuple[Any, ...]]:
        """(whether a person's, where it led), which is written after the answer is out."""
        async with asyncio.timeout(10):
            while len(found := await self.rows("select human, url from clicks")) < count:
                await asyncio.sleep(0.02)
        return found

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return await (await self.scene.connection.execute(statement)).fetchall()


@pytest.fixture
async def town(
    url: str, pool: AsyncConnectionPool[Any], scene: Scene, clock: StoppedClock, tmp_path: Path
) -> AsyncIterator[Town]:
    await scene.program("welcome-trial", "Welcome to the trial")
    await scene.account("shop", "Corner Shop", ("Ada Byron", "champion"))
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(served(url, mail_domain=DOMAIN))
        yield Town(scene, pool, clock, api, tmp_path / "mail")


async def test_a_reader_unsubscribes_by_the_link_of_the_mail(town: Town) -> None:
    await town.comes(Habit.UNSUBSCRIBE)
    assert await town.rows("select subject, reason, source from suppression_entries") == [
        ("address:shop-p1@shop.example", "unsubscribed", "link")
    ]


@pytest.mark.parametrize(
    ("habit", "chosen"),
    [
        (Habit.TOPIC_OFF, (1, False, False)),
        (Habit.PAUSE, (0, True, False)),
        (Habit.FEWER, (0, False, True)),
    ],
)
async def test_a_reader_chooses_one_thing_on_the_page_of_preferences(
    town: Town, habit: Habit, chosen: tuple[int, bool, bool]
) -> None:
    await town.comes(habit)
    assert await town.rows(
        "select (select count(*)::int from preferences where not wanted),"
        " quiet_until is not null, fewer from contacts"
    ) == [chosen]
    assert await town.rows("select * from suppression_entries") == []


async def test_a_reader_follows_a_link_and_counts_as_a_person(town: Town) -> None:
    await town.comes(Habit.CLICK)
    assert await town.clicks(1) == [(True, "https://app.lantern.example/setup")]


async def test_a_scanner_follows_all_links_and_counts_for_nothing(town: Town) -> None:
    """P28; and it unsubscribes nobody, though it follows that link as well."""
    await town.comes(Habit.SCAN, to=SCANNED_READER)
    assert [human for human, _ in await town.clicks(2)] == [False, False]
    assert await town.rows("select * from suppression_entries") == []
    assert await town.rows("select * from preferences") == []


@pytest.mark.parametrize(
    ("habit", "kind", "message", "reasons"),
    [
        (Habit.GONE, "hard", "bounced", ["hard bounce"]),
        (Habit.FULL, "soft", "bounced", []),
        (Habit.AWAY, "out_of_office", "accepted", []),
        (Habit.COMPLAIN, "complaint", "complained", ["complaint"]),
    ],
)
async def test_what_servers_and_providers_send_back_is_understood(
    town: Town, habit: Habit, kind: str, message: str, reasons: list[str]
) -> None:
    await town.comes(habit, days=COMPLAINS_FROM_DAY if habit is Habit.COMPLAIN else 0)
    assert await town.rows("select kind, account_id from returned_messages") == [(kind, "shop")]
    assert await town.rows("select state from messages") == [(message,)]
    found = await town.rows("select reason from suppression_entries")
    assert [reason for (reason,) in found] == reasons


async def test_a_reader_writes_back_and_a_person_is_asked_to_look(town: Town) -> None:
    """P18: a task with what they wrote, without what they quote."""
    await town.comes(Habit.WRITE_BACK)
    ((kind, account, contact, note),) = await town.rows(
        "select kind, account_id, contact_id, note from tasks where state = 'open'"
    )
    assert (kind, account, contact) == ("reply", "shop", "shop-p1")
    assert note.endswith("Ada")
    assert "Hello Ada." not in note


async def test_only_one_reader_complains(town: Town) -> None:
    await town.deliver(Habit.COMPLAIN)
    sink = SinkFolder(town.folder)
    (mail,) = town.folder.glob("*.eml")
    sink.store(mail.read_bytes(), [READER])
    sink.close()
    async with (
        town.door() as door,
        Readers(town.folder, door.port, town.clock, ORIGIN) as readers,
    ):
        await town.live(readers, COMPLAINS_FROM_DAY)
    assert await town.rows("select kind from returned_messages") == [("complaint",)]


async def test_a_letter_waits_while_the_door_is_closed_and_is_taken_once(town: Town) -> None:
    await town.deliver(Habit.GONE)
    port = free_port()
    async with Readers(town.folder, port, town.clock, ORIGIN) as readers:
        await town.live(readers)
        assert readers.to_come == 1
        async with town.door(port):
            for _ in range(2):
                town.clock.at += LATER
                await readers.tick()
        assert readers.to_come == 0
    assert await town.rows("select kind from returned_messages") == [("hard",)]


async def test_a_door_that_stays_closed_ends_the_demo_with_the_reason(town: Town) -> None:
    await town.deliver(Habit.GONE)
    async with Readers(town.folder, free_port(), town.clock, ORIGIN) as readers:
        await town.live(readers)
        for _ in range(MOST_TRIES - 1):
            town.clock.at += LATER
            await readers.tick()
        town.clock.at += LATER
        with pytest.raises(UnheardError, match="gone"):
            await readers.tick()


def test_most_messages_are_only_read_and_every_habit_falls_to_some() -> None:
    ids = [hashlib.sha256(str(n).encode()).hexdigest()[:40] for n in range(3000)]
    found = [habit_for(id, f"somebody@shop-{n % 300}.example") for n, id in enumerate(ids)]
    assert found == [habit_for(id, f"somebody@shop-{n % 300}.example") for n, id in enumerate(ids)]
    for habit, share in {**SHARES, Habit.SCAN: SCANNED}.items():
        assert share / 2 < found.count(habit) / len(found) < share * 2, habit
    assert found.count(None) > len(found) / 2
