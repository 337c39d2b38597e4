"""`digital-cs returned listen` and `pull`: the two doors by which mail itself comes back."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digital_cs.cli.options import Json, JsonLogs

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool
    from rich.progress import Progress

    from digital_cs.channels.maildir import Maildir
    from digital_cs.config import Settings
    from digital_cs.ingest.mail.returned import Returns
    from digital_cs.ingest.mail.returned_doors import Pulled

LISTEN = "Example: digital-cs returned listen --port 2525"
PULL = "Example: digital-cs returned pull --maildir /var/mail/bounces --follow"
PATIENCE = 5.0
"""Seconds that a mail waits for a connection before its sender is told to come again."""
LOOK_SECONDS = 2.0
AWAY_SECONDS = 10.0


def listen(
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port; wins RETURNED_PORT.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address; wins RETURNED_HOST.")] = None,
    as_json: JsonLogs = False,
) -> None:
    """Take mail that comes back, by SMTP and LMTP, until it is told to stop.

    A mail is answered with 250 only when it is kept for good, and with 451 while the database is
    away: its sender keeps it and comes again. It takes mail to MAIL_DOMAIN and to the address of
    MAIL_FROM, and refuses all other. It knows no TLS and no passwords: put it behind your mail
    server.
    """
    import uvloop

    from digital_cs import logs
    from digital_cs.cli.connection import find_settings
    from digital_cs.errors import UsageError

    settings = find_settings().settings
    logs.configure(settings.log_level, "json" if as_json else settings.log_format)
    where = port or settings.returned_port
    if where is None:
        raise UsageError("On which port? Give --port, or set RETURNED_PORT.")
    uvloop.run(_until_told(_listen(settings, host or settings.returned_host, where)))


def pull(
    maildir: Annotated[
        Path, typer.Option(help="The Maildir, with its folders new and cur.", show_default=False)
    ],
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on, and take what comes, until told to stop.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take the new mails of a Maildir, and file each as seen once it is kept.

    It can be interrupted and run again, and two at once are harmless. What is no readable file is
    put into the subfolder .aside; nothing is deleted.
    """
    from digital_cs import logs
    from digital_cs.channels.maildir import Maildir
    from digital_cs.cli import output
    from digital_cs.cli.connection import find_settings

    settings = find_settings().settings
    logs.configure(settings.log_level if follow else "warning", settings.log_format)
    box = Maildir(maildir)
    with output.progress("mails", None) as bar:
        done = asyncio.run(_until_told(_pull(settings, box, follow, bar)))
    if done is None:
        return
    if as_json:
        output.emit(done)
        return
    output.say(
        f"{output.count_of(done.taken, 'mail')} taken, {done.known} known already,"
        f" {done.later} left for later, {done.aside} set aside."
    )


async def _until_told(work: Coroutine[Any, Any, Pulled | None]) -> Pulled | None:
    """Work until it is done, or until SIGTERM or Ctrl-C."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return None


async def _listen(settings: Settings, host: str, port: int) -> None:
    from digital_cs import logs
    from digital_cs.channels.mail_door import MailDoor
    from digital_cs.cli.connection import database_url
    from digital_cs.cli.output import complain
    from digital_cs.ingest.mail.returned_doors import answering, wanted
    from digital_cs.store.database import pool as pools

    wants = wanted(settings.mail_domain, settings.mail_from)
    async with pools.opened(
        database_url(settings), settings.database_pool, patience=PATIENCE
    ) as pool:
        returns = await _returns(settings, pool)
        async with MailDoor(answering(returns, "smtp"), wants, host=host, port=port) as door:
            complain(f"{logs.RETURNED_TAKEN_AT} {door.host}:{door.port}.")
            await asyncio.Event().wait()


async def _pull(settings: Settings, box: Maildir, follow: bool, bar: Progress) -> Pulled | None:
    from digital_cs.cli.connection import database_url
    from digital_cs.cli.output import complain
    from digital_cs.ingest.mail.returned import AWAY
    from digital_cs.ingest.mail.returned_doors import pull
    from digital_cs.store.database import pool as pools

    def told(done: Pulled) -> None:
        bar.update(0, completed=done.taken + done.known + done.aside)  # type: ignore[arg-type]

    async with pools.opened(database_url(settings), 2, patience=PATIENCE) as pool:
        returns = await _returns(settings, pool)
        while True:
            pause = LOOK_SECONDS
            try:
                done = await pull(returns, box, told)
                if not follow:
                    return done
            except AWAY:
                if not follow:
                    raise
                complain("The database does not answer. The mails stay where they are.")
                pause = AWAY_SECONDS
            await asyncio.sleep(pause)


async def _returns(settings: Settings, pool: AsyncConnectionPool[Any]) -> Returns:
    """What takes returned mail, on a database that fits this release."""
    from digital_cs.ingest.mail.returned import Returns
    from digital_cs.store import revision

    async with pool.connection() as connection:
        revision.require_newest(await revision.current(connection))
    return Returns(
        pool=pool, clock=settings.clock(), mail_domain=settings.mail_domain,
        kept_days=settings.returned_kept_days,
    )  # fmt: skip
