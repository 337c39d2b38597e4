"""Why an account is, or is not, in a program: the entry rules answered in plain words (P19)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg import AsyncConnection

from digital_cs.catalog.programs import program_from_json
from digital_cs.catalog.step_words import again_words, entry_words
from digital_cs.domain.programs.program import (
    DateEntry,
    EventEntry,
    Program,
    SegmentEntry,
    TriggerEntry,
)
from digital_cs.domain.rules.condition import Verdict
from digital_cs.domain.rules.reads import Reads, reads
from digital_cs.ingest.rules.entries import EVER, counted_since
from digital_cs.store.programs import facts, programs, timeline
from digital_cs.store.programs.programs import State

if TYPE_CHECKING:
    from digital_cs.domain.account import Account
    from digital_cs.temporal.gateway import Gateway

_ANSWERS = {Verdict.YES: "yes", Verdict.NO: "no", Verdict.UNKNOWN: "not known, data is missing"}
_DOORS = {
    State.CLOSED: "Nobody may enter it: entering was stopped.",
    State.PAUSED_CLOSED: "Nobody may enter it: entering was stopped. It is paused as well.",
    State.FINISHING: "Nobody may enter it: those inside are being finished.",
    State.STOPPED: "Nobody may enter it: it was stopped.",
    State.PAUSED: "The program is paused: nothing goes out until somebody resumes it.",
}


async def why(
    gateway: Gateway, connection: AsyncConnection[Any], account_id: str, program_id: str
) -> list[str]:
    """Sentences about one account and one program, the most telling first.

    Raises NotFoundError for a program that is not published.
    """
    rows = await programs.list_programs(connection, [program_id])
    if not rows:
        raise await gateway.no_program(connection, program_id)
    program = program_from_json(rows[0].spec)
    found = []
    enrollments = await timeline.list_enrollments(
        connection, account=account_id, program=program_id, most=1
    )
    if enrollments and enrollments[0].ended_at is None:
        last = await timeline.timeline(
            connection, account=account_id, enrollment=enrollments[0].id, most=1
        )
        latest = f" Last: {last[0].what}. {last[0].words}" if last else ""
        found.append(f"It is inside.{latest}")
    elif enrollments:
        found.append(f"It was inside and is out: {enrollments[0].because}")
        found.append(f"It may enter {again_words(program.enter)}.")
    else:
        found.append("It never entered this program.")
    door = _DOORS.get(State(rows[0].state))
    if door:
        found.append(door)
    if not enrollments or enrollments[0].ended_at is not None:
        page = await facts.facts_page(
            connection, gateway.clock.now(), await gateway.entries.calendar(),
            reads=_reads(program), ids=[account_id],
        )  # fmt: skip
        known = _Known(
            gateway.clock.now(),
            await programs.first_published(connection, program_id),
            await counted_since(connection, program, account_id),
        )
        found += [sentence for each in page for sentence in _entries(program, each, known)]
    return found


@dataclass(frozen=True, slots=True)
class _Known:
    now: datetime
    published: datetime | None
    counted: dict[int, datetime]


def _entries(program: Program, account: Account, known: _Known) -> list[str]:
    sentences = []
    words = entry_words(program.enter)
    for number, rule in enumerate(program.enter.when):
        match rule:
            case EventEntry():
                seen = [event.at for event in account.events if event.name == rule.event]
                answer = f"seen on {min(seen):%-d %B %Y}" if seen else "not seen so far"
                if seen and known.published is not None and min(seen) < known.published:
                    answer += ", before the program was published"
            case SegmentEntry():
                answer = _ANSWERS[rule.segment.verdict(account, EVER, known.now)]
                answer += _passed_over(known.counted.get(number))
            case DateEntry():
                value = account.traits.get(rule.date)
                answer = f"{rule.date} is {value if value is not None else 'not known'}"
                answer += _passed_over(known.counted.get(number))
            case TriggerEntry():
                answer = "it is told when the trigger fires"
        sentences.append(f"Enters {words[number]}: {answer}.")
    only_if = program.enter.only_if
    if only_if is not None:
        answer = _ANSWERS[only_if.verdict(account, EVER, known.now)]
        sentences.append(f"Only if {only_if.words()}: {answer}.")
    if not program.enter.when:
        sentences.append("It is entered by hand only: `digital-cs enroll`.")
    return sentences


def _passed_over(since: datetime | None) -> str:
    """A match enters once: this one was taken, or passed over at the first publishing."""
    return f" (this match was counted on {since:%-d %B %Y}, and counts once)" if since else ""


def _reads(program: Program) -> Reads:
    conditions = [rule.segment for rule in program.enter.when if isinstance(rule, SegmentEntry)]
    if program.enter.only_if is not None:
        conditions.append(program.enter.only_if)
    asked = reads(conditions)
    events = {rule.event for rule in program.enter.when if isinstance(rule, EventEntry)}
    return replace(asked, events=asked.events | events)
