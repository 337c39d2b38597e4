"""The archive: what was sent can be read by anybody, and nothing else, and nobody is named."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from digital_cs.domain.content.review_policy import Kind
from digital_cs.domain.newsletters.issue import Reach
from digital_cs.store.newsletters import issue_readers, issue_texts
from digital_cs.temporal import newsletter_recall, newsletters
from tests.activities.issue_house import CALENDAR, IssueHouse, day, opened
from tests.console.client import Face, face

OPENING = "Hi {{ contact.first_name or 'there' }} of {{ account.name }},\n\nread <this>."


@pytest.fixture
async def desk(database: str, tmp_path: Path) -> AsyncIterator[IssueHouse]:
    async with opened(database, tmp_path) as ready:
        yield ready


@pytest.fixture
async def archive(desk: IssueHouse) -> AsyncIterator[Face]:
    async with face(desk.pool) as found:
        yield found


async def sent(desk: IssueHouse) -> str:
    """An issue on its way."""
    await desk.accounts(1)
    id = await desk.publish()
    await desk.write(id, OPENING)
    await desk.advance(id, day(11, 26, 12))
    await desk.approve(id)
    await desk.advance(id, day(11, 30, 18) + timedelta(minutes=50))
    await desk.advance(id, day(11, 30, 19) + timedelta(minutes=1))
    return id


async def test_an_issue_can_be_read_once_it_goes_out_and_names_nobody(
    desk: IssueHouse, archive: Face
) -> None:
    id = await sent(desk)
    found = await archive.stranger.get(f"/n/{id}")
    assert found.status_code == 200
    assert "Hi there of your company" in found.text
    assert "read &lt;this&gt;" in found.text
    assert "unsubscribe" not in found.text.casefold()
    assert "Read it in a browser" not in found.text
    texts = await desk.rows("select source from newsletter_variants where issue_id = %s", id)
    assert all(f"/n/{id}" in row["source"] for row in texts)
    assert "script-src" not in found.headers["content-security-policy"]
    assert "default-src 'none'" in found.headers["content-security-policy"]
    assert found.headers["x-robots-tag"] == "noindex"  # what is recalled is to be gone everywhere


async def test_before_it_is_sent_an_issue_is_not_there(desk: IssueHouse, archive: Face) -> None:
    id = await desk.publish()
    await desk.write(id, OPENING)
    await desk.advance(id, day(11, 26, 12))
    assert (await archive.stranger.get(f"/n/{id}")).status_code == 404
    index = await archive.stranger.get("/n/lantern-letter")
    assert "No issue was sent yet" in index.text


async def test_the_index_lists_what_was_sent_with_its_subject(
    desk: IssueHouse, archive: Face
) -> None:
    id = await sent(desk)
    await desk.rows("update newsletter_issues set subject = 'A <b>bold</b> one' where id = %s", id)
    index = await archive.stranger.get("/n/lantern-letter")
    assert f'href="/n/{id}">1 December 2026</a> A &lt;b&gt;bold&lt;/b&gt; one' in index.text


@pytest.mark.parametrize(
    "path",
    ["/n/nobody", "/n/lantern-letter/2026-13-40", "/n/lantern-letter/2026-12-02",
     "/n/lantern-letter/2026-12-01-2", "/n/lantern-letter/2026-12-01/v9", "/n/lantern%00letter",
     "/n/lantern-letter/2026-12-01/%00", "/n/..%2f..%2fetc/2026-12-01"],
)  # fmt: skip
async def test_what_is_not_there_is_said_so(desk: IssueHouse, archive: Face, path: str) -> None:
    await sent(desk)
    found = await archive.stranger.get(path)
    assert found.status_code == 404


async def test_an_issue_that_was_recalled_is_gone_at_once_and_says_so(
    desk: IssueHouse, archive: Face
) -> None:
    id = await sent(desk)
    assert (await archive.stranger.get(f"/n/{id}")).headers["cache-control"] == "no-store"
    await newsletters.recall(desk.gateway(), id, "A <wrong> price", "maya")
    for path in (f"/n/{id}", f"/n/{id}/v1"):
        found = await archive.stranger.get(path)
        assert found.status_code == 410
        assert "This issue was recalled by its editors." in found.text
        assert "price" not in found.text  # why, is nobody's business
        assert "read &lt;this&gt;" not in found.text
    assert "No issue was sent yet" in (await archive.stranger.get("/n/lantern-letter")).text
    async with desk.pool.connection() as connection:  # the desk still has all of it
        assert await issue_readers.variants(connection, id)
        assert await issue_texts.texts(connection, id)


async def test_once_its_correction_is_sent_the_page_leads_there(
    desk: IssueHouse, archive: Face
) -> None:
    id = await sent(desk)
    await newsletters.recall(desk.gateway(), id, "A wrong price", "maya")
    made = await newsletter_recall.correct(
        desk.gateway(), id, day(12, 1).date(), Reach.EVERYBODY, "maya", CALENDAR
    )
    await desk.advance(made)
    assert made not in (await archive.stranger.get(f"/n/{id}")).text
    await desk.rows("update newsletter_issues set state = 'sending' where id = %s", made)
    assert f'href="/n/{made}"' in (await archive.stranger.get(f"/n/{id}")).text
    assert (await archive.stranger.get(f"/n/{made}")).status_code == 200
    assert f'href="/n/{made}"' in (await archive.stranger.get("/n/lantern-letter")).text


async def test_what_turned_out_to_be_wrong_is_not_on_the_page_and_what_is_old_is(
    desk: IssueHouse, archive: Face
) -> None:
    """P25."""
    await desk.articles("import-contacts", "more-seats", kind=Kind.FEATURE_NOTE)
    await desk.rows("update content_items set added_on = '2026-11-20'")
    id = await sent(desk)
    page = (await archive.stranger.get(f"/n/{id}")).text
    assert "Import contacts" in page
    assert "More seats" in page
    await desk.rows("update content_items set stale_on = '2026-11-30' where id = 'c-more-seats'")
    await desk.rows(
        "update content_items set blocked_at = now(), blocked_because = 'Wrong', blocked_by = 'x'"
        " where id = 'c-import-contacts'"
    )
    page = (await archive.stranger.get(f"/n/{id}")).text
    assert "Import contacts" not in page
    assert "More seats" in page
