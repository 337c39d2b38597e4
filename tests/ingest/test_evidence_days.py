"""P24: evidence is looked at once a day, and links are checked, without anybody remembering to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from digital_cs.background import end
from digital_cs.config import load_settings
from digital_cs.domain.content.evidence import Signal
from digital_cs.domain.links.link_health import Finding, State
from digital_cs.ingest.content import evidence_days
from digital_cs.ingest.content.evidence_days import EvidenceDays, TeamUnreadableError
from digital_cs.ingest.content.link_rounds import LinkRounds
from digital_cs.store.content import links
from digital_cs.store.content.links import Which
from digital_cs.store.database import pool
from tests.ingest.knowledge import Knowledge, at
from tests.ingest.test_link_checker import Watch

Pool = AsyncConnectionPool[Any]
TEAM = "manager: maya\npeople:\n  maya: {address: maya@company.test, gone: 2026-02-01}\n"


@pytest.fixture
def kb(connection: AsyncConnection[Any]) -> Knowledge:
    return Knowledge(connection)


@pytest.fixture
async def opened(database: str) -> AsyncIterator[Pool]:
    async with pool.opened(database, 4) as connections:
        yield connections


async def test_p24_evidence_is_looked_at_once_a_day_whoever_keeps(
    kb: Knowledge, opened: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence_days, "AT_MOST_EVERY", 0.0)
    (tmp_path / "team.yaml").write_text(TEAM)
    await kb.item("guide")
    clock = Watch()
    one, other = (EvidenceDays(pool=opened, clock=clock, content_dir=tmp_path) for _ in range(2))
    done = await one.turn()
    assert done is not None
    assert done.settled.new == 1
    assert list(await kb.against("guide")) == [Signal.OWNER_GONE]
    assert await one.turn() is None
    assert await other.turn() is None, "the other did today"

    clock.moment = at(1, 0)
    assert await other.turn() is not None
    assert await one.turn() is None


async def test_p24_the_days_of_a_demo_are_too_short_to_look_on_each(
    opened: Pool, tmp_path: Path
) -> None:
    clock = Watch()
    days = EvidenceDays(pool=opened, clock=clock, content_dir=tmp_path)
    assert await days.turn() is not None
    clock.moment = at(1)
    assert await days.turn() is None


async def test_p24_a_team_that_cannot_be_read_brings_nobody_back(
    kb: Knowledge, opened: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "team.yaml").write_text(TEAM)
    await kb.item("guide")
    monkeypatch.setattr(evidence_days, "AT_MOST_EVERY", 0.0)
    clock = Watch()
    days = EvidenceDays(pool=opened, clock=clock, content_dir=tmp_path)
    await days.turn()
    (tmp_path / "team.yaml").write_text("people: {maya: {adress: x}}")
    clock.moment = at(1)
    assert await days.turn() is None
    assert list(await kb.against("guide")) == [Signal.OWNER_GONE]
    with pytest.raises(TeamUnreadableError, match="digital-cs check"):
        await evidence_days.look(kb.connection, tmp_path, at(1))

    (tmp_path / "team.yaml").write_text(TEAM.replace(", gone: 2026-02-01", ""))
    assert await days.turn() is None, "not again at once"
    monkeypatch.setattr(evidence_days, "AGAIN_SECONDS", 0.0)
    days = EvidenceDays(pool=opened, clock=clock, content_dir=tmp_path)
    assert await days.turn() is not None
    assert await kb.against("guide") == {}


async def test_p24_a_round_gathers_the_links_of_the_library_and_looks_at_them(
    kb: Knowledge, opened: Pool
) -> None:
    url = "http://127.0.0.1:9/guide"
    await kb.item("guide", url=url)
    await kb.connection.execute("update content_sources set kind = 'urls'")
    settings = load_settings(link_delay=0)
    rounds = LinkRounds(pool=opened, clock=Watch(), settings=settings, first=0, every=3_600)

    task = asyncio.create_task(rounds.run())
    try:
        async with asyncio.timeout(30):
            while await links.counts(kb.connection, Which()) != {State.REFUSED: 1}:
                await asyncio.sleep(0.02)
    finally:
        await end(task)

    seen = await links.get(kb.connection, url)
    assert seen is not None
    assert seen.health.finding is Finding.PRIVATE, "so far nobody else's server is asked by tests"
    assert (await rounds.once()).links == 0, "nothing is due so soon"
