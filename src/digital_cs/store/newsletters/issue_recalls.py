"""Issues that were called back: who had them by then, and what the one that corrects them needs."""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.newsletters.issue import Reach, State
from digital_cs.domain.newsletters.issue_report import Recall
from digital_cs.domain.sending.reason import Reason
from digital_cs.store.newsletters.issue_sending import REACHED, READ
from digital_cs.store.newsletters.issues import IssueRow

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a broadcast came that was called back: who had it, of whom that is not known, who was
    just being handed over to, and who does not get it for the recall."""

    had: int = 0
    unknown: int = 0
    in_hand: int = 0
    missed: int = 0

    def words(self) -> str:
        """For people, in a sentence."""
        parts = [f"{self.had:,} had it already"]
        if self.in_hand:
            were = "was" if self.in_hand == 1 else "were"
            parts.append(f"{self.in_hand:,} {were} just being handed over")
        if self.unknown:
            parts.append(f"of {self.unknown:,} it is not known")
        do = "does" if self.missed == 1 else "do"
        return f"{', '.join(parts)}; {self.missed:,} {do} not get it any more."


async def reached(connection: Connection, broadcast: str) -> Reached:
    """Count them at this moment."""
    cursor = await connection.execute(
        f"select count(*) filter (where state in {READ}),"
        " count(*) filter (where state = 'unknown'), count(*) filter (where state = 'claimed'),"
        " count(*) filter (where state = 'planned' or state = 'skipped' and reason = %s)"
        " from messages where broadcast_id = %s",
        (Reason.CANCELLED, broadcast),
    )
    row = await cursor.fetchone()
    assert row is not None
    return Reached(*row)


async def recall_of(connection: Connection, row: IssueRow) -> Recall | None:
    """That an issue was called back, and how far it came; None: it was not."""
    if row.recalled_at is None or row.broadcast_id is None:
        return None
    found = await reached(connection, row.broadcast_id)
    return Recall(row.recalled_at, row.recalled_by or "", row.recalled_because or "", found.words())


async def correction_of(
    connection: Connection, issue: str, states: tuple[State, ...] = ()
) -> str | None:
    """The issue that corrects one, if there is one that was not left out, or called back itself;
    of some states only where said."""
    cursor = await connection.execute(
        "select id from newsletter_issues where corrects = %s and state <> %s"
        " and recalled_at is null and (%s or state = any(%s)) order by send_on desc limit 1",
        (issue, State.SKIPPED, not states, list(states)),
    )
    row = await cursor.fetchone()
    return row[0] if row else None


async def copy_texts(connection: Connection, source: str, to: str) -> None:
    """Have an issue say what another one says, with what experts agreed to."""
    await connection.execute(
        "insert into newsletter_texts (issue_id, section, text, text_hash, written_by, written_at,"
        " signed_hash, signed_by, signed_at) select %s, section, text, text_hash, written_by,"
        " written_at, signed_hash, signed_by, signed_at from newsletter_texts where issue_id = %s",
        (to, source),
    )


# One that corrected another only for those who missed that one left out who had the first; and
# whoever has the same address is the same person.
_SPARE = f"""
with recursive before as (
       select corrects as id, corrects_for from newsletter_issues where id = %(issue)s
       union
       select i.corrects, i.corrects_for from newsletter_issues i join before b on i.id = b.id
        where i.corrects is not null and i.corrects_for = '{Reach.MISSED}'),
     persons as (
       select distinct lower(c.email) as address
         from before b join newsletter_issues i on i.id = b.id
         join messages m on m.broadcast_id = i.broadcast_id and m.state in {REACHED}
         join contacts c on c.id = m.contact_id),
     spared as (
       insert into messages (key, broadcast_id, account_id, contact_id, email, kind, priority,
              topic, state, due_at, settled_at, reason, detail, attempts)
       select distinct on (o.id) %(issue)s || '/' || o.id, %(issue)s, k.account_id, o.id,
              %(issue)s, 'marketing', 'normal', %(topic)s, 'skipped', %(now)s::timestamptz, %(now)s,
              '{Reason.HAD_IT}', %(words)s, 0
         from persons p join contacts o on lower(o.email) = p.address
         join memberships k on k.contact_id = o.id and k.left_at is null
         join newsletter_issues i on i.id = %(issue)s
        order by o.id, k.account_id
       on conflict do nothing
       returning account_id, contact_id)
insert into decisions (at, broadcast_id, account_id, contact_id, verdict, reason, words)
select %(now)s, %(issue)s, account_id, contact_id, 'skipped', '{Reason.HAD_IT}', %(words)s
  from spared
"""


async def spare_who_had_it(connection: Connection, issue: str, topic: str, now: datetime) -> int:
    """Leave those out of an issue who had the one that it corrects, before its audience is fixed:
    a row of the ledger for each, with the reason. Returns how many. In a transaction."""
    words = Reason.HAD_IT.sentence()
    cursor = await connection.execute(
        _SPARE, {"issue": issue, "topic": topic, "now": now, "words": words}
    )
    return cursor.rowcount
