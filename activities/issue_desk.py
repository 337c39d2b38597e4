"""The desk of an issue: each step of it done, once, and told to whom it concerns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

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
from digital_cs.store import issue_readers, issues
from digital_cs.store.colleague_mails import MailState
from digital_cs.store.issues import ENGINE, IssueRow

log = logs.get(__name__)

_LINKS = LinksView("https://example.com/u", "https://example.com/p", "https://example.com")
"""Of a test, which is nobody's: they lead nowhere."""

KIND = "issue"
"""The kind of mail to colleagues about issues."""


class NotYetError(DigitalCsError):
    """A mail to a colleague could not be handed over for now; it is tried again."""


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
                await self._move(case, State.PLANNED, "The issue is open.", state=State.OPEN)
            case Do.FREEZE:
                await self._freeze(step, case)
            case Do.POSTPONE:
                await self._postpone(step, case)
            case Do.LEAVE:
                await self._leave(step, case)
            case Do.SEND:
                await self._broadcast.send(case.row, case.now)
            case Do.CLOSE:
                await self._broadcast.close(case.row, case.now)
            case Do.REPORT:
                await self._report(case)
            case _:
                await self._say(step, case)

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
        person = self._first(words.to, case.now)
        if person is None or person.address is None:
            log.warning("issue.nobody_to_tell", issue=case.row.id)
            return "nobody, for none of them can be reached"
        body = "\n\n".join(literal(line) for line in words.lines if line)
        if words.command:
            body += f"\n\n```\n{words.command}\n```"
        made = letter(
            words.subject, words.lines[0], html=body, text=body,
            footer=literal(f"You get this because {case.row.newsletter.name} names you."),
        )  # fmt: skip
        mail = ColleagueMail(
            f"{KIND}:{key}", KIND, person.address, person.name, made, (case.row.id,)
        )
        state = await self._colleagues.send(mail, case.now)
        if state is MailState.PLANNED:
            raise NotYetError()
        return person.name

    def _first(self, names: Sequence[str], now: datetime) -> Person | None:
        """The first of some names who is there and has an address; else the manager."""
        team = self._team()
        for name in (*names, team.manager):
            person = team.find(name)
            if person is not None and person.address and person.there(now.date()):
                return person
        return None

    async def _freeze(self, step: Step, case: Case) -> None:
        """Put it together; what cannot be is said once, until somebody changes it."""
        row = case.row
        try:
            async with self._pool.connection() as connection, connection.transaction():
                await self._composer.compose(connection, row, case.calendar, case.now)
                states = (State.OPEN, State.FROZEN)
                frozen = await issues.change(
                    connection, row.id, states, state=State.FROZEN, frozen_hash=row.content_hash,
                    frozen_at=case.now,
                )  # fmt: skip
                if frozen:
                    await issues.note(connection, row.id, ENGINE, "Put together.", case.now)
        except IssueTextError as error:
            await self._say(Step(Do.SAY_NOT_READY, about=step.about), case, str(error))
            async with self._pool.connection() as connection:
                await issues.mark(connection, row.id, step.key, case.now)
            return
        await self._test(case)

    async def _test(self, case: Case) -> None:
        """Send what was put together to who approves it, each text as a reader would get it."""
        row = case.row
        names = (row.newsletter.approver, row.newsletter.owner, row.newsletter.backup)
        person = self._first([name for name in names if name], case.now)
        if person is None or person.address is None:
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
            key = f"{KIND}:{row.id}/test/{row.content_hash}/{variant.name}"
            await self._colleagues.send(
                ColleagueMail(key, KIND, person.address, person.name, made, (row.id,)), case.now
            )

    async def _postpone(self, step: Step, case: Case) -> None:
        """Its day has begun somewhere: the next one that everybody has whole."""
        day = next_free_day(case.now, case.calendar)
        await self._say(Step(step.do, about=day.isoformat()), case, day_words(day))
        await self._move(
            case, State.FROZEN, f"Approved too late for {case.row.send_on}; moved to {day}.",
            send_on=day,
        )  # fmt: skip

    async def _leave(self, step: Step, case: Case) -> None:
        """The minutes of recall begin, and are never fewer, however late it is."""
        row = case.row
        about = f"{row.send_on}/{row.approved_at:%Y-%m-%dT%H:%M:%S}" if row.approved_at else ""
        await self._say(Step(step.do, about=about), case)
        leaves_at = add(case.now, row.newsletter.recall, case.zone, case.calendar)
        await self._move(
            case, State.FROZEN, "Leaves in some minutes.", state=State.LEAVING, leaves_at=leaves_at
        )

    async def _report(self, case: Case) -> None:
        """Say what became of it, and be done."""
        words = await self._broadcast.report(case.row, case.now)
        if words is not None:
            await self._tell(words, f"{case.row.id}/report", case)
        await self._move(case, State.SENT, "Reported.", state=State.DONE, next_at=None)

    async def _move(self, case: Case, expected: State, words: str, **to: Any) -> None:
        async with self._pool.connection() as connection, connection.transaction():
            if await issues.change(connection, case.row.id, (expected,), **to):
                await issues.note(connection, case.row.id, ENGINE, words, case.now)
