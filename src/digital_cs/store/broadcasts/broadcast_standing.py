"""What is known of many recipients at the moment of sending: `standing.read` for a whole set.

Two statements: who they are, and what stands against somebody, which of most people is nothing.
They are sent together and wait for the server once. A test makes up worlds and holds each
recipient's standing against that of a single reading.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection, AsyncCursor

from digital_cs.domain.sending.budget import Coming
from digital_cs.domain.sending.eligibility import Standing
from digital_cs.domain.sending.policy import Policy, length
from digital_cs.store.broadcasts.broadcast_claims import Due
from digital_cs.store.broadcasts.broadcast_standing_sql import AGAINST, AS_USUAL, BY_INDEX, PEOPLE
from digital_cs.store.database.arrays import text_array
from digital_cs.store.sending import locks

Connection = AsyncConnection[Any]


@dataclass(slots=True)
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

    locked: Mapping[str, str | None]
    cursors: Sequence[AsyncCursor[Any]]
    budget_since: datetime
    same_since: datetime

    async def found(self) -> Set:
        """What is known of each. Who is not planned any more is left out, and so is whose address
        is not the one that was locked: both are seen at the next look."""
        people, others = [await cursor.fetchall() for cursor in self.cursors]
        against = _Against(others, self.budget_since, self.same_since)
        stopped = against.stopped
        found = Set(
            stopped=stopped is not None, quiet=against.quiet, policy_version=against.policy_version
        )
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
    subjects = {f"address:{each}" for each in persons}
    subjects |= {f"domain:{each.rpartition('@')[2]}" for each in persons}
    subjects |= {f"account:{each}" for each in accounts}
    budget = policy.budget
    budget_since = now - budget.longest
    same_since = now - length(policy.same_person_within)
    values = {
        "id": broadcast_id, "keys": text_array(each.key for each in due),
        "accounts": text_array(set(accounts)), "persons": text_array(set(persons)),
        "contacts": text_array({each.contact_id for each in due}),
        "subjects": text_array(subjects),
        "now": now, "budget_since": budget_since,
        "since": min(budget_since, same_since), "horizon": now + length(budget.look_ahead),
        "severities": text_array(policy.quiet.severities), "incidents": policy.quiet.incidents,
    }  # fmt: skip
    await locks.claim_many(connection, accounts, (e.address or e.contact_id for e in due))
    await connection.execute(BY_INDEX)
    cursors = [await connection.execute(each, values, prepare=True) for each in (PEOPLE, AGAINST)]
    await connection.execute(AS_USUAL)
    locked = {each.key: each.address for each in due}
    return Asked(locked, cursors, budget_since, same_since)


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
        self, rows: Sequence[Sequence[Any]], budget_since: datetime, same_since: datetime
    ) -> None:
        self._same_since = same_since
        self._budget_since = budget_since
        self._asked: dict[str, tuple[datetime | None, bool, Sequence[str]]] = {}
        self._person: dict[str, list[datetime]] = defaultdict(list)
        self._got_it: dict[str, list[tuple[datetime, str, str]]] = defaultdict(list)
        self._account: dict[str, list[datetime]] = defaultdict(list)
        self._coming: dict[str, list[tuple[Coming, str, bool]]] = defaultdict(list)
        self._tickets: dict[str, tuple[str, datetime]] = {}
        self._replies: dict[str, datetime] = {}
        incidents: list[tuple[datetime, str, Sequence[str] | None]] = []
        self.stopped: str | None = None
        self.policy_version = 0
        for what, who, name, at, flag, more, several in rows:
            match what:
                case "all":
                    self.stopped, self.policy_version = who, int(name or 0)
                case "asked":
                    self._asked[who] = (at, flag, several or ())
                case "had":
                    self._had(who, name, at, flag, more)
                case "here":
                    self._account[who].append(at)
                case "coming":
                    self._coming[who].append((Coming(at, more), name, flag))
                case "ticket":
                    self._tickets[who] = (name, at)
                case "reply":
                    self._replies[who] = at
                case _:
                    incidents.append((at, who, several))
        self._incidents = [(title, of) for _, title, of in sorted(incidents, key=lambda i: i[0])]
        self.quiet = any(accounts is None for _, accounts in self._incidents)

    def _had(
        self, address: str, account: str, at: datetime, counts: bool, got_it_as: str | None
    ) -> None:  # fmt: skip
        """`got_it_as` is the name of the account, if it was this very broadcast."""
        if counts and at > self._budget_since:
            self._person[address].append(at)
        if got_it_as is not None:
            self._got_it[address].append((at, got_it_as, account))

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
