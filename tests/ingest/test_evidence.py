"""P24: each signal appears with its date and in words, counts until it ends, and is weighed."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.domain.content.content_policy import ContentPolicy, Signals
from digital_cs.domain.content.evidence import Evidence, Signal
from digital_cs.domain.content.freshness import State
from digital_cs.domain.content.team import Person, Team
from digital_cs.store.content import evidence, live_pages
from tests.ingest.knowledge import TODAY, Knowledge, at

PAGE = "https://help.company.test/guide"
LONG = " ".join(f"word{number}" for number in range(60))


@pytest.fixture
def kb(connection: AsyncConnection[Any]) -> Knowledge:
    return Knowledge(connection)


async def test_p24_nothing_speaks_against_what_nothing_happened_to(kb: Knowledge) -> None:
    await kb.item("guide")
    done = await kb.look()
    assert (done.settled.items, done.settled.open, done.settled.stale) == (1, 0, 0)
    assert await kb.against("guide") == {}
    assert (await kb.found("guide")).state(TODAY) is State.FRESH


async def test_p24_a_broken_link_counts_from_the_third_day_until_it_works(kb: Knowledge) -> None:
    await kb.item("guide")
    await kb.broken("guide", "https://elsewhere.test/a", 7, at(-5))
    await kb.look()
    found = (await kb.against("guide"))[Signal.LINK_BROKEN]
    assert found.since == at(-3)
    assert found.weight == 0.5
    assert found.words == (
        "The link to https://elsewhere.test/a in line 7: broken since 25 February 2026: the server"
        " says 404, 3 times on 3 days."
    )

    await kb.connection.execute("update link_states set state = 'ok', tries = 0")
    kb.now = at(1)
    done = await kb.look()

    assert (done.settled.ended, await kb.against("guide")) == (1, {})
    (kept,) = await evidence.history(kb.connection, "guide")
    assert (kept.evidence.words, kept.ended_at) == (found.words, at(1))


async def test_p24_a_link_that_stands_twice_counts_once_by_its_first_line(kb: Knowledge) -> None:
    await kb.item("guide")
    for line in (9, 4):
        await kb.broken("guide", "https://elsewhere.test/a", line, at(-5))
    assert (await kb.look()).settled.new == 1
    assert "in line 4" in (await kb.against("guide"))[Signal.LINK_BROKEN].words


async def test_p24_its_own_page_being_gone_makes_it_stale(kb: Knowledge) -> None:
    await kb.item("guide")
    await kb.broken("guide", PAGE, 0, at(-5))
    await kb.look()
    assert (await kb.against("guide"))[Signal.PAGE_GONE].words.startswith(
        "Its own page https://help.company.test/guide is not there. Broken since 25 February"
    )
    item = await kb.found("guide")
    assert (item.state(TODAY), item.stale_on) == (State.STALE, at(-3).date())
    assert item.state(at(-4).date()) is State.FRESH


@pytest.mark.parametrize("redirect", ["moved", "login", "home page"])
async def test_p24_a_link_that_leads_elsewhere_weighs_little(kb: Knowledge, redirect: str) -> None:
    await kb.item("guide")
    to = "https://elsewhere.test/b"
    await kb.link("guide", "https://elsewhere.test/a", 3, state="redirected", since=at(-2),
                  finding="ok", redirect=redirect, leads_to=to)  # fmt: skip
    await kb.look()
    found = (await kb.against("guide"))[Signal.LINK_MOVED]
    assert (found.weight, found.since) == (0.1, at(-2))
    assert to in found.words
    assert found.words.endswith("Found on 28 February 2026.")


async def test_p24_a_link_that_leads_elsewhere_for_now_is_fine(kb: Knowledge) -> None:
    await kb.item("guide")
    to = "https://elsewhere.test/b"
    await kb.link("guide", "https://elsewhere.test/a", 3, state="redirected", since=at(-2),
                  finding="ok", redirect="temporary", leads_to=to)  # fmt: skip
    assert (await kb.look()).settled.new == 0


async def test_p24_a_live_page_that_changed_counts_until_it_is_verified(kb: Knowledge) -> None:
    await kb.item("guide")
    await kb.link("guide", PAGE, 0, state="ok", finding="ok", since=at(-20))
    kb.now = at(-20)
    await kb.page_says(PAGE, LONG)
    kb.now = at(-1)
    await kb.page_says(PAGE, f"{LONG} It costs 12 euros now.")
    kb.now = at(0)
    await kb.look()
    found = (await kb.against("guide"))[Signal.PAGE_CHANGED]
    assert (found.since, found.weight) == (at(-1), 0.6)
    assert found.words.startswith(
        "Its live page https://help.company.test/guide says something else since 1 March 2026 than"
        " when it was verified on 10 February 2026: "
    )

    await live_pages.verified(kb.connection, PAGE, at(0))
    await kb.look()
    assert await kb.against("guide") == {}


async def test_p24_a_new_date_in_a_file_verifies_the_page_as_it_was_then(kb: Knowledge) -> None:
    await kb.item("guide")
    await kb.link("guide", PAGE, 0, state="ok", finding="ok", since=at(-20))
    for day, text in ((-20, LONG), (-5, f"{LONG} more")):
        kb.now = at(day)
        await kb.page_says(PAGE, text)
    await kb.connection.execute("update content_items set reviewed_on = %s", (at(-3).date(),))
    kb.now = at(0)
    await kb.look()
    assert await kb.against("guide") == {}

    await kb.page_says(PAGE, f"{LONG} more and other")
    await kb.look()
    assert (await kb.against("guide"))[Signal.PAGE_CHANGED].since == at(0)


async def test_p24_a_release_note_that_is_newer_than_the_review_touches_its_area(
    kb: Knowledge,
) -> None:
    await kb.item("guide", reviewed_on=date(2026, 1, 10))
    await kb.item("other", area="billing")
    note = {"kind": "feature_note", "topic": None, "url": None, "area": "Reports"}
    await kb.item("older", **note, stated_on=date(2026, 1, 9), title="Old charts")
    await kb.item("newer", **note, stated_on=date(2026, 2, 20), title="New charts")
    await kb.item("to come", **note, stated_on=date(2026, 4, 1), title="Charts to come")
    await kb.look()
    assert {each.signal for each in (await kb.against("guide")).values()} == {Signal.RELEASE}
    found = (await kb.against("guide"))[Signal.RELEASE]
    assert (found.since.date(), found.weight, found.about) == (date(2026, 2, 20), 0.5, "newer")
    assert found.words == (
        "The release note “New charts” of 20 February 2026 touches reports, which this is about,"
        " and came after its last review on 10 January 2026."
    )
    assert await kb.against("other") == await kb.against("older") == {}

    await kb.connection.execute("update content_items set retired_at = now() where id = 'newer'")
    await kb.look()
    assert await kb.against("guide") == {}


async def test_p24_the_first_release_notes_since_a_review_are_told_and_not_all(
    kb: Knowledge,
) -> None:
    await kb.item("guide")
    for day in range(12):
        await kb.item(f"note {day:02}", kind="feature_note", topic=None, url=None,
                      stated_on=at(day - 20).date())  # fmt: skip
    await kb.look()
    told = (await evidence.of_items(kb.connection, ["guide"]))["guide"]
    assert [each.about for each in told] == [f"note {day:02}" for day in range(5)]
    assert (await kb.found("guide")).stale_on == at(-19).date()


async def quarter(kb: Knowledge, topic: str = "exports", a_week: int = 2) -> None:
    """Twelve weeks in which so many accounts a week ask, each of them once."""
    for week in range(12):
        for number in range(a_week):
            await kb.ticket(f"acme {week} {number}", topic, at(-7 * week - 2))


async def test_p24_more_accounts_asking_about_its_topic_speak_against_it(kb: Knowledge) -> None:
    await kb.item("guide")
    await kb.item("elsewhere", topic="billing")
    await kb.item("news", kind="newsletter")
    await quarter(kb)
    await quarter(kb, "billing")
    for number in range(20):
        await kb.ticket(f"new {number}", "Exports" if number % 2 else None, at(-3),
                        tags=["exports"])  # fmt: skip
    await kb.look()
    found = (await kb.against("guide"))[Signal.TICKETS_RISING]
    assert (found.since, found.weight) == (at(0), 0.5)
    assert found.words.startswith(
        "Though this is here to answer it, 28 accounts asked about exports in the last 28 days,"
        " where 8.0 were to be expected: "
    )
    assert await kb.against("elsewhere") == await kb.against("news") == {}

    kb.now = at(2)
    await kb.look()
    assert (await kb.against("guide"))[Signal.TICKETS_RISING].since == at(0), "found first then"
    kb.now = at(40)
    await kb.look()
    assert await kb.against("guide") == {}


async def test_p24_one_account_that_asks_twenty_times_is_one_account(kb: Knowledge) -> None:
    await kb.item("guide")
    await quarter(kb)
    for _ in range(20):
        await kb.ticket("loud", "exports", at(-3))
    await kb.look()
    assert await kb.against("guide") == {}


async def test_p24_nothing_rises_while_the_help_desk_is_new_to_us(kb: Knowledge) -> None:
    await kb.item("guide")
    for number in range(30):
        await kb.ticket(f"new {number}", "exports", at(-number // 2))
    await kb.look()
    assert await kb.against("guide") == {}


async def test_p24_after_a_review_only_what_was_asked_since_can_rise(kb: Knowledge) -> None:
    await kb.item("guide", reviewed_on=at(-9).date())
    await quarter(kb)
    for number in range(20):
        await kb.ticket(f"before {number}", "exports", at(-10))
    await kb.look()
    assert await kb.against("guide") == {}

    for number in range(12):
        await kb.ticket(f"since {number}", "exports", at(-1))
    await kb.look()
    assert "asked about exports in the last 8 days" in (
        (await kb.against("guide"))[Signal.TICKETS_RISING].words
    )


async def vote(kb: Knowledge, no: int, yes: int) -> None:
    for number in range(no + yes):
        await kb.event("Article Rated", f"reader {number}", article=PAGE, helpful=number >= no)


async def test_p24_votes_speak_against_it_once_there_are_enough(kb: Knowledge) -> None:
    await kb.item("guide")
    await vote(kb, 4, 0)
    await kb.look()
    assert await kb.against("guide") == {}

    kb.now = at(1)
    await vote(kb, 7, 2)
    done = await kb.look()
    found = (await kb.against("guide"))[Signal.NOT_HELPFUL]
    assert (found.since, found.weight, done.read.votes) == (at(1), 0.7, 9)
    assert found.words == "7 of 9 readers who said so were not helped by it."

    kb.now = at(2)
    await vote(kb, 1, 8)  # they think better of it
    await kb.look()
    assert await kb.against("guide") == {}


async def test_p24_a_review_answers_for_the_votes_before_it(kb: Knowledge) -> None:
    await kb.item("guide")
    await vote(kb, 9, 0)
    await kb.look()
    kb.now = at(1)
    await kb.review("guide")
    assert await kb.against("guide") == {}
    await kb.look()
    assert await kb.against("guide") == {}


async def test_p24_who_reads_it_and_asks_all_the_same_speaks_against_it(kb: Knowledge) -> None:
    await kb.item("guide")
    await kb.click("acme", f"{PAGE}/?utm_source=mail", at(-4))
    await kb.ticket("acme", "Exports", at(-2))
    await kb.click("late", PAGE, at(-9))
    await kb.ticket("late", "exports", at(-5))  # four days later
    await kb.click("machine", PAGE, at(-4), human=False)
    await kb.ticket("machine", "exports", at(-3))
    await kb.click("other", PAGE, at(-4))
    await kb.ticket("other", "billing", at(-3))
    await kb.look()
    found = (await evidence.of_items(kb.connection, ["guide"]))["guide"]
    assert [(each.signal, each.about, each.since, each.weight) for each in found] == [
        (Signal.CLICK_THEN_TICKET, "acme", at(-2), 0.2)
    ]
    assert found[0].words == (
        "Account acme followed a link to it on 26 February 2026 and asked support about exports"
        " within 72 hours, on 28 February 2026."
    )


async def test_p24_five_accounts_that_ask_after_reading_make_it_stale(kb: Knowledge) -> None:
    await kb.item("guide")
    for number in range(6):
        for _ in range(2):
            await kb.click(f"acme {number}", PAGE, at(-10 + number))
            await kb.ticket(f"acme {number}", "exports", at(-9 + number))
    await kb.look()
    item = await kb.found("guide")
    assert item.stale_on == at(-5).date()
    assert item.evidence_weight == pytest.approx(1.2)
    kb.now = at(0, 10)
    await kb.review("guide")
    await kb.look()
    assert (await kb.found("guide")).stale_on is None


async def test_p24_who_looks_after_it_being_gone_speaks_against_it(kb: Knowledge) -> None:
    await kb.item("guide", owner="Maya", backup="#docs")
    await kb.item("unknown", owner="nobody we know", backup="ada@company.test")
    kb.team = Team(
        people={"maya": Person(gone=date(2026, 2, 1)), "#docs": Person(gone=date(2026, 3, 2))}
    )
    await kb.look()
    found = await kb.against("guide")
    assert found[Signal.OWNER_GONE].words == "Its owner, Maya, is gone since 1 February 2026."
    assert found[Signal.BACKUP_GONE].words == "Its backup, #docs, is gone since 2 March 2026."
    assert found[Signal.OWNER_GONE].since.date() == date(2026, 2, 1)
    assert await kb.against("unknown") == {}

    kb.team = Team(people={"maya": Person(gone=date(2026, 4, 1))})
    await kb.look()
    assert await kb.against("guide") == {}


async def test_p24_evidence_together_makes_it_stale_from_the_day_it_was_enough(
    kb: Knowledge,
) -> None:
    await kb.item("guide", owner="maya")
    kb.team = Team(people={"maya": Person(gone=at(-10).date())})
    await kb.broken("guide", "https://elsewhere.test/a", 7, at(-8))
    await kb.link("guide", "https://elsewhere.test/b", 8, state="redirected", since=at(-1),
                  finding="ok", redirect="moved", leads_to="https://elsewhere.test/c")  # fmt: skip
    done = await kb.look()
    assert done.settled.stale == 1
    item = await kb.found("guide")
    assert item.stale_on == at(-1).date()
    assert item.evidence_weight == pytest.approx(1.0)
    assert (item.state(TODAY), item.stale_from) == (State.STALE, at(-1).date())
    assert item.stale_because is not None
    assert item.stale_because.startswith("The link to https://elsewhere.test/a in line 7: broken")
    assert "Its owner, maya, is gone" in item.stale_because

    kb.team = Team()
    done = await kb.look()
    assert (done.settled.recovered, done.settled.stale) == (1, 0)
    item = await kb.found("guide")
    assert (item.stale_on, item.stale_because) == (None, None)
    assert item.state(TODAY) is State.FRESH


async def test_p24_the_policy_says_what_a_signal_weighs(kb: Knowledge) -> None:
    await kb.item("guide")
    await kb.broken("guide", "https://elsewhere.test/a", 7, at(-5))
    for weight, state in ((1.0, State.STALE), (0.0, State.FRESH)):
        kb.policy = ContentPolicy(signals=Signals(link_broken=weight))
        await kb.look()
        assert (await kb.against("guide"))[Signal.LINK_BROKEN].weight == weight
        assert (await kb.found("guide")).state(TODAY) is state


async def test_p24_a_review_ends_what_was_found_before_it_and_at_once(kb: Knowledge) -> None:
    await kb.item("guide", owner="maya")
    kb.team = Team(people={"maya": Person(gone=at(-10).date())})
    for name in "abc":
        await kb.broken("guide", f"https://elsewhere.test/{name}", 7, at(-8))
    await kb.look()
    assert (await kb.found("guide")).state(TODAY) is State.STALE

    await kb.review("guide")
    assert (await kb.found("guide")).state(TODAY) is State.FRESH
    await kb.look()
    assert await kb.against("guide") == {}
    assert all(each.ended_at for each in await evidence.history(kb.connection, "guide"))

    await kb.broken("guide", "https://elsewhere.test/d", 9, at(1))
    kb.now = at(4)
    await kb.look()
    assert list(await kb.against("guide")) == [Signal.LINK_BROKEN]


async def test_p24_a_link_that_had_only_begun_to_fail_at_the_review_is_news(
    kb: Knowledge,
) -> None:
    await kb.item("guide", reviewed_on=at(-2).date())
    await kb.broken("guide", "https://elsewhere.test/a", 7, at(-3, 12))
    for day in (-3, -2, 0):
        await kb.connection.execute(
            "insert into link_looks (url, at, finding) values (%s, %s, 'not found')",
            ("https://elsewhere.test/a", at(day, 12)),
        )
    await kb.look()
    assert (await kb.against("guide"))[Signal.LINK_BROKEN].since == at(0, 12)


async def test_p24_a_review_during_a_look_waits_and_is_not_undone_by_it(
    kb: Knowledge, database: str
) -> None:
    await kb.item("guide")
    await kb.broken("guide", PAGE, 0, at(-8))
    async with await AsyncConnection.connect(database, autocommit=True) as other:
        async with other.transaction():
            await evidence.take_turns(other)
            await evidence.begin(other, None)
            reviewing = asyncio.create_task(kb.review("guide"))
            await asyncio.sleep(0.1)
            assert not reviewing.done()
            found = Evidence(Signal.PAGE_GONE, at(-6), "It is gone.", 1.0)
            await evidence.put(other, [("guide", found)])
            assert (await evidence.settle(other, at(0))).stale == 1
        await reviewing
    assert await kb.against("guide") == {}
    assert (await kb.found("guide")).state(TODAY) is State.FRESH


async def test_p24_looking_again_changes_nothing(kb: Knowledge) -> None:
    await kb.item("guide", owner="maya")
    kb.team = Team(people={"maya": Person(gone=at(-10).date())})
    await kb.broken("guide", "https://elsewhere.test/a", 7, at(-8))
    await quarter(kb)
    for number in range(20):
        await kb.ticket(f"new {number}", "exports", at(-3))
    await vote(kb, 9, 0)
    first = await kb.look()
    assert first.settled.new == 4
    before = await rows(kb)
    again = await kb.look()
    assert (again.settled.new, again.settled.ended, again.read.votes) == (0, 0, 0)
    assert await rows(kb) == before


async def rows(kb: Knowledge) -> list[Any]:
    cursor = await kb.connection.execute("select * from evidence order by id")
    found = await cursor.fetchall()
    cursor = await kb.connection.execute("select * from content_items order by id")
    return [*found, *await cursor.fetchall()]


async def test_p24_a_look_at_one_item_leaves_the_others_alone(kb: Knowledge) -> None:
    for name in ("guide", "other"):
        await kb.item(name)
        await kb.broken(name, f"https://elsewhere.test/{name}", 7, at(-8))
    done = await kb.look(["guide"])
    assert (done.settled.items, done.settled.new) == (1, 1)
    assert await kb.against("other") == {}
    assert await evidence.last_pass(kb.connection) is None, "that was not all"
    await kb.look()
    last = await evidence.last_pass(kb.connection)
    assert last is not None
    assert (last.at, last.items, last.evidence) == (at(0), 2, 2)
    await kb.connection.execute("delete from links where item_id = 'guide'")
    assert (await kb.look(["guide"])).settled.ended == 1
    assert list(await kb.against("other")) == [Signal.LINK_BROKEN]


async def test_p24_what_is_retired_has_no_evidence(kb: Knowledge) -> None:
    await kb.item("guide")
    await kb.broken("guide", "https://elsewhere.test/a", 7, at(-8))
    await kb.look()
    await kb.connection.execute("update content_items set retired_at = now()")
    assert (await kb.look()).settled.items == 0
    assert await kb.against("guide") == {}


async def test_p24_many_pieces_of_many_items_are_weighed_item_by_item(kb: Knowledge) -> None:
    """More than are read at a time, so that items lie across the edges."""
    await kb.item("first")
    await kb.connection.execute(
        "insert into content_items (id, source, locator, kind, title, added_on, edited_at, version,"
        " content_hash, volatility, reviewed_on) select 'many ' || n, source, 'many ' || n, kind,"
        " title, added_on, edited_at, version, content_hash, volatility, reviewed_on"
        " from content_items, generate_series(1, 700) n"
    )
    await kb.connection.execute(
        "insert into links (item_id, url, line, kind) select i.id, 'https://x.test/' || n, n,"
        " 'link' from content_items i, generate_series(1, 9) n"
    )
    await kb.connection.execute(
        "insert into link_states (url, host, state, since, detail) select 'https://x.test/' || n,"
        " 'x.test', 'broken', %s, 'gone' from generate_series(1, 9) n",
        (at(-9),),
    )
    done = await kb.look()
    assert (done.settled.open, done.settled.stale) == (701 * 9, 701)
    cursor = await kb.connection.execute(
        "select count(*) from content_items where stale_on = %s and evidence_weight = 4.5",
        (at(-7).date(),),
    )
    assert await cursor.fetchone() == (701,)
