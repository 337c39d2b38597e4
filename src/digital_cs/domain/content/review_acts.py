"""What befalls a review case from outside: somebody is told, puts it off, or gives it away."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time

from digital_cs.domain.content.content_item import ContentItem
from digital_cs.domain.content.review_case import (
    CaseStep,
    Did,
    Next,
    ReviewCase,
    Rules,
    begun_anew,
    what_next,
)
from digital_cs.domain.content.team import Person
from digital_cs.domain.timing.zone import load_zone, to_utc
from digital_cs.errors import UsageError


class CaseRefusedError(UsageError):
    """This cannot be done with the case. The message says why, and what can."""


def told(
    case: ReviewCase, item: ContentItem, rules: Rules, at: datetime, *, at_once: bool = False
) -> Next:
    """After a mail that told of the case: their span begins. A case that ended is left alone."""
    if case.ended_at is not None or case.holder is None:
        return Next(case)
    person = rules.team.find(case.holder)
    name = person.name if person is not None else case.holder
    if at_once:
        did, words = Did.TOLD_AT_ONCE, f"{name} was told at once, as people are about to read it."
        case = replace(case, at_once_at=at, told_at=case.told_at or at)
    elif case.told_at is None:
        did, words = Did.TOLD, f"{name} was told."
        case = replace(case, told_at=at)
    else:
        did, words = Did.REMINDED, f"{name} was reminded."
        case = replace(case, reminded_at=at)
    step = CaseStep(did, at, case.holder, words)
    found = what_next(case, item, rules, at)
    return Next(found.case, (step, *found.steps))


def refused_for_good(case: ReviewCase, item: ContentItem, rules: Rules, at: datetime) -> Next:
    """After a mail that the server of whose turn it is will never take: the next one is asked."""
    if case.ended_at is not None or case.holder is None:
        return Next(case)
    step = CaseStep(Did.UNREACHABLE, at, case.holder, "The mail was refused for good.")
    found = what_next(replace(case, unreachable=True), item, rules, at)
    return Next(found.case, (step, *found.steps))


def snoozed(
    case: ReviewCase, item: ContentItem, until: date, because: str, by: str, rules: Rules,
    now: datetime,
) -> Next:  # fmt: skip
    """Put off until the start of a day, once, with a reason. Raises CaseRefusedError."""
    _insist_open(case)
    if case.snoozed_at is not None:
        raise CaseRefusedError(
            f"It was put off once already, on {case.snoozed_at:%-d %b %Y}, and that is possible"
            " only once. Review it, give it to somebody else, or retire it."
        )
    if not because.strip():
        raise CaseRefusedError("Say why it is put off: the next one will want to know.")
    person = rules.team.find(case.holder) or Person()
    latest = rules.soon(now.date(), rules.policy.snooze_at_most)
    if not now.date() < until <= latest:
        raise CaseRefusedError(
            f"It can be put off from tomorrow to {latest:%-d %b %Y}, and not to {until:%-d %b %Y}."
        )
    wake = to_utc(datetime.combine(until, time()), load_zone(person.zone or rules.zone))
    words = f"{by} put it off until {until:%-d %b %Y}: {because.strip()}"
    put_off = replace(case, snoozed_at=now, snoozed_until=wake)
    found = what_next(put_off, item, rules, now)
    return Next(found.case, (CaseStep(Did.SNOOZED, now, by, words), *found.steps))


def reassigned(
    case: ReviewCase, item: ContentItem, to: str, by: str, rules: Rules, now: datetime
) -> Next:
    """Given to somebody of the team or to an address: it begins anew with them.

    Raises CaseRefusedError.
    """
    _insist_open(case)
    to = to.strip()
    person, why = rules.person(to, now.date())
    if person is None:
        known = ", ".join(
            name
            for name, each in rules.team.people.items()
            if each.address is not None and each.there(now.date())
        )
        raise CaseRefusedError(
            f"It cannot be given to '{to}': {why}. Name an address or one of the team"
            f" ({known or 'which is empty: see content/team.yaml'})."
        )
    step = CaseStep(Did.REASSIGNED, now, by, f"{by} gave it to {person.name}.")
    found = what_next(replace(begun_anew(case), assigned=to), item, rules, now)
    return Next(found.case, (step, *found.steps))


def _insist_open(case: ReviewCase) -> None:
    if case.ended_at is not None:
        raise CaseRefusedError(f"The case ended on {case.ended_at:%-d %b %Y}.")
