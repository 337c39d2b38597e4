"""One review case: whose turn it is to look at an item, what they are told next, and when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time
from enum import StrEnum

from digital_cs.domain.content.content_item import ContentItem
from digital_cs.domain.content.content_policy import Reviews
from digital_cs.domain.content.freshness import State
from digital_cs.domain.content.team import Person, Team
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.domain.timing.span import Span, add
from digital_cs.domain.timing.zone import load_zone, to_local, to_utc

_A_DAY = Span.parse("1 business day")


class Because(StrEnum):
    """Why an item has to be looked at."""

    BLOCKED = "blocked"
    STALE = "stale"
    DUE = "due"


class Rung(StrEnum):
    """Who is asked, one after the other."""

    OWNER = "owner"
    BACKUP = "backup"
    MANAGER = "manager"


class InLine(StrEnum):
    """What the next digest of whose turn it is has to say."""

    TELL = "tell"
    REMIND = "remind"


class Ending(StrEnum):
    """How a case ended."""

    STILL_RIGHT = "still-right"
    EDITED = "edited"
    RETIRED = "retired"
    REVIEWED = "reviewed"
    """Its source states a new review date."""
    FRESH = "fresh"
    """Nothing speaks against the item any more."""


class Did(StrEnum):
    """What happened to a case."""

    OPENED = "opened"
    TOLD = "told"
    REMINDED = "reminded"
    TOLD_AT_ONCE = "told-at-once"
    PASSED = "passed"
    MOVED = "moved"
    NOBODY = "nobody"
    UNREACHABLE = "unreachable"
    SNOOZED = "snoozed"
    SNOOZE_OVER = "snooze-over"
    REASSIGNED = "reassigned"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ReviewCase:
    """Where a case stands.

    `owner` is the item's owner whom it began with, `assigned` whom somebody gave it to instead.
    `holder` is the name of whose turn it is and `reviewer` their address in small letters, both
    None when nobody can be asked. `told_at` and `reminded_at` (the last time) are theirs;
    `snoozed_at` stays when the snooze is over, as there is only one. `next_at` is when time alone
    moves it on: None while it is in line, or has ended.
    """

    id: str
    item_id: str
    opened_at: datetime
    because: Because
    owner: str | None = None
    assigned: str | None = None
    rung: Rung = Rung.OWNER
    holder: str | None = None
    reviewer: str | None = None
    in_line: InLine | None = None
    in_line_since: datetime | None = None
    told_at: datetime | None = None
    reminded_at: datetime | None = None
    unreachable: bool = False
    snoozed_at: datetime | None = None
    snoozed_until: datetime | None = None
    at_once_at: datetime | None = None
    next_at: datetime | None = None
    ended_at: datetime | None = None
    ended_as: Ending | None = None


@dataclass(frozen=True, slots=True)
class CaseStep:
    """One line of a case's story: what happened, to or by whom, and in words."""

    did: Did
    at: datetime
    who: str | None
    words: str


@dataclass(frozen=True, slots=True)
class Next:
    """A case as it is now, and what happened on the way."""

    case: ReviewCase
    steps: tuple[CaseStep, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """By what it is decided; `zone` is that of colleagues who state none."""

    team: Team
    calendar: BusinessCalendar
    policy: Reviews
    zone: str = "UTC"

    def person(self, name: str | None, day: date) -> tuple[Person | None, str]:
        """Who a name is, if they can be asked on a day; else why not."""
        if not name:
            return None, "there is none"
        found = self.team.find(name)
        if found is None:
            return None, f"nobody in the team is called '{name}'"
        if not found.there(day):
            return None, f"{found.name} is gone since {found.gone:%-d %b %Y}"
        if found.address is None:
            return None, f"{found.name} has no address"
        return found, ""

    def after(self, moment: datetime, span: Span, person: Person) -> datetime:
        """The start of a person's day that lies a span after the day of a moment."""
        zone = load_zone(person.zone or self.zone)
        morning = to_utc(datetime.combine(to_local(moment, zone).date(), time()), zone)
        return add(morning, span, zone, self.calendar)

    def soon(self, day: date, span: Span) -> date:
        """The day a span after a day, by the company's calendar."""
        utc = load_zone("UTC")
        return add(datetime.combine(day, time(), utc), span, utc, self.calendar).date()


def need_of(item: ContentItem, day: date, asked_until: date) -> Because | None:
    """Why an item has to be looked at on a day; `asked_until`: due by then is soon enough."""
    match item.state(day):
        case State.RETIRED:
            return None
        case State.BLOCKED:
            return Because.BLOCKED
        case State.STALE:
            return Because.STALE
    return Because.DUE if item.due_on <= asked_until else None


def opened(id: str, item: ContentItem, because: Because, rules: Rules, now: datetime) -> Next:
    """A new case, with whose turn it is."""
    case = ReviewCase(id, item.id, now, because, item.owner)
    words = {
        Because.BLOCKED: "It is blocked.",
        Because.STALE: f"It is stale since {min(item.stale_from, now.date()):%-d %b %Y}.",
        Because.DUE: f"It is due on {item.due_on:%-d %b %Y}.",
    }[because]
    found = what_next(case, item, rules, now)
    return Next(found.case, (CaseStep(Did.OPENED, now, None, words), *found.steps))


def what_next(case: ReviewCase, item: ContentItem, rules: Rules, now: datetime) -> Next:
    """The case as it stands at a moment: ended, moved on, in line for a digest, or at rest.

    Asking again changes nothing. Time alone passes nobody over who was not told (P26).
    """
    if case.ended_at is not None:
        return Next(case)
    day, before = now.date(), case
    if need_of(item, day, rules.soon(day, rules.policy.ask_before)) is None:
        return _ended_by_itself(case, item, now)
    steps: list[CaseStep] = []
    moved = (item.owner or "").casefold() != (case.owner or "").casefold()
    nobody_yet = case.rung is Rung.MANAGER and case.holder is None
    if nobody_yet:
        if not moved and case.next_at is not None and now < case.next_at:
            return Next(case)
        case = begun_anew(case)
    if moved:
        words = f"Its owner is {item.owner or 'nobody'} now, and was {case.owner or 'nobody'}."
        case = replace(begun_anew(case), owner=item.owner, assigned=None)
        steps.append(CaseStep(Did.MOVED, now, item.owner, words))
    if case.snoozed_until is not None and now >= case.snoozed_until:
        case = replace(case, snoozed_until=None, told_at=None, reminded_at=None)
        steps.append(CaseStep(Did.SNOOZE_OVER, now, case.holder, "The snooze is over."))
    case = _in_line_since(before, _find_turn(case, item, rules, now, steps), now)
    if case.holder is None and nobody_yet:
        steps.clear()  # nothing is new: it was told when it came to this
    return Next(case, tuple(steps))


def _in_line_since(before: ReviewCase, case: ReviewCase, now: datetime) -> ReviewCase:
    """With the moment since when its reviewer is to be told what they are to be told."""
    if case.in_line is None:
        return replace(case, in_line_since=None)
    same = (before.in_line, before.holder) == (case.in_line, case.holder)
    return replace(case, in_line_since=(before.in_line_since if same else None) or now)


def _ended_by_itself(case: ReviewCase, item: ContentItem, now: datetime) -> Next:
    if item.retired is not None:
        words = f"It was retired by {item.retired.by}: {item.retired.because}"
        return ended(case, Ending.RETIRED, None, words, now)
    if item.reviewed_on is not None and item.reviewed_on >= case.opened_at.date():
        words = f"Its source says that it was reviewed on {item.reviewed_on:%-d %b %Y}."
        return ended(case, Ending.REVIEWED, None, words, now)
    words = f"Nothing speaks against it any more; it is due on {item.due_on:%-d %b %Y}."
    return ended(case, Ending.FRESH, None, words, now)


def begun_anew(case: ReviewCase) -> ReviewCase:
    """At the first rung again, nobody told."""
    return replace(
        case, rung=Rung.OWNER, holder=None, reviewer=None, in_line=None, told_at=None,
        reminded_at=None, unreachable=False, snoozed_until=None,
    )  # fmt: skip


def _find_turn(
    case: ReviewCase, item: ContentItem, rules: Rules, now: datetime, steps: list[CaseStep]
) -> ReviewCase:
    """Climb to the first rung whose turn it is, and see what they are to be told."""
    while True:
        name = _name_on(case.rung, case, item, rules)
        person, why = rules.person(name, now.date())
        if person is not None and case.unreachable:
            why = f"mail to {person.name} was refused for good"
            person = None
        if person is not None and case.rung is Rung.BACKUP and _is_owner(person, case, rules):
            person, why = None, "it is the same person"
        if person is None:
            if case.rung is Rung.MANAGER:
                words = f"Nobody can be asked, not even the program manager: {why}."
                steps.append(CaseStep(Did.NOBODY, now, None, words))
                again = rules.after(now, _A_DAY, Person())
                return replace(case, holder=None, reviewer=None, in_line=None, next_at=again)
            case = _climbed(case, f"The {_called(case)} cannot be asked ({why})", now, steps)
            continue
        address = (person.address or "").casefold()
        if (case.holder or "").casefold() != (name or "").casefold():
            case = replace(case, holder=name, told_at=None, reminded_at=None)
        case = replace(case, reviewer=address, in_line=None, next_at=None)
        if case.snoozed_until is not None:
            return replace(case, next_at=case.snoozed_until)
        if case.told_at is None:
            return replace(case, in_line=InLine.TELL)
        remind, limit = _moments(case, person, rules)
        if limit is not None and now >= limit:
            case = _climbed(case, f"{person.name} was asked and did not answer", now, steps)
            continue
        if remind is not None and now >= remind:
            return replace(case, in_line=InLine.REMIND)
        return replace(case, next_at=remind or limit)


def _moments(
    case: ReviewCase, person: Person, rules: Rules
) -> tuple[datetime | None, datetime | None]:
    """When whose turn it is gets reminded, and when somebody else is asked."""
    assert case.told_at is not None
    policy = rules.policy
    match case.rung:
        case Rung.OWNER if case.reminded_at is None:
            return rules.after(case.told_at, policy.remind_after, person), None
        case Rung.OWNER:
            assert case.reminded_at is not None
            return None, rules.after(case.reminded_at, policy.backup_after, person)
        case Rung.BACKUP:
            return None, rules.after(case.told_at, policy.manager_after, person)
        case Rung.MANAGER:
            last = case.reminded_at or case.told_at
            return rules.after(last, policy.remind_after, person), None


def _name_on(rung: Rung, case: ReviewCase, item: ContentItem, rules: Rules) -> str | None:
    match rung:
        case Rung.OWNER:
            return case.assigned or case.owner
        case Rung.BACKUP:
            return item.backup
        case Rung.MANAGER:
            return rules.team.manager


def _called(case: ReviewCase) -> str:
    return "one it was given to" if case.rung is Rung.OWNER and case.assigned else case.rung.value


def _is_owner(person: Person, case: ReviewCase, rules: Rules) -> bool:
    owner = rules.team.find(case.assigned or case.owner)
    ours, theirs = (owner.address if owner else None), person.address
    return ours is not None and theirs is not None and ours.casefold() == theirs.casefold()


def _climbed(case: ReviewCase, why: str, now: datetime, steps: list[CaseStep]) -> ReviewCase:
    rung = Rung.BACKUP if case.rung is Rung.OWNER else Rung.MANAGER
    called = "backup" if rung is Rung.BACKUP else "program manager"
    steps.append(CaseStep(Did.PASSED, now, case.holder, f"{why}, so the {called} is asked."))
    return replace(
        case, rung=rung, holder=None, reviewer=None, in_line=None, told_at=None,
        reminded_at=None, unreachable=False, snoozed_until=None,
    )  # fmt: skip


def ended(case: ReviewCase, how: Ending, by: str | None, words: str, now: datetime) -> Next:
    """The case at its end; one that ended stays as it is."""
    if case.ended_at is not None:
        return Next(case)
    case = replace(
        case,
        in_line=None,
        in_line_since=None,
        next_at=None,
        snoozed_until=None,
        ended_at=now,
        ended_as=how,
    )
    return Next(case, (CaseStep(Did.ENDED, now, by, words),))
