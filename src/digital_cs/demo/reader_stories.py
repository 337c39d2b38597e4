"""Stories of what readers had, wrote and chose, and of what followed for their accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.demo.told import MOST_LINES, Story, dated, decided
from digital_cs.domain.timing.zone import load_zone
from digital_cs.store.sending import policies

Connection = AsyncConnection[Any]

BEFORE = 3
"""So many lines may lead up to what a story is about."""
BEFORE_DAYS, AFTER_DAYS = 8, 24


@dataclass(frozen=True, slots=True)
class _Found:
    """Whom a story is about, and the moment of it."""

    account_id: str
    contact_id: str
    at: datetime


_WHO = """
select a.name, coalesce(c.zone, a.zone, 'UTC') from accounts a, contacts c
 where a.id = %s and c.id = %s
"""


# Each asks for one (account, contact, moment): first who has most to tell.
_HAD_ENOUGH = """
select d.account_id, d.contact_id, d.at from decisions d
 where d.reason in ('budget_person', 'budget_account') and d.verdict in ('deferred', 'skipped')
   and d.contact_id is not null and d.account_id <> all(%s)
 order by d.verdict = 'deferred' and exists (
            select from messages m where m.enrollment_id = d.enrollment_id and m.visit = d.visit
               and m.contact_id = d.contact_id and m.state = 'accepted'
               and m.claimed_at > d.at + interval '2 days') desc,
          d.verdict = 'deferred' desc, d.at, d.id limit 1
"""

_WROTE_BACK = """
select t.account_id, t.contact_id, t.opened_at from tasks t
 where t.kind = 'reply' and t.contact_id is not null and t.account_id <> all(%s)
 order by t.state = 'done' desc,
          exists (select from messages m where m.account_id = t.account_id
                   and m.claimed_at between t.opened_at and t.closed_at),
          exists (select from messages m where m.account_id = t.account_id and m.state = 'accepted'
                   and m.claimed_at between t.closed_at and t.closed_at + interval '10 days') desc,
          t.opened_at, t.key limit 1
"""

_SWITCHED_OFF = """
with chosen as (
  select p.contact_id, p.changed_at as at, p.topic, array['topic_off'] as reasons
    from preferences p where not p.wanted
  union all
  select c.id, s.created_at, null, array['suppressed', 'nobody']
    from suppression_entries s join contacts c on s.subject = 'address:' || lower(c.email)
   where s.reason = 'unsubscribed')
select m.account_id, c.contact_id, c.at
  from chosen c join memberships m on m.contact_id = c.contact_id
 where m.account_id <> all(%s)
 order by exists (select from decisions d where d.account_id = m.account_id and d.at > c.at
                   and d.at < c.at + interval '24 days' and d.reason = any(c.reasons))
          or exists (select from messages x join messages y on y.enrollment_id = x.enrollment_id
                      where x.account_id = m.account_id and x.contact_id = c.contact_id
                        and y.contact_id <> c.contact_id and y.state = 'accepted'
                        and (c.topic is null or c.topic = y.topic)
                        and x.claimed_at < c.at and y.claimed_at > c.at
                        and y.claimed_at < c.at + interval '24 days') desc,
          'topic_off' = any(c.reasons) desc, c.at, 1 limit 1
"""

_FIND = {
    "Had enough for the week": _HAD_ENOUGH,
    "Wrote back": _WROTE_BACK,
    "Switched it off": _SWITCHED_OFF,
}

_NAME = "coalesce(nullif(c.full_name, ''), c.id)"

_MESSAGES = f"""
select coalesce(m.claimed_at, m.settled_at, m.due_at), m.email || ' to ' || {_NAME}, m.contact_id,
       m.message_id, m.topic
  from messages m join contacts c on c.id = m.contact_id
 where m.account_id = %s and m.state in ('accepted', 'delivered', 'bounced', 'complained')
"""  # noqa: S608

# A window that is closed for the night is no news.
_DECISIONS = """
select d.at, coalesce(d.step, d.broadcast_id), d.verdict, d.words, d.contact_id from decisions d
 where d.account_id = %s and d.reason <> 'window'
   and d.verdict in ('deferred', 'held', 'skipped', 'failed') order by d.id
"""

_REPLIES = f"""
select t.opened_at, t.closed_at, t.closed_by, t.note, {_NAME}, t.contact_id
  from tasks t join contacts c on c.id = t.contact_id
 where t.account_id = %s and t.kind = 'reply'
"""  # noqa: S608

_CHOICES = f"""
select p.changed_at, {_NAME}, p.topic, p.contact_id
  from preferences p join contacts c on c.id = p.contact_id
  join memberships m on m.contact_id = c.id
 where m.account_id = %s and not p.wanted
"""  # noqa: S608

_LEFT = f"""
select s.created_at, {_NAME}, c.id
  from suppression_entries s join contacts c on s.subject = 'address:' || lower(c.email)
  join memberships m on m.contact_id = c.id
 where m.account_id = %s and s.reason = 'unsubscribed'
"""  # noqa: S608


async def tell_of_readers(connection: Connection, without: Sequence[str]) -> list[Story]:
    """One story of each kind, as far as they happened; none of the accounts `without`."""
    told: list[Story] = []
    for title, query in _FIND.items():
        known = [*without, *(story.account_id for story in told)]
        row = await (await connection.execute(query, (known,))).fetchone()
        if row is not None:
            alone = query is _HAD_ENOUGH
            told.append(await _tell(connection, title, _Found(*row), alone=alone))
    return told


async def _tell(connection: Connection, title: str, found: _Found, *, alone: bool) -> Story:
    """What led to the moment, and what followed from it; `alone`: for this person only."""
    cursor = await connection.execute(_WHO, (found.account_id, found.contact_id))
    ((name, zone),) = await cursor.fetchall()
    first = found.at - timedelta(days=BEFORE_DAYS)
    last = found.at + timedelta(days=BEFORE_DAYS if alone else AFTER_DAYS)
    lines: dict[str, datetime] = {}
    for at, words, contact in sorted(await _happened(connection, found), key=lambda line: line[0]):
        if first <= at <= last and not (alone and contact != found.contact_id):
            lines.setdefault(words, at)  # the same words again are no news
    before = [(at, words) for words, at in lines.items() if at < found.at][-BEFORE:]
    after = [(at, words) for words, at in lines.items() if at >= found.at]
    return Story(
        title, found.account_id, name,
        # What is put off, is until an hour of the reader: so are the days.
        dated([*before, *after][:MOST_LINES], load_zone(zone)),
        await _message_before(connection, found),
    )  # fmt: skip


async def _message_before(connection: Connection, found: _Found) -> str | None:
    """The message that this person had last before the moment."""
    sent = [row for row in await _rows(connection, _MESSAGES, found) if row[0] <= found.at]
    mine = [row for row in sent if row[2] == found.contact_id]
    return max(mine)[3] if mine else None


async def _happened(connection: Connection, found: _Found) -> list[tuple[datetime, str, str]]:
    """All that can be told of the account, in no order: when, what, and to or by which contact."""
    topics = (await policies.current(connection)).policy.topics
    lines: list[tuple[datetime, str, str]] = []
    choices = await _rows(connection, _CHOICES, found)
    for at, words, contact, _, topic in await _rows(connection, _MESSAGES, found):
        about = f" (“{topics[topic].title}”)" if choices and topic in topics else ""
        lines.append((at, f"{words}{about}", contact))
    for at, step, verdict, words, contact in await _rows(connection, _DECISIONS, found):
        lines.append((at, decided(step, verdict, words), contact))
    for opened, closed, by, note, name, contact in await _rows(connection, _REPLIES, found):
        said = note.partition("\n")[0]
        lines.append((opened, f"{name} wrote back: “{said}”", contact))
        lines.append((opened, "a task was opened; all to this account waits for it", contact))
        if closed is not None:
            lines.append((closed, f"{by} looked at it, and everything goes on", contact))
    for at, name, topic, contact in choices:
        title = topics[topic].title if topic in topics else topic
        lines.append((at, f"{name} switched off “{title}” on the page of preferences", contact))
    for at, name, contact in await _rows(connection, _LEFT, found):
        lines.append((at, f"{name} unsubscribed, in one click", contact))
    return lines


async def _rows(connection: Connection, query: str, found: _Found) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query, (found.account_id,))).fetchall()
