"""A handbook that goes on changing: what its imports do to the cases of its pages (P23, P26)."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from activities.review_answers import reviewed
from digital_cs.domain.content.content_item import Checked
from digital_cs.domain.content.content_source import ContentSource, SourceKind
from digital_cs.domain.content.team import Person, Team
from digital_cs.ingest.content.library import import_source
from digital_cs.store.content import library
from tests import rig
from tests.activities.reviewing import MONDAY, TEAM, Reviewing, days, opened, told

SAMPLES = rig.ROOT.parent / "shared" / "samples"
PAGE = """\
---
title: Restart a server
last_reviewed_on: {on}
review_in: 6 months
owner_slack: '{owner}'
---
{text}
"""
OPS = Person(name="Operations", address="ops@lantern.example", also=("#ops",))


class Handbook:
    """A folder of one page, imported on any day, with all that keeps reviews going."""

    def __init__(self, house: Reviewing, folder: Path) -> None:
        self.house = house
        self.folder = folder
        self.said = {"on": "2025-08-15", "owner": "#ops", "text": "Press the button."}

    async def on(self, day: int, **said: str) -> None:
        """The page as it is from a day on, and what the keeper and the workflows then do."""
        now = MONDAY + days(day)
        self.said |= said
        (self.folder / "page.md").write_text(PAGE.format(**self.said))
        source = ContentSource(
            "handbook", SourceKind.FOLDER, str(self.folder), preset="gov-tech-docs"
        )
        async with self.house.pool.connection() as connection:
            await import_source(connection, source, now)
        await self.house.sweep(now)
        for kept in await self.house.open_cases():
            await self.house.advance(kept.case.id, now)
        await self.house.send(now)

    async def story(self) -> list[str]:
        rows = await self.house.rows("select id from review_cases order by opened_at")
        return [line for row in rows for line in told(await self.house.story(row["id"]))]


@pytest.fixture
async def handbook(database: str, tmp_path: Path) -> AsyncIterator[Handbook]:
    folder = tmp_path / "handbook"
    folder.mkdir()
    team = Team(manager="maya", people={**TEAM.people, "ops": OPS})
    async with opened(database, tmp_path, team) as house:
        yield Handbook(house, folder)


async def test_an_edit_alone_ends_nothing_an_owner_moves_it_and_a_review_date_ends_it_P23(
    handbook: Handbook,
) -> None:
    await handbook.on(0)
    await handbook.on(1, text="Press the green button.")
    await handbook.on(2)
    await handbook.on(3, owner="ben")
    await handbook.on(7)
    await handbook.on(8, on="2025-08-20")  # a later date, and overdue all the same
    await handbook.on(9, on="2026-03-10")
    await handbook.on(10)
    assert await handbook.story() == [
        "Mon 2 Mar opened: It is stale since 15 Feb 2026.",
        "Mon 2 Mar told: Operations was told.",
        "Thu 5 Mar moved: Its owner is ben now, and was #ops.",
        "Mon 9 Mar told: Ben Oduya was told.",
        "Wed 11 Mar ended: Its source says that it was reviewed on 10 Mar 2026.",
    ]


async def test_who_is_due_again_gets_a_case_of_its_own(handbook: Handbook) -> None:
    await handbook.on(0)
    await handbook.on(1, on="2026-03-03")
    for day in range(175, 200):
        await handbook.on(day)
    story = await handbook.story()
    assert story[3:5] == [
        "Thu 27 Aug opened: It is due on 3 Sep 2026.",
        "Mon 31 Aug told: Operations was told.",
    ]
    assert datetime(2026, 8, 27).weekday() == 3  # five business days before it is due


async def test_a_page_that_is_gone_is_asked_for_no_more(handbook: Handbook) -> None:
    await handbook.on(0)
    (handbook.folder / "other.md").write_text(PAGE.format(**handbook.said))
    await handbook.on(1)
    (handbook.folder / "page.md").unlink()
    source = ContentSource(
        "handbook", SourceKind.FOLDER, str(handbook.folder), preset="gov-tech-docs"
    )
    async with handbook.house.pool.connection() as connection:
        await import_source(connection, source, MONDAY + days(2))
    await handbook.house.send(MONDAY + days(7))
    assert any("ended: It was retired by its source" in line for line in await handbook.story())


async def test_a_real_handbook_is_asked_for_seven_a_week_until_all_of_it_was_P26(
    database: str, tmp_path: Path
) -> None:
    """105 pages, all overdue by then; whoever is told of some reviews them before the next mail."""
    folder = SAMPLES / "docs-freshness" / "snapshot-2026-04-22"
    if not folder.is_dir():
        pytest.skip(f"the sample {folder} is not here")
    source = ContentSource(
        "guide", SourceKind.FOLDER, str(folder), "gov-tech-docs", default_owner="#cloud",
        tracked_only=True,
    )  # fmt: skip
    start = datetime(2028, 5, 1, 9, tzinfo=UTC)
    async with opened(database, tmp_path) as house:
        async with house.pool.connection() as connection:
            await import_source(connection, source, start)
            items = {item.id: item for item in await library.items(connection)}
        owners = Counter(item.owner or "" for item in items.values())
        house.team.current = Team(
            manager="#cloud",
            people={name: Person(address=f"{n}@lantern.example")
                    for n, name in enumerate(sorted(owners))},
        )  # fmt: skip
        asked: list[str] = []
        for week in range(-(-max(owners.values()) // 7)):
            now = start + days(7 * week)
            await house.send(now)
            told_now = [kept.case for kept in await house.open_cases() if kept.case.told_at == now]
            count = Counter(case.reviewer for case in told_now)
            assert max(count.values()) <= 7
            for case in told_now:
                asked.append(case.item_id)
                async with house.pool.connection() as connection, connection.transaction():
                    await reviewed(
                        connection, items[case.item_id], changed=False, checked=(Checked.STEPS,),
                        note="", by="x", now=now,
                    )  # fmt: skip
        assert len(items) == 105
        assert sorted(asked) == sorted(items)
        assert await house.send(now + days(7)) == 0
