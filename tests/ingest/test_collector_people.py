"""Identity: who did what, in whose account, when messages come in any order."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.ingest.events.incoming import Alias, Group, Identify, Incoming, Taken
from digital_cs.ingest.people.intake import Intake
from digital_cs.ingest.rules.entries import Entries
from digital_cs.store.database import pool as pools
from digital_cs.store.people import people
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.store.people.contacts import ContactRecord
from tests.ingest.collecting import NOON, StandingClock, collecting, differences, rows, track

Connection = AsyncConnection[Any]


def identify(
    user: str | None = "ann", anonymous: str | None = None, account: str | None = None,
    **traits: Any,
) -> Identify:  # fmt: skip
    return Identify(f"i-{user}-{anonymous}", NOON, user, anonymous, account, traits)


def group(
    account: str = "acme", user: str | None = "ann", *, days_ago: int = 0, **traits: Any
) -> Group:
    at = NOON - timedelta(days=days_ago)
    return Group(f"g-{account}-{user}", at, user, None, account, traits)


async def test_a_group_call_makes_the_account_and_the_contact_join_it(
    database: str, connection: Connection
) -> None:
    async with collecting(database, StandingClock()) as collector:
        await collector.take("web", [group(name="Acme GmbH", plan="pro", employees=120)])
        await collector.take("web", [identify(
            email="ann@acme.example", firstName="Ann", lastName="Lee", language="pl",
            timezone="Europe/Warsaw", title="CTO",
        )])  # fmt: skip
    assert await rows(connection, "select id, name, traits from accounts") == [
        ("acme", "Acme GmbH", {"plan": "pro", "employees": 120})
    ]
    assert await rows(
        connection, "select id, email, first_name, full_name, zone, language, traits from contacts"
    ) == [("ann", "ann@acme.example", "Ann", "Ann Lee", "Europe/Warsaw", "pl", {"title": "CTO"})]
    assert await rows(connection, "select contact_id, account_id, left_at from memberships") == [
        ("ann", "acme", None)
    ]


async def test_who_only_has_the_sdks_can_say_all_that_rules_and_sends_go_by(
    database: str, connection: Connection
) -> None:
    said = {"stage": "trial", "country": "DE", "timezone": "Europe/Berlin", "managed": False,
            "domain": "Acme.Example", "plan": "pro"}  # fmt: skip
    async with collecting(database, StandingClock()) as collector:
        await collector.take("web", [group(**said)])
        await collector.take("web", [group("other"), identify(role="admin")])
        await collector.take("web", [identify(account="acme", roles=["champion", "admin"])])
        await collector.take("web", [group(**said | {"stage": "active"}), group(**said)])
    assert await rows(
        connection,
        "select stage, country, zone, managed, domains, traits from accounts where id = 'acme'",
    ) == [("trial", "DE", "Europe/Berlin", False, ["acme.example"], {"plan": "pro"})]
    assert await rows(
        connection, "select account_id, roles from memberships order by account_id"
    ) == [("acme", ["champion", "admin"]), ("other", ["admin"])]


async def test_what_is_no_country_of_ours_stays_a_trait(
    database: str, connection: Connection
) -> None:
    odd = {"country": "Elbonia", "managed": "yes", "stage": 7, "domains": [1]}
    async with collecting(database, StandingClock()) as collector:
        taken = await collector.take("web", [group(**odd), identify(role=["x"], roles="")])
    assert not taken.refused
    assert await rows(
        connection, "select stage, country, managed, domains, traits from accounts"
    ) == [
        (
            None,
            None,
            False,
            [],
            {"country": "Elbonia", "managed": "yes", "stage": 7, "domains": [1]},
        )
    ]


async def test_what_cannot_be_used_as_an_address_or_a_zone_stays_a_trait(
    database: str, connection: Connection
) -> None:
    async with collecting(database, StandingClock()) as collector:
        await collector.take("web", [identify(email="not an address", timezone="Mars/Olympus")])
    assert await rows(connection, "select email, zone, traits from contacts") == [
        (None, None, {"email": "not an address", "timezone": "Mars/Olympus"})
    ]


async def test_an_event_before_its_user_is_known_waits_and_then_counts_once(
    database: str, connection: Connection
) -> None:
    async with collecting(database, StandingClock()) as collector:
        await collector.take("web", [track("1", account=None), track("2", account=None)])
        assert await rows(connection, "select count(*) from usage_days") == [(0,)]
        for _ in range(2):
            await collector.take("web", [group()])
        assert await collector.take("web", [track("1", account=None)]) == Taken(0, 1)
        await collector.take("web", [track("3", account=None)])
    assert await rows(connection, "select account_id, n, users from usage_days") == [("acme", 3, 1)]
    assert await differences(connection) == []


async def test_of_several_accounts_the_one_joined_last_gets_what_says_no_account(
    database: str, connection: Connection
) -> None:
    async with collecting(database, StandingClock()) as collector:
        await collector.take("web", [group("old", days_ago=9), group("new", days_ago=1)])
        await collector.take("web", [track("1", account=None), track("2", account="old")])
    assert await rows(connection, "select id, account_id from product_events order by id") == [
        ("1", "new"), ("2", "old"),
    ]  # fmt: skip


async def test_an_anonymous_visitor_becomes_a_known_user_and_counts_as_one(
    database: str, connection: Connection
) -> None:
    async with collecting(database, StandingClock()) as collector:
        await collector.take("web", [
            track("1", user=None, anonymous="anon-1"), track("2", user="ann"),
            track("3", user=None, anonymous="anon-1", account=None),
        ])  # fmt: skip
        assert await rows(connection, "select n, users from usage_days") == [(2, 2)]
        await collector.take("web", [group(), identify(anonymous="anon-1")])
        await collector.take("web", [track("4", user=None, anonymous="anon-1")])
    assert await rows(connection, "select n, users from usage_days") == [(4, 1)]
    assert await rows(connection, "select alias, contact_id, kind from identities") == [
        ("anon-1", "ann", "anonymous")
    ]


async def test_an_anonymous_id_merges_once_and_stays_with_the_first(
    database: str, connection: Connection
) -> None:
    async with collecting(database, StandingClock()) as collector:
        await collector.take("web", [identify("ann", "browser")])
        assert await collector.take("web", [identify("bob", "browser")]) == Taken(1)
        taken = await collector.take("web", [Alias("a", NOON, "browser", "bob")])
        assert taken.kept == 0
        assert "somebody else already" in taken.refused[0][1]
        assert await collector.take("web", [Alias("b", NOON, "browser", "ann")]) == Taken(1)
    assert await rows(connection, "select alias, contact_id from identities") == [
        ("browser", "ann")
    ]


async def test_two_contacts_that_are_one_keep_their_history(
    database: str, connection: Connection
) -> None:
    async with collecting(database, StandingClock()) as collector:
        await collector.take("web", [
            group("acme", "ann-old", days_ago=5), identify("ann-old", email="ann@acme.example"),
            identify("ann", "browser"), track("1", user="ann-old"), track("2", user="ann"),
        ])  # fmt: skip
        await collector.take("web", [Alias("a", NOON, "ann-old", "ann")])
        await collector.take("web", [track("3", user="ann-old", account=None)])
        # Back again makes no circle.
        await collector.take("web", [Alias("b", NOON, "ann", "ann-old")])
    assert await rows(connection, "select id, email, active from contacts order by id") == [
        ("ann", "ann@acme.example", True), ("ann-old", "ann@acme.example", False),
    ]  # fmt: skip
    assert await rows(
        connection, "select contact_id, left_at is null from memberships order by 1"
    ) == [("ann", True), ("ann-old", False)]
    assert await rows(connection, "select account_id, n, users from usage_days") == [("acme", 3, 1)]
    assert await rows(connection, "select alias, contact_id from identities order by 1") == [
        ("ann-old", "ann"), ("browser", "ann"),
    ]  # fmt: skip


async def test_a_contact_in_no_account_joins_the_one_with_their_address_domain(
    database: str, connection: Connection
) -> None:
    await connection.execute(
        "insert into accounts (id, name, domains, created_at, updated_at)"
        " values ('acme', 'Acme', '{acme.example}', now(), now())"
    )
    async with collecting(database, StandingClock()) as collector:
        await collector.take("web", [track("1", account=None)])
        await collector.take("web", [identify(email="Ann@ACME.example")])
        await collector.take("web", [identify("eve", email="eve@elsewhere.example")])
    assert await rows(connection, "select contact_id, account_id from memberships") == [
        ("ann", "acme")
    ]
    assert await rows(connection, "select account_id, n from usage_days") == [("acme", 1)]


async def test_an_old_group_call_sent_again_does_not_undo_a_move(
    database: str, connection: Connection
) -> None:
    async with collecting(database, StandingClock()) as collector:
        await collector.take("web", [group("acme", days_ago=9)])
        await connection.execute("update memberships set left_at = %s", (NOON,))
        await collector.take("web", [group("acme", days_ago=9)])
        await collector.take("web", [group("acme", days_ago=5)])  # late, and as old
    assert await rows(connection, "select count(*) from memberships where left_at is null") == [
        (0,)
    ]


async def test_what_is_said_again_changes_nothing(database: str, connection: Connection) -> None:
    clock = StandingClock()
    messages: list[Incoming] = [
        group(name="Acme"),
        identify("ann", "anon", email="ann@acme.example"),
    ]
    query = "select a.updated_at, c.updated_at from accounts a, contacts c"
    async with collecting(database, clock) as collector:
        await collector.take("web", messages)
        before = await rows(connection, query)
        clock.at += timedelta(hours=1)
        await collector.take("web", messages)
    assert await rows(connection, query) == before


async def test_contacts_of_a_file_get_what_they_did_before_it_came(
    database: str, connection: Connection
) -> None:
    clock = StandingClock()
    async with (
        pools.opened(database, 2) as pool,
        collecting(database, clock) as collector,
    ):
        await collector.take("web", [track("1", account=None), track("2", account=None)])
        intake = Intake(pool, clock, Entries(pool, clock, "UTC"))
        await intake.save_accounts([AccountRecord("acme", "Acme")])
        for _ in range(2):
            await intake.save_contacts([ContactRecord("ann", "acme", "ann@acme.example")])
        await collector.take("web", [track("3", account=None)])
    assert await rows(connection, "select account_id, n, users from usage_days") == [("acme", 3, 1)]
    assert await rows(connection, "select last_active_on from accounts") == [(NOON.date(),)]
    assert await differences(connection) == []


async def test_an_event_and_the_news_of_its_users_account_never_miss_each_other(
    database: str, connection: Connection
) -> None:
    """One process keeps an event that waits, while another hears where its user belongs."""
    async with (
        await AsyncConnection.connect(database, autocommit=True) as other,
        collecting(database, StandingClock()) as collector,
    ):
        await collector.take("web", [track("1", account=None)])
        async with other.transaction():
            await people.look(other)
            await other.execute(
                "insert into product_events select '2', day, at, received_at, account_id, user_id,"
                " anonymous_id, kind, name, value, properties, source from product_events"
            )
            joining = asyncio.create_task(collector.take("web", [group()]))
            await asyncio.wait([joining], timeout=0.2)
        await joining
    assert await rows(connection, "select account_id, n from usage_days") == [("acme", 2)]
