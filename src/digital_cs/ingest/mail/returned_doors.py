"""The doors by which mail comes back: what a listener answers, and a Maildir that is emptied."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import parseaddr
from pathlib import Path

from digital_cs import logs
from digital_cs.channels.mail_door import Mail
from digital_cs.channels.maildir import Maildir, UnreadableError
from digital_cs.ingest.mail.returned import AWAY, KEPT_BYTES, Returns
from digital_cs.ingest.mail.returned_consequences import NotYetError

log = logs.get(__name__)

TAKEN = b"250 2.6.0 taken"
COME_AGAIN = b"451 4.3.0 it cannot be kept at this moment, come again"


def wanted(mail_domain: str, mail_from: str) -> Callable[[str], bool]:
    """Whether mail to an address is for us: of our domain, or to whom our messages are from."""
    domain, own = mail_domain.lower(), parseaddr(mail_from)[1].lower()

    def wants(address: str) -> bool:
        local, _, at = address.lower().rpartition("@")
        return bool(local) and (at == domain or address.lower() == own)

    return wants


def answering(returns: Returns, source: str) -> Callable[[Mail], Awaitable[bytes]]:
    """What a listener says of a mail: that it is taken only when it is committed."""

    async def answer(mail: Mail) -> bytes:
        token = next((r for r in mail.recipients if r.lower().startswith("bounce+")), None)
        try:
            await returns.take(
                mail.beginning, token or mail.recipients[0], source, id=f"mail:{mail.digest}"
            )
        except (*AWAY, NotYetError) as error:
            log.warning("returned.not_taken", kind=type(error).__name__)
            return COME_AGAIN
        return TAKEN

    return answer


@dataclass(slots=True)
class Pulled:
    """What became of the mails of a Maildir. `aside`: what could not even be read as a file."""

    taken: int = 0
    known: int = 0
    later: int = 0
    aside: int = 0


async def pull(returns: Returns, maildir: Maildir, told: Callable[[Pulled], None]) -> Pulled:
    """Take every new mail of a Maildir, and file it as seen once it is kept.

    Whoever stops in between takes one again, which is harmless. `told` is told after each. Raises
    what `Returns.take` raises while the database is away.
    """
    done = Pulled()
    for path in await asyncio.to_thread(maildir.new):
        try:
            beginning, digest, envelope = await asyncio.to_thread(maildir.read, path, KEPT_BYTES)
        except FileNotFoundError:
            continue  # somebody else filed it
        except UnreadableError as error:
            log.warning("returned.set_aside", because=str(error))
            await asyncio.to_thread(maildir.set_aside, path)
            done.aside += 1
        else:
            await _take(returns, maildir, path, beginning, digest, envelope, done)
        told(done)
    return done


async def _take(
    returns: Returns, maildir: Maildir, path: Path, beginning: bytes, digest: str,
    envelope: str | None, done: Pulled,
) -> None:  # fmt: skip
    try:
        taken = await returns.take(beginning, envelope, "maildir", id=f"mail:{digest}")
    except NotYetError:
        done.later += 1
        return
    await asyncio.to_thread(maildir.file, path)
    done.taken += taken.new
    done.known += not taken.new
