"""The desk of an issue: each step of it done, once, and told to whom it concerns."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from psycopg import Rollback
from psycopg_pool import AsyncConnectionPool

from activities.composing import Composer, IssueTextError
from activities.issue_broadcast import IssueBroadcast
from activities.issue_telling import Case, IssueTelling, NotYetError
from digital_cs.domain.newsletters.issue import Do, Reach, State, Step
from digital_cs.domain.newsletters.issue_plan import next_free_day
from digital_cs.domain.newsletters.issue_words import Wanted, day_words, told
from digital_cs.domain.timing.span import add
from digital_cs.store.newsletters import (
    issue_items,
    issue_readers,
    issue_texts,
    issues,
    newsletters,
)
from digital_cs.store.newsletters.issue_texts import SectionText
from digital_cs.store.newsletters.issues import ENGINE, IssueRow

TRY_AGAIN = timedelta(hours=1)
"""Business time after which it is tried again to put together what could not be: what is wrong may
be a block or an article, which nobody has to report here when it is mended."""


class IssueDesk:
    """Does the steps. Each may be repeated: what was done is known by its key, mails by theirs."""

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], composer: Composer, broadcast: IssueBroadcast,
        telling: IssueTelling,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._composer = composer
        self._broadcast = broadcast
        self._telling = telling

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
                await self._say(step, case, await self._about(case.row))
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
        words = told(
            step, row.newsletter, row.id, case.plan, case.zone, case.now, because=because,
            wanted=await self._wanted(step, row),
        )  # fmt: skip
        whom = ""
        if words is not None:
            of_section = step.do in (Do.ASK_SIGN_OFF, Do.REMIND_SIGN_OFF)
            about = step.about if of_section else row.texts_hash or ""
            whom = await self._telling.tell(
                words, f"{row.id}/{step.key}", case, section=step.section, about=about
            )
        async with self._pool.connection() as connection, connection.transaction():
            if await issues.mark(connection, row.id, step.key, case.now) and words:
                said = f"{words.subject.partition(':')[0]}: told {whom}."
                await issues.note(connection, row.id, ENGINE, said, case.now)

    async def _wanted(self, step: Step, row: IssueRow) -> Wanted | None:
        """The change that somebody wants of what a step is about."""
        if step.do not in (Do.ASK_CHANGE, Do.REMIND_CHANGE, Do.HOLD):
            return None
        found: IssueRow | SectionText | None = row
        if step.section:
            async with self._pool.connection() as connection:
                found = (await issue_texts.texts(connection, row.id)).get(step.section)
        if found is None or not found.refused:
            return None
        return Wanted(found.refused_by or ENGINE, found.refused_because or "")

    async def _about(self, row: IssueRow) -> str:
        """What whoever is asked to approve it has to know beside its texts."""
        said = [_anew(row)]
        if row.corrects is not None:
            async with self._pool.connection() as connection:
                wrong = await issues.get(connection, row.corrects)
            if wrong is not None and wrong.recalled_because is not None:
                called_back = f"{wrong.recalled_by} called back: “{wrong.recalled_because}”"
                right = f"See that this is right now.{_left_out(row)}"
                said.insert(0, f"It corrects {wrong.id}, which {called_back} {right}")
        return " ".join(filter(None, said))

    async def is_outdated(self, case: Case) -> bool:
        """Whether something that the issue shows has become stale, or was blocked or retired, or a
        block or the layout was changed. Then it is put together anew, and what says something else
        than was approved is not approved."""
        row = case.row
        if row.state not in (State.FROZEN, State.LEAVING) or row.frozen_hash is None:
            return False
        async with self._pool.connection() as connection:
            gone = await issue_items.not_showable(connection, row.id, row.send_on)
        titles = ", ".join(f"“{title}”" for title in gone)
        if gone:
            words = f"Not to be shown any more: {titles}. It is put together anew."
        elif row.put_together and not await self._broadcast.says_the_same(row):
            words = "A block or the layout was changed since. It is put together anew."
        else:
            return False
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
        """Send what was put together to who approves it."""
        async with self._pool.connection() as connection:
            variants = await issue_readers.variants(connection, case.row.id)
        await self._telling.test(variants, case)

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
            await self._telling.tell(words, f"{case.row.id}/report", case)
        await self._move(case, State.SENT, "Reported.", state=State.DONE, next_at=None)

    async def _move(self, case: Case, expected: State, words: str, **to: Any) -> bool:
        """Change the issue, unless somebody acted since it was looked at."""
        row = case.row
        async with self._pool.connection() as connection, connection.transaction():
            done = await issues.change(connection, row.id, (expected,), seen=row.revision, **to)
            if done:
                await issues.note(connection, row.id, ENGINE, words, case.now)
        return done


def _left_out(row: IssueRow) -> str:
    missed = row.corrects_for == Reach.MISSED
    return " Of the accounts that are counted, those who had it do not get it again." * missed


def _anew(row: IssueRow) -> str:
    """What became of an earlier answer, for who is asked about another text."""
    if row.approved_hash is not None:
        return f"It says something else than {row.approved_by} approved, so that is void."
    if row.refused_hash is not None:
        return f"It was changed since {row.refused_by} wanted a change: “{row.refused_because}”"
    return ""
