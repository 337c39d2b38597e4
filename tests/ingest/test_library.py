"""Imports of content into the library: right, repeatable, and true day by day (P23, P26)."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg import AsyncConnection

from digital_cs.domain.content.content_item import Checked, ContentItem, Review
from digital_cs.domain.content.content_source import ContentSource, SourceKind
from digital_cs.domain.content.freshness import State
from digital_cs.domain.content.freshness_overview import overview
from digital_cs.ingest.content.library import Imported, TooManyGoneError, import_source
from digital_cs.store.content import exposure, library, reviews
from tests import rig
from tests.catalog.test_git_moves import Checkout
from tests.store.showing import stand

Connection = AsyncConnection[Any]
SAMPLES = rig.ROOT.parent / "shared" / "samples"
MONDAY = date(2026, 3, 2)


def at(day: date) -> datetime:
    return datetime.combine(day, time(9), UTC)


def sample(name: str) -> Path:
    folder = SAMPLES / name
    if not folder.is_dir():
        pytest.skip(f"the sample {folder} is not here")
    return folder


class Handbook:
    """A handbook that a test edits and imports, with the library that follows from it."""

    def __init__(self, connection: Connection, folder: Path) -> None:
        self.connection = connection
        self.source = ContentSource(
            "handbook", SourceKind.FOLDER, str(folder), "gov-tech-docs", default_owner="#all"
        )
        self.folder = folder
        self.folder.mkdir(exist_ok=True)

    def write(
        self, name: str, reviewed: str | None = "2025-09-30", every: str = "6 months",
        owner: str | None = None, text: str = "Do it like this.",
    ) -> None:  # fmt: skip
        lines = ["---", f"title: {name}", f"review_in: {every}"]
        lines += [f"last_reviewed_on: {reviewed}"] if reviewed else []
        lines += [f"owner_slack: '{owner}'"] if owner else []
        path = self.folder / f"{name}.html.md.erb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([*lines, "---", f"# {name}", "", text, ""]))

    async def imported(self, day: date, **options: bool) -> Imported:
        return await import_source(self.connection, self.source, at(day), **options)

    async def item(self, name: str) -> ContentItem:
        [found] = await library.find(self.connection, f"{name}.html.md.erb")
        return found


@pytest.fixture
def handbook(connection: Connection, tmp_path: Path) -> Handbook:
    return Handbook(connection, tmp_path / "handbook")


async def everything(connection: Connection) -> dict[str, list[Any]]:
    """All rows of the library, to compare them."""
    found = {}
    for table in ("content_items", "content_versions", "content_uses", "content_reviews"):
        cursor = await connection.execute(f"select * from {table} order by 1, 2, 3")
        found[table] = await cursor.fetchall()
    return found


def publishers_rule(text: str, default: str) -> tuple[date, str]:
    """Review-by date and owner of a page, read and added up independently of the engine."""
    front = text.split("---")[1]
    told = dict(re.findall(r"^(\w+):[ ]*(.*?)[ ]*$", front, re.MULTILINE))
    day = date.fromisoformat(told["last_reviewed_on"])
    count, unit = told["review_in"].split()
    assert unit.rstrip("s") == "month"
    months = day.year * 12 + day.month - 1 + int(count)
    first = date(months // 12, months % 12 + 1, 1)
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(day.day, last.day)), told.get("owner_slack", default).strip("'\"")


def days_to_look_at(due: set[date]) -> Iterator[date]:
    """Every day on which something changes, with its neighbours, and some far from all."""
    for day in due:
        for away in (-40, -32, -31, -30, -29, -28, -27, -1, 0, 1):
            yield day + timedelta(days=away)
    yield from (date(2024, 1, 1), date(2026, 4, 22), date(2028, 2, 29), date(2035, 12, 31))


async def test_p23_every_page_of_a_real_handbook_is_due_when_its_publisher_says(
    connection: Connection,
) -> None:
    folder = sample("docs-freshness") / "snapshot-2026-04-22"
    source = ContentSource(
        "guide", SourceKind.FOLDER, str(folder), "gov-tech-docs", default_owner="#cloud",
        tracked_only=True,
    )  # fmt: skip
    await import_source(connection, source, at(date(2026, 4, 22)))
    items = {item.locator: item for item in await library.items(connection)}
    expected = {
        path.relative_to(folder).as_posix(): publishers_rule(path.read_text(), "#cloud")
        for path in folder.rglob("*.md.erb")
        if "\nreview_in:" in path.read_text()
    }

    assert len(expected) == 105
    assert {name: (item.due_on, item.owner) for name, item in items.items()} == expected
    looked = set(days_to_look_at({due for due, _ in expected.values()}))
    assert len(looked) > 200
    for day in looked:
        nearly = {
            name: State.STALE if due <= day
            else State.DUE_SOON if due <= _a_month_after(day)
            else State.FRESH
            for name, (due, _) in expected.items()
        }  # fmt: skip
        standings = overview(items.values(), day).standings
        assert {s.item.locator: s.state for s in standings} == nearly


def _a_month_after(day: date) -> date:
    """The same day of the next month, else its last one: counted day by day."""
    found = day + timedelta(days=1)
    while not (found.month != day.month and found.day == day.day):
        after = found + timedelta(days=1)
        if found.month != day.month and after.month != found.month:
            return found
        found = after
    return found


async def test_articles_with_american_dates_are_read(connection: Connection) -> None:
    folder = sample("kb-m365")
    source = ContentSource("kb", SourceKind.FOLDER, str(folder), "microsoft")
    done = await import_source(connection, source, at(date(2026, 4, 22)))

    items = {Path(item.locator).stem: item for item in await library.items(connection)}
    assert done.reading.problems == ()
    assert len(items) == 73
    groups = items["all-about-groups"]
    assert (groups.reviewed_on, groups.owner, groups.backup) == (
        date(2020, 8, 31), "ToddKlindt", "pamgreen",
    )  # fmt: skip
    assert all(item.reviewed_on and item.owner for item in items.values())


async def test_importing_again_changes_no_row(handbook: Handbook) -> None:
    for name in ("a", "b", "c"):
        handbook.write(name)
    handbook.write("never", reviewed=None)
    await handbook.imported(MONDAY)
    before = await everything(handbook.connection)

    for days in (0, 1, 200):
        done = await handbook.imported(MONDAY + timedelta(days=days))
        assert (done.plan.unchanged, done.plan.writes) == (4, ())
    assert await everything(handbook.connection) == before


async def test_p23_replayed_day_by_day_a_review_closes_an_edit_does_not_an_owner_moves(
    handbook: Handbook,
) -> None:
    """Due 30 March: soon from 1 March on, for a month after 28 February is 28 March."""
    handbook.write("other", reviewed="2026-02-27")
    handbook.write("page")
    seen: list[tuple[State, str | None]] = []
    day = date(2026, 2, 25)
    while day < date(2026, 10, 1):
        match (day.month, day.day):
            case (4, 10):
                handbook.write("page", text="An edit, and no review.")
            case (4, 20):
                handbook.write("page", text="An edit, and no review.", owner="#docs")
            case (5, 4):
                handbook.write("page", "2026-05-04", text="An edit, and no review.", owner="#docs")
            case (6, 1):
                handbook.write("page", "2026-05-04", "4 weeks", owner="#docs", text="Shorter.")
        await handbook.imported(day)
        item = await handbook.item("page")
        seen.append((item.state(day), item.owner))
        day += timedelta(days=1)

    began = date(2026, 2, 25)

    def span(first: date, until: date) -> set[tuple[State, str | None]]:
        return set(seen[(first - began).days : (until - began).days])

    assert span(began, date(2026, 3, 1)) == {(State.FRESH, "#all")}
    assert span(date(2026, 3, 1), date(2026, 3, 30)) == {(State.DUE_SOON, "#all")}
    assert span(date(2026, 3, 30), date(2026, 4, 20)) == {(State.STALE, "#all")}
    assert span(date(2026, 4, 20), date(2026, 5, 4)) == {(State.STALE, "#docs")}
    assert span(date(2026, 5, 4), date(2026, 6, 1)) == {(State.FRESH, "#docs")}
    assert span(date(2026, 6, 1), date(2026, 10, 1)) == {(State.STALE, "#docs")}
    item = await handbook.item("page")
    told = await reviews.reviews_of(handbook.connection, item.id)
    assert [(r.reviewed_on, r.via, r.changed) for r in told] == [
        (date(2026, 5, 4), "source", False), (date(2025, 9, 30), "source", False),
    ]  # fmt: skip
    assert [v.version for v in await library.versions(handbook.connection, item.id)] == [3, 2, 1]


async def test_a_review_told_to_us_counts_though_the_source_states_an_older_one(
    handbook: Handbook,
) -> None:
    handbook.write("page")
    await handbook.imported(MONDAY)
    item = await handbook.item("page")
    async with handbook.connection.transaction():
        await reviews.record(
            handbook.connection,
            Review(item.id, MONDAY, "maya", changed=False, checked=(Checked.STEPS,)), at(MONDAY),
        )  # fmt: skip
    handbook.write("page", text="Edited.")
    await handbook.imported(MONDAY + timedelta(days=1))

    assert (await handbook.item("page")).due_on == date(2026, 9, 2)

    handbook.write("page", "2026-03-20")
    await handbook.imported(MONDAY + timedelta(days=30))
    assert (await handbook.item("page")).due_on == date(2026, 9, 20)


async def test_a_block_stays_through_imports_and_a_review_by_date(handbook: Handbook) -> None:
    """Whoever moved the date may not know what was said here. A review told to us does."""
    handbook.write("page")
    await handbook.imported(MONDAY)
    item = await handbook.item("page")
    await reviews.block(handbook.connection, item.id, "Wrong price.", "maya", at(MONDAY))
    handbook.write("page", "2026-03-03", text="Edited.")
    await handbook.imported(MONDAY + timedelta(days=1))

    assert (await handbook.item("page")).state(MONDAY) is State.BLOCKED

    async with handbook.connection.transaction():
        await reviews.record(
            handbook.connection, Review(item.id, MONDAY, "maya", changed=True), at(MONDAY)
        )
    after = await handbook.item("page")
    assert (after.blocked, after.reviewed_on) == (None, date(2026, 3, 3))


async def test_two_files_that_change_places_keep_what_they_are(handbook: Handbook) -> None:
    for name, own in (("a", "one"), ("b", "two"), ("c", "three")):
        handbook.write(name)
        path = handbook.folder / f"{name}.html.md.erb"
        path.write_text(path.read_text().replace("title:", f"id: {own}\ntitle:"))
    handbook.source = ContentSource(
        "handbook", SourceKind.FOLDER, str(handbook.folder), "gov-tech-docs", fields={"id": "id"}
    )
    await handbook.imported(MONDAY)
    before = {i.stated_id: i.id for i in await library.items(handbook.connection)}
    a, b = (handbook.folder / f"{name}.html.md.erb" for name in "ab")
    a.rename(handbook.folder / "x")
    b.rename(a)
    (handbook.folder / "x").rename(b)
    done = await handbook.imported(MONDAY)

    assert len(done.plan.renamed) == 2
    assert {i.stated_id: i.id for i in await library.items(handbook.connection)} == before
    assert (await handbook.item("a")).stated_id == "two"


async def test_two_imports_at_once_wait_for_each_other(handbook: Handbook, database: str) -> None:
    for name in ("a", "b", "c"):
        handbook.write(name)
    async with await AsyncConnection.connect(database, autocommit=True) as other:
        one, two = await asyncio.gather(
            handbook.imported(MONDAY), import_source(other, handbook.source, at(MONDAY))
        )

    assert sorted([len(one.plan.added), len(two.plan.added)]) == [0, 3]
    assert len(await library.items(handbook.connection)) == 3


async def test_a_wrong_folder_does_not_empty_the_library(
    handbook: Handbook, tmp_path: Path
) -> None:
    for name in "abcde":
        handbook.write(name)
    await handbook.imported(MONDAY)
    before = await everything(handbook.connection)
    for name in "abc":
        (handbook.folder / f"{name}.html.md.erb").unlink()

    with pytest.raises(TooManyGoneError, match="3 of the 5 items"):
        await handbook.imported(MONDAY)
    assert await everything(handbook.connection) == before

    tried = await handbook.imported(MONDAY, dry_run=True)
    assert len(tried.plan.gone) == 3
    assert await everything(handbook.connection) == before

    await handbook.imported(MONDAY, retire_many=True)
    assert len(await library.items(handbook.connection)) == 2


async def test_a_move_that_only_the_history_knows_keeps_the_id(
    connection: Connection, tmp_path: Path
) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    checkout = Checkout(tmp_path / "docs")
    handbook = Handbook(connection, checkout.folder)
    long = "\n".join(f"Step {n}." for n in range(30))
    for name in ("a", "b", "c"):
        handbook.write(name, text=f"{long}\n{name}")
    checkout.commit()
    await handbook.imported(MONDAY)
    before = await handbook.item("a")
    checkout.move("a.html.md.erb", "deep/z.html.md.erb")
    checkout.commit()
    handbook.write("deep/z", text="Rewritten from its first word to its last.")
    checkout.commit()
    done = await handbook.imported(MONDAY)

    assert [(old, item.id) for old, item in done.plan.renamed] == [("a.html.md.erb", before.id)]
    assert done.plan.gone == ()


async def test_p26_the_shipped_content_comes_over_the_quarter_the_most_used_first(
    connection: Connection,
) -> None:
    source = ContentSource("own", SourceKind.CONTENT, str(rig.ROOT / "content"))
    done = await import_source(connection, source, at(MONDAY))
    again = await import_source(connection, source, at(MONDAY))

    assert again.plan.writes == ()
    never = [item for item in done.plan.added if item.reviewed_on is None]
    uses = await library.use_counts(connection)
    by_due = sorted(never, key=lambda item: item.due_on)
    assert [uses.get(i.id, 0) for i in by_due] == sorted(
        (uses.get(i.id, 0) for i in never), reverse=True
    )
    assert max(Counter(item.due_on for item in never).values()) == 1
    block = done.plan.items["blocks/signature.md"]
    shown = await library.shown_by(connection, block.id)
    assert len(shown) == uses[block.id] > 3


async def test_p26_what_people_are_about_to_read_comes_before_what_is_used_most(
    connection: Connection,
) -> None:
    now = at(MONDAY)
    await rig.publish(connection, rig.drip("welcome", 2, "3 days"), now)
    [acme] = await rig.people(connection, 1, now)
    await stand(connection, "welcome", acme, "wait-2", now + timedelta(days=2))
    source = ContentSource("own", SourceKind.CONTENT, str(rig.ROOT / "content"))
    done = await import_source(connection, source, now)
    again = await import_source(connection, source, now)

    assert again.plan.writes == ()
    kept = await library.of_ids(connection, [each.id for each in done.plan.added])
    by_due = sorted(
        (each for each in kept if each.reviewed_on is None), key=lambda each: each.due_on
    )
    seen = await exposure.of_items(connection, now)
    first = [item.locator for item in by_due if item.id in seen]
    assert "blocks/help.md" in first
    assert first == [item.locator for item in by_due[: len(first)]]


async def test_what_an_item_no_longer_shows_is_forgotten(
    connection: Connection, tmp_path: Path
) -> None:
    folder = tmp_path / "content"
    shutil.copytree(rig.ROOT / "content", folder)
    source = ContentSource("own", SourceKind.CONTENT, str(folder))
    before = await import_source(connection, source, at(MONDAY))
    block = before.plan.items["blocks/signature.md"]
    email = folder / "emails" / "first-send-celebration.md"
    email.write_text(email.read_text().replace('{% include "blocks/signature.md" %}', ""))
    count = (await library.use_counts(connection))[block.id]

    await import_source(connection, source, at(MONDAY))

    assert (await library.use_counts(connection))[block.id] == count - 1
