"""What was put off, what did not go out, and what readers did: counted, in short words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.sending.reason_words import BECAUSE, because

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Stopped:
    """A pressing of the switch that stops everything; no end while it is in force."""

    at: datetime
    until: datetime | None
    by: str
    because: str


@dataclass(frozen=True, slots=True)
class Fates:
    """Counts of messages by reason, the largest first, and of what readers did.

    A message that was put off for two reasons counts for both; `put_off_once` are the messages,
    `later_sent` of them went out in the end. `out_of_hours` waited for their send window.
    """

    out_of_hours: int
    put_off: Mapping[str, int]
    put_off_once: int
    later_sent: int
    left_out: Mapping[str, int]
    readers: Mapping[str, int]
    stops: tuple[Stopped, ...]


_HOURS = """
select count(distinct (enrollment_id, visit)) from decisions
 where verdict = 'deferred' and reason = 'window'
"""

_PUT_OFF = """
with put_off as (
  select distinct enrollment_id, visit, reason from decisions
   where verdict in ('deferred', 'held') and reason = any(%s) and reason <> 'window')
select reason, count(*), (
         select count(distinct (enrollment_id, visit)) from put_off),
       (select count(distinct (p.enrollment_id, p.visit)) from put_off p join messages m
            on m.enrollment_id = p.enrollment_id and m.visit = p.visit
         where m.state in ('accepted', 'delivered', 'bounced', 'complained'))
  from put_off group by 1 order by 2 desc, 1
"""

_LEFT_OUT = """
select coalesce(reason, 'unknown'), count(*) from messages
 where state in ('skipped', 'failed') and reason is distinct from 'other_contact'
 group by 1 order by 2 desc, 1
"""

_READERS = """
select (select count(*) from clicks where human) as clicks,
       (select count(*) from clicks where not human) as scans,
       (select count(*) from suppression_entries where reason = 'unsubscribed') as unsubscribed,
       (select count(distinct contact_id) from preferences where not wanted) as topics_off,
       (select count(*) from contacts where quiet_until is not null) as pauses,
       (select count(*) from contacts where fewer) as fewer,
       (select count(*) from returned_messages where kind = 'reply') as replies,
       (select count(*) from tasks where kind = 'reply' and state = 'done') as answered,
       (select count(*) from returned_messages where kind in ('hard', 'soft')) as bounces,
       (select count(*) from returned_messages where kind = 'out_of_office') as absences,
       (select count(*) from returned_messages where kind = 'complaint') as complaints
"""


async def count_fates(connection: Connection) -> Fates:
    """Count them in the database of a demo."""
    cursor = await connection.execute(_HOURS)
    ((hours,),) = await cursor.fetchall()
    cursor = await connection.execute(_PUT_OFF, ([reason.value for reason in BECAUSE],))
    put_off = await cursor.fetchall()
    cursor = await connection.execute(_LEFT_OUT)
    left_out = dict(await cursor.fetchall())
    cursor = await connection.execute(_READERS)
    assert cursor.description is not None
    (counts,) = await cursor.fetchall()
    readers = dict(zip([column.name for column in cursor.description], counts, strict=True))
    cursor = await connection.execute("select at, lifted_at, by, because from stops order by at")
    return Fates(
        out_of_hours=hours, put_off={row[0]: row[1] for row in put_off},
        put_off_once=put_off[0][2] if put_off else 0, later_sent=put_off[0][3] if put_off else 0,
        left_out=left_out, readers=readers,
        stops=tuple(Stopped(*row) for row in await cursor.fetchall()),
    )  # fmt: skip


def fates_in_words(fates: Fates) -> Iterator[str]:
    """What became of messages that did not just go out, as lines of text."""
    if fates.out_of_hours:
        yield f"{times(fates.out_of_hours, 'message')} waited for the working hours of the reader."
    if fates.put_off:
        yield (
            f"{times(fates.put_off_once, 'message')} {_was(fates.put_off_once)} put off for another"
            f" reason, and {fates.later_sent} of them went out later:"
        )
        yield from _listed(fates.put_off)
    if fates.left_out:
        yield f"{times(sum(fates.left_out.values()), 'message')} did not go out:"
        yield from _listed(fates.left_out)
    for stop in fates.stops:
        until = f"to {stop.until:%-d %B %H:%M}" if stop.until else "on"
        yield (
            f"{stop.by.capitalize()} stopped all sending from {stop.at:%-d %B %H:%M} {until}:"
            f" {stop.because}."
        )


def readers_in_words(fates: Fates) -> Iterator[str]:
    """What readers did, in up to two lines; nothing where nobody did anything."""
    found = fates.readers
    did = [
        f"{found[name]} {words}"
        for name, words in (
            ("unsubscribed", "unsubscribed"), ("topics_off", "switched a topic off"),
            ("pauses", "asked for a pause"), ("fewer", "asked for fewer e-mails"),
            ("replies", "wrote back"), ("complaints", "complained"),
        )
        if found[name]
    ]  # fmt: skip
    if found["clicks"] or did:
        scans = f" (and scanners {found['scans']}, which count for nothing)" * bool(found["scans"])
        links = f"Readers followed {times(found['clicks'], 'link')}{scans}"
        yield "; ".join([links, ", ".join(did)] if did else [links]) + "."
    if found["bounces"] or found["absences"]:
        yield (
            f"{times(found['bounces'], 'message')} came back as undeliverable, and"
            f" {times(found['absences'], 'note')} of absence, which nobody takes for an answer."
        )


def _listed(counts: Mapping[str, int]) -> Iterator[str]:
    for name, count in counts.items():
        yield f"  {count:>4}  {_because(name)}"


def _because(name: str) -> str:
    try:
        return because(name)
    except (KeyError, ValueError):
        return name.replace("_", " ")


def times(count: int, noun: str) -> str:
    """The count with its noun, in the singular where it is one."""
    plural = f"{noun}es" if noun.endswith(("s", "ch")) else f"{noun}s"
    return f"{count} {noun if count == 1 else plural}"


def _was(count: int) -> str:
    return "was" if count == 1 else "were"
