"""Short stories of single accounts: found in the database, told in a few dated lines."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from psycopg import AsyncConnection

from digital_cs.demo.reader_stories import tell_of_readers
from digital_cs.demo.told import MOST_LINES, Interlude, Line, Story, dated, decided
from digital_cs.domain.rules.trigger_words import USAGE_UP_TO

Connection = AsyncConnection[Any]

MOST_STORIES = 7

# Each asks for one enrollment; the first of them is the one with most to tell.
_FIND = {
    "Reached the goal": """
        select e.id from enrollments e join messages m on m.enrollment_id = e.id
         where e.ending = 'goal' and m.state = 'accepted' and e.program_id like 'welcome-%%'
         group by e.id order by count(*) desc, min(m.due_at), e.id limit 1""",
    "Went quiet and was written to": """
        select e.id from enrollments e join messages m on m.enrollment_id = e.id
         where e.program_id = 'usage-drop' and m.state = 'accepted'
         group by e.id order by e.ending = 'goal' desc nulls last, count(*) desc, e.id limit 1""",
    "Had nobody to write to": """
        select d.enrollment_id from decisions d where d.reason = 'nobody'
         order by d.words like '%%no contacts%%' desc, d.at, d.enrollment_id limit 1""",
    "Had an address that no longer exists": """
        select m.enrollment_id from messages m join messages later
            on later.enrollment_id = m.enrollment_id and later.visit > m.visit
         where m.reason in ('hard_bounce', 'bounced') and later.state = 'accepted'
         order by later.contact_id <> m.contact_id desc, m.due_at, m.key limit 1""",
}

_ENROLLMENT = """
select a.id, a.name, v.spec->>'name', e.started_at, e.ended_at, e.ending, e.because
  from enrollments e join accounts a on a.id = e.account_id
  join program_versions v on v.program_id = e.program_id and v.number = e.version
 where e.id = %s
"""

# A trigger fires and lets in at one moment, in one transaction.
_NOTICED = """
select t.spec->>'name', f.at, f.words, f.figures,
       (select max(u.day) from usage_days u
         where u.account_id = f.account_id and u.day < f.at and u.n > 0)
  from enrollments e
  join trigger_firings f on f.account_id = e.account_id and f.at = e.started_at
  join triggers t on t.id = f.trigger_id
 where e.id = %s and e.source like 'trigger ' || t.id || ':%%'
"""

_MESSAGES = """
select coalesce(m.claimed_at, m.settled_at, m.due_at), m.email, m.zone, m.message_id,
       c.full_name,
       (select s.roles[1] from memberships s
         where s.contact_id = m.contact_id and s.account_id = e.account_id
         order by s.joined_at desc limit 1)
  from messages m join enrollments e on e.id = m.enrollment_id
  left join contacts c on c.id = m.contact_id
 where m.enrollment_id = %s and m.state in ('accepted', 'delivered', 'bounced', 'complained')
 order by 1, m.key
"""

_DECISIONS = """
select at, step, verdict, words from decisions
 where enrollment_id = %s and verdict in ('held', 'skipped', 'failed', 'unknown', 'returned')
 order by id
"""

_TASKS = """
select opened_at, closed_at, title, state, closed_by from tasks where enrollment_id = %s order by 1
"""


async def tell_stories(
    connection: Connection, interlude: Interlude | None = None
) -> tuple[Story, ...]:
    """One story of each kind, as far as they happened; no account is told of twice."""
    told: dict[str, Story] = {}
    for title in ("Reached the goal", "Went quiet and was written to"):
        await _find(connection, title, told)
    for story in await tell_of_readers(connection, without=list(told)):
        told[story.account_id] = story
    for title in ("Had an address that no longer exists", "Had nobody to write to"):
        await _find(connection, title, told)
    if interlude is not None:
        story = await _tell(
            connection, "Was paused by a colleague", interlude.enrollment_id, interlude
        )
        told.setdefault(story.account_id, story)
    return tuple(told.values())[:MOST_STORIES]


async def _find(connection: Connection, title: str, told: dict[str, Story]) -> None:
    row = await (await connection.execute(_FIND[title])).fetchone()
    if row is not None:
        story = await _tell(connection, title, row[0])
        told.setdefault(story.account_id, story)


async def _tell(
    connection: Connection, title: str, enrollment_id: str, interlude: Interlude | None = None
) -> Story:
    cursor = await connection.execute(_ENROLLMENT, (enrollment_id,))
    row = await cursor.fetchone()
    assert row is not None
    account_id, account, program, started, ended, ending, because = row
    lines = [
        *await _why(connection, enrollment_id),
        (started, f"entered “{program}”"),
    ]
    if interlude is not None:
        lines.append((interlude.paused_at, "paused by hand: somebody wants to talk to them first"))
        if interlude.resumed_at is not None:
            lines.append((interlude.resumed_at, "resumed by hand"))
    message_id = None
    for at, step, zone, id, name, role in await _rows(connection, _MESSAGES, enrollment_id):
        message_id = message_id or id
        lines.append((at, f"{step} to {name}, {role} ({zone})"))
    for at, step, verdict, words in await _rows(connection, _DECISIONS, enrollment_id):
        lines.append((at, decided(step, verdict, words)))
    for opened, closed, task, state, by in await _rows(connection, _TASKS, enrollment_id):
        lines.append((opened, f"task: {task}"))
        if state == "done":
            lines.append((closed, f"{by} did it"))
    if ended is not None:
        end = {"goal": "reached the goal", "completed": "came to the end"}.get(ending, "left")
        lines.append((ended, f"{end}: {because}" if because else end))
    lines.sort(key=lambda line: line[0])
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], lines[-1]]
    return Story(title, account_id, account, dated(lines), message_id)


async def _why(connection: Connection, enrollment_id: str) -> list[Line]:
    """What was noticed and let the account in, with what it rests on (P19)."""
    lines = []
    for trigger, at, words, figures, last in await _rows(connection, _NOTICED, enrollment_id):
        if last is not None:
            lines.append((datetime.combine(last, time(), UTC), "last seen"))
        known = f" ({USAGE_UP_TO} {figures[USAGE_UP_TO]})" if USAGE_UP_TO in figures else ""
        lines.append((at, f"noticed by “{trigger}”: {words.rstrip('.')}{known}"))
    return lines


async def _rows(connection: Connection, query: str, id: str) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query, (id,))).fetchall()
