"""What stands against writing to an account now, in the order of the decision, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from digital_cs.domain.account import UNSUBSCRIBED
from digital_cs.domain.sending.policy import Limits, Policy
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.sending.why_words import Teller, as_sentence


class Against(StrEnum):
    """What may stand against a message, the weightiest first."""

    STOPPED = "stopped"
    NOBODY = "nobody"
    NOT_ACTIVE = "not_active"
    SUPPRESSED = "suppressed"
    HELD_OUT = "held_out"
    TOPIC_OFF = "topic_off"
    CONTENT = "content"
    REPLIED = "replied"
    TICKET = "ticket"
    INCIDENT = "incident"
    PROGRAM_PAUSED = "program_paused"
    PAUSED = "paused"
    PAUSE_ASKED = "pause_asked"
    FEWER = "fewer"
    BUDGET = "budget"
    CAP = "cap"


@dataclass(frozen=True, slots=True)
class Person:
    """A contact with what they said, and their message count within the budget's window.

    `active` is False too for who left the account. `suppressed_since` and `_until` are of the
    reason that is in force.
    """

    id: str
    name: str
    active: bool = True
    suppressed: str | None = None
    suppressed_since: datetime | None = None
    suppressed_until: datetime | None = None
    unwanted: tuple[str, ...] = ()
    quiet_until: datetime | None = None
    fewer: bool = False
    had: int = 0


@dataclass(frozen=True, slots=True)
class Inside:
    """One program that the account is in, and what it is going to do there.

    `waits_because`: its message waits for a review of what it shows; `next_is_wrong`: what the
    next one shows and is blocked, with the reason.
    """

    enrollment: str
    program: str
    name: str
    version: int
    program_paused: bool
    paused: bool
    step: str
    label: str
    next_label: str
    wake_at: datetime | None
    email: str | None
    contact: str | None
    sent_today: int = 0
    cap: int | None = None
    waits_because: str | None = None
    next_is_wrong: str | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """All that is known at this moment; `people` are those who matter, `members` counts all.

    `held_out` are percent and moment by program.
    `usage_through` is the last day with all usage.
    """

    stopped: tuple[str, datetime] | None = None
    members: int = 1
    reachable: int = 1
    tickets: Sequence[tuple[str, datetime]] = ()
    incidents: Sequence[tuple[str, datetime]] = ()
    replies: Sequence[datetime] = ()
    people: Sequence[Person] = ()
    had: int = 0
    inside: Sequence[Inside] = ()
    held_out: dict[str, tuple[float, datetime]] = field(default_factory=dict)
    usage_through: date | None = None
    tickets_through: datetime | None = None


@dataclass(frozen=True, slots=True)
class InForce:
    """One thing that stands against messages now. `words` is a sentence.

    `all`: it keeps back everything that was asked about; `notices`: service notices as well.
    """

    what: Against
    words: str
    all: bool
    notices: bool = False
    since: datetime | None = None
    until: datetime | None = None
    contact: str | None = None
    program: str | None = None


def in_force(
    now: Situation, policy: Policy, teller: Teller, *, contact: bool = False, program: bool = False
) -> list[InForce]:
    """What stands against a message now, the weightiest first.

    `contact`, `program`: whether it was asked about one only, so that what is true of that one is
    true of all that was asked about.
    """
    found = [*_of_the_account(now, policy, teller)]
    for person in now.people:
        found += _of_a_person(person, policy, teller, contact)
    for name, (share, at) in now.held_out.items():
        words = (
            f"{teller.account} is held out of {name} since {teller.day(at)}, so that its effect"
            f" can be known: {share:g}% of all accounts are"
        )
        found.append(InForce(Against.HELD_OUT, as_sentence(words), program, since=at, program=name))
    for each in now.inside:
        found += _of_a_program(each, program)
    order = list(Against)
    return sorted(found, key=lambda each: (not each.all, order.index(each.what)))


def _of_the_account(now: Situation, policy: Policy, teller: Teller) -> Iterator[InForce]:
    if now.stopped is not None:
        because, at = now.stopped
        words = f"All sending is stopped since {teller.day(at)}: {because}"
        yield InForce(Against.STOPPED, as_sentence(words), all=True, notices=True, since=at)
    if not now.reachable:
        those = f"none of its {now.members} contacts may" if now.members > 1 else (
            "its only contact may not" if now.members else ""
        )  # fmt: skip
        words = f"{teller.account} has no contacts" if not now.members else (
            f"There is nobody to write to: {those} be written to"
        )  # fmt: skip
        yield InForce(Against.NOBODY, as_sentence(words), all=True, notices=True)
    for at in now.replies[:1]:
        words = f"Somebody wrote back on {teller.day(at)}, and nobody has looked yet"
        yield InForce(Against.REPLIED, as_sentence(words), all=True, since=at)
    severities = policy.quiet.severities
    quieting = [(severities.index(s), s, at) for s, at in now.tickets if s in severities]
    for _, severity, at in sorted(quieting, key=lambda each: (-each[0], each[2]))[:1]:
        words = f"A ticket of {severity} severity is open since {teller.day(at)}"
        yield InForce(Against.TICKET, as_sentence(words), all=True, since=at)
    for title, at in now.incidents if policy.quiet.incidents else ():
        words = f"An incident is open since {teller.day(at)}: {title}"
        yield InForce(Against.INCIDENT, as_sentence(words), all=True, since=at)
    yield from _budget(teller.account, now.had, policy.budget.account, policy, None)


def _of_a_person(person: Person, policy: Policy, teller: Teller, alone: bool) -> Iterator[InForce]:
    name, id = person.name, person.id
    if not person.active:
        words = f"{name} is not active in this account"
        yield InForce(Against.NOT_ACTIVE, as_sentence(words), alone, True, contact=id)
    if person.suppressed is not None:
        since, until = person.suppressed_since, person.suppressed_until
        words = f"{name} is not written to: {person.suppressed}"
        words += f", since {teller.day(since)}" if since else ""
        words += f", until {teller.day(until)}" if until else ""
        yield InForce(
            Against.SUPPRESSED, as_sentence(words), alone, person.suppressed != UNSUBSCRIBED,
            since, until, id,
        )  # fmt: skip
    for topic in person.unwanted:
        known = policy.topics.get(topic)
        title = f"“{known.title}”" if known else f"the topic {topic}"
        words = f"{name} has switched off {title}"
        yield InForce(Against.TOPIC_OFF, as_sentence(words), all=False, contact=id)
    quiet = person.quiet_until
    if quiet is not None and quiet > teller.now:
        words = f"{name} asked for a pause until {teller.day(quiet)}"
        yield InForce(Against.PAUSE_ASKED, as_sentence(words), alone, until=quiet, contact=id)
    if person.fewer:
        fewer = policy.budget.fewer
        words = f"{name} asked for fewer e-mails: {fewer.at_most} within {fewer.per.words()}"
        yield InForce(Against.FEWER, as_sentence(words), all=False, contact=id)
    for each in _budget(name, person.had, policy.budget.person, policy, id):
        yield each if alone else InForce(each.what, each.words, all=False, contact=id)


def _budget(
    who: str, had: int, limits: Limits | None, policy: Policy, contact: str | None
) -> Iterator[InForce]:
    """What the attention budget says, where it says anything to somebody who had so many."""
    if limits is None or had < limits.low:
        return
    waits = (
        "all marketing waits" if had >= limits.high
        else "only messages of high priority have room" if had >= limits.normal
        else "messages of low priority wait"
    )  # fmt: skip
    messages = f"{had} {'message' if had == 1 else 'messages'}"
    words = f"{who} had {messages} within {policy.budget.per.words()}, so that {waits}"
    yield InForce(Against.BUDGET, as_sentence(words), had >= limits.high, contact=contact)


def _of_a_program(each: Inside, alone: bool) -> Iterator[InForce]:
    if each.program_paused:
        words = f"The program {each.name} is paused"
        yield InForce(
            Against.PROGRAM_PAUSED, as_sentence(words), alone, notices=True, program=each.program
        )
    if each.waits_because is not None:
        words = f"The next message of {each.name} is held: {_within(each.waits_because)}"
        yield InForce(Against.CONTENT, as_sentence(words), alone, True, program=each.program)
    elif each.next_is_wrong is not None:
        words = f"The next message of {each.name} shows what is known to be wrong"
        words += f" ({each.next_is_wrong.rstrip(' .')})"
        yield InForce(Against.CONTENT, as_sentence(words), False, True, program=each.program)
    if each.paused:
        words = f"Its enrollment in {each.name} is paused"
        yield InForce(Against.PAUSED, as_sentence(words), alone, notices=True, program=each.program)
    if each.cap is not None and each.sent_today >= each.cap:
        sent = f"{each.sent_today} today (UTC), which is all that it may"
        words = f"The program {each.name} has sent {sent}"
        yield InForce(Against.CAP, as_sentence(words), alone, notices=True, program=each.program)


def headline(found: Sequence[InForce], teller: Teller, whom: str, of: str | None) -> str:
    """In one sentence, whether anything is sent now, and what stands against everything.

    `whom` is the account or the contact, `of` the program that was asked about.
    """
    program = f" of {of}" if of else ""
    full = [each for each in found if each.all]
    if full:
        what = "Nothing" if any(each.notices for each in full) else "Nothing but service notices"
        because = "; ".join(_within(each.words) for each in full)
        return as_sentence(f"{what}{program} is sent to {whom} now: {because}")
    if found:
        return as_sentence(f"Messages{program} may be sent to {whom} now, but not all of them")
    return as_sentence(f"Nothing stands against messages{program} to {whom} now")


def _within(words: str) -> str:
    first, _, rest = words.rstrip(".").partition(" ")
    small = first in ("A", "An", "All", "There", "Somebody", "The", "Its", "What")
    return f"{first.lower() if small else first} {rest}"


_HELD = {
    f"hold: {Reason.CONTENT_STALE}": "held, as what it shows is stale",
    f"hold: {Reason.CONTENT_BLOCKED}": "held, as what it shows is known to be wrong",
    f"hold: {Reason.REPLIED}": "held, as somebody wrote back",
    f"hold: {Reason.TICKET}": "held, as a serious ticket is open",
    f"hold: {Reason.INCIDENT}": "held, as an incident is open",
    f"hold: {Reason.STOPPED}": "held, as sending is stopped",
}


def label_words(label: str) -> str:
    """What an enrollment rests for, as people say it: a label may name a reason by its code."""
    return _HELD.get(label, label)


def coming(each: Inside, teller: Teller) -> str:
    """What a program is going to do next for the account, in a sentence."""
    head = f"In {each.name}"
    if each.program_paused or each.paused:
        return as_sentence(f"{head}: paused at {each.step}")
    if not each.label:
        return as_sentence(f"{head}: about to begin")
    label = label_words(each.label)
    if each.wake_at is None:
        return as_sentence(f"{head}: {label}")
    when = f"{'due since ' if each.wake_at < teller.now else ''}{teller.day(each.wake_at)}"
    return as_sentence(f"{head}: {label}; next {each.next_label or each.step}, {when}")
