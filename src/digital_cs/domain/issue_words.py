"""What colleagues are told about an issue: whom, with which subject, in which words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from digital_cs.domain.issue import Do, Step
from digital_cs.domain.issue_plan import IssuePlan
from digital_cs.domain.newsletter import Newsletter
from digital_cs.domain.zone import to_local

MARK = 12
"""So many characters of the hash of the texts are enough to tell them from others."""


@dataclass(frozen=True, slots=True)
class Told:
    """One mail to a colleague. `to` are names in order: the first who can be reached gets it.

    `lines` are paragraphs; `command` is what the reader can do about it in a terminal.
    """

    to: tuple[str, ...]
    subject: str
    lines: tuple[str, ...]
    command: str = ""


def told(
    step: Step, newsletter: Newsletter, issue: str, plan: IssuePlan, zone: ZoneInfo,
    *, because: str = "",
) -> Told | None:  # fmt: skip
    """What is said about a step, and to whom; None where nobody is told of it."""
    words = _Words(newsletter, issue, plan, zone, step, because)
    match step.do:
        case Do.TELL | Do.REMIND | Do.ESCALATE:
            return words.section()
        case Do.ASK_SIGN_OFF | Do.REMIND_SIGN_OFF:
            return words.sign_off()
        case Do.SAY_NOT_READY:
            return words.not_ready()
        case Do.ASK_APPROVAL | Do.REMIND_APPROVAL | Do.ESCALATE_APPROVAL:
            return words.approval()
        case Do.HOLD:
            return words.held()
        case Do.SAY_LEAVING:
            return words.leaving()
        case Do.POSTPONE:
            return words.postponed()
        case _:
            return None


@dataclass(frozen=True, slots=True)
class _Words:
    newsletter: Newsletter
    issue: str
    plan: IssuePlan
    zone: ZoneInfo
    step: Step
    because: str

    @property
    def _name(self) -> str:
        return f"{self.newsletter.name}, {day_words(self.plan.send_on)}"

    @property
    def _owners(self) -> tuple[str, ...]:
        return tuple(self._of(self.newsletter.owner, self.newsletter.backup))

    @property
    def _approvers(self) -> tuple[str, ...]:
        return tuple(self._of(self.newsletter.approver, *self._owners))

    def _of(self, *names: str | None) -> Iterator[str]:
        yield from dict.fromkeys(name for name in names if name)

    def _when(self, moment: datetime) -> str:
        return f"{to_local(moment, self.zone):%A %-d %B, %H:%M}"

    def section(self) -> Told:
        """A section is to be written."""
        name = self.step.section
        section = next(each for each in self.newsletter.sections if each.section == name)
        heading = f"“{section.title or name}”"
        owner = self.newsletter.owner_of(name)
        to = (owner, *self._owners)
        if self.step.do is Do.ESCALATE:
            to = tuple(each for each in self._owners if each != owner) or self._owners
        first = {
            Do.TELL: f"The next issue of {self.newsletter.name} goes out on"
            f" {day_words(self.plan.send_on)}. Its section {heading} is yours.",
            Do.REMIND: f"The section {heading} is not written yet.",
            Do.ESCALATE: f"The section {heading} was to be written by {owner} until today, and"
            " without it there is no issue.",
        }[self.step.do]
        late = "is due" if self.step.do is not Do.ESCALATE else "was due"
        optional = (
            "" if section.required else " If there is nothing to say this time, it is left out."
        )
        return Told(
            tuple(self._of(*to)), f"{self._verb()}: {heading} of {self._name}",
            (first, f"It {late} on {self._when(self.plan.sections_by)}.{optional}"),
            f"digital-cs newsletter write {self.issue} {name} --file text.md",
        )  # fmt: skip

    def _verb(self) -> str:
        return {
            Do.TELL: "To write", Do.REMIND: "Still to write", Do.ESCALATE: "Not written",
            Do.ASK_SIGN_OFF: "To look at", Do.REMIND_SIGN_OFF: "Still to look at",
            Do.ASK_APPROVAL: "To approve", Do.REMIND_APPROVAL: "Still to approve",
            Do.ESCALATE_APPROVAL: "Not approved",
        }[self.step.do]  # fmt: skip

    def sign_off(self) -> Told:
        """An expert is to agree."""
        name = self.step.section
        section = next(each for each in self.newsletter.sections if each.section == name)
        heading = f"“{section.title or name}”"
        return Told(
            tuple(self._of(section.sign_off, *self._owners)),
            f"{self._verb()}: {heading} of {self._name}",
            (f"Is what the section {heading} says right? Without your yes the issue is not put"
             " together.", f"Please say so by {self._when(self.plan.sign_off_by)}."),
            f"digital-cs newsletter show {self.issue}\n"
            f"digital-cs newsletter sign {self.issue} {name}",
        )  # fmt: skip

    def not_ready(self) -> Told:
        """Something keeps it from being put together."""
        missing = [name for name in self.step.about.split(",") if name]
        said = self.because or (
            f"Missing, or not signed off: {', '.join(missing)}." if missing else ""
        )
        return Told(
            self._owners, f"Cannot be put together: {self._name}",
            (f"It was to be put together on {self._when(self.plan.freeze_at)}.", said,
             "It is put together by itself as soon as that is mended."),
            f"digital-cs newsletter show {self.issue}",
        )  # fmt: skip

    def approval(self) -> Told:
        """It is put together, and somebody has to approve it."""
        to = self._approvers
        if self.step.do is Do.ESCALATE_APPROVAL:
            to = tuple(self._of(*self._owners, *self._approvers))
        return Told(
            to, f"{self._verb()}: {self._name}",
            (f"{self.newsletter.name} is put together; a test of each of its texts is in your"
             " mailbox.",
             f"It goes out on {day_words(self.plan.send_on)}, to each reader in their own"
             f" morning. Please approve it by {self._when(self.plan.approve_by)}: what nobody"
             " approves is not sent.",
             "A change of the text after your approval takes it back, and you are asked again."),
            f"digital-cs newsletter variants {self.issue}\n{self._approve}",
        )  # fmt: skip

    @property
    def _approve(self) -> str:
        """What approves just the texts that the mail is about, and none that came after."""
        return f"digital-cs newsletter approve {self.issue} --text {self.step.about[:MARK]}"

    def held(self) -> Told:
        """Nobody approved it in time."""
        return Told(
            tuple(self._of(*self._owners, *self._approvers)), f"Held: {self._name}",
            ("Nobody approved it in time, so it is not sent.",
             "Once it is approved it goes out on the next business day that is still whole. Or"
             " leave it out."),
            f"{self._approve}\ndigital-cs newsletter skip {self.issue} --because …",
        )  # fmt: skip

    def leaving(self) -> Told:
        """The minutes of recall have begun."""
        return Told(
            self._approvers, f"Leaves in {self.newsletter.recall}: {self._name}",
            (f"{self.newsletter.name} is approved and leaves in {self.newsletter.recall}.",
             "Until then it can be called back, and nobody has got it."),
            f"digital-cs newsletter recall {self.issue} --because …",
        )  # fmt: skip

    def postponed(self) -> Told:
        """It was approved when its day had begun somewhere already."""
        return Told(
            self._approvers, f"Moved: {self._name}",
            (f"It was approved when it was {day_words(self.plan.send_on)} somewhere already, so it"
             f" moves to the next day that everybody has whole: {self.because}.",),
            f"digital-cs newsletter move {self.issue} DAY",
        )  # fmt: skip


def day_words(day: date) -> str:
    """A day, for people."""
    return f"{day:%A %-d %B}"


def report_words(
    newsletter: Newsletter, issue: str, send_on: date, figures: Mapping[str, Any]
) -> Told:
    """What became of an issue: who got it, what they followed, and who left by it."""
    readers, states = figures["readers"], figures["states"]
    complained = states.get("complained", 0)
    complaints = f", and {complained:,} complained" if complained else ""
    rest = [
        f"{count:,} {_STATES.get(state, state)}"
        for state, count in states.items()
        if state not in ("accepted", "delivered", "complained")
    ]
    followed = [
        f"{count:,} {'person' if count == 1 else 'people'}: {url}"
        for url, count in list(figures["clicks"].items())[:_MOST_LINKS]
    ]
    return Told(
        tuple(dict.fromkeys(n for n in (newsletter.owner, newsletter.backup) if n)),
        f"A week later: {newsletter.name}, {day_words(send_on)}",
        (f"{readers:,} people got it, and {figures['clickers']:,} of them followed a link."
         f" {figures['left']:,} left after it{complaints}.",
         f"Of the others: {', '.join(rest)}." if rest else "",
         "What they followed:" if followed else "Nobody followed a link.", *followed),
        f"digital-cs newsletter show {issue}\ndigital-cs broadcast show {issue}",
    )  # fmt: skip


_MOST_LINKS = 10
_STATES = {
    "skipped": "were not written to", "bounced": "came back",
    "failed": "were refused", "unknown": "are not known for sure", "planned": "are still planned",
}  # fmt: skip


def words_of_test(number: int, of: int, accounts: int) -> str:
    """What marks a test: which of the texts it is, and how many accounts get it."""
    which = f"Test {number} of {of}" if of > 1 else "Test"
    return f"{which}, {accounts:,} {'account' if accounts == 1 else 'accounts'}"
