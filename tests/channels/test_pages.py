"""Looking at pages of others: what is found, how politely, and along which redirects."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from digital_cs.channels.page_wire import PageWire
from digital_cs.channels.pages import Pages
from digital_cs.channels.politeness import Politeness
from digital_cs.domain.links.link_health import Finding
from tests.channels.web import AGENT, Web, answer, looking, moved, to_loopback

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
WORDS = " ".join(f"word{number}" for number in range(30))


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with Web() as running:
        yield running


async def test_a_page_that_is_there_is_asked_for_by_head_alone(web: Web) -> None:
    web.pages["/a"] = answer(200, "hello")
    async with looking() as pages:
        seen = await pages.look(web.url("/a#part"), NOW)
    assert (seen.look.finding, seen.look.status, seen.look.at) == (Finding.OK, 200, NOW)
    assert seen.text is None
    assert [(a.method, a.path, a.agent) for a in web.asked] == [
        ("GET", "/robots.txt", AGENT), ("HEAD", "/a", AGENT),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "finding"),
    [
        (404, Finding.NOT_FOUND), (410, Finding.GONE), (500, Finding.SERVER_ERROR),
        (503, Finding.SERVER_ERROR), (401, Finding.DENIED), (403, Finding.DENIED),
        (418, Finding.BAD_ANSWER), (429, Finding.BUSY), (204, Finding.OK),
    ],
)  # fmt: skip
async def test_each_status_says_its_own(web: Web, status: int, finding: Finding) -> None:
    web.pages["/a"] = answer(status)
    async with looking() as pages:
        seen = await pages.look(web.url("/a"), NOW)
    assert (seen.look.finding, seen.look.status) == (finding, status)


async def test_a_server_that_cannot_answer_head_is_asked_by_get(web: Web) -> None:
    async def hang_up(writer: asyncio.StreamWriter) -> None:
        if web.asked[-1].method == "GET":
            writer.write(answer(200, "here"))
        else:
            writer.close()

    web.pages["/a"] = hang_up
    async with looking() as pages:
        seen = await pages.look(web.url("/a"), NOW)
    assert seen.look.finding is Finding.OK
    assert [a.method for a in web.asked if a.path == "/a"] == ["HEAD", "GET"]


async def test_redirects_are_followed_and_permanent_only_when_all_are(web: Web) -> None:
    web.pages |= {
        "/a": moved("/b"), "/b": moved(web.url("/c", "other.test"), 308), "other.test/c": answer(),
        "/x": moved("/y"), "/y": moved("/c", 302), "/c": answer(),
    }  # fmt: skip
    async with looking() as pages:
        first = (await pages.look(web.url("/a"), NOW)).look
        second = (await pages.look(web.url("/x"), NOW)).look
    assert (first.finding, first.leads_to, first.permanent) == (
        Finding.OK, web.url("/c", "other.test"), True,
    )  # fmt: skip
    assert (second.leads_to, second.permanent) == (web.url("/c"), False)


async def test_a_redirect_that_is_written_in_letters_of_its_language_is_followed(web: Web) -> None:
    web.pages |= {"/a": moved("/grüße"), "/gr%C3%BC%C3%9Fe": answer()}
    async with looking() as pages:
        look = (await pages.look(web.url("/a"), NOW)).look
    assert (look.finding, look.leads_to) == (Finding.OK, web.url("/gr%C3%BC%C3%9Fe"))


async def test_redirects_without_end_are_no_page(web: Web) -> None:
    web.pages |= {f"/{n}": moved(f"/{n + 1}") for n in range(40)}
    web.pages |= {"/ring": moved("/gnir"), "/gnir": moved("/ring")}
    async with looking() as pages:
        assert (await pages.look(web.url("/0"), NOW)).look.finding is Finding.REDIRECT_LOOP
        assert (await pages.look(web.url("/ring"), NOW)).look.finding is Finding.REDIRECT_LOOP
    assert len(web.paths()) < 15


@pytest.mark.parametrize("to", ["mailto:someone", "ftp://docs.test/a", "javascript:alert(1)"])
async def test_a_redirect_to_what_is_no_page_is_not_followed(web: Web, to: str) -> None:
    web.pages["/a"] = moved(to)
    async with looking() as pages:
        assert (await pages.look(web.url("/a"), NOW)).look.finding is Finding.SCHEME


async def test_a_server_that_is_not_there_is_told_from_a_name_that_is_not(web: Web) -> None:
    async with looking() as pages:
        gone = (await pages.look("http://nowhere.test/a", NOW)).look
        web._server.close()
        silent = (await pages.look(web.url("/a"), NOW)).look
    assert gone.finding is Finding.NO_SERVER
    assert silent.finding is Finding.NO_ANSWER


async def test_a_certificate_that_nobody_vouches_for_is_named(
    server_context: ssl.SSLContext, trusting_context: ssl.SSLContext
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(200, connection="close"))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server_context)
    port = server.sockets[0].getsockname()[1]
    findings = []
    for host, context in (
        ("localhost", None), ("localhost", trusting_context), ("docs.test", trusting_context),
    ):  # fmt: skip
        wire = PageWire(agent=AGENT, resolve=to_loopback, may_call=lambda a: True, context=context)
        pages = Pages(wire, Politeness(delay=0, at_once=4), agent=AGENT)
        seen = await pages.look(f"https://{host}:{port}/", NOW)
        findings.append(seen.look.finding)
        await pages.close()
    server.close()
    await server.wait_closed()
    # By name, although the connection goes to the address that was checked.
    assert findings == [Finding.BAD_CERTIFICATE, Finding.OK, Finding.BAD_CERTIFICATE]


async def test_the_main_text_comes_with_the_look_that_asks_for_it(web: Web) -> None:
    web.pages["/a"] = answer(200, f"<nav>menu</nav><main><p>{WORDS}</p></main>")
    web.pages["/plain"] = answer(200, f"  {WORDS}\n\n<b>", content_type="text/plain")
    web.pages["/picture"] = answer(200, WORDS, content_type="image/png")
    async with looking() as pages:
        assert (await pages.look(web.url("/a"), NOW, text=True)).text == WORDS
        assert (await pages.look(web.url("/plain"), NOW, text=True)).text == f"{WORDS}\n<b>"
        assert (await pages.look(web.url("/picture"), NOW, text=True)).text is None


async def test_robots_are_respected_and_read_once(web: Web) -> None:
    web.pages |= {
        "/robots.txt": answer(200, "User-agent: *\nDisallow: /private\nAllow: /private/but\n"),
        "/private/a": answer(), "/private/but": answer(), "/open": answer(),
    }  # fmt: skip
    async with looking() as pages:
        found = [
            (await pages.look(web.url(path), NOW)).look.finding
            for path in ("/private/a", "/private/but", "/open")
        ]
    assert found == [Finding.ROBOTS, Finding.OK, Finding.OK]
    assert [a.path for a in web.asked] == ["/robots.txt", "/private/but", "/open"]


async def test_robots_of_where_a_redirect_leads_are_respected_too(web: Web) -> None:
    web.pages |= {
        "/a": moved(web.url("/b", "shy.test")),
        "shy.test/robots.txt": answer(200, "User-agent: digital-cs\nDisallow: /\n"),
        "shy.test/b": answer(),
    }  # fmt: skip
    async with looking() as pages:
        assert (await pages.look(web.url("/a"), NOW)).look.finding is Finding.ROBOTS
    assert web.paths() == ["/a"]


async def test_a_site_whose_robots_cannot_be_had_is_left_alone_for_now(web: Web) -> None:
    web.pages |= {"/robots.txt": answer(500), "/a": answer()}
    async with looking() as pages:
        found = [(await pages.look(web.url("/a"), NOW)).look.finding for _ in range(3)]
    assert found == [Finding.BUSY] * 3
    assert [a.path for a in web.asked] == ["/robots.txt"]


async def test_who_asks_to_be_left_alone_is(web: Web) -> None:
    web.pages |= {"/a": answer(429, retry_after="7200"), "/b": answer()}
    async with looking() as pages:
        first = (await pages.look(web.url("/a"), NOW)).look
        second = (await pages.look(web.url("/b"), NOW)).look
        other = (await pages.look(web.url("/b", "other.test"), NOW)).look
    assert (first.finding, first.wait) == (Finding.BUSY, timedelta(hours=2))
    assert second.finding is Finding.BUSY
    assert second.wait is not None
    assert second.wait > timedelta(minutes=119)
    assert other.finding is Finding.OK
    assert [(a.host, a.path) for a in web.asked if a.path != "/robots.txt"] == [
        ("docs.test", "/a"), ("other.test", "/b"),
    ]  # fmt: skip


async def test_a_server_gets_one_request_at_a_time_with_a_pause_after_it(web: Web) -> None:
    web.pages |= {f"/{n}": answer() for n in range(4)}
    web.pause = 0.01
    async with looking(delay=0.05) as pages:
        await asyncio.gather(*(pages.look(web.url(f"/{n}"), NOW) for n in range(4)))
    moments = [a.at for a in web.asked]
    assert len(moments) == 5
    assert min(b - a for a, b in itertools.pairwise(moments)) >= 0.05
    assert web.most_under_way == 1


async def test_servers_do_not_wait_for_each_other_but_only_so_many_are_asked_at_once() -> None:
    politeness = Politeness(delay=3600, at_once=3)
    under_way: list[int] = []
    inside = 0

    async def ask(host: str) -> None:
        nonlocal inside
        async with politeness.turn(host):
            inside += 1
            under_way.append(inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(ask(f"host{n}.test") for n in range(9)))
    assert len(under_way) == 9
    assert max(under_way) == 3


async def test_a_site_that_asks_for_more_time_gets_it(web: Web) -> None:
    web.pages |= {
        "/robots.txt": answer(200, "User-agent: *\nCrawl-delay: 0.05\n"),
        "/a": answer(), "/b": answer(),
    }  # fmt: skip
    async with looking() as pages:
        await pages.look(web.url("/a"), NOW)
        await pages.look(web.url("/b"), NOW)
    a, b = (each.at for each in web.asked[1:])
    assert b - a >= 0.05
