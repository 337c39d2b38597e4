"""Mail that comes back by SMTP or by a Maildir: all of it kept, once, whatever breaks meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import os
import smtplib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from digital_cs.channels.mail_door import MailDoor
from digital_cs.channels.maildir import Maildir
from digital_cs.errors import UnavailableError
from digital_cs.ingest.mail.returned import AWAY, Returns
from digital_cs.ingest.mail.returned_doors import Pulled, answering, pull, wanted
from digital_cs.store.database import pool as pools
from tests import rig
from tests.activities.house import StoppedClock
from tests.ingest.returning import ADA, DOMAIN, Desk, bounce, reply, token

SAMPLES = rig.ROOT.parent / "shared" / "samples" / "bounces" / "data"

CLIENTS = ThreadPoolExecutor(50)
"""Threads of their own: those of the loop read the mails that come in."""


@pytest.fixture
async def desk(database: str, connection: AsyncConnection[Any]) -> AsyncIterator[Desk]:
    async with pools.opened(database, 6, patience=1.0) as pool:
        clock = StoppedClock()
        returns = Returns(pool=pool, clock=clock, mail_domain=DOMAIN, kept_days=30)
        ready = Desk(pool, connection, clock, returns)
        await ready.person("ada")
        yield ready


@contextlib.asynccontextmanager
async def listening(desk: Desk) -> AsyncIterator[MailDoor]:
    wants = wanted(DOMAIN, "Maya <maya@elsewhere.test>")
    async with MailDoor(answering(desk.returns, "smtp"), wants) as door:
        yield door


async def hand_over(door: MailDoor, mail: bytes, *to: str) -> int:
    """Hand a mail over with a client that is not ours; returns the code of the answer."""

    def talk() -> int:
        with smtplib.SMTP("127.0.0.1", door.port, timeout=20) as client:
            client.ehlo("me")
            client.mail("")
            codes = [client.rcpt(each)[0] for each in to]
            return client.data(mail)[0] if 250 in codes else codes[0]

    return await asyncio.get_running_loop().run_in_executor(CLIENTS, talk)


async def test_a_bounce_by_smtp_is_committed_before_it_is_answered(
    desk: Desk, database: str
) -> None:
    sent = await desk.message()
    async with listening(desk) as door:
        code = await hand_over(door, bounce(address=ADA), "maya@elsewhere.test", token(sent))
        with psycopg.connect(database) as other:
            (seen,) = other.execute("select source, kind, state from returned_messages")
    assert code == 250
    assert seen == ("smtp", "hard", "applied")
    assert await desk.state(sent) == "bounced", "the token counts among several recipients"


@pytest.mark.parametrize(
    ("to", "code"),
    [
        ("bounce+x@vendor.test", 250), ("postmaster@VENDOR.test", 250),
        ("Maya@elsewhere.test", 250), ("ada@elsewhere.test", 550), ("ada@acme.test", 550),
        ("x@sub.vendor.test", 550), ("vendor.test", 550),
    ],
)  # fmt: skip
async def test_mail_for_others_is_refused(desk: Desk, to: str, code: int) -> None:
    async with listening(desk) as door:
        assert await hand_over(door, reply(), to) == code
    assert len(await desk.came()) == (code == 250)


async def test_while_the_database_is_away_the_sender_is_to_come_again_and_then_it_counts_once(
    desk: Desk, postgres: Any
) -> None:
    """The connections are cut and new ones refused, as while Postgres restarts."""
    sent = await desk.message()
    name = desk.connection.info.dbname
    mail = bounce(sent)
    with psycopg.connect(postgres.url, autocommit=True) as operator:

        def let_in(whether: bool) -> None:
            operator.execute(f'alter database "{name}" allow_connections {whether}')

        async with listening(desk) as door:
            let_in(False)
            operator.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,)
            )
            assert await hand_over(door, mail, token(sent)) == 451
            let_in(True)
            code = 451
            async with asyncio.timeout(30):
                while code == 451:
                    code = await hand_over(door, mail, token(sent))
            assert code == 250
            assert await hand_over(door, mail, token(sent)) == 250
        rows = operator.execute("select 1")
        assert rows.fetchone() == (1,)
    async with desk.pool.connection() as connection:
        cursor = await connection.execute(
            "select (select count(*) from returned_messages), (select count(*) from decisions),"
            " (select state from messages)"
        )
        assert await cursor.fetchone() == (1, 1, "bounced")


async def test_a_message_that_is_being_handed_over_makes_its_bounce_come_again(
    desk: Desk,
) -> None:
    sent = await desk.message(state="claimed")
    async with listening(desk) as door:
        assert await hand_over(door, bounce(sent), token(sent)) == 451
        await desk.rows("update messages set state = 'accepted'")
        assert await hand_over(door, bounce(sent), token(sent)) == 250
    assert await desk.state(sent) == "bounced"


async def test_200_mails_at_once_are_all_kept(desk: Desk) -> None:
    mails = [reply(None, f"p{number}@nowhere.test") for number in range(200)]

    async def one(mail: bytes) -> int:
        code = 451
        while code != 250:
            with contextlib.suppress(smtplib.SMTPException, ConnectionError):
                code = await hand_over(door, mail, "hello@vendor.test")
        return code

    async with listening(desk) as door:
        assert set(await asyncio.gather(*map(one, mails))) == {250}
    assert len(await desk.came()) == 200


async def test_every_sample_of_real_servers_gets_a_row_and_the_listener_lives_on(
    desk: Desk,
) -> None:
    """117 bounces of many servers, broken ones among them, by SMTP and then by a Maildir."""
    files = sorted(SAMPLES.glob("*.txt")) if SAMPLES.is_dir() else []
    if not files:
        pytest.skip(f"the samples of bounces are not at {SAMPLES}")
    mails = {file.read_bytes() for file in files}

    async with listening(desk) as door:
        codes = [await hand_over(door, mail, "bounce@vendor.test") for mail in sorted(mails)]
        assert set(codes) == {250}
        sent = await desk.message()
        assert await hand_over(door, bounce(sent), token(sent)) == 250
    rows = await desk.rows("select state, kind, detail, raw is not null as kept from"
                           " returned_messages where message_key is null")  # fmt: skip
    # smtplib makes the ends of lines alike, after which two of them may be one.
    assert len(rows) == len({_by_smtp(mail) for mail in mails}) >= 110
    assert {row["state"] for row in rows} <= {"ignored", "listed"}, "none names a message of ours"
    assert all(row["kept"] == (row["state"] == "listed") and row["detail"] for row in rows)
    assert await desk.state(sent) == "bounced"


def _by_smtp(mail: bytes) -> bytes:
    return mail.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip(b"\n")


def maildir(folder: Path) -> Path:
    for name in ("tmp", "new", "cur"):
        (folder / name).mkdir(parents=True)
    return folder


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


async def pulled(desk: Desk, folder: Path) -> Pulled:
    return await pull(desk.returns, Maildir(folder), lambda done: None)


async def test_a_maildir_is_emptied_once_and_nothing_in_it_is_deleted(
    desk: Desk, tmp_path: Path
) -> None:
    box = maildir(tmp_path / "box")
    sent = await desk.message()
    top = f"Return-Path: <>\r\nDelivered-To: {token(sent)}\r\n".encode()
    (box / "new" / "1.a").write_bytes(top + bounce(address=ADA))
    (box / "new" / "2.b").write_bytes(b"\x00\xff rubbish")
    (box / "new" / "3.c").write_bytes(b"")
    (box / "new" / ".hidden").write_bytes(b"not delivered")
    (box / "new" / "4.folder").mkdir()
    (box / "new" / "5.link").symlink_to("/etc/hostname")
    os.mkfifo(box / "new" / "6.pipe")

    done = await pulled(desk, box)

    assert done == Pulled(taken=3, known=0, later=0, aside=3)
    assert await desk.state(sent) == "bounced"
    assert files_in(box / "cur") == ["1.a:2,S", "2.b:2,S", "3.c:2,S"]
    assert files_in(box / "new") == [".hidden"]
    assert files_in(box / ".aside" / "new") == ["4.folder", "5.link", "6.pipe"]
    assert await pulled(desk, box) == Pulled()


async def test_who_stops_between_keeping_and_filing_takes_it_again_without_harm(
    desk: Desk, tmp_path: Path
) -> None:
    box = maildir(tmp_path / "box")
    sent = await desk.message()
    (box / "new" / "1.a").write_bytes(bounce(sent))
    await pulled(desk, box)
    (box / "cur" / "1.a:2,S").rename(box / "new" / "1.a")

    assert await pulled(desk, box) == Pulled(known=1)
    assert len(await desk.came()) == 1
    assert files_in(box / "cur") == ["1.a:2,S"]


async def test_a_mail_that_cannot_be_kept_yet_stays_where_it_is(desk: Desk, tmp_path: Path) -> None:
    box = maildir(tmp_path / "box")
    sent = await desk.message(state="claimed")
    (box / "new" / "1.a").write_bytes(bounce(sent))
    assert await pulled(desk, box) == Pulled(later=1)

    away = pools.AsyncConnectionPool[Any]("postgresql://127.0.0.1:1/x", open=False, timeout=0.2)
    returns = Returns(pool=away, clock=desk.clock, mail_domain=DOMAIN, kept_days=30)
    with pytest.raises(AWAY):
        await pull(returns, Maildir(box), lambda done: None)
    assert files_in(box / "new") == ["1.a"]


def test_what_is_no_maildir_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="is no Maildir"):
        Maildir(tmp_path)
