"""What is to be done about an issue at a moment, and until when it can rest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from digital_cs.domain.newsletters.issue import Do, Issue, Next, SectionFacts, State, Step
from digital_cs.domain.newsletters.issue_plan import (
    A_WORKING_DAY,
    HALF_A_DAY,
    TO_ANSWER,
    IssuePlan,
    a_working_day_before,
)
from digital_cs.domain.newsletters.newsletter import Filler, Newsletter
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.domain.timing.span import add


def what_next(
    issue: Issue, newsletter: Newsletter, plan: IssuePlan, zone: ZoneInfo,
    calendar: BusinessCalendar, now: datetime,
) -> Next:  # fmt: skip
    """What is to be done about an issue at the aware moment `now`. Pure; the same when repeated.

    Without the approval of exactly what it says it never goes: it is held, and says so. What is
    approved too late for its day goes on the next business day that is still whole.
    """
    desk = _Desk(issue, newsletter, plan, zone, calendar, now)
    match issue.state:
        case State.PLANNED:
            return desk.at(plan.opens_at, Step(Do.OPEN))
        case State.OPEN:
            return desk.writing()
        case State.FROZEN:
            return desk.approving()
        case State.LEAVING:
            return desk.leaving()
        case State.SENDING:
            return Next((Step(Do.CLOSE),)) if issue.all_sent else Next()
        case State.SENT:
            report_at = add(issue.sent_at or now, newsletter.report_after, zone, calendar)
            return desk.at(report_at, Step(Do.REPORT))
        case State.DONE | State.SKIPPED:
            return Next()


class _Desk:
    """One issue at one moment."""

    def __init__(
        self, issue: Issue, newsletter: Newsletter, plan: IssuePlan, zone: ZoneInfo,
        calendar: BusinessCalendar, now: datetime,
    ) -> None:  # fmt: skip
        self.issue = issue
        self.newsletter = newsletter
        self.plan = plan
        self.zone = zone
        self.calendar = calendar
        self.now = now

    def at(self, moment: datetime, step: Step) -> Next:
        """Do something when its moment has come."""
        return Next((step,)) if self.now >= moment else Next((), moment)

    def writing(self) -> Next:
        """Sections are written and signed off; then, at its time, the issue is frozen."""
        wanted = [*self._sections(), *self._sign_offs()]
        wanted.append((self.plan.freeze_at, self._freeze()))
        return self._first(wanted)

    def approving(self) -> Next:
        """It waits for the approval of what it says, and for its day."""
        issue, plan = self.issue, self.plan
        if issue.content_hash != issue.frozen_hash:  # somebody wrote on, or it was moved
            if self.now < plan.freeze_at:
                return Next((Step(Do.REOPEN),))
            return self._first([*self._sign_offs(), (self.now, self._freeze())])
        text = issue.texts_hash or ""
        if issue.approved:
            if self.now >= plan.too_late_at:
                return Next((Step(Do.POSTPONE),))
            return self.at(plan.leaves_at, Step(Do.LEAVE))
        if issue.refused_at is not None:
            (_, wanted), reminded = self._change("", issue.refused_at, plan.approve_by)
            if wanted.key not in issue.done:
                return Next((wanted,))
            held_at = max(plan.held_at, issue.refused_at + TO_ANSWER)
            return self._first([reminded, (held_at, Step(Do.HOLD, about=text))])
        asked = Step(Do.ASK_APPROVAL, about=text)
        if asked.key not in issue.done:
            return Next((asked,))
        asked_at = issue.asked_at or plan.freeze_at
        a_day_before = a_working_day_before(plan.approve_by, self.zone, self.calendar)
        reminded_at = max(a_day_before, asked_at + HALF_A_DAY)
        passed_on_at = max(plan.approve_by, asked_at + TO_ANSWER)
        steps = [
            (passed_on_at, Step(Do.ESCALATE_APPROVAL, about=text)),
            (max(plan.held_at, passed_on_at + TO_ANSWER), Step(Do.HOLD, about=text)),
        ]
        if reminded_at < passed_on_at:
            steps.append((reminded_at, Step(Do.REMIND_APPROVAL, about=text)))
        return self._first(steps)

    def leaving(self) -> Next:
        """The minutes in which it can be called back."""
        leaves_at = self.issue.leaves_at
        if not self.issue.approved or leaves_at is None:
            return Next()
        said = Step(Do.SAY_LEAVING, about=leaves_at.isoformat())
        if self.now < leaves_at and said.key not in self.issue.done:
            return Next((said,))
        return self.at(leaves_at, Step(Do.SEND))

    def missing(self) -> list[str]:
        """The sections without which it cannot be put together."""
        facts = {each.section: each for each in self.issue.sections}
        missing = []
        for section in self.newsletter.sections:
            if section.filler is not Filler.TEXT:
                continue
            found = facts.get(section.section, SectionFacts(section.section))
            unwritten = section.required and found.text_hash is None
            unsigned = (
                section.sign_off is not None
                and found.text_hash is not None
                and found.signed_hash != found.text_hash
            )
            if unwritten or unsigned:
                missing.append(section.section)
        return missing

    def _freeze(self) -> Step:
        """Put it together; or what keeps it from that."""
        missing = self.missing()
        if missing:
            return Step(Do.SAY_NOT_READY, about=",".join(missing))
        return Step(Do.FREEZE, about=self.issue.content_hash or "")

    def _sections(self) -> Iterator[tuple[datetime, Step]]:
        due = self.plan.sections_by
        reminded_at = a_working_day_before(due, self.zone, self.calendar)
        facts = {each.section: each for each in self.issue.sections}
        for section in self.newsletter.sections:
            found = facts.get(section.section, SectionFacts(section.section))
            if section.filler is not Filler.TEXT or found.text_hash is not None:
                continue
            yield self.plan.opens_at, Step(Do.TELL, section.section)
            yield reminded_at, Step(Do.REMIND, section.section)
            if section.required:
                yield due, Step(Do.ESCALATE, section.section)

    def _sign_offs(self) -> Iterator[tuple[datetime, Step]]:
        due = self.plan.sign_off_by
        facts = {each.section: each for each in self.issue.sections}
        for section in self.newsletter.sections:
            found = facts.get(section.section)
            if section.sign_off is None or found is None or found.text_hash is None:
                continue
            if found.signed_hash == found.text_hash:
                continue
            if found.refused_at is not None:
                yield from self._change(section.section, found.refused_at, due)
                continue
            asked_at = found.written_at or self.plan.opens_at
            reminded_at = max(due, self._working_day_after(asked_at))
            yield asked_at, Step(Do.ASK_SIGN_OFF, section.section, found.text_hash)
            yield reminded_at, Step(Do.REMIND_SIGN_OFF, section.section, found.text_hash)

    def _change(
        self, section: str, wanted_at: datetime, due: datetime
    ) -> tuple[tuple[datetime, Step], tuple[datetime, Step]]:
        """Somebody wants a change: who writes is told, and told again if nothing is changed."""
        about = wanted_at.isoformat()
        reminded_at = max(due, self._working_day_after(wanted_at))
        return (
            (wanted_at, Step(Do.ASK_CHANGE, section, about)),
            (reminded_at, Step(Do.REMIND_CHANGE, section, about)),
        )

    def _working_day_after(self, moment: datetime) -> datetime:
        return add(moment, A_WORKING_DAY, self.zone, self.calendar)

    def _first(self, wanted: list[tuple[datetime, Step]]) -> Next:
        """All that has come and was not done; else rest until the next of them.

        Who was not told of a thing in time is told of the latest about it only: nobody gets an
        invitation, a reminder and a complaint at once. Somebody else is asked for a section only
        beside its owner, who else might never hear of it.
        """
        latest: dict[tuple[str, bool], Step] = {}
        for at, step in sorted(wanted, key=lambda each: each[0]):
            if at <= self.now:
                latest[step.section, step.do is Do.ESCALATE] = step
        due = tuple(step for step in latest.values() if step.key not in self.issue.done)
        if due:
            return Next(due)
        return Next((), min((at for at, _ in wanted if at > self.now), default=None))
