"""A program's steps and rules in words, for its outline and for what changed between versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from digital_cs.domain.programs import program as spec
from digital_cs.domain.rules.condition import SegmentIs

_OVER_BUDGET = {"merge": "it goes into the next newsletter", "drop": "it is left out"}


def step_words(step: Any, program: spec.Program) -> str:
    """One step as a sentence without its inner paths: "Wait up to 2 days: plan is trial"."""
    match step:
        case spec.Send():
            return _send(step, program)
        case spec.Wait():
            return f"Wait {step.wait.words()}"
        case spec.WaitUntil():
            return f"Wait until {moment_words(step.wait_until)}" + (
                "; leave the program if there is no such date" if step.if_no_date == "exit" else ""
            )
        case spec.WaitFor():
            counting = ", counting from now" if step.counting_from == "step" else ""
            return f"Wait up to {step.for_up_to.words()} for this{counting}: " + (
                step.wait_for.words()
            )
        case spec.Branch(branch=[only], otherwise=()):
            return f"Only if {only.when.words()}:"
        case spec.Branch():
            return "The first of these that fits:"
        case spec.Split():
            return "Divide the accounts:"
        case spec.Task():
            return f"Task for {step.assign_to}, due in {step.due_in.words()}: {step.task}"
        case spec.Webhook():
            return f"Tell {step.webhook}, for up to {step.give_up_after.words()}"
        case spec.Set():
            return "Set " + " and ".join(_facts(step.set))
        case spec.Enroll():
            return f"Start the program {step.enroll}"
        case spec.Leave():
            return f"Take the account out of {step.leave}"
        case spec.GoTo():
            return f"Go on at the step [{step.go_to}]"
        case spec.End():
            return f"End: {step.end}"
    raise TypeError(f"no such step: {step!r}")


def paths_of(step: Any) -> list[tuple[str, tuple[Any, ...]]]:
    """The ways inside a step worth showing; one without steps goes on below.

    A label is empty where the sentence of the step says it all.
    """
    match step:
        case spec.WaitFor():
            return [("If it happens", step.if_it_happens), ("If the time is up", step.if_not)]
        case spec.Branch(branch=[only], otherwise=()):
            return [("", only.do)]
        case spec.Branch():
            cases = [(f"If {case.when.words()}", case.do) for case in step.branch]
            return [*cases, *([("Otherwise", step.otherwise)] if step.otherwise else [])]
        case spec.Split():
            total = sum(arm.share for arm in step.split)
            return [(f"{_percent(arm.share, total)} in '{arm.name}'", arm.do) for arm in step.split]
        case spec.Task():
            ways = [("When it is done", step.when_done), ("When it expires", step.when_expired)]
            return [way for way in ways if way[1]]
    return []


def roles_words(roles: Sequence[str]) -> str:
    """ "champion, else admin, else anyone"."""
    return ", else ".join("anyone" if role == "any" else role for role in roles)


def moment_words(moment: Any) -> str:
    """ "30 days before renewal_on, 09:00" or "Tuesday 09:00"."""
    at = moment.at.strftime("%H:%M")
    if isinstance(moment, spec.WeekdayTime):
        return f"the next {at}" if moment.weekday == "any" else f"{moment.weekday.title()} {at}"
    return f"{date_words(moment.date, moment.shift)}, {at}"


def date_words(trait: str, shift: spec.Shift | None) -> str:
    """ "90 days before renewal_on", or the day itself."""
    return f"{shift.words()} {trait}" if shift is not None else f"the day of {trait}"


def entry_words(entry: spec.Entry) -> list[str]:
    """Who enters, one sentence a line."""
    lines = []
    for rule in entry.when:
        if isinstance(rule, spec.EventEntry):
            lines.append(f"when {rule.event} happens")
        elif isinstance(rule, spec.DateEntry):
            on = "" if rule.shift else "on "
            lines.append(f"{on}{date_words(rule.date, rule.shift)}")
        elif isinstance(rule, spec.TriggerEntry):
            lines.append(f"when the trigger {rule.trigger} fires")
        elif isinstance(rule.segment, SegmentIs):
            lines.append(f"when it comes into the segment {rule.segment.segment}")
        else:
            lines.append(f"when it comes to match: {rule.segment.words()}")
    lines = lines or ["by hand, by CSV or by API only"]
    if entry.only_if is not None:
        lines.append(f"only if {entry.only_if.words()}")
    return lines


def again_words(entry: spec.Entry) -> str:
    """How often one account may enter."""
    match entry.again:
        case "never":
            return "once only"
        case "always":
            return "as often as it matches"
        case limit:
            times = "once" if limit.at_most == 1 else f"{limit.at_most} times"
            return f"at most {times} within {limit.per.words()}"


def launch_words(entry: spec.Entry) -> str:
    """What happens to those who match already when the program is first published."""
    return "enter at once" if entry.at_launch == "enroll" else "stay out"


def window_words(window: spec.Window) -> str:
    """ "weekdays 09:00-17:00 in the recipient's zone, not on public holidays"."""
    days = window.days if isinstance(window.days, str) else ", ".join(window.days)
    own = {"recipient": "the recipient's", "account": "the account's", "workspace": "our own"}
    zone = f"in {own[window.zone]} zone" if window.zone in own else f"in {window.zone}"
    holidays = ", not on public holidays" if window.holidays == "skip" else ""
    return f"{days} {window.hours} {zone}{holidays}"


def leaving_words(program: spec.Program) -> str:
    """Which accounts leave at once, unless the program says otherwise (P3)."""
    gone = [
        stage
        for stage in ("churned", "suspended", "deleted", "managed")
        if stage not in program.stay_when
    ]
    listed = " or ".join(filter(None, (", ".join(gone[:-1]), *gone[-1:])))
    return f"an account that becomes {listed}" if gone else "nobody by stage alone"


def same_person_words(program: spec.Program) -> str:
    """What a person of two accounts gets when both come to the same message (P2)."""
    match program.same_person:
        case "one":
            return "the same message once, for one of their accounts"
        case "both":
            return "the same message once, with both accounts named"
        case "each":
            return "the same message for each of their accounts"


def holdout_words(program: spec.Program) -> str:
    """How many accounts are left out, to know what the program is good for (P27)."""
    if program.holdout is None:
        return "as the policy says"
    if not program.holdout:
        return "none"
    return f"{program.holdout:g}% of accounts get nothing, to know its effect"


def most_words(program: spec.Program) -> str:
    """How much the program may send: "500 messages a day, 60 a minute"."""
    day, minute = program.at_most_a_day, program.at_most_a_minute
    parts = [f"{day:,} {'message' if day == 1 else 'messages'} a day"] if day is not None else []
    if minute is not None:
        parts.append(f"{minute:g} {'' if parts else 'messages '}a minute")
    return ", ".join(parts) or "as the policy says"


def _send(step: spec.Send, program: spec.Program) -> str:
    words = f"Send {step.send} to {roles_words(step.to or program.to)}"
    words += f"; useful for {step.useful_for.words()}"
    if step.priority is not None and step.priority is not program.priority:
        words += f"; {step.priority.value} priority"
    if step.topic is not None and step.topic != program.topic:
        words += f"; topic {step.topic}"
    if step.over_budget != "defer":
        words += f"; over budget {_OVER_BUDGET[step.over_budget]}"
    if step.kind is spec.Kind.SERVICE:
        words += "; a service notice"
    nobody = step.if_nobody
    if nobody != spec.Nobody():
        then = "skip it" if nobody.then == "skip" else "leave the program"
        words += f"; with nobody to write to wait {nobody.hold_for.words()}, then {then}"
    return words


def _facts(facts: spec.SetFacts) -> list[str]:
    stage = [f"the stage to {facts.stage}"] if facts.stage is not None else []
    return stage + [
        f"{name} to {str(value).lower() if isinstance(value, bool) else value}"
        for name, value in facts.traits.items()
    ]


def _percent(share: int, total: int) -> str:
    return f"{100 * share / total:.3g} %"
