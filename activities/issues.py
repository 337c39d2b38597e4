"""Issues of newsletters: have done what is due, and say until when there is nothing to do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from psycopg_pool import AsyncConnectionPool
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.enrollments import CalendarShelf
from activities.faults import without_words
from activities.issue_desk import IssueDesk
from activities.issue_telling import Case, NotYetError
from digital_cs.clock import Clock, seconds_between, shown_at
from digital_cs.domain.newsletters.issue import Next
from digital_cs.domain.newsletters.issue_next import what_next
from digital_cs.domain.newsletters.issue_plan import plan_issue
from digital_cs.domain.timing.zone import load_zone
from digital_cs.messages.newsletter_issue import ADVANCE_ISSUE, AdvanceIssue, IssueReply
from digital_cs.store.newsletters import issues

MOST_ROUNDS = 50
SHORTEST = 0.001
"""Real seconds: a timer of nothing is none."""


class IssueActivities:
    """The one activity of an issue, with everything it needs handed in."""

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], clock: Clock, calendar: CalendarShelf, zone: str,
        desk: IssueDesk,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._clock = clock
        self._calendar = calendar
        self._zone = load_zone(zone)
        self._desk = desk

    @activity.defn(name=ADVANCE_ISSUE)
    async def advance(self, request: AdvanceIssue) -> IssueReply:
        """Do all that is due about an issue at the workflow's moment. May run twice."""
        now = shown_at(self._clock, datetime.fromtimestamp(request.at, UTC))
        try:
            return await self._advance(request.issue_id, now)
        except ApplicationError:
            raise
        except Exception as error:
            raise without_words(error) from None

    async def _advance(self, issue_id: str, now: datetime) -> IssueReply:
        for _ in range(MOST_ROUNDS):
            async with self._pool.connection() as connection:
                row = await issues.get(connection, issue_id)
                if row is None or row.over:
                    return IssueReply(ended=True)
                facts = await issues.facts(connection, row)
            calendar = self._calendar.current
            plan = plan_issue(
                row.newsletter, row.send_on, self._zone, calendar, corrects=bool(row.corrects)
            )
            found = what_next(facts, row.newsletter, plan, self._zone, calendar, now)
            if not found.steps:
                label = "until the next thing is due"
                return await self._resting(issue_id, found, now, label)
            case = Case(row, plan, self._zone, calendar, now)
            if await self._desk.is_outdated(case):
                continue
            # What cannot be done for now keeps nothing else from being done.
            not_yet: list[NotYetError] = []
            for step in found.steps:
                try:
                    await self._desk.do(step, case)
                except NotYetError as error:
                    not_yet.append(error)
            if not_yet:
                again = min(not_yet, key=lambda each: each.after)
                return await self._resting(issue_id, Next((), now + again.after), now, again.label)
        raise ApplicationError("the issue never comes to rest", type="Restless")

    async def _resting(self, issue_id: str, found: Next, now: datetime, label: str) -> IssueReply:
        async with self._pool.connection() as connection:
            await issues.rest(connection, issue_id, found.until)
        if found.until is None:
            return IssueReply(label="until somebody acts")
        return self._rest(now, found.until, label)

    def _rest(self, now: datetime, until: datetime, label: str) -> IssueReply:
        seconds = max(seconds_between(self._clock, now, until), SHORTEST)
        return IssueReply(sleep_seconds=seconds, label=label)
