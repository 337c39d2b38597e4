"""Small companies made up at random, with every gap and oddity that data has: for rules over them.

The same world can be written into a database and be read as the rules see it, without one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.domain.account import Account, Contact, Event, Subscription, Ticket, UsageDay
from digital_cs.domain.timing.business_calendar import EVERYWHERE, BusinessCalendar
from digital_cs.store.product import usage_settling

Connection = AsyncConnection[Any]
Row = dict[str, Any]

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)

WORDS = (
    "pro", "Pro", "pro plan", "10", "true", "a%b_c", "it's", "\\", "%(x)s", "$1", "", "é", "😀",
    "'; drop table accounts; --", "{}", "ſ", "line\nbreak", "x" * 300,
)  # fmt: skip
"""Texts as they come, and as somebody with bad intentions writes them."""
NUMBERS = ("0", "1", "-1", "3", "10", "9.5", "57", "100", "0.1", "9007199254740993", "1e20",
           "1e400", "-1e400", "1e-400", "5e-324", "1.7976931348623157e308", "1e999")  # fmt: skip
DATES = ("2026-03-04", "2026-03-05", "2026-03-01", "2026-02-20", "2026-04-01", "2026-02-30",
         "2026-13-01", "2026-03-04T23:59:59Z", "0001-01-01", "9999-12-31", "1899-12-31",
         "1900-01-01", "2999-12-31", "2026-3-4", "2026-00-10", "2026-03-00", "2024-02-29",
         "٢٠٢٦-03-04")  # fmt: skip
OTHERS = ("null", "true", "false", "[]", '["pro"]', '["pro", "é", 3]', '[["pro"]]', "{}",
          '{"pro": 1}', '"TRUE"', '"False"', '"1e3"', '" 10"', '"NaN"', '"inf"', '"1."', '".5"',
          '"+7"', '"1_0"', '"10\\n"', '"1e99"')  # fmt: skip
TRAITS = ("plan", "seats", "used", "renewal", "it's", "%(x)s", "{}", "é")
EVENTS = ("login", "report run", "it's", "%s")
ROLES = ("champion", "admin", "it's")
TOPICS = ("billing", "it's", "%")
PRODUCTS = ("suite", "it's")
MILESTONES = ("first-report", "it's")
TRIGGERS = ("quiet", "spike")
SEGMENTS, PROGRAMS = ("small", "big"), ("welcome", "renewal")
COUNTRIES = (None, "", "DE", "SA", "ZZ", "XX", EVERYWHERE, "d'e")
STAGES = (None, "trial", "active", "it's")

_ALL_DAYS = frozenset(NOW.date() - n * DAY for n in range(150))
CALENDAR = BusinessCalendar(
    holidays={
        "DE": frozenset({date(2026, 3, 3), date(2026, 2, 25), date(2026, 1, 1)}), "ZZ": _ALL_DAYS,
        EVERYWHERE: frozenset({date(2026, 2, 27)}), "d'e": frozenset({date(2026, 3, 2)}),
    },
    weekends={"SA": frozenset({4, 5})},
)  # fmt: skip


@dataclass
class World:
    """Rows by table. Traits are JSON as it was sent."""

    accounts: list[Row] = field(default_factory=list)
    contacts: list[Row] = field(default_factory=list)
    memberships: list[Row] = field(default_factory=list)
    suppressions: list[Row] = field(default_factory=list)
    subscriptions: list[Row] = field(default_factory=list)
    tickets: list[Row] = field(default_factory=list)
    usage_days: list[Row] = field(default_factory=list)
    milestones: list[Row] = field(default_factory=list)
    trigger_firings: list[Row] = field(default_factory=list)
    segment_members: list[Row] = field(default_factory=list)
    segment_unknown: list[Row] = field(default_factory=list)
    enrollments: list[Row] = field(default_factory=list)
    sources: list[Row] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return [row["id"] for row in self.accounts]

    def _of(self, rows: list[Row], account: str) -> list[Row]:
        return [row for row in rows if row["account_id"] == account]

    def complete(self, feed: str) -> datetime | None:
        """Complete is what every source of the feed has delivered."""
        found = [row["complete_through"] for row in self.sources if feed in row["feeds"]]
        return None if not found or None in found else min(found)

    def account(self, id: str) -> Account:
        """The account as the rules see it, made from these rows alone."""
        (row,) = (each for each in self.accounts if each["id"] == id)
        usage: dict[str, list[UsageDay]] = {}
        for u in self._of(self.usage_days, id):
            keys = tuple(u["user_keys"]) if u["user_keys"] is not None else None
            usage.setdefault(u["event"], []).append(
                UsageDay(u["day"], u["n"], u["users"], u["value"], keys)
            )
        programs: dict[str, frozenset[str]] = {}
        for e in self._of(self.enrollments, id):
            ended = "through" if e["ending"] in ("completed", "goal") else "out"
            place = "inside" if e["ended_at"] is None else ended
            programs[e["program_id"]] = programs.get(e["program_id"], frozenset()) | {place}
        through = self.complete("usage")
        people = self._of(self.memberships, id)
        return Account(
            id=id, stage=row["stage"], country=row["country"], traits=json.loads(row["traits"]),
            last_active_on=row["last_active_on"],
            usage_through=through.date() - DAY if through is not None else None,
            milestones={m["name"]: m["reached_at"] for m in self._of(self.milestones, id)},
            contacts=tuple(self._contact(m) for m in people if m["left_at"] is None),
            former_roles=frozenset(
                role for m in people if m["left_at"] is not None for role in m["roles"]
            ),
            events=tuple(
                Event(u["event"], u["first_at"] or datetime.combine(u["day"], time(), UTC))
                for u in self._of(self.usage_days, id) if u["first_at"] is not None or u["n"] > 0
            ),
            firings={
                name: tuple(
                    f["at"] for f in self._of(self.trigger_firings, id) if f["trigger_id"] == name
                )
                for name in TRIGGERS
            },
            usage={event: tuple(days) for event, days in usage.items()},
            tickets=tuple(
                Ticket(t["id"], t["status"], t["opened_at"], t["solved_at"], t["severity"],
                       t["topic"], tuple(t["tags"]))
                for t in self._of(self.tickets, id)
            ),
            tickets_through=self.complete("tickets"),
            subscriptions=tuple(
                Subscription(s["starts_on"], s["ends_on"], s["product"] or None, s["plan"],
                             s["mrr"], s["seats"], s["trial"])
                for s in self._of(self.subscriptions, id)
            ),
            segments={u["segment_id"]: None for u in self._of(self.segment_unknown, id)}
            | {m["segment_id"]: m["since"] for m in self._of(self.segment_members, id)},
            programs=programs, calendar=CALENDAR,
        )  # fmt: skip

    def _contact(self, membership: Row) -> Contact:
        (row,) = (each for each in self.contacts if each["id"] == membership["contact_id"])
        quiet = "no address" if row["email"] is None else None
        if row["email"] is not None:
            reasons = {each["subject"]: each["reason"] for each in self.suppressions}
            own, *others = (
                reasons.get(f"{kind}:{value}")
                for kind, value in (
                    ("address", row["email"].lower()), ("domain", "company.test"),
                    ("account", membership["account_id"]),
                )
            )  # fmt: skip
            weighty = [each for each in (own, *others) if each not in (None, "unsubscribed")]
            quiet = weighty[0] if weighty else own
        return Contact(
            row["id"], tuple(membership["roles"]), None, row["active"], quiet,
            json.loads(row["traits"]),
        )  # fmt: skip


def _trait(random: Random) -> str:
    kind = random.random()
    if kind < 0.35:
        return random.choice(NUMBERS)
    if kind < 0.7:
        return json.dumps(random.choice(WORDS + DATES))
    return random.choice(OTHERS)


def traits(random: Random) -> str:
    """Traits as JSON."""
    names = [name for name in TRAITS if random.random() < 0.7]
    return "{" + ", ".join(f"{json.dumps(name)}: {_trait(random)}" for name in names) + "}"


def _moment(random: Random, back: int, ahead: int) -> datetime:
    """A moment around now; often one of those on which spans end."""
    days = random.randint(-back, ahead)
    return NOW + days * DAY + random.choice([0, 0, 1, -1]) * timedelta(microseconds=1)


def _day(random: Random, back: int, ahead: int) -> date:
    return NOW.date() + random.randint(-back, ahead) * DAY


def make_world(seed: int, size: int = 12) -> World:
    """A world; the same one for the same seed."""
    random = Random(seed)
    pick, maybe = random.choice, random.random
    world = World()
    for number in range(6):
        email = None if maybe() < 0.2 else f"P{number}@Company.test"
        world.contacts.append({"id": f"p{number}", "email": email, "active": maybe() < 0.8,
                               "traits": traits(random)})  # fmt: skip
        if maybe() < 0.4:
            reason = pick(["unsubscribed", "hard bounce", "complaint"])
            world.suppressions.append(
                {"subject": f"address:p{number}@company.test", "reason": reason}
            )
    if maybe() < 0.05:
        world.suppressions.append({"subject": "domain:company.test", "reason": "manual"})
    for number in range(size):
        _add_account(world, random, f"a{number}")
        if maybe() < 0.1:
            world.suppressions.append({"subject": f"account:a{number}", "reason": "complaint"})
    for feed in ("usage", "tickets"):
        for number in range(pick([0, 1, 1, 1, 2])):
            through = pick([None, NOW, NOW, NOW - DAY, NOW - 26 * timedelta(hours=1),
                            datetime(2026, 3, 4, tzinfo=UTC), NOW - 30 * DAY])  # fmt: skip
            world.sources.append({"name": f"{feed}-{number}", "feeds": [feed],
                                  "complete_through": through})  # fmt: skip
    return world


def _add_account(world: World, random: Random, id: str) -> None:
    pick, maybe = random.choice, random.random
    world.accounts.append({
        "id": id, "stage": pick(STAGES), "country": pick(COUNTRIES), "traits": traits(random),
        "last_active_on": None if maybe() < 0.2 else _day(random, 40, 1),
    })  # fmt: skip
    _add_people(world, random, id)
    seen = {(pick(EVENTS), _day(random, pick([3, 15, 80]), 1)) for _ in range(pick([0, 4, 12, 40]))}
    for event, day in sorted(seen):
        keys = [random.randint(-3, 3) for _ in range(pick([0, 1, 3]))] if maybe() < 0.6 else None
        at = datetime(day.year, day.month, day.day, 9, 30, tzinfo=UTC) + pick([0, 1, 2]) * DAY / 4
        world.usage_days.append({
            "account_id": id, "event": event, "day": day, "n": pick([0, 1, 1, 2, 5, 2**62]),
            "users": len(set(keys)) if keys is not None else pick([0, 1, 4]),
            "value": pick([0.0, 0.1, 0.2, 0.3, -5.0, 33.33, 1e15, 1e308]),
            "first_at": None if maybe() < 0.3 else at,
            "user_keys": sorted(set(keys)) if keys is not None else None,
        })  # fmt: skip
    for name in MILESTONES:
        if maybe() < 0.6:
            world.milestones.append(
                {"account_id": id, "name": name, "reached_at": _moment(random, 30, 2)}
            )
    for name in TRIGGERS:
        for _ in range(pick([0, 0, 1, 3])):
            world.trigger_firings.append(
                {"account_id": id, "trigger_id": name, "at": _moment(random, 30, 2)}
            )
    for number in range(pick([0, 1, 3, 8])):
        status = pick(["new", "open", "pending", "hold", "solved", "closed"])
        world.tickets.append({
            "id": f"{id}-t{number}", "account_id": id, "status": status,
            "severity": pick([None, "low", "high", "urgent"]), "topic": pick([None, *TOPICS]),
            "tags": [tag for tag in TOPICS if maybe() < 0.4],
            "opened_at": _moment(random, pick([8, 70]), 1),
            "solved_at": _moment(random, 10, 1) if maybe() < 0.5 else None,
        })  # fmt: skip
    for number in range(pick([0, 1, 1, 2])):
        world.subscriptions.append({
            "id": f"{id}-s{number}", "account_id": id, "product": pick(["", *PRODUCTS]),
            "plan": pick([None, *PRODUCTS]), "starts_on": _day(random, 20, 3),
            "ends_on": None if maybe() < 0.3 else _day(random, 5, 40),
            "mrr": pick([None, 0.0, 99.9, 100.0]), "seats": pick([None, 0, 10]),
            "trial": maybe() < 0.4,
        })  # fmt: skip
    for name in SEGMENTS:
        if maybe() < 0.4:
            world.segment_members.append({"account_id": id, "segment_id": name, "since": NOW})
        elif maybe() < 0.4:
            world.segment_unknown.append({"account_id": id, "segment_id": name})
    for program in PROGRAMS:
        for number in range(pick([0, 0, 1, 2])):
            ending = pick([None, "completed", "goal", "exited"]) if number == 0 else "exited"
            world.enrollments.append({
                "id": f"{program}:{id}:{number}", "program_id": program, "account_id": id,
                "nth": number, "ending": ending, "ended_at": NOW if ending else None,
            })  # fmt: skip


def _add_people(world: World, random: Random, id: str) -> None:
    for contact in random.sample(world.contacts, random.choice([0, 1, 2, 4])):
        for number in range(random.choice([1, 1, 2])):
            over = number > 0 or random.random() < 0.3
            world.memberships.append({
                "contact_id": contact["id"], "account_id": id,
                "joined_at": NOW - (10 + number) * DAY, "left_at": NOW - DAY if over else None,
                "roles": [role for role in ROLES if random.random() < 0.4],
            })  # fmt: skip


_REST: dict[str, Row] = {
    "accounts": {"name": "", "created_at": NOW, "updated_at": NOW},
    "contacts": {"created_at": NOW, "updated_at": NOW},
    "subscriptions": {"updated_at": NOW},
    "tickets": {"source": "desk", "updated_at": NOW},
    "sources": {"kind": "csv"},
    "trigger_firings": {"version": 1, "words": "", "figures": {}},
    "enrollments": {"version": 1, "source": "", "started_at": NOW, "step": "s", "visit": 1,
                    "entered_at": NOW, "touched_at": NOW},
}  # fmt: skip


async def write(connection: Connection, world: World) -> None:
    """Insert the whole world into an empty, migrated database."""
    for name in SEGMENTS:
        await connection.execute(
            "insert into segments (id, version, content_hash, state, changed_at)"
            " values (%s, 1, '', 'kept', %s)",
            (name, NOW),
        )
    for name in PROGRAMS:
        await connection.execute(
            "insert into programs (id, state, version, changed_at) values (%s, 'running', 1, %s)",
            (name, NOW),
        )
    for table in (
        "accounts", "contacts", "memberships", "suppressions", "subscriptions", "tickets",
        "usage_days", "milestones", "trigger_firings", "segment_members", "segment_unknown",
        "sources", "enrollments",
    ):  # fmt: skip
        rows = [row | _REST.get(table, {}) for row in getattr(world, table)]
        if rows:
            columns = ", ".join(rows[0])
            await connection.execute(
                f"insert into {table} ({columns})"
                f" select {columns} from jsonb_populate_recordset(null::{table}, %s)",
                (_Rows(rows),),
            )
    # As in a database that has been there for long: what is over is settled, what is new is open.
    await usage_settling.settle(connection, NOW.date(), usage_settling.BEGINNING, 1_000_000)


class _Rows(Jsonb):
    """Rows as JSON, in which traits are as they were sent: Python would write 1e400 otherwise."""

    def __init__(self, rows: list[Row]) -> None:
        super().__init__(rows, dumps=_dumped)


def _dumped(rows: list[Row]) -> str:
    def one(name: str, value: Any) -> str:
        return value if name == "traits" else json.dumps(value, default=str)

    return "[" + ", ".join(
        "{" + ", ".join(f"{json.dumps(name)}: {one(name, value)}" for name, value in row.items())
        + "}" for row in rows
    ) + "]"  # fmt: skip
