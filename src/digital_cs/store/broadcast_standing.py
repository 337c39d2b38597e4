"""What is known of many recipients at the moment of sending: `standing.read` for a whole set.

A few statements, each of which gives only what stands against somebody: of most people there is
nothing. They are sent together and wait for the server once. A test makes up worlds and holds each
recipient's standing against that of a single reading.
"""

# ruff: noqa: S608  the statements are put together from constants, never from values
from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection, AsyncCursor

from digital_cs.domain.account import SOLVED
from digital_cs.domain.budget import Coming
from digital_cs.domain.eligibility import Standing
from digital_cs.domain.policy import Policy, length
from digital_cs.store import locks
from digital_cs.store.arrays import text_array
from digital_cs.store.broadcast_claims import Due
from digital_cs.store.standing import COUNTED
from digital_cs.store.suppressions import REASON_HERE, SUPPRESSED_HERE

Connection = AsyncConnection[Any]

_PEOPLE = f"""
select x.key, x.account_id, x.contact_id, lower(c.email), c.email,
       c.active and m.contact_id is not null,
       {REASON_HERE}, x.due_at, x.useful_until, x.zone, x.variant, x.reason, x.attempts,
       a.name, a.stage, a.country, a.traits, c.first_name, c.full_name, c.language, m.roles,
       v.traits
  from messages x
  join accounts a on a.id = x.account_id
  left join contacts c on c.id = x.contact_id
  left join memberships m
    on m.contact_id = c.id and m.account_id = x.account_id and m.left_at is null
  {SUPPRESSED_HERE}
  left join lateral (
    select jsonb_object_agg(k, b.traits -> k order by b.contact_id) as traits
      from broadcast_choices b, jsonb_object_keys(b.traits) k
     where b.broadcast_id = x.broadcast_id and b.account_id = x.account_id
       and b.contact_id in ('', x.contact_id)) v on true
 where x.key = any(%(keys)s::text[]) and x.state = 'planned'
"""

_ASKED = """
select lower(o.email), max(o.quiet_until), bool_or(o.fewer),
       array(select distinct p.topic from preferences p
              where p.contact_id = any(array_agg(o.id)) and not p.wanted)
  from contacts o
 where lower(o.email) = any(%(persons)s::text[])
   and (o.quiet_until is not null or o.fewer
        or exists (select from preferences p where p.contact_id = o.id and not p.wanted))
 group by 1
"""

# Person by person, and account by account ("offset 0" keeps the planner from doing it otherwise):
# a plan that reads all that was sent lately is a good one for an empty ledger, and would be kept
# while a broadcast fills it.
_PERSONS = """person as materialized (
       select lower(o.email) as address, o.id from contacts o
        where lower(o.email) = any(%(persons)s::text[]))"""

_HAD = f"""
with {_PERSONS}
select p.address, x.account_id, x.claimed_at, x.kind <> 'service', x.broadcast_id, a.name
  from person p
 cross join lateral (
       select y.* from messages y
        where y.contact_id = p.id and y.claimed_at > %(since)s and y.state in {COUNTED}
       offset 0) x
  join accounts a on a.id = x.account_id
"""

_HAD_HERE = f"""
select g.account_id, x.claimed_at
  from unnest(%(accounts)s::text[]) g(account_id)
 cross join lateral (
       select y.claimed_at from messages y
        where y.account_id = g.account_id and y.claimed_at > %(budget_since)s
          and y.kind <> 'service' and y.state in {COUNTED}
       offset 0) x
"""

_COMING = f"""
with {_PERSONS}
select distinct p.address, e.id, e.account_id, e.plans_at, e.plans_priority,
       exists (select from person q where q.address = p.address and q.id = e.plans_contact)
  from person p
 cross join lateral (
       select y.account_id from memberships y
        where y.contact_id = p.id and y.left_at is null offset 0) m
 cross join lateral (
       select y.* from enrollments y
        where y.account_id = m.account_id and y.ended_at is null and not y.paused
          and y.plans_at > %(now)s - interval '1 hour' and y.plans_at <= %(horizon)s
       offset 0) e
  join programs g on g.id = e.program_id and g.state not in ('paused', 'paused-closed')
union all
select p.address, x.key, x.account_id, x.at, x.priority, true
  from broadcasts b cross join person p
 cross join lateral (
       select y.*, coalesce(y.retry_at, y.due_at) as at from messages y
        where y.key = b.id || '/' || p.id and y.state = 'planned' and y.kind <> 'service'
       offset 0) x
 where b.state = 'running' and not b.paused and b.id <> %(id)s
   and x.at > %(now)s - interval '1 hour' and x.at <= %(horizon)s
"""

_TICKETS = f"""
select distinct on (account_id) account_id, severity, opened_at from tickets
 where account_id = any(%(accounts)s::text[]) and status not in {SOLVED}
   and severity = any(%(severities)s::text[])
 order by account_id, array_position(%(severities)s::text[], severity) desc, opened_at
"""

_REPLIES = """
select account_id, min(opened_at) from tasks
 where account_id = any(%(accounts)s::text[]) and kind = 'reply' and state = 'open' group by 1
"""

_INCIDENTS = """
select title, account_ids from incidents where closed_at is null and %(incidents)s
 order by opened_at
"""

_ALL = """
select (select because from stops where lifted_at is null), (select max(version) from policies)
"""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A recipient with all that their message is made of. Never leaves the activity.

    `told` is the reason that was written down last. `traits` are the account's, with those of
    the broadcast's own over them.
    """

    key: str
    account_id: str
    contact_id: str
    address: str
    due_at: datetime
    useful_until: datetime
    zone: str
    variant: str
    told: str | None
    attempts: int
    account_name: str
    stage: str | None
    country: str | None
    traits: Mapping[str, Any]
    first_name: str
    full_name: str
    language: str | None
    role: str

    @property
    def person(self) -> str:
        """Who they are, in whatever account: what budgets and locks go by."""
        return self.address.lower()

    @property
    def domain(self) -> str:
        """The domain of the address, in lower case."""
        return self.person.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Set:
    """Recipients that are still to be decided, each with their standing, under locks.

    `gone` are keys whose contact is not there, or has no address any more. `stopped`: all sending
    is. `quiet`: an incident is open for all accounts. `policy_version` is that of the policy in
    force, which may not be the one that was read with.
    """

    recipients: list[Recipient] = field(default_factory=list)
    standings: dict[str, Standing] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    stopped: bool = False
    quiet: bool = False
    policy_version: int = 0


PLAIN = Standing()
"""Of whom nothing is known that could stand against a message."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A set that was asked about: `found` fetches the answers."""

    broadcast_id: str
    locked: Mapping[str, str | None]
    cursors: Sequence[AsyncCursor[Any]]
    budget_since: datetime
    same_since: datetime

    async def found(self) -> Set:
        """What is known of each. Who is not planned any more is left out, and so is whose address
        is not the one that was locked: both are seen at the next look."""
        people, *others, (about_all,) = [await cursor.fetchall() for cursor in self.cursors]
        stopped, version = about_all
        against = _Against(self.broadcast_id, others, self.budget_since, self.same_since)
        found = Set(stopped=stopped is not None, quiet=against.quiet, policy_version=version or 0)
        for row in people:
            key, account_id, _, address = row[:4]
            if address is None:
                found.gone.append(key)
            elif self.locked.get(key) == address:
                found.recipients.append(_recipient(row))
                found.standings[key] = against.standing(
                    account_id, address, active=row[5], suppressed=row[6], stopped=stopped
                )
        found.recipients.sort(key=lambda each: (each.due_at, each.account_id, each.key))
        return found


async def ask(
    connection: Connection, broadcast_id: str, due: Sequence[Due], policy: Policy, now: datetime
) -> Asked:
    """Take all locks, and ask. In a transaction; in a pipeline this waits for nothing."""
    accounts = [each.account_id for each in due]
    persons = [each.address for each in due if each.address is not None]
    budget = policy.budget
    budget_since = now - budget.longest
    same_since = now - length(policy.same_person_within)
    values = {
        "id": broadcast_id, "keys": text_array(each.key for each in due),
        "accounts": text_array(set(accounts)), "persons": text_array(set(persons)),
        "now": now, "budget_since": budget_since,
        "since": min(budget_since, same_since), "horizon": now + length(budget.look_ahead),
        "severities": text_array(policy.quiet.severities), "incidents": policy.quiet.incidents,
    }  # fmt: skip
    await locks.claim_many(connection, accounts, (e.address or e.contact_id for e in due))
    cursors = [
        await connection.execute(statement, values)
        for statement in (
            _PEOPLE, _ASKED, _HAD, _HAD_HERE, _COMING, _TICKETS, _REPLIES, _INCIDENTS, _ALL
        )
    ]  # fmt: skip
    locked = {each.key: each.address for each in due}
    return Asked(broadcast_id, locked, cursors, budget_since, same_since)


async def read(
    connection: Connection, broadcast_id: str, due: Sequence[Due], policy: Policy, now: datetime
) -> Set:
    """`ask` and `found` in one: one round trip in a pipeline."""
    return await (await ask(connection, broadcast_id, due, policy, now)).found()


def _recipient(row: Sequence[Any]) -> Recipient:
    (key, account_id, contact_id, _, email, _, _, due_at, useful_until, zone, variant, told,
     attempts, name, stage, country, traits, first, full, language, roles, own) = row  # fmt: skip
    return Recipient(
        key, account_id, contact_id, email, due_at, useful_until, zone, variant, told, attempts,
        name, stage, country, {**traits, **own} if own else traits, first, full, language,
        roles[0] if roles else "",
    )  # fmt: skip


class _Against:
    """What stands against anybody of a set, by account and by person."""

    def __init__(
        self, broadcast_id: str, rows: Sequence[Sequence[Any]], budget_since: datetime,
        same_since: datetime,
    ) -> None:  # fmt: skip
        asked, had, had_here, coming, tickets, replies, incidents = rows
        self._same_since = same_since
        self._asked = {address: (until, fewer, topics) for address, until, fewer, topics in asked}
        self._person: dict[str, list[datetime]] = defaultdict(list)
        self._got_it: dict[str, list[tuple[datetime, str, str]]] = defaultdict(list)
        for address, account, at, counts, of, name in had:
            if counts and at > budget_since:
                self._person[address].append(at)
            if of == broadcast_id:
                self._got_it[address].append((at, name, account))
        self._account: dict[str, list[datetime]] = defaultdict(list)
        for account, at in had_here:
            self._account[account].append(at)
        self._coming: dict[str, list[tuple[Coming, str, bool]]] = defaultdict(list)
        for address, _, account, at, priority, theirs in coming:
            self._coming[address].append((Coming(at, priority), account, theirs))
        self._tickets = {account: (severity, at) for account, severity, at in tickets}
        self._replies = dict(replies)
        self._incidents = [(title, accounts) for title, accounts in incidents]
        self.quiet = any(accounts is None for _, accounts in self._incidents)

    def standing(
        self, account: str, address: str, *, active: bool, suppressed: str | None,
        stopped: str | None,
    ) -> Standing:  # fmt: skip
        """The standing of one recipient; the same object for all whom nothing is known of."""
        until, fewer, topics = self._asked.get(address, (None, False, ()))
        ahead = self._coming.get(address, ())
        found = (
            self._person.get(address), self._account.get(account), ahead, until, fewer, topics,
            self._tickets.get(account), self._replies.get(account), self._incident(account),
            self._got(address, account), suppressed, stopped,
        )  # fmt: skip
        if active and not any(found):
            return PLAIN
        person, here, _, _, _, _, ticket, replied_at, incident, got_it_for, _, _ = found
        return Standing(
            active=active, suppressed=suppressed, unwanted=frozenset(topics), quiet_until=until,
            fewer=fewer, person=person or (), account=here or (),
            coming_person=[each for each, _, theirs in ahead if theirs],
            coming_account=[each for each, where, _ in ahead if where == account],
            ticket=ticket, incident=incident, replied_at=replied_at, got_it_for=got_it_for,
            stopped=stopped,
        )  # fmt: skip

    def _incident(self, account: str) -> str | None:
        concern = (t for t, of in self._incidents if of is None or account in of)
        return next(concern, None)

    def _got(self, address: str, account: str) -> tuple[str, datetime] | None:
        """The other account for which the same person got this very broadcast last."""
        others = [
            (at, name) for at, name, of in self._got_it.get(address, ())
            if of != account and at > self._same_since
        ]  # fmt: skip
        return (max(others)[1], max(others)[0]) if others else None
