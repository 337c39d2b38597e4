"""Support tickets: saved from any help desk, found again, and their texts forgotten in time."""

# ruff: noqa: S608  the statements are put together from constants above, never from values
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from digital_cs.domain.support.ticket import OPEN, OVER, Severity, Status
from digital_cs.store.rules import changes
from digital_cs.store.support.ticket_matches import FOUND, FREE, TICKETS, own_domains

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class TicketRecord:
    """A ticket as a help desk gives it. None leaves what is known already as it is.

    `number` is its id there; `account_given` an account's id that it names itself, and
    `organization_account` one that its organization names; neither needs to be known yet.
    Without `solved_at`, a ticket that is over was solved when it was last updated.
    """

    source: str
    number: str
    status: Status
    opened_at: datetime
    updated_at: datetime
    severity: Severity | None = None
    account_given: str | None = None
    requester_email: str | None = None
    organization: str | None = None
    organization_account: str | None = None
    organization_domains: tuple[str, ...] | None = None
    subject: str | None = None
    body: str | None = None
    tags: tuple[str, ...] | None = None
    topic: str | None = None
    solved_at: datetime | None = None

    @property
    def id(self) -> str:
        """Its id here: no two help desks can have the same."""
        return f"{self.source}:{self.number}"


@dataclass(frozen=True, slots=True)
class SavedTickets:
    """What became of tickets. `stale` were older than what is known, `same` not different.

    `unmatched`: how many of them no account is known for yet. `changed_accounts` were told.
    """

    changed_accounts: tuple[str, ...] = ()
    new: int = 0
    updated: int = 0
    stale: int = 0
    same: int = 0
    unmatched: int = 0


_TYPES = {
    "id": "text", "source": "text", "status": "text", "severity": "text", "account_given": "text",
    "requester_email": "text", "organization": "text", "organization_account": "text",
    "organization_domains": "text[]", "subject": "text", "body": "text", "tags": "text[]",
    "topic": "text", "opened_at": "timestamptz", "updated_at": "timestamptz",
    "solved_at": "timestamptz",
}  # fmt: skip
_KEPT = (
    "severity", "account_given", "requester_email", "organization", "organization_account",
    "organization_domains", "tags",
)  # fmt: skip
_TEXTS = ("subject", "body")
_GROUND = (
    "account_given", "organization", "organization_account", "organization_domains",
    "requester_email",
)  # fmt: skip
_COLUMNS = (
    *_TYPES, "source_topic", "topic_due", "text_kept_until", "account_id", "matched_by",
    "contact_id",
)  # fmt: skip


def _row(alias: str, names: Sequence[str]) -> str:
    return "(" + ", ".join(f"{alias}.{name}" for name in names) + ")"


_GIVEN = ", ".join(f"{name} {kind}" for name, kind in _TYPES.items())
_KNOWN_ON = ", ".join(
    f"case when g.status <> 'deleted' then coalesce(g.{name}, o.{name}) end as {name}"
    for name in _KEPT
)
_TEXTS_ON = ", ".join(
    f"case when g.status <> 'deleted' and %(keep)s and g.updated_at + %(text)s > %(now)s"
    f" then coalesce(g.{name}, o.{name}) end as {name}"
    for name in _TEXTS
)
_SET = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[2:])
_ALL = ", ".join(_COLUMNS)

# A ticket stays with its account until its own words change or a surer ground is found: people
# move between accounts, and what they asked before belongs to where they were. Its topic is that of
# the help desk until somebody looked (ingest/support/topics.py), and is looked at again when
# words change.
_SAVE = f"""
with given as (select * from jsonb_to_recordset(%(rows)s) as g({_GIVEN})),
  old as (select t.* from tickets t join given g on g.id = t.id order by t.id for update of t),
  fresh as (
    select g.id, g.source, g.status, g.opened_at, g.updated_at,
           case when g.status = any(%(over)s) then
             coalesce(g.solved_at, case when o.status = any(%(over)s) then o.solved_at end,
                      g.updated_at) end as solved_at,
           {_KNOWN_ON}, {_TEXTS_ON},
           case when g.status <> 'deleted' then coalesce(g.topic, o.source_topic) end
             as source_topic
      from given g left join old o on o.id = g.id
     where o.id is null or g.updated_at >= o.updated_at),
  wanted as (
    select id, source, {", ".join(_GROUND)} from fresh where status <> 'deleted'),
{FOUND},
  placed as (
    select n.id, n.source, n.status, n.severity, n.account_given, n.requester_email,
           n.organization, n.organization_account,
           coalesce(n.organization_domains, '{{}}') as organization_domains, n.subject, n.body,
           coalesce(n.tags, '{{}}') as tags, n.source_topic,
           case when n.status = 'deleted' then null
                when o.id is null then n.source_topic
                when n.source_topic is distinct from o.source_topic
                     and coalesce(y.by, 'source') = 'source' then n.source_topic
                else o.topic end as topic,
           o.id is null or o.topic_due or (n.status = 'deleted') <> (o.status = 'deleted')
             or (n.subject, n.body, coalesce(n.tags, '{{}}'), n.source_topic)
                is distinct from (o.subject, o.body, o.tags, o.source_topic) as topic_due,
           n.opened_at, n.updated_at, n.solved_at,
           case when coalesce(n.subject, n.body) is not null then n.updated_at + %(text)s end
             as text_kept_until,
           case when stays.it then o.account_id else f.account_id end as account_id,
           case when stays.it then o.matched_by else f.matched_by end as matched_by,
           f.contact_id, o.account_id as account_before
      from fresh n left join old o on o.id = n.id left join found f on f.id = n.id
      left join ticket_topics y on y.ticket = n.id
      cross join lateral (
        select n.status <> 'deleted' and o.account_id is not null
           and {_row("n", _GROUND)} is not distinct from {_row("o", _GROUND)}
           and array_position(%(surest)s, o.matched_by)
               <= coalesce(array_position(%(surest)s, f.matched_by), 9) as it) stays),
  saved as (
    insert into tickets as t ({_ALL})
    select {_ALL} from placed order by id
    on conflict (id) do update set {_SET}
     where t.updated_at <= excluded.updated_at
       and {_row("t", _COLUMNS)} is distinct from {_row("excluded", _COLUMNS)}
    returning t.id)
select array(select distinct account from saved join placed using (id),
               unnest(array[account_id, account_before]) account
              where account is not null order by 1),
       (select count(*) from saved where id not in (select id from old)),
       (select count(*) from saved where id in (select id from old)),
       (select count(*) from given) - (select count(*) from fresh),
       (select count(*) from fresh) - (select count(*) from saved),
       (select count(*) from placed where account_id is null and status <> 'deleted')
"""


async def save_tickets(
    connection: Connection, records: Sequence[TicketRecord], now: datetime, *, text_days: int
) -> SavedTickets:
    """Insert or update tickets, give them to accounts, and say whose changed.

    An older update never takes the place of a newer one; of two with one id, the newer counts. A
    text is kept for `text_days` after the ticket's last update, and not at all for 0.
    """
    newest: dict[str, TicketRecord] = {}
    for record in records:
        if record.id not in newest or newest[record.id].updated_at <= record.updated_at:
            newest[record.id] = record
    cursor = await connection.execute(
        _SAVE,
        {
            "rows": Jsonb([_given(record) for record in newest.values()]), "now": now,
            "keep": text_days > 0, "text": timedelta(days=text_days), "over": list(OVER),
            "surest": ["given", "organization", "address", "domain"], **FREE,
        },
    )  # fmt: skip
    row = await cursor.fetchone()
    assert row is not None
    accounts, new, updated, stale, same, unmatched = row
    await changes.tell_all(connection, accounts, [TICKETS])
    return SavedTickets(tuple(accounts), new, updated, stale, same, unmatched)


def _given(record: TicketRecord) -> dict[str, Any]:
    address = (record.requester_email or "").strip().casefold()
    domains = record.organization_domains
    return {
        "id": record.id, "source": record.source, "status": record.status,
        "severity": record.severity, "account_given": record.account_given,
        # One that is no address would make a domain of itself.
        "requester_email": address if "@" in address else None,
        "organization": record.organization, "organization_account": record.organization_account,
        "organization_domains": None if domains is None else own_domains(domains),
        "subject": record.subject or None, "body": record.body or None,
        "tags": None if record.tags is None else sorted(set(record.tags)),
        "topic": record.topic, "opened_at": record.opened_at.isoformat(),
        "updated_at": record.updated_at.isoformat(),
        "solved_at": record.solved_at.isoformat() if record.solved_at else None,
    }  # fmt: skip


async def forget_texts(connection: Connection, now: datetime, text_days: int) -> int:
    """Erase the texts whose time is over; how many tickets lost theirs.

    A setting that became shorter holds for what is here already.
    """
    cursor = await connection.execute(
        "update tickets set subject = null, body = null, text_kept_until = null"
        " where text_kept_until is not null"
        " and (text_kept_until <= %(now)s or updated_at <= %(now)s - %(text)s or not %(keep)s)",
        {"now": now, "text": timedelta(days=text_days), "keep": text_days > 0},
    )
    return cursor.rowcount


@dataclass(frozen=True, slots=True)
class TicketView:
    """A ticket as it is known. `text_kept_until` is None where no text is kept."""

    id: str
    source: str
    account_id: str | None
    matched_by: str | None
    contact_id: str | None
    requester_email: str | None
    organization: str | None
    subject: str | None
    body: str | None
    text_kept_until: datetime | None
    status: Status
    severity: Severity | None
    tags: list[str]
    topic: str | None
    opened_at: datetime
    updated_at: datetime
    solved_at: datetime | None


_SELECT = (
    "select id, source, account_id, matched_by, contact_id, requester_email, organization, subject,"
    " body, text_kept_until, status, severity, tags, topic, opened_at, updated_at, solved_at"
    " from tickets"
)


async def list_tickets(
    connection: Connection, *, account_id: str | None = None, unmatched: bool = False,
    only_open: bool = False, most: int = 100,
) -> list[TicketView]:  # fmt: skip
    """The newest tickets first: of an account, or those that no account is known for, or all."""
    async with connection.cursor(row_factory=class_row(TicketView)) as cursor:
        await cursor.execute(
            f"{_SELECT} where (%(account)s::text is null or account_id = %(account)s)"
            " and (not %(unmatched)s or account_id is null and status <> 'deleted')"
            " and (not %(only_open)s or status = any(%(open)s))"
            " order by opened_at desc, id limit %(most)s",
            {"account": account_id, "unmatched": unmatched, "only_open": only_open,
             "open": list(OPEN), "most": most},
        )  # fmt: skip
        return await cursor.fetchall()


async def find(connection: Connection, id: str) -> TicketView | None:
    """A ticket by its id, or by its number at the only help desk that has it."""
    async with connection.cursor(row_factory=class_row(TicketView)) as cursor:
        await cursor.execute(
            f"{_SELECT} where id = %(id)s or id in"
            " (select name || ':' || %(id)s from sources where 'tickets' = any(feeds))",
            {"id": id},
        )
        found = await cursor.fetchall()
    exact = [ticket for ticket in found if ticket.id == id] or found
    return exact[0] if len(exact) == 1 else None
