"""What happened in a demo, to whom, and where to look: read from the database."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from digital_cs.channels.sink import SinkEntry
from digital_cs.demo import letters
from digital_cs.demo.content_told import ContentTold, tell_content
from digital_cs.demo.fates import Fates, count_fates
from digital_cs.demo.stories import tell_stories
from digital_cs.demo.told import Interlude, Story
from digital_cs.domain.source import late_sources
from digital_cs.store.product import sources
from digital_cs.store.rules import segments

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

    `choices` is the page of preferences of its reader. `command` is how `digital-cs` is called.
    """

    state_dir: Path
    mail_folder: Path
    command: str = "digital-cs"
    mail_example: Path | None = None
    choices: str | None = None
    temporal_ui: str | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """The whole of it. Counts are by state; `first` and `last` are business days.

    `arrived` of the messages that were handed over are in the mail folder, `twice` of them more
    than once; beside them are `told`, what was written to colleagues.
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
    told: int
    known: Known
    content: ContentTold
    fates: Fates
    places: Places
    stories: tuple[Story, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The same for machines: ISO dates, paths as texts, commands included."""
        found: dict[str, Any] = _plain(asdict(self))
        found["commands"] = commands(self)
        return found


TAKEN = ("accepted", "delivered", "bounced", "complained")
"""States of messages that a mail server took, whatever came back later."""

ALSO = (
    "content freshness", "content upcoming", "newsletter issues --all", "topics rank",
    "policy show", "sending status", "suppression list", "returned list", "task list",
    "trigger firings", "sources",
)  # fmt: skip
"""Commands that are worth a look whatever happened."""

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
    mail: Callable[[], Sequence[SinkEntry]],
    interlude: Interlude | None = None,
) -> Summary:
    """The summary of the database at business time `now`.

    `mail` says what the sink has accepted, also what was for colleagues. It is asked when the
    database has been: the engine may still be sending.
    """
    cursor = await connection.execute(
        "select message_id from messages where state = any(%s)", (list(TAKEN),)
    )
    taken = {row[0] for row in await cursor.fetchall()}
    cursor = await connection.execute(_PROGRAMS)
    programs = tuple(ProgramResult(*row) for row in await cursor.fetchall())
    cursor = await connection.execute(_COUNTS, (now,))
    ((accounts, people, overdue),) = await cursor.fetchall()
    stories = await tell_stories(connection, interlude)
    cursor = await connection.execute("select message_id from colleague_mails")
    inside = {row[0] for row in await cursor.fetchall()}
    entries = mail()
    told = sum(entry.message_id in inside for entry in entries)
    sent = [entry for entry in entries if entry.message_id in taken]
    files = {entry.message_id: entry.file for entry in sent}
    example = next((files[id] for s in stories if (id := s.message_id) and id in files), None)
    if example is not None:
        file = places.mail_folder / example
        places = replace(places, mail_example=file, choices=_choices(file))
    return Summary(
        first=first, last=now.date(), seed=seed, accounts=accounts, people=people,
        programs=programs, overdue=overdue,
        arrived=len(files), twice=len(sent) - len(files), told=told,
        messages=await _counts(connection, "select state, count(*) from messages group by 1"),
        tasks=await _counts(connection, "select state, count(*) from tasks group by 1"),
        decisions=await _counts(
            connection, "select verdict || ' ' || reason, count(*) from decisions group by 1"
        ),
        known=await _known(connection, now), content=await tell_content(connection, now.date()),
        fates=await count_fates(connection),
        stories=stories, places=places,
    )  # fmt: skip


def _choices(mail: Path) -> str | None:
    """The page of preferences that a mail links to."""
    return letters.read(mail.read_bytes()).choose if mail.exists() else None


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
    wanted = [f"account why {story.account_id}" for story in _told_best(summary)]
    wanted += [f"program show {program.id}" for program in summary.programs[:1]]
    places = summary.places
    return [
        f"STATE_DIR={shlex.quote(str(places.state_dir))} {places.command} {command}"
        for command in (*wanted, *ALSO)
    ]


def _told_best(summary: Summary) -> list[Story]:
    """The stories with most to ask about: of what did not go out, and why."""
    asked = {"Had enough for the week", "Switched it off", "Had nobody to write to"}
    return sorted(summary.stories, key=lambda story: story.title not in asked)[:2]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Path) else value
