"""What happened in a demo, to whom, and where to look: read from the database, told in words."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from digital_cs.channels.sink import SinkEntry
from digital_cs.demo.stories import Interlude, Story, tell_stories
from digital_cs.domain.source import late_sources
from digital_cs.store import segments, sources

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class ProgramResult:
    """How a program went: accounts that entered, and where they are now."""

    id: str
    name: str
    entered: int
    inside: int
    goal: int
    completed: int
    exited: int


@dataclass(frozen=True, slots=True)
class Known:
    """What came in, and what was made of it: counts by the names of segments and triggers.

    `complete_through` is up to when all usage is here, and `late` the sources that are late.
    """

    events: int
    tickets: int
    complete_through: datetime | None
    late: tuple[str, ...]
    segments: Mapping[str, int]
    triggers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look. `mail_example` is one message of the first story, if there is one.

    `command` is how `digital-cs` is called here.
    """

    state_dir: Path
    mail_folder: Path
    command: str = "digital-cs"
    mail_example: Path | None = None
    temporal_ui: str | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """The whole of it. Counts are by state; `first` and `last` are business days.

    `arrived` messages are in the mail folder, `twice` of them more than once.
    """

    first: date
    last: date
    seed: int
    accounts: int
    people: int
    programs: tuple[ProgramResult, ...]
    messages: Mapping[str, int]
    tasks: Mapping[str, int]
    decisions: Mapping[str, int]
    overdue: int
    arrived: int
    twice: int
    known: Known
    places: Places
    stories: tuple[Story, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The same for machines: ISO dates, paths as texts, commands included."""
        found: dict[str, Any] = _plain(asdict(self))
        found["commands"] = commands(self)
        return found


_PROGRAMS = """
select p.id, v.spec->>'name', count(e.id), count(e.id) filter (where e.ended_at is null),
       count(*) filter (where e.ending = 'goal'), count(*) filter (where e.ending = 'completed'),
       count(*) filter (where e.ending = 'exited')
  from programs p join program_versions v on v.program_id = p.id and v.number = p.version
  left join enrollments e on e.program_id = p.id
 group by 1, 2 order by 3 desc, 1
"""

_TRIGGERS = """
select t.spec->>'name', count(f.id) from triggers t left join trigger_firings f
    on f.trigger_id = t.id group by 1
"""

_COUNTS = """
select (select count(*) from accounts), (select count(*) from contacts),
       (select count(*) from enrollments where ended_at is null and not paused and wake_at <= %s)
"""


async def summarise(
    connection: Connection,
    *,
    first: date,
    now: datetime,
    seed: int,
    places: Places,
    mail: Sequence[SinkEntry],
    interlude: Interlude | None = None,
) -> Summary:
    """The summary of the database at business time `now`.

    `mail` is what the sink has accepted.
    """
    cursor = await connection.execute(_PROGRAMS)
    programs = tuple(ProgramResult(*row) for row in await cursor.fetchall())
    cursor = await connection.execute(_COUNTS, (now,))
    ((accounts, people, overdue),) = await cursor.fetchall()
    stories = await tell_stories(connection, interlude)
    files = {entry.message_id: entry.file for entry in mail}
    example = next((files[id] for s in stories if (id := s.message_id) and id in files), None)
    if example is not None:
        places = replace(places, mail_example=places.mail_folder / example)
    return Summary(
        first=first, last=now.date(), seed=seed, accounts=accounts, people=people,
        programs=programs, overdue=overdue,
        arrived=len(mail), twice=len(mail) - len(files),
        messages=await _counts(connection, "select state, count(*) from messages group by 1"),
        tasks=await _counts(connection, "select state, count(*) from tasks group by 1"),
        decisions=await _counts(
            connection, "select verdict || ' ' || reason, count(*) from decisions group by 1"
        ),
        known=await _known(connection, now), stories=stories, places=places,
    )  # fmt: skip


async def _known(connection: Connection, now: datetime) -> Known:
    found = await sources.list_sources(connection, retired=False)
    members = {
        row.spec["name"]: row.members for row in await segments.list_segments(connection)
    }  # fmt: skip
    usage = [source for source in found if "usage" in source.feeds]
    complete = [source.complete_through for source in usage if source.complete_through]
    return Known(
        events=sum(source.received for source in usage),
        tickets=sum(source.received for source in found if "tickets" in source.feeds),
        complete_through=min(complete, default=None),
        late=tuple(source.name for source in late_sources(found, now)),
        segments=dict(sorted(members.items(), key=lambda row: (-row[1], row[0]))),
        triggers=await _counts(connection, _TRIGGERS),
    )


async def _counts(connection: Connection, query: str) -> dict[str, int]:
    cursor = await connection.execute(f"{query} order by 2 desc, 1")
    return dict(await cursor.fetchall())


def commands(summary: Summary) -> list[str]:
    """Commands that answer questions about what was seen, to be typed in a second terminal."""
    wanted = [f"account show {story.account_id}" for story in summary.stories[:3]]
    wanted += [f"program show {program.id}" for program in summary.programs[:1]]
    places = summary.places
    return [
        f"STATE_DIR={shlex.quote(str(places.state_dir))} {places.command} {command}"
        for command in (*wanted, "segment list", "trigger firings", "sources", "task list")
    ]


def in_words(summary: Summary) -> Iterator[str]:
    """The summary as lines of text."""
    yield (
        f"From {summary.first:%-d %B} to {summary.last:%-d %B %Y}:"
        f" {summary.accounts} accounts with {summary.people} people."
    )
    yield ""
    yield from _programs_in_words(summary)
    yield ""
    yield from _known_in_words(summary.known)
    yield ""
    yield from _totals_in_words(summary)
    for story in summary.stories:
        yield ""
        yield f"{story.title}: {story.account} ({story.account_id})"
        yield from (f"  {line}" for line in story.lines)
    yield ""
    yield from _places_in_words(summary, summary.places)


def _programs_in_words(summary: Summary) -> Iterator[str]:
    width = max((len(program.name) for program in summary.programs), default=0)
    for program in summary.programs:
        parts = [f"{program.inside} still inside"]
        parts += [f"{program.goal} reached the goal"] * bool(program.goal)
        parts += [f"{program.completed} went to the end"] * bool(program.completed)
        parts += [f"{program.exited} left before"] * bool(program.exited)
        yield f"  {program.name:<{width}}  {program.entered:>3} entered: {', '.join(parts)}"


def _known_in_words(known: Known) -> Iterator[str]:
    if known.complete_through is not None:
        late = f"late: {', '.join(known.late)}" if known.late else "no source is late"
        yield (
            f"The product sent {known.events:,} events and the help desk {known.tickets:,} changes"
            f" of tickets; usage is complete up to {known.complete_through:%-d %B %H:%M}, {late}."
        )
    if known.segments:
        yield f"Who belongs where now: {_each(known.segments)}."
    if known.triggers:
        yield f"How often something was noticed: {_each(known.triggers)}."


def _each(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in counts.items())


def _totals_in_words(summary: Summary) -> Iterator[str]:
    messages, decisions = summary.messages, summary.decisions
    taken = sum(messages.get(state, 0) for state in ("accepted", "delivered"))
    yield (
        f"{_times(taken, 'message')} were handed to the mail server; {summary.arrived} are in its"
        f" folder, {summary.twice or 'none'} of them twice."
    )
    retried = sum(n for reason, n in decisions.items() if reason == "deferred refused_for_now")
    if retried:
        yield f"{_times(retried, 'time')} it was too busy to take one, which was tried again."
    bounced = decisions.get("failed hard_bounce", 0)
    if bounced:
        yield f"{_times(bounced, 'address')} no longer existed and will not be written to again."
    skipped, held = messages.get("skipped", 0), decisions.get("held nobody", 0)
    if skipped:
        yield f"{_times(skipped, 'message')} did not go out, each with its reason."
    if held:
        yield f"{_times(held, 'message')} had nobody to go to, and waited for somebody."
    if messages.get("unknown"):
        yield f"{_times(messages['unknown'], 'message')} may or may not have arrived; listed."
    yield (
        f"People of ours were given {_times(sum(summary.tasks.values()), 'task')}: "
        + (", ".join(f"{count} {state}" for state, count in summary.tasks.items()) or "none")
        + "."
    )
    if summary.overdue:
        yield f"{_times(summary.overdue, 'touch')} still due at the end: this machine is behind."


def _places_in_words(summary: Summary, places: Places) -> Iterator[str]:
    yield "Where to look"
    yield f"  the mail        {places.mail_folder}"
    if places.mail_example is not None:
        yield f"  one of it       {places.mail_example}"
    if places.temporal_ui is not None:
        yield f"  Temporal        {places.temporal_ui}"
    yield "  why, why not    (in this folder in a second terminal, while the demo is up)"
    yield from (f"    {command}" for command in commands(summary))


def _times(count: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith(("s", "ch")) else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Path) else value
