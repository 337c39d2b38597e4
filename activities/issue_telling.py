"""Telling colleagues about an issue: the first who can be reached, by a link of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg_pool import AsyncConnectionPool

from activities.colleagues import ColleagueMail, Colleagues
from digital_cs import logs
from digital_cs.domain.content.team import Person, Team
from digital_cs.domain.newsletters.issue_plan import IssuePlan
from digital_cs.domain.newsletters.issue_words import MARK, Asks, Told, words_of_test
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.errors import DigitalCsError
from digital_cs.rendering import issue_mail
from digital_cs.rendering.colleague_mail import Letter
from digital_cs.rendering.context import SenderView
from digital_cs.rendering.issue_mail import Link
from digital_cs.rendering.library import EmailLibrary
from digital_cs.signing import person_id
from digital_cs.signing_issues import Invitation, IssueSigner
from digital_cs.store.content import colleague_mails
from digital_cs.store.content.colleague_mails import MailState
from digital_cs.store.newsletters.issue_readers import VariantView
from digital_cs.store.newsletters.issues import IssueRow

log = logs.get(__name__)

KIND = "issue"
"""The kind of mail to colleagues about issues."""
MAIL_AGAIN = timedelta(minutes=5)
"""Business time after which a mail to a colleague is tried again that was refused for now."""
LINK_GOOD_FOR = timedelta(days=14)
"""A link is good for so long after its issue's day, and after its mail."""


class NotYetError(DigitalCsError):
    """Something about an issue could not be done for now; it is tried again `after` a while."""

    def __init__(self, after: timedelta = MAIL_AGAIN, label: str = "tell a colleague") -> None:
        super().__init__()
        self.after = after
        self.label = label


@dataclass(frozen=True, slots=True)
class Case:
    """One issue at one moment, as its desk looks at it."""

    row: IssueRow
    plan: IssuePlan
    zone: ZoneInfo
    calendar: BusinessCalendar
    now: datetime


@dataclass(frozen=True, slots=True)
class Links:
    """What links in mail are made with: the keys that sign them, and where they lead."""

    signer: IssueSigner
    public_url: str


class IssueTelling:
    """Writes to colleagues about issues. May be repeated: what was sent is known by its key."""

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], colleagues: Colleagues, library: EmailLibrary,
        team: Callable[[], Team], sender: SenderView, links: Links,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._colleagues = colleagues
        self._library = library
        self._team = team
        self._sender = sender
        self._links = links

    async def tell(
        self, words: Told, key: str, case: Case, *, section: str = "", about: str = ""
    ) -> str:
        """Write to the first who can be reached; returns who that was, in a word.

        `about` is the hash of what it is about. Raises NotYetError.
        """
        for place, person in enumerate(self._reachable(words.to, case.now)):
            link = None
            if words.asks is not None:
                link = self._link(words.asks, words.button, person, case, section, about)
            made = issue_mail.asking(words, case.row.newsletter, link)
            if await self._sent(f"{key}/{place}" if place else key, person, made, case):
                return person.name
        log.warning("issue.nobody_to_tell", issue=case.row.id)
        return "nobody, for none of them can be reached"

    async def test(self, variants: Sequence[VariantView], case: Case) -> None:
        """Send what was put together to who approves it, each text as a reader would get it.
        Raises NotYetError."""
        row = case.row
        names = (row.newsletter.approver, row.newsletter.owner, row.newsletter.backup)
        person = next(self._reachable([name for name in names if name], case.now), None)
        if person is None:
            return
        button = "Look at all of it, and answer"
        link = self._link(Asks.APPROVE, button, person, case, "", row.texts_hash or "")
        for number, variant in enumerate(variants, start=1):
            found = issue_mail.example(self._library, row.newsletter, variant.source, self._sender)
            if found is None:
                continue
            about = words_of_test(number, len(variants), variant.accounts)
            made = issue_mail.test(found.shown, about, link)
            await self._sent(f"{row.id}/test/{row.texts_hash}/{variant.name}", person, made, case)

    def _link(
        self, asks: Asks, button: str, person: Person, case: Case, section: str, about: str
    ) -> Link:
        assert person.address is not None
        until = max(case.plan.last_at, case.now) + LINK_GOOD_FOR
        token = self._links.signer.sign(
            Invitation(
                asks.value, case.row.id, section, person_id(person.address), about[:MARK],
                case.now, until,
            )
        )  # fmt: skip
        return Link(f"{self._links.public_url}/i/{token}", button, until.astimezone(case.zone))

    async def _sent(self, key: str, person: Person, made: Letter, case: Case) -> bool:
        """Whether a person has a mail, now or from before. Raises NotYetError."""
        assert person.address is not None
        mail = ColleagueMail(
            f"{KIND}:{key}", KIND, person.address, person.name, made, (case.row.id,)
        )
        state = await self._colleagues.send(mail, case.now)
        if state is None:  # it was handed over before; or it may not be tried again just yet
            async with self._pool.connection() as connection:
                state = await colleague_mails.state_of(connection, mail.key)
        if state is MailState.PLANNED:
            raise NotYetError()
        return state is not MailState.FAILED

    def _reachable(self, names: Sequence[str], now: datetime) -> Iterator[Person]:
        """Those of some names who are there and have an address, and then the manager."""
        team = self._team()
        seen: set[str] = set()
        for name in (*names, team.manager):
            person = team.find(name)
            if person is None or not person.address or not person.there(now.date()):
                continue
            if person.address not in seen:
                seen.add(person.address)
                yield person
