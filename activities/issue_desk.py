"""The desk of an issue: each step of it done, once, and told to whom it concerns."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Rollback
from psycopg_pool import AsyncConnectionPool

from activities.colleagues import ColleagueMail, Colleagues
from activities.composing import Composer, IssueTextError
from activities.issue_broadcast import IssueBroadcast
from digital_cs import logs
from digital_cs.domain.business_calendar import BusinessCalendar
from digital_cs.domain.issue import Do, State, Step
from digital_cs.domain.issue_plan import IssuePlan, next_free_day
from digital_cs.domain.issue_words import Told, day_words, told, words_of_test
from digital_cs.domain.span import add
from digital_cs.domain.team import Person, Team
from digital_cs.errors import DigitalCsError
from digital_cs.rendering.colleague_mail import Letter, letter, literal
from digital_cs.rendering.context import LinksView, ProgramView, SenderView
from digital_cs.rendering.issue_text import with_merged
from digital_cs.rendering.library import EmailLibrary
from digital_cs.rendering.made_up import made_up
from digital_cs.rendering.render import render
from digital_cs.store import colleague_mails, issue_items, issue_readers, issues, newsletters
from digital_cs.store.colleague_mails import MailState
from digital_cs.store.issues import ENGINE, IssueRow

log = logs.get(__name__)

_LINKS = LinksView("https://example.com/u", "https://example.com/p", "https://example.com")
"""Of a test, which is nobody's: they lead nowhere."""

KIND = "issue"
"""The kind of mail to colleagues about issues."""


MAIL_AGAIN = timedelta(minutes=5)
"""Business time after which a mail to a colleague is tried again that was refused for now."""
TRY_AGAIN = timedelta(hours=1)
"""Business time after which it is tried again to put together what could not be: what is wrong may
be a block or an article, which nobody has to report here when it is mended."""


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


class IssueDesk:
    """Does the steps. Each may be repeated: what was done is known by its key, mails by theirs."""

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], composer: Composer, broadcast: IssueBroadcast,
        colleagues: Colleagues, library: EmailLibrary, team: Callable[[], Team],
        sender: SenderView,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._composer = composer
        self._broadcast = broadcast
        self._colleagues = colleagues
        self._library = library
        self._team = team
        self._sender = sender

    async def do(self, step: Step, case: Case) -> None:
        """Do one step. Raises NotYetError where somebody could not be told of it."""
        match step.do:
            case Do.OPEN:
                await self._open(case)
            case Do.REOPEN:
                await self._move(case, State.FROZEN, "It is open again.", state=State.OPEN)
            case Do.FREEZE:
                await self._freeze(step, case)
            case Do.POSTPONE:
                await self._postpone(step, case)
            case Do.LEAVE:
                await self._leave(case)
            case Do.ASK_APPROVAL:
                await self._test(case)
                await self._say(step, case)
            case Do.SEND:
                await self._broadcast.send(case.row, case.now)
            case Do.CLOSE:
                await self._broadcast.close(case.row, case.now)
            case Do.REPORT:
                await self._report(case)
            case _:
                await self._say(step, case)

    async def _open(self, case: Case) -> None:
        """Let it be written, unless its newsletter comes out no more."""
        async with self._pool.connection() as connection:
            found = await newsletters.get(connection, case.row.newsletter.newsletter)
        if found is None or found.retired_at is not None:
            words = "Left out: the newsletter comes out no more."
            await self._move(case, State.PLANNED, words, state=State.SKIPPED, next_at=None)
        else:
            await self._move(case, State.PLANNED, "The issue is open.", state=State.OPEN)

    async def _say(self, step: Step, case: Case, because: str = "") -> None:
        """Tell somebody, and note that it was done."""
        row = case.row
        words = told(step, row.newsletter, row.id, case.plan, case.zone, because=because)
        whom = await self._tell(words, f"{row.id}/{step.key}", case) if words else ""
        async with self._pool.connection() as connection, connection.transaction():
            if await issues.mark(connection, row.id, step.key, case.now) and words:
                said = f"{words.subject.partition(':')[0]}: told {whom}."
                await issues.note(connection, row.id, ENGINE, said, case.now)

    async def _tell(self, words: Told, key: str, case: Case) -> str:
        """Write to the first who can be reached; returns who that was, in a word."""
        body = "\n\n".join(literal(line) for line in words.lines if line)
        if words.command:
            body += f"\n\n```\n{words.command}\n```"
        made = letter(
            words.subject, words.lines[0], html=body, text=body,
            footer=literal(f"You get this because {case.row.newsletter.name} names you."),
        )  # fmt: skip
        for place, person in enumerate(self._reachable(words.to, case.now)):
            if await self._sent(f"{key}/{place}" if place else key, person, made, case):
                return person.name
        log.warning("issue.nobody_to_tell", issue=case.row.id)
        return "nobody, for none of them can be reached"

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

    async def is_outdated(self, case: Case) -> bool:
        """Whether something that the issue shows has become stale, or was blocked or retired. Then
        it is put together anew, and what says something else than was approved is not approved."""
        row = case.row
        if row.state not in (State.FROZEN, State.LEAVING) or row.frozen_hash is None:
            return False
        async with self._pool.connection() as connection:
            gone = await issue_items.not_showable(connection, row.id, row.send_on)
        if not gone:
            return False
        titles = ", ".join(f"“{title}”" for title in gone)
        words = f"Not to be shown any more: {titles}. It is put together anew."
        return await self._move(
            case, row.state, words, state=State.FROZEN, frozen_hash=None, leaves_at=None
        )

    async def _freeze(self, step: Step, case: Case) -> None:
        """Put it together, by what it says in this moment; what cannot be is said once."""
        row = case.row
        try:
            async with self._pool.connection() as connection, connection.transaction():
                texts_hash = await self._composer.compose(connection, row, case.calendar, case.now)
                frozen = await issues.change(
                    connection, row.id, (State.OPEN, State.FROZEN), seen=row.revision,
                    state=State.FROZEN, frozen_hash=row.content_hash, texts_hash=texts_hash,
                    frozen_at=case.now,
                )  # fmt: skip
                if not frozen:  # somebody wrote on meanwhile
                    raise Rollback
                void = row.approved_hash is not None and row.approved_hash != texts_hash
                words = "Put together. It says something else than was approved." if void else ""
                await issues.note(connection, row.id, ENGINE, words or "Put together.", case.now)
        except IssueTextError as error:
            about = hashlib.sha256(str(error).encode()).hexdigest()[:16]
            await self._say(Step(Do.SAY_NOT_READY, about=about), case, str(error))
            raise NotYetError(TRY_AGAIN, "put it together") from error

    async def _test(self, case: Case) -> None:
        """Send what was put together to who approves it, each text as a reader would get it."""
        row = case.row
        names = (row.newsletter.approver, row.newsletter.owner, row.newsletter.backup)
        whom = self._reachable([name for name in names if name], case.now)
        person = next(whom, None)
        if person is None:
            return
        async with self._pool.connection() as connection:
            variants = await issue_readers.variants(connection, row.id)
        program = ProgramView(row.newsletter.name, row.newsletter.newsletter)
        for number, variant in enumerate(variants, start=1):
            template, _ = self._library.compile_text(row.id, with_merged(variant.source, ""))
            if template is None:
                continue
            shown = render(
                template, made_up(template.tags, program=program, links=_LINKS, sender=self._sender)
            )
            about = words_of_test(number, len(variants), variant.accounts)
            made = Letter(f"[{about}] {shown.subject}", shown.text, shown.html)
            await self._sent(f"{row.id}/test/{row.texts_hash}/{variant.name}", person, made, case)

    async def _postpone(self, step: Step, case: Case) -> None:
        """Its day has begun somewhere: the next one that everybody has whole."""
        day = next_free_day(case.now, case.calendar)
        await self._say(Step(step.do, about=day.isoformat()), case, day_words(day))
        await self._move(
            case, State.FROZEN, f"Approved too late for {case.row.send_on}; moved to {day}.",
            send_on=day, frozen_hash=None,
        )  # fmt: skip

    async def _leave(self, case: Case) -> None:
        """The minutes of recall begin, and are never fewer, however late it is."""
        leaves_at = add(case.now, case.row.newsletter.recall, case.zone, case.calendar)
        await self._move(
            case, State.FROZEN, "Leaves in some minutes.", state=State.LEAVING, leaves_at=leaves_at
        )

    async def _report(self, case: Case) -> None:
        """Say what became of it, and be done."""
        words = await self._broadcast.report(case.row, case.now)
        if words is not None:
            await self._tell(words, f"{case.row.id}/report", case)
        await self._move(case, State.SENT, "Reported.", state=State.DONE, next_at=None)

    async def _move(self, case: Case, expected: State, words: str, **to: Any) -> bool:
        """Change the issue, unless somebody acted since it was looked at."""
        row = case.row
        async with self._pool.connection() as connection, connection.transaction():
            done = await issues.change(connection, row.id, (expected,), seen=row.revision, **to)
            if done:
                await issues.note(connection, row.id, ENGINE, words, case.now)
        return done
