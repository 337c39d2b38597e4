"""What colleagues are told about an issue: whom, with which subject, in which words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from digital_cs.domain.newsletters.issue import Do, Step
from digital_cs.domain.newsletters.issue_plan import IssuePlan
from digital_cs.domain.newsletters.newsletter import Newsletter

MARK = 12
"""So many characters of the hash of the texts are enough to tell them from others."""


class Asks(StrEnum):
    """What the link of a mail is for. It is good for nothing else."""

    APPROVE = "approve"
    """To approve an issue, or to ask for a change of it."""
    SIGN = "sign"
    """To sign a section off, or to ask for a change of it."""
    RECALL = "recall"
    """To call an issue back."""


@dataclass(frozen=True, slots=True)
class Told:
    """One mail to a colleague. `to` are names in order: the first who can be reached gets it.

    `lines` are paragraphs; `asks` is what a page asks of the reader, None where there is none, and
    `button` leads there; `command` is what they can do about it in a terminal.
    """

    to: tuple[str, ...]
    subject: str
    lines: tuple[str, ...]
    command: str = ""
    asks: Asks | None = None
    button: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change that somebody wants: who, and in their words."""

    by: str
    because: str

    @property
    def words(self) -> str:
        """What was said, as a sentence of its own."""
        return f"{self.by} wants a change: “{self.because}”"


def told(
    step: Step, newsletter: Newsletter, issue: str, plan: IssuePlan, zone: ZoneInfo, now: datetime,
    *, because: str = "", wanted: Wanted | None = None,
) -> Told | None:  # fmt: skip
    """What is said about a step at a moment, and to whom; None where nobody is told of it.

    `wanted` is the change that somebody wants of what the step is about.
    """
    words = _Words(newsletter, issue, plan, zone, now, step, because, wanted)
    match step.do:
        case Do.TELL | Do.REMIND | Do.ESCALATE:
            return words.section()
        case Do.ASK_SIGN_OFF | Do.REMIND_SIGN_OFF:
            return words.sign_off()
        case Do.SAY_NOT_READY:
            return words.not_ready()
        case Do.ASK_APPROVAL | Do.REMIND_APPROVAL | Do.ESCALATE_APPROVAL:
            return words.approval()
        case Do.ASK_CHANGE | Do.REMIND_CHANGE:
            return words.change()
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
    now: datetime
    step: Step
    because: str
    wanted: Wanted | None

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
        return f"{moment.astimezone(self.zone):%A %-d %B, %-H:%M %Z}"

    def section(self) -> Told:
        """A section is to be written."""
        name = self.step.section
        section = next(each for each in self.newsletter.sections if each.section == name)
        heading = self._heading()
        owner = self.newsletter.owner_of(name)
        to = (owner, *self._owners)
        if self.step.do is Do.ESCALATE:
            to = tuple(each for each in self._owners if each != owner) or self._owners
        first = {
            Do.TELL: f"The next issue of {self.newsletter.name} goes out on"
            f" {day_words(self.plan.send_on)}. Its section {heading} is yours.",
            Do.REMIND: f"The section {heading} is not written yet.",
            Do.ESCALATE: f"The section {heading} was to be written by {owner}, and is not. Without"
            " it there is no issue.",
        }[self.step.do]
        due = self.plan.sections_by
        late = "is due" if self.now < due else "was due"
        optional = (
            "" if section.required else " If there is nothing to say this time, it is left out."
        )
        return Told(
            tuple(self._of(*to)), f"{self._verb()}: {heading} of {self._name}",
            (first, f"It {late} on {self._when(due)}.{optional}"),
            f"digital-cs newsletter write {self.issue} {name} --file text.md",
        )  # fmt: skip

    def _verb(self) -> str:
        return {
            Do.TELL: "To write", Do.REMIND: "Still to write", Do.ESCALATE: "Not written",
            Do.ASK_SIGN_OFF: "To look at", Do.REMIND_SIGN_OFF: "Still to look at",
            Do.ASK_APPROVAL: "To approve", Do.REMIND_APPROVAL: "Still to approve",
            Do.ESCALATE_APPROVAL: "Not approved", Do.ASK_CHANGE: "To change",
            Do.REMIND_CHANGE: "Still to change",
        }[self.step.do]  # fmt: skip

    def _heading(self) -> str:
        """The section that it is about, as people know it."""
        name = self.step.section
        section = next(each for each in self.newsletter.sections if each.section == name)
        return f"“{section.title or name}”"

    def sign_off(self) -> Told:
        """An expert is to agree."""
        name, heading = self.step.section, self._heading()
        expert = next(s.sign_off for s in self.newsletter.sections if s.section == name)
        due = self.plan.sign_off_by
        by_when = f" by {self._when(due)}" if self.now < due else " as soon as you can"
        return Told(
            tuple(self._of(expert, *self._owners)), f"{self._verb()}: {heading} of {self._name}",
            (f"Is what the section {heading} says right? Please read it, and say so{by_when}.",
             "Without your yes the issue is not put together. If something is wrong, say what:"
             " whoever wrote it is told, and you are asked again about the new text."),
            f"digital-cs newsletter show {self.issue}\n"
            f"digital-cs newsletter sign {self.issue} {name} --text {self.step.about[:MARK]}",
            Asks.SIGN, "Read it, and answer",
        )  # fmt: skip

    def change(self) -> Told:
        """Somebody wants a change of a section, or of what was put together."""
        name, wanted = self.step.section, self.wanted
        about = f"{self._heading()} of {self._name}" if name else self._name
        to = self._of(self.newsletter.owner_of(name), *self._owners) if name else self._owners
        first = {
            Do.ASK_CHANGE: "", Do.REMIND_CHANGE: "Nothing was changed yet. ",
        }[self.step.do] + (wanted.words if wanted else "Somebody wants a change.")  # fmt: skip
        by = wanted.by if wanted else "Whoever wants it"
        again = (
            f"Once the text is changed, {by} is asked again. Without a yes the issue is not put"
            " together."
            if name
            else f"Once it says something else, {by} is asked again. If nothing has to change"
            f" after all, {by} can still approve it, by the same link."
        )
        write = f"digital-cs newsletter write {self.issue} {name or 'SECTION'} --file text.md"
        return Told(
            tuple(to), f"{self._verb()}: {about}", (first, again),
            f"digital-cs newsletter show {self.issue}\n{write}",
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
        first = {
            Do.ASK_APPROVAL: f"{self.newsletter.name} is put together. A test of each of its texts"
            " is in your mailbox; its page shows them all, and who gets which.",
            Do.REMIND_APPROVAL: f"{self.newsletter.name} still waits for your approval.",
            Do.ESCALATE_APPROVAL: f"{self.newsletter.name} was to be approved by"
            f" {self._approvers[0]}, and is not, so you are asked.",
        }[self.step.do]
        return Told(
            to, f"{self._verb()}: {self._name}",
            (first, self.because, f"{self._goes_out()} {self._in_time()}",
             "A change of the text after your approval takes it back, and you are asked again."),
            f"digital-cs newsletter variants {self.issue} --text\n{self._approve}",
            Asks.APPROVE, "Look at it, and answer",
        )  # fmt: skip

    def _goes_out(self) -> str:
        """When it is sent."""
        if at_once(self.plan, self.now):
            return at_once_words(self.newsletter)
        day = day_words(self.plan.send_on)
        return f"It goes out on {day}, at {self.newsletter.at:%-H:%M} where each reader is."

    def _in_time(self) -> str:
        """Until when an approval is of use for its day."""
        unless = "What nobody approves is not sent."
        if self.now < self.plan.approve_by:
            return f"Please answer by {self._when(self.plan.approve_by)}. {unless}"
        if at_once(self.plan, self.now):
            return unless
        if self.now < self.plan.too_late_at:
            until = self._when(self.plan.too_late_at)
            return f"Approved by {until}, it still goes out on that day. {unless}"
        return "Approved now, it goes out on the next business day that everybody has whole."

    @property
    def _approve(self) -> str:
        """What approves just the texts that the mail is about, and none that came after."""
        return f"digital-cs newsletter approve {self.issue} --text {self.step.about[:MARK]}"

    def held(self) -> Told:
        """Nobody approved it in time."""
        return Told(
            tuple(self._of(*self._owners, *self._approvers)), f"Held: {self._name}",
            (f"It is not sent, for it is not approved. {self.wanted.words}" if self.wanted
             else "Nobody approved it in time, so it is not sent.",
             f"{self._late()} If it is not needed any more, leave it out."),
            f"{self._approve}\ndigital-cs newsletter skip {self.issue} --because …",
            Asks.APPROVE, "Look at it, and answer",
        )  # fmt: skip

    def _late(self) -> str:
        """What an approval would still do."""
        return self._goes_out() if at_once(self.plan, self.now) else self._in_time()

    def leaving(self) -> Told:
        """The minutes of recall have begun."""
        return Told(
            self._approvers, f"Leaves in {self.newsletter.recall}: {self._name}",
            (f"{self.newsletter.name} is approved and leaves in {self.newsletter.recall}.",
             "Until then it can be called back, and nobody has got it. After that, only what has"
             " not gone yet can be stopped."),
            f"digital-cs newsletter recall {self.issue} --because …",
            Asks.RECALL, "Call it back",
        )  # fmt: skip

    def postponed(self) -> Told:
        """It was approved when its day had begun somewhere already."""
        return Told(
            self._approvers, f"Moved: {self._name}",
            (f"It was approved when it was {day_words(self.plan.send_on)} somewhere already, so it"
             f" moves to the next day that everybody has whole: {self.because}.",),
            f"digital-cs newsletter move {self.issue} DAY",
        )  # fmt: skip


def at_once(plan: IssuePlan, now: datetime) -> bool:
    """Whether an issue that corrects another goes on a day that has begun."""
    return plan.corrects and plan.held_at <= now < plan.too_late_at


def at_once_words(newsletter: Newsletter) -> str:
    """When that is sent."""
    return (
        f"It leaves {newsletter.recall} after it is approved: at once where {newsletter.at:%-H:%M}"
        " is past, and else at that hour where each reader is; where it is evening, the next"
        " morning."
    )


def day_words(day: date) -> str:
    """A day, for people."""
    return f"{day:%A %-d %B}"


def words_of_test(number: int, of: int, accounts: int) -> str:
    """What marks a test: which of the texts it is, and how many accounts get it."""
    which = f"Test {number} of {of}" if of > 1 else "Test"
    return f"{which}, {accounts:,} {'account' if accounts == 1 else 'accounts'}"
