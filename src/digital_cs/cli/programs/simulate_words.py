"""What a simulation tells people: messages, peaks, budgets and endings, by program and in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from types import MappingProxyType

from digital_cs.cli import output
from digital_cs.domain.sending.policy import Policy, length
from digital_cs.domain.simulation.simulation import SimulationResult
from digital_cs.domain.simulation.simulation_counts import ProgramCounts, ranked

BARS = " ▁▂▃▄▅▆▇█"
WEEK = 7
MOST_SHOWN = 5

NOT_PLAYED = (
    "Not played: rates, tickets, incidents, replies, what readers switch off, newsletters, and"
    " people who belong to two accounts."
)
BY_ACCOUNT = (
    "The caps of a day are given out account by account and not by the clock: how many go on a day"
    " is right, who waits is not."
)

_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "nobody": "nobody to write to", "window": "outside the send window",
        "no_window": "its send window does not open again in time",
        "no_longer_useful": "no longer useful", "held_out": "held out, to compare",
        "budget_person": "the reader has had enough", "reserved": "something more important comes",
        "budget_account": "the account has had enough", "merged": "waits for a newsletter",
        "cap": "all that the program may send on one day", "left": "the account left",
        "suppressed": "the reader is not written to",
    }
)  # fmt: skip

_RULES: Mapping[str, str] = MappingProxyType(
    {
        "budget.person": "the budget of a person", "budget.account": "the budget of an account",
        "budget.look_ahead": "room kept for something more important",
        "budget.fewer": "the wish for fewer e-mails",
    }
)  # fmt: skip

_BECAME: Mapping[str, str] = MappingProxyType(
    {
        "sent": "sent later", "left out": "left out", "merged": "waiting for a newsletter",
        "account left": "for accounts that left before", "refused": "refused by the mail server",
        "waiting": "still waiting at the end",
    }
)  # fmt: skip


def caveats(result: SimulationResult) -> list[str]:
    """What to mind about the figures, in sentences."""
    capped = any(p.deferrals["cap"] or p.skips["cap"] for p in result.programs)
    return [NOT_PLAYED, *([BY_ACCOUNT] if capped else [])]


def show(result: SimulationResult, policy: Policy, source: str, seconds: float) -> None:
    """Print it all. `source` is where the policy comes from, `seconds` how long it took."""
    programs = result.programs
    name = programs[0].program if len(programs) == 1 else f"{len(programs)} programs"
    per_account = result.touches / result.accounts if result.accounts else 0.0
    output.say(
        f"{name}: {output.count_of(result.accounts, 'account')} over"
        f" {output.count_of(result.days, 'day')} from {result.first_day}, in {seconds:.1f} s\n"
        f"{output.count_of(result.touches, 'touch', 'touches')} ({per_account:.1f} an account)"
        + (f", at most {_peak(result.peak_day)}." if result.peak_day else ".")
    )
    if result.touches:
        output.say(f"\nTouches a week\n{_weeks(result)}")
    if len(programs) > 1:
        output.say("")
        _show_programs(programs)
    output.say(f"\nThe attention budget (policy: {source})")
    for sentence in _budget(result, policy):
        output.say(sentence)
    output.say("")
    several = len(programs) > 1
    output.table(
        [*(["program"] if several else []), "what", "~step or reason", ">how often"],
        (
            [*([program.program] if several else []), what, which, f"{number:,}"]
            for program in programs
            for what, which, number in _details(program)
        ),
    )


def _show_programs(programs: list[ProgramCounts]) -> None:
    """A line for each; those put off for a budget or a cap may have gone out later all the same."""
    rows = []
    for each in programs:
        merged = each.skips["merged"]
        not_sent = each.wished - each.touches - each.waiting - merged
        put_off = each.deferrals.total() - each.deferrals["window"]
        peak = each.peak_day
        rows.append(
            [each.program,
             *(f"{n:,}" for n in (each.accounts, each.held_out, each.wished, each.touches, put_off,
                                  merged, not_sent)),
             f"{peak[1]:,}" if peak else "", f"{peak[0]:%a %-d %b %Y}" if peak else ""]
        )  # fmt: skip
    output.table(
        ["program", ">accounts", ">held out", ">wished", ">touches", ">put off", ">merged",
         ">not sent", ">peak", "on (UTC)"], rows,
    )  # fmt: skip


def _peak(day: tuple[date, int] | None) -> str:
    return f"{day[1]:,} on one day ({day[0]:%a %-d %b %Y})" if day else ""


def _budget(result: SimulationResult, policy: Policy) -> Iterator[str]:
    budget = result.budget
    if budget.messages:
        yield (
            f"{output.count_of(budget.persons, 'person', 'people')} of"
            f" {output.count_of(budget.accounts, 'account')} met a limit, with"
            f" {output.count_of(budget.messages, 'message')}: {_listed(budget.became, _BECAME)}."
        )
        yield f"What they met: {_listed(budget.rules, _RULES)}."
    else:
        yield "Nobody met a limit."
    most = max(budget.wishes_by_person, default=0)
    if not most:
        return
    span = output.count_of(round(length(policy.budget.per).days), "day")
    limits = policy.budget.person
    allowed = f"{limits.low}, {limits.normal} and {limits.high}" if limits else "no limit"
    by_priority = ", of low, normal and high priority" if limits else ""
    yield (
        f"Most that programs wished to send one person within {span}: {most}"
        f" (allowed: {allowed}{by_priority})."
    )
    fullest = [
        f"{most} for {output.count_of(count, 'person', 'people')}"
        for most, count in sorted(budget.wishes_by_person.items(), reverse=True)
    ]
    yield f"Wished in the fullest {span} of each: {', '.join(fullest)}."
    if most > 1:
        worst = budget.worst[:MOST_SHOWN]
        named = ", ".join(f"{each.contact_id} of {each.account_id}" for each in worst)
        yield f"The fullest have {named}."


def _listed(counts: Counter[str], words: Mapping[str, str]) -> str:
    return ", ".join(
        f"{number:,} {words.get(name, name)}" for name, number in ranked(counts).items()
    )


def _details(program: ProgramCounts) -> Iterator[tuple[str, str, int]]:
    yield from (("sent", step, n) for step, n in program.touches_by_step.most_common())
    yield from (("refused", step, n) for step, n in program.failures_by_step.most_common())
    yield from (("task opened", step, n) for step, n in program.tasks_by_step.most_common())
    for what, counts in (("deferred", program.deferrals), ("skipped", program.skips)):
        for reason, n in counts.most_common():
            yield what, _REASONS.get(reason, reason.replace("_", " ")), n
    yield from (("held at", step, n) for step, n in program.holds.most_common())
    for kind, found in sorted(program.endings.items()):
        yield from (("ended", f"{kind}: {why}", n) for why, n in found.most_common())
    yield from (("still inside at", step, n) for step, n in program.inside.most_common())


def _weeks(result: SimulationResult) -> str:
    """One bar a week, with the number beside it where a line is a week."""
    weeks = [0] * ((result.days + WEEK - 1) // WEEK + 1)
    for day, count in result.touches_by_day.items():
        weeks[(day - result.first_day).days // WEEK] += count
    while weeks and not weeks[-1]:
        weeks.pop()
    most = max(weeks)
    bars = "".join(BARS[-(-count * (len(BARS) - 1) // most)] for count in weeks)
    return f"{bars}  (highest: {most:,})"
