"""The people who get the mail of the demo: they follow links, choose, leave, and write back.

All of it by the doors that real readers use: the links that stand in each mail, and mail.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import re
import smtplib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

import httpx2

from digital_cs.channels.sink import SinkEntry, read_index
from digital_cs.clock import Clock
from digital_cs.demo import letters
from digital_cs.demo.habits import Habit, habit_for, wait_of, words_for
from digital_cs.demo.letters import Letter, Received
from digital_cs.demo.surroundings import OURS
from digital_cs.domain.programs.enrollment import share_of
from digital_cs.errors import DigitalCsError

TICK_SECONDS = 0.1
AGAIN = timedelta(hours=1)
MOST_TRIES = 8
SMTP_SECONDS = 20.0

COMPLAINS_FROM_DAY = 40
"""From which business day on the one reader who complains may do so."""

PERSON = {"User-Agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) Safari/617.3"}
SCANNER = {"User-Agent": "Mozilla/5.0 (compatible; LinkScanner/3.1)"}

_BOX = re.compile(r'<input type="checkbox" name="(topic|fewer)" value="([\w-]+)"( checked)?')
_LESS_WANTED = ("tips", "product")


class UnheardError(DigitalCsError):
    """A door of the demo did not do what a reader asked of it."""


@dataclass(order=True, slots=True)
class Errand:
    """What a reader will do with a message at a business moment.

    A letter is written once: who has to send it again sends the same one.
    """

    at: datetime
    number: int
    habit: Habit = field(compare=False)
    about: Received = field(compare=False)
    letter: Letter | None = field(compare=False, default=None)
    tries: int = field(compare=False, default=0)


class Readers:
    """Everybody who gets mail from the sample company. Used as an async context manager."""

    def __init__(
        self, mail_folder: Path, returned_port: int, clock: Clock, origin: datetime
    ) -> None:
        self._folder = mail_folder
        self._port = returned_port
        self._clock = clock
        self._complains_from = origin + timedelta(days=COMPLAINS_FROM_DAY)
        self._complained = False
        self._read = 0
        self._coming: list[Errand] = []
        self._numbers = itertools.count()
        # No proxy: the API is on this machine. No redirects: the shop's own pages are made up.
        self._client = httpx2.AsyncClient(timeout=30.0, trust_env=False, follow_redirects=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *reason: object) -> None:
        await self._client.aclose()

    @property
    def to_come(self) -> int:
        """How many errands are not done yet."""
        return len(self._coming)

    async def run(self) -> None:
        """Live until cancelled."""
        while True:
            await self.tick()
            await asyncio.sleep(TICK_SECONDS)

    async def tick(self) -> None:
        """Look at the mail that came, and do what is to be done by now.

        Raises UnheardError when a door refuses, or is closed for long.
        """
        now = self._clock.now()
        found = await asyncio.to_thread(read_index, self._folder)
        for entry in found[self._read :]:
            await self._plan(entry, now)
        self._read = len(found)
        while self._coming and self._coming[0].at <= now:
            await self._go(heapq.heappop(self._coming))

    async def _plan(self, entry: SinkEntry, now: datetime) -> None:
        if entry.to.endswith(f"@{OURS}"):
            return  # mail to a colleague
        habit = habit_for(entry.message_id, entry.to)
        if habit is Habit.CLICK and not self._complained and now >= self._complains_from:
            habit, self._complained = Habit.COMPLAIN, True
        if habit is None:
            return
        raw = await asyncio.to_thread((self._folder / entry.file).read_bytes)
        at = now + wait_of(habit, entry.message_id)
        errand = Errand(at, next(self._numbers), habit, letters.read(raw))
        heapq.heappush(self._coming, errand)

    async def _go(self, errand: Errand) -> None:
        """Do it; where a door is closed for the moment, later."""
        try:
            await self._do(errand)
        except (httpx2.TransportError, _LaterError, smtplib.SMTPException, OSError) as error:
            if _for_good(error) or errand.tries >= MOST_TRIES:
                raise UnheardError(
                    f"The demo does not hear its readers ({errand.habit}): {error}"
                ) from error
            errand.tries += 1
            errand.at = self._clock.now() + AGAIN
            heapq.heappush(self._coming, errand)

    async def _do(self, errand: Errand) -> None:
        mail = errand.about
        match errand.habit:
            case Habit.SCAN:
                for link in (mail.unsubscribe, mail.choose, *mail.follow):
                    if link is not None:
                        await self._get(link, SCANNER)
            case Habit.CLICK:
                if mail.follow[:-1]:
                    await self._get(mail.follow[0], PERSON)
            case Habit.UNSUBSCRIBE:
                if mail.unsubscribe is not None:
                    await self._post(mail.unsubscribe, {"List-Unsubscribe": ["One-Click"]})
            case Habit.TOPIC_OFF | Habit.PAUSE | Habit.FEWER:
                if mail.choose is not None:
                    await self._choose(mail.choose, errand.habit, mail)
            case _:
                errand.letter = errand.letter or _letter(errand.habit, mail, self._clock.now())
                await asyncio.to_thread(self._hand_in, errand.letter)

    async def _get(self, url: str, who: dict[str, str]) -> str:
        return self._heard(await self._client.get(url, headers=who))

    async def _post(self, url: str, fields: dict[str, list[str]]) -> None:
        self._heard(await self._client.post(url, data=fields, headers=PERSON))

    def _heard(self, answer: httpx2.Response) -> str:
        if answer.status_code in (429, 503):
            raise _LaterError(f"it answered {answer.status_code}")
        if answer.status_code >= 400:
            raise UnheardError(f"The API of the demo answered {answer.status_code} to a reader.")
        return answer.text

    async def _choose(self, url: str, habit: Habit, mail: Received) -> None:
        """Open the page of preferences, change a thing, and press a button."""
        boxes = _BOX.findall(await self._get(url, PERSON))
        fields: dict[str, list[str]] = {}
        for name, value, checked in boxes:
            fields.setdefault(f"of-{name}", []).append(value)
            if checked:
                fields.setdefault(name, []).append(value)
        match habit:
            case Habit.TOPIC_OFF:
                first = share_of(mail.to, "less wanted") < 0.6
                unwanted = _LESS_WANTED[0 if first else 1]
                fields["topic"] = [t for t in fields.get("topic", []) if t != unwanted]
            case Habit.FEWER:
                fields["fewer"] = ["fewer"]
        does = "pause" if habit is Habit.PAUSE else "save"
        await self._post(url, {**fields, "do": [does]})

    def _hand_in(self, letter: Letter) -> None:
        with smtplib.SMTP("127.0.0.1", self._port, timeout=SMTP_SECONDS) as door:
            door.sendmail(letter.envelope_from, [letter.envelope_to], letter.content)


class _LaterError(DigitalCsError):
    """A door is closed for the moment."""


def _letter(habit: Habit, to: Received, at: datetime) -> Letter:
    """The mail in which a habit shows."""
    match habit:
        case Habit.GONE:
            return letters.bounce(to, at, "550", "5.1.1", "No such user here")
        case Habit.FULL:
            return letters.bounce(to, at, "452", "4.2.2", "The mailbox is full")
        case Habit.AWAY:
            return letters.absence(to, at)
        case Habit.COMPLAIN:
            return letters.complaint(to, at)
    return letters.reply(to, at, words_for(to.message_id))


def _for_good(error: Exception) -> bool:
    """Whether a door said that it is of no use to come again."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return any(code >= 500 for code, _ in error.recipients.values())
    return isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= 500
