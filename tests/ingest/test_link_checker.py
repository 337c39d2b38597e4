"""P24: what is due is checked politely, kept, never twice at once, and goes on after a stop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from digital_cs.background import end
from digital_cs.channels.page_wire import Limits
from digital_cs.channels.pages import Pages
from digital_cs.domain.links.link_health import State
from digital_cs.ingest.content import link_checker
from digital_cs.ingest.content.link_checker import Checked, LinkChecker
from digital_cs.ingest.content.link_documents import check_with, documents
from digital_cs.store.content import links, live_pages
from digital_cs.store.content.links import PAGE, Place, Which
from digital_cs.store.database import pool
from tests.channels.web import Web, answer, looking, moved
from tests.rig import MONDAY

Pool = AsyncConnectionPool[Any]
EVERY = Which()
WORDS = " ".join(f"word{number}" for number in range(40))


@dataclass
class Watch:
    """A clock that stands until it is turned."""

    moment: datetime = MONDAY
    speed: float = field(default=1.0)

    def now(self) -> datetime:
        return self.moment

    def seconds_until(self, moment: datetime) -> float:
        return max((moment - self.moment).total_seconds(), 0.0)


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with Web() as running:
        yield running


@pytest.fixture
async def opened(database: str) -> AsyncIterator[Pool]:
    async with pool.opened(database, 4) as connections:
        yield connections


async def stand(opened: Pool, *urls: str, page: str | None = None) -> None:
    places = [Place(url, line) for line, url in enumerate(urls, 1)]
    if page is not None:
        places.append(Place(page, 0, PAGE))
    async with opened.connection() as connection, connection.transaction():
        await links.replace_links(connection, {"item": places})


async def run(opened: Pool, watch: Watch, pages: Pages, which: Which = EVERY) -> Checked:
    return await LinkChecker(pool=opened, clock=watch, pages=pages).run(which)


async def states(opened: Pool) -> dict[str, str]:
    """The state of each link by its path."""
    async with opened.connection() as connection:
        found = await links.list_links(connection, EVERY)
    return {"/" + each.url.split("/", 3)[3]: each.health.state.value for each in found}


async def test_what_is_due_is_checked_once_and_kept(opened: Pool, web: Web) -> None:
    web.pages |= {"/there": answer(), "/moved": moved("/there")}
    paths = ("/there", "/moved", "/gone")
    await stand(opened, *(web.url(path) for path in paths))
    watch = Watch()
    async with looking() as pages:
        checked = await run(opened, watch, pages)
        again = await run(opened, watch, pages)
    assert (checked.links, again.links) == (3, 0)
    assert await states(opened) == {"/there": "ok", "/moved": "redirected", "/gone": "failing"}
    assert checked.states == {State.OK: 1, State.REDIRECTED: 1, State.FAILING: 1}


async def test_broken_is_said_after_three_days_and_taken_back_by_one_good_look(
    opened: Pool, web: Web
) -> None:
    await stand(opened, web.url("/a"))
    watch, seen = Watch(), []
    async with looking() as pages:
        for day in range(4):
            web.pages["/a"] = answer(200 if day == 3 else 404)
            await run(opened, watch, pages)
            seen.append((await states(opened))["/a"])
            watch.moment += timedelta(days=5)
    assert seen == ["failing", "failing", "broken", "ok"]


async def test_where_no_server_at_all_answers_we_are_cut_off_and_no_link_is_called_failing(
    opened: Pool, web: Web
) -> None:
    hosts = [f"s{number}.nowhere.test" for number in range(link_checker.CUT_OFF)]
    await stand(opened, *(web.url("/a", host) for host in hosts), "http://docs.example/a")
    watch = Watch()
    async with looking() as pages:
        cut_off = await run(opened, watch, pages)
        assert (cut_off.cut_off, cut_off.links) == (True, 0)
        assert set((await states(opened)).values()) == {"unknown"}

        watch.moment += timedelta(hours=2)
        web.pages["/b"] = answer()
        await stand(opened, *(web.url("/a", host) for host in hosts), web.url("/b"))
        online = await run(opened, watch, pages)
    assert (online.cut_off, online.links) == (False, link_checker.CUT_OFF + 1)
    assert await states(opened) == {"/a": "failing", "/b": "ok"}


async def test_a_few_silent_servers_are_looked_at_to_the_end_though_nobody_else_answers(
    opened: Pool, web: Web
) -> None:
    links_of_two = [web.url(f"/{n}", f"s{n % 2}.nowhere.test") for n in range(70)]
    await stand(opened, *links_of_two)
    async with looking() as pages:
        done = await run(opened, Watch(), pages)
    assert (done.cut_off, done.states) == (False, {State.FAILING: 70})


async def test_two_checkers_share_the_work_and_ask_no_server_at_the_same_time(
    opened: Pool, web: Web
) -> None:
    web.pages |= {f"/{n}": answer() for n in range(6)}
    hosts = [f"host{n}.test" for n in range(8)]
    await stand(opened, *(web.url(f"/{n}", host) for host in hosts for n in range(6)))
    async with looking() as one, looking() as other:
        checkers = [
            LinkChecker(pool=opened, clock=Watch(), pages=pages, hosts_at_once=2)
            for pages in (one, other)
        ]
        done = await asyncio.gather(*(checker.run(EVERY) for checker in checkers))
    asked = Counter((a.host, a.path) for a in web.asked if a.path != "/robots.txt")
    assert asked == {(host, f"/{n}"): 1 for host in hosts for n in range(6)}
    assert sum(each.links for each in done) == 48
    robots = Counter(a.host for a in web.asked if a.path == "/robots.txt")
    assert robots == dict.fromkeys(hosts, 1)  # so no server was asked by both


async def test_a_run_that_is_stopped_keeps_what_it_found_and_the_next_goes_on(
    opened: Pool, web: Web
) -> None:
    reached = asyncio.Event()

    async def hold(writer: asyncio.StreamWriter) -> None:
        reached.set()
        await asyncio.sleep(60)

    web.pages |= {f"/{n}": answer() for n in range(9)}
    web.pages["/5"] = hold
    await stand(opened, *(web.url(f"/{n}") for n in range(9)))
    async with looking() as pages:
        running = asyncio.create_task(run(opened, Watch(), pages))
        await reached.wait()
        await end(running)
    assert Counter((await states(opened)).values()) == {"ok": 5, "unknown": 4}

    web.pages["/5"] = answer()
    web.asked.clear()
    async with looking() as pages:
        assert (await run(opened, Watch(), pages)).links == 4
    assert web.paths() == ["/5", "/6", "/7", "/8"]
    assert set((await states(opened)).values()) == {"ok"}


async def test_a_server_that_asks_to_be_left_alone_is_and_its_links_wait(
    opened: Pool, web: Web
) -> None:
    web.pages |= {"/a": answer(503, retry_after="3600"), "/b": answer(), "other.test/c": answer()}
    await stand(opened, web.url("/a"), web.url("/b"), web.url("/c", "other.test"))
    watch = Watch()
    async with looking() as pages:
        checked = await run(opened, watch, pages)
    async with looking() as pages:
        assert (await run(opened, watch, pages)).links == 0
    assert len(checked.left_alone) == 1
    assert await states(opened) == {"/a": "unknown", "/b": "unknown", "/c": "ok"}

    watch.moment += timedelta(hours=2)
    web.pages["/a"] = answer()
    async with looking() as pages:
        assert (await run(opened, watch, pages)).links == 2


async def test_a_server_that_does_not_answer_is_not_waited_for_link_by_link(
    opened: Pool, web: Web
) -> None:
    async def silence(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    web.pages |= {f"/{n}": silence for n in range(12)}
    await stand(opened, *(web.url(f"/{n}") for n in range(12)))
    async with looking(limits=Limits(seconds=0.1)) as pages:
        checked = await run(opened, Watch(), pages)
    assert (checked.links, checked.states) == (12, {State.FAILING: 12})
    assert len(web.paths()) == link_checker.SILENT


async def test_a_live_page_that_says_something_else_is_counted(opened: Pool, web: Web) -> None:
    def page(words: str, views: int) -> bytes:
        return answer(200, f"<nav>{views}</nav><main><p>{words}</p><p>{views} views</p></main>")

    url = web.url("/page")
    web.pages["/page"] = [page(WORDS, 1), page(WORDS, 2), page(WORDS.replace("7", "x"), 3)]
    await stand(opened, page=url)
    watch, changed = Watch(), []
    async with looking() as pages:
        for _ in range(3):
            changed.append((await run(opened, watch, pages)).changed_pages)
            watch.moment += timedelta(days=9)
    assert changed == [0, 0, 1]
    async with opened.connection() as connection:
        found = (await live_pages.of_items(connection, ["item"]))["item"]
    assert found.changed_at == MONDAY + timedelta(days=18)


async def test_links_on_the_page_of_an_item_without_a_file_are_checked_too(
    opened: Pool, web: Web
) -> None:
    body = f"<p>{WORDS} <a href='/dead'>a</a> <a href='#b'>b</a> <a href='mailto:c'>c</a></p>"
    web.pages["/page"] = answer(200, f"<nav><a href=/menu>m</a></nav><main>{body}</main>")
    await stand(opened, page=web.url("/page"))
    watch = Watch()
    async with looking() as pages:
        assert (await run(opened, watch, pages)).links == 2
        assert await states(opened) == {"/page": "ok", "/dead": "failing"}
        # Whoever gathers the library's links again leaves what was found on the page.
        await stand(opened, page=web.url("/page"))
        assert "/dead" in await states(opened)
        # The file of the item tells more, with lines: it alone counts where there is one.
        await stand(opened, web.url("/mine"), page=web.url("/page"))
        watch.moment += timedelta(days=9)
        await run(opened, watch, pages)
    assert set(await states(opened)) == {"/page", "/mine"}


async def test_links_that_are_not_due_are_looked_at_again_when_asked(
    opened: Pool, web: Web
) -> None:
    web.pages |= {"/a": answer(), "other.test/b": answer()}
    await stand(opened, web.url("/a"), web.url("/b", "other.test"))
    watch = Watch()
    async with looking() as pages:
        await run(opened, watch, pages)
        watch.moment += timedelta(hours=1)
        again = Which(host=f"other.test:{web.port}", since=watch.moment)
        assert (await run(opened, watch, pages, again)).links == 1


async def test_documents_are_checked_without_a_database(tmp_path: Path, web: Web) -> None:
    web.pages |= {"/there": answer(), "/old": moved("/there"), "/robots.txt": answer(404)}
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.md").write_text(web.url("/hidden"))
    (tmp_path / "guide.md").write_text(
        f"[a]({web.url('/there')})\n[b]({web.url('/old')})\n\n[c](/gone)\n"
        f"[e](<http://a b/>)\n[f](http://nowhere.test/)\n"
    )
    (tmp_path / "image.png").write_bytes(b"\x89PNG")
    files = documents(tmp_path)
    async with looking() as pages:
        found = await check_with(pages, files, web.url("/"))
        without = await check_with(pages, files, None)
    assert [(each.line, each.rule) for each in found if each.wrong] == [
        (2, "moved"), (4, "fails"), (5, "not-an-address"), (6, "fails"),
    ]  # fmt: skip
    assert [each.line for each in without if each.wrong] == [2, 5, 6]
    assert files == [tmp_path / "guide.md"]
