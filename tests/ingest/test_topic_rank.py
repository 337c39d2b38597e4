"""Ranking is exact: what is told of a month is what a plain count of its tickets gives."""

from __future__ import annotations

import csv
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from digital_cs.domain.support.rate_change import Counts
from digital_cs.domain.support.topic_rank import Out, Span
from digital_cs.errors import NotFoundError
from digital_cs.ingest.support.topic_month import Month, TopicMonths, TopicOfMonth
from digital_cs.store.database import pool
from digital_cs.store.support import topic_coverage
from digital_cs.store.support.tickets import TicketRecord
from tests import rig
from tests.activities.house import StoppedClock
from tests.ingest.topic_desk import TopicDesk, topic

OCTOBER = Span.of_month(2025, 10)
NOVEMBER_10 = datetime(2025, 11, 10, 9, tzinfo=UTC)
TICKETS = rig.ROOT.parent / "shared" / "samples" / "ravenstack" / "ravenstack_support_tickets.csv"
PLAIN = """
select topic, count(distinct account_id) as accounts, count(*) as tickets from tickets
 where opened_at >= '{start}' and opened_at < '{end}' and status <> 'deleted'
   and topic is not null and account_id is not null
 group by topic order by accounts desc, tickets desc, topic limit 10
"""


@pytest.fixture
async def desk(database: str) -> AsyncIterator[TopicDesk]:
    async with pool.opened(database, 4) as opened:
        yield TopicDesk(opened, StoppedClock(NOVEMBER_10))


async def ranked(desk: TopicDesk, span: Span = OCTOBER, segment: str | None = None) -> Month:
    return await TopicMonths(desk.pool, desk.clock).rank(span, segment)


def figures(month: Month) -> list[tuple[str, int, int]]:
    return [(e.ranked.topic, e.ranked.accounts, e.ranked.tickets) for e in month.topics]


def one(month: Month, name: str) -> TopicOfMonth:
    (found,) = [each for each in month.topics if each.ranked.topic == name]
    return found


async def plain(desk: TopicDesk, span: Span) -> list[tuple[Any, ...]]:
    return await desk.rows(PLAIN.format(start=span.start.isoformat(), end=span.end.isoformat()))


async def test_the_top_ten_of_real_tickets_are_those_of_a_plain_count(desk: TopicDesk) -> None:
    if not TICKETS.is_file():
        pytest.skip(f"the sample {TICKETS} is not here")
    with TICKETS.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    await desk.accounts(*{row["account_id"] for row in rows})
    await desk.save(*(_raven(row) for row in rows))
    words = [topic(f"{priority}-{score}", tags=[f"{priority} {score}"])
             for priority in ("low", "medium", "high", "urgent")
             for score in ("none", "three", "four", "five")]  # fmt: skip
    await desk.publish(*words)

    compared = 0
    for year, month in ((2023, 7), (2024, 2), (2024, 7), (2024, 12)):
        span = Span.of_month(year, month)
        expected = await plain(desk, span)
        assert len(expected) == 10
        assert figures(await ranked(desk, span))[:10] == expected
        compared += 1
    assert compared == 4


def _raven(row: Mapping[str, str]) -> TicketRecord:
    scores = {"": "none", "3": "three", "4": "four", "5": "five"}
    opened = datetime.strptime(row["submitted_at"], "%d-%m-%Y").replace(tzinfo=UTC)
    tag = f"{row['priority']}_{scores[row['satisfaction_score']]}"
    return TicketRecord(
        "raven", row["ticket_id"], "solved", opened, opened, account_given=row["account_id"],
        tags=(tag,),
    )  # fmt: skip


async def test_every_figure_of_made_up_tickets_is_that_of_a_count_by_hand(desk: TopicDesk) -> None:
    chance = random.Random(7)
    accounts = [f"a{number:02}" for number in range(40)]
    await desk.accounts(*accounts)
    await desk.accounts("gone", stage="churned")
    names = [f"topic-{letter}" for letter in "abcdefghijklmn"]
    records, asked = [], defaultdict[str, list[tuple[str, datetime]]](list)
    for number in range(1500):
        name = chance.choices([*names, None], range(len(names) + 1, 0, -1))[0]
        account = chance.choice([*accounts, "gone", "stranger"])
        at = OCTOBER.start + timedelta(days=chance.uniform(-70, 45))
        status = chance.choice(["open", "solved", "deleted"])
        records.append(
            TicketRecord("x", str(number), status, at, at, account_given=account, topic=name)
        )
        if name and status != "deleted" and account != "stranger":
            asked[name].append((account, at))
    await desk.save(*records)
    await desk.publish(*map(topic, names))

    month = await ranked(desk)
    assert figures(month)[:10] == await plain(desk, OCTOBER)
    assert [each.ranked.place for each in month.topics] == list(range(1, len(month.topics) + 1))
    for each in month.topics:
        told = each.ranked
        now = Counter(a for a, at in asked[told.topic] if OCTOBER.start <= at < OCTOBER.end)
        earlier = OCTOBER.start - timedelta(weeks=8)
        before = Counter(a for a, at in asked[told.topic] if earlier <= at < OCTOBER.start)
        assert (told.accounts, told.tickets) == (len(now), now.total())
        assert told.accounts_per_100 == pytest.approx(len(now) * 100 / 40)
        assert told.tickets_per_100 == pytest.approx(now.total() * 100 / 40)
        assert told.share_of_one == pytest.approx(max(now.values()) / now.total())
        assert (told.change.now, told.change.before) == (now.total(), before.total())
        assert told.change.ratio == pytest.approx((now.total() / 31) / (before.total() / 56))
        counts = Counts.of([(now[a], before[a]) for a in {*now, *before}])
        assert told.change.low < 1 < told.change.high or counts.design_effect >= 1


@pytest.mark.parametrize("of_one", [3, 4])
async def test_an_account_with_four_tenths_of_a_topic_takes_it_out(
    desk: TopicDesk, of_one: int
) -> None:
    others = [f"a{number}" for number in range(10 - of_one)]
    await desk.accounts("big", *others)
    await desk.publish(topic("spam", "spam folder"))
    for account in [*others, *["big"] * of_one]:
        await desk.asks(account, "spam folder", at=OCTOBER.start)
    await desk.sorter.soon()
    found = one(await ranked(desk), "spam").ranked
    assert found.share_of_one == of_one / 10
    assert found.out == ((Out.ONE_ACCOUNT,) if of_one == 4 else ())
    assert ("one account asked 40% of it" in found.out_words()) is (of_one == 4)
    assert found.may_be_named


@pytest.mark.parametrize("accounts", [4, 5])
async def test_a_topic_of_fewer_than_five_accounts_is_named_to_nobody(
    desk: TopicDesk, accounts: int
) -> None:
    names = [f"a{number}" for number in range(accounts)]
    await desk.accounts(*names)
    await desk.publish(topic("spam", "spam folder"))
    for account in names:
        await desk.asks(account, "spam folder", at=OCTOBER.start)
    await desk.sorter.soon()
    found = one(await ranked(desk), "spam").ranked
    assert found.may_be_named is (accounts == 5)
    assert (Out.FEW_ACCOUNTS in found.out) is (accounts == 4)


async def test_bugs_lately_covered_and_foreign_topics_are_out_with_their_reason(
    desk: TopicDesk,
) -> None:
    names = [f"a{number}" for number in range(6)]
    await desk.accounts(*names)
    await desk.publish(topic("crash", "it crashes", bug=True), topic("old"), topic("new"))
    for account in names:
        for called in ("crash", "old", "new", "Misc"):
            await desk.asks(account, "x", topic=called, at=OCTOBER.start)
    await desk.sorter.soon()
    async with desk.pool.connection() as connection:
        assert await topic_coverage.cover(
            connection, ["old", "new"], date(2025, 9, 6), "issue 9", NOVEMBER_10
        ) == 2  # fmt: skip
        await topic_coverage.cover(connection, ["new"], date(2025, 9, 7), "by hand", NOVEMBER_10)
    month = await ranked(desk)
    assert {each.ranked.topic: each.ranked.out for each in month.topics} == {
        "crash": (Out.BUG,), "old": (), "new": (Out.COVERED,), "Misc": (Out.NOT_KEPT,),
    }  # fmt: skip
    assert one(month, "new").ranked.out_words() == "covered on 7 Sep 2025"


async def test_a_segment_has_figures_of_its_own(desk: TopicDesk) -> None:
    names = [f"a{number}" for number in range(8)]
    await desk.accounts(*names)
    for id in ("small", "entry:renewal:0"):
        await desk.do(
            "insert into segments (id, version, content_hash, spec, state, changed_at)"
            " values (%s, 1, '', '{\"name\": \"Small ones\"}', 'kept', now())", id,
        )  # fmt: skip
        await desk.do(
            "insert into segment_members (segment_id, account_id, since)"
            " select %s, id, now() from accounts where id < 'a4'", id,
        )  # fmt: skip
    await desk.publish(topic("spam", "spam folder"))
    for account in [*names, "a1", "a7"]:
        await desk.asks(account, "spam folder", at=OCTOBER.start)
    await desk.sorter.soon()
    whole = one(await ranked(desk), "spam")
    (small,) = whole.by_segment
    assert (small.segment, small.name) == ("small", "Small ones")
    assert (small.accounts, small.tickets, small.active) == (4, 5, 4)
    inside = one(await ranked(desk, segment="small"), "spam").ranked
    assert (inside.accounts, inside.tickets, inside.accounts_per_100) == (4, 5, 100)
    assert (whole.ranked.accounts, whole.ranked.tickets_per_100) == (8, 125)
    with pytest.raises(NotFoundError, match="no segment 'big'"):
        await ranked(desk, segment="big")


async def test_nothing_is_compared_with_weeks_before_the_help_desk_was_connected(
    desk: TopicDesk,
) -> None:
    names = [f"a{number}" for number in range(8)]
    await desk.accounts(*names)
    await desk.publish(topic("spam", "spam folder"))
    for account in names:
        await desk.asks(account, "spam folder", at=OCTOBER.start + timedelta(days=3))
    await desk.sorter.soon()
    change = one(await ranked(desk), "spam").ranked.change
    assert (change.ratio, change.words()) == (None, "too few to tell")
    for account in names:
        await desk.asks(account, "Hello", at=OCTOBER.start - timedelta(days=60))
    assert one(await ranked(desk), "spam").ranked.change.words() == "new"


async def test_what_the_figures_stand_on_is_told(desk: TopicDesk) -> None:
    await desk.accounts("a1", "a2")
    await desk.publish(topic("spam", "spam folder"))
    await desk.asks("a1", "spam folder", at=OCTOBER.start)
    await desk.asks("a2", "Hello", at=OCTOBER.start)
    await desk.asks("stranger", "spam folder", at=OCTOBER.start)
    await desk.sorter.soon()
    await desk.asks("a1", "spam folder", at=OCTOBER.end)
    ground = (await ranked(desk)).ground
    assert (ground.active, ground.tickets, ground.due) == (2, 3, 1)
    assert (ground.without_account, ground.without_topic) == (1, 1)


def test_months_end_where_the_next_begins() -> None:
    assert Span.of_month(2025, 12).end == Span.of_month(2026, 1).start
    assert Span.of_month(2024, 2).days(datetime.min.replace(tzinfo=UTC), NOVEMBER_10) == 29
    assert Span.of_month(2025, 11).days(OCTOBER.start, NOVEMBER_10) == pytest.approx(9.375)
