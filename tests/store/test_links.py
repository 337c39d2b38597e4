"""P24: what looks found is kept; servers are claimed by one worker; changed pages are told."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.links.link_health import Finding, Health, Look, State, after, health_of
from digital_cs.store.content import link_work, links, live_pages
from digital_cs.store.content.links import PAGE, Place, Which

Connection = AsyncConnection[Any]
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
EVERY = Which()
A, B, C = "https://a.test/1", "https://a.test/2", "https://c.test/"
WORDS = " ".join(f"word{number}" for number in range(40))


async def stand(connection: Connection, **places: list[Place]) -> None:
    async with connection.transaction():
        await links.replace_links(connection, places)


async def look(connection: Connection, url: str, *findings: Finding, at: datetime = NOW) -> Health:
    """A look a day; returns what is known then."""
    health = Health()
    for day, finding in enumerate(findings):
        found = Look(at + timedelta(days=day), finding, 404 if finding.failed else 200, "says so")
        health = after(health, found, url)
        async with connection.transaction():
            await link_work.save(connection, [(url, found, health)])
    return health


async def test_links_of_an_item_are_replaced_and_what_is_known_stays(
    connection: Connection,
) -> None:
    await stand(connection, one=[Place(A, 3), Place(A, 9), Place(C, 4)], two=[Place(A, 1)])
    known = await look(connection, A, Finding.NOT_FOUND)
    await stand(connection, one=[Place(A, 5), Place(B, 6)])

    found = await links.of_items(connection, ["one", "two"])
    assert found == {
        "one": [(Place(A, 5), known), (Place(B, 6), Health())], "two": [(Place(A, 1), known)],
    }  # fmt: skip
    assert await links.counts(connection, EVERY) == {State.UNKNOWN: 1, State.FAILING: 1}
    assert await link_work.due_count(connection, NOW, EVERY) == 1  # C stands nowhere any more


async def test_links_that_are_set_twice_at_once_stand_once(
    connection: Connection, database: str
) -> None:
    async def gather(line: int) -> None:
        async with await AsyncConnection.connect(database, autocommit=True) as own:
            for n in range(10):
                await stand(own, one=[Place(A, line + n % 2), Place(C, 1)])

    await asyncio.gather(*(gather(line) for line in (1, 1, 5)))
    found = (await links.of_items(connection, ["one"]))["one"]
    assert sorted(place.url for place, _ in found) == [A, C]


async def test_what_is_known_is_what_the_kept_looks_say(connection: Connection) -> None:
    await stand(connection, one=[Place(A, 1)])
    findings = [Finding.OK, Finding.NOT_FOUND, Finding.GONE, Finding.NOT_FOUND]
    known = await look(connection, A, *findings)
    assert known.state is State.BROKEN
    kept = await links.looks(connection, A)
    assert health_of(A, kept) == known
    (view,) = await links.list_links(connection, EVERY, states=[State.BROKEN])
    assert (view.url, view.host, view.health) == (A, "a.test", known)


async def test_only_the_last_looks_are_kept(connection: Connection) -> None:
    await stand(connection, one=[Place(A, 1), Place(B, 1)])
    await look(connection, B, Finding.OK)
    await look(connection, A, *[Finding.OK] * (link_work.LOOKS_KEPT + 5))
    assert len(await links.looks(connection, A)) == link_work.LOOKS_KEPT
    assert len(await links.looks(connection, B)) == 1


async def test_a_server_is_claimed_by_one_worker_at_a_time(
    connection: Connection, database: str
) -> None:
    await stand(connection, one=[Place(f"https://h{n}.test/", n) for n in range(20)])

    async def claim(worker: str) -> list[str]:
        async with await AsyncConnection.connect(database, autocommit=True) as own:
            return await link_work.claim_hosts(own, worker, NOW, 60, 7, EVERY)

    claimed = await asyncio.gather(*(claim(f"w{n}") for n in range(4)))
    every = [host for hosts in claimed for host in hosts]
    assert len(every) >= 7
    rest = await link_work.claim_hosts(connection, "last", NOW, 60, 100, EVERY)
    assert sorted([*every, *rest]) == sorted(f"h{n}.test" for n in range(20))

    await link_work.release(connection, "last")
    for n in range(4):
        await link_work.release(connection, f"w{n}")
    assert len(await link_work.claim_hosts(connection, "next", NOW, 60, 100, EVERY)) == 20


async def test_what_a_killed_worker_had_claimed_comes_back(connection: Connection) -> None:
    await stand(connection, one=[Place(A, 1)])
    assert await link_work.claim_hosts(connection, "killed", NOW, 0, 9, EVERY) == ["a.test"]
    assert await link_work.claim_hosts(connection, "next", NOW, 60, 9, EVERY) == ["a.test"]
    assert not await link_work.renew_claim(connection, "killed", "a.test", 60)
    assert await link_work.renew_claim(connection, "next", "a.test", 60)


async def test_a_server_that_wants_to_be_left_alone_is(connection: Connection) -> None:
    await stand(connection, one=[Place(A, 1)])
    await link_work.claim_hosts(connection, "w", NOW, 60, 9, EVERY)
    await link_work.release(connection, "w", "a.test", NOW + timedelta(hours=1))
    assert await link_work.claim_hosts(connection, "w", NOW, 60, 9, EVERY) == []
    later = NOW + timedelta(hours=1)
    assert await link_work.claim_hosts(connection, "w", later, 60, 9, EVERY) == ["a.test"]


async def test_servers_with_the_most_links_come_first_and_links_by_when_they_were_due(
    connection: Connection,
) -> None:
    await stand(connection, one=[Place(A, 1), Place(B, 1), Place(C, 1)])
    assert await link_work.claim_hosts(connection, "w", NOW, 60, 1, EVERY) == ["a.test"]
    await look(connection, A, Finding.OK, at=NOW - timedelta(days=30))
    found = await link_work.due(connection, "a.test", NOW, 9, EVERY)
    assert [(due.url, due.page) for due in found] == [(B, False), (A, False)]


async def test_some_links_can_be_asked_for(connection: Connection) -> None:
    await stand(connection, one=[Place(A, 1), Place(C, 0, PAGE)], two=[Place(B, 1)])
    await look(connection, A, Finding.OK)
    assert await link_work.due_count(connection, NOW, Which(host="a.test")) == 1
    assert await link_work.due_count(connection, NOW, Which(item="one")) == 1
    again = Which(item="one", since=NOW + timedelta(hours=1))
    assert await link_work.due_count(connection, NOW, again) == 2
    (page,) = await link_work.due(connection, "c.test", NOW, 9, EVERY)
    assert page.page


async def test_a_page_that_says_something_else_is_told_until_it_is_verified(
    connection: Connection,
) -> None:
    await stand(connection, one=[Place(C, 0, PAGE)], two=[Place(C, 7)])
    day = timedelta(days=1)
    assert await live_pages.keep(connection, C, WORDS, NOW) is None
    assert await live_pages.keep(connection, C, WORDS.upper(), NOW + day) is None
    other = WORDS.replace("word7 ", "another ")
    assert await live_pages.keep(connection, C, other, NOW + 2 * day) is not None
    await live_pages.keep(connection, C, other, NOW + 3 * day)

    (page,) = (await live_pages.of_items(connection, ["one", "two"])).values()
    assert (page.verified_at, page.seen_at, page.changed_at) == (
        NOW, NOW + 3 * day, NOW + 2 * day,
    )  # fmt: skip
    assert page.change is not None
    assert page.similarity is not None
    assert 0.5 < page.similarity < 1

    assert await live_pages.verified(connection, C, NOW + 4 * day)
    assert await live_pages.keep(connection, C, other, NOW + 5 * day) is None
    page = (await live_pages.of_items(connection, ["one"]))["one"]
    assert (page.changed_at, page.change, page.verified_at) == (None, None, NOW + 4 * day)
    assert not await live_pages.verified(connection, A, NOW)


async def test_a_page_that_is_back_as_it_was_has_not_changed(connection: Connection) -> None:
    await stand(connection, one=[Place(C, 0, PAGE)])
    for text in (WORDS, WORDS + " and more", WORDS):
        await live_pages.keep(connection, C, text, NOW)
    assert await live_pages.keep(connection, C, "Down for maintenance.", NOW) is None
    assert (await live_pages.of_items(connection, ["one"]))["one"].changed_at is None
