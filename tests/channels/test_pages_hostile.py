"""Pages and servers that mean harm: endless, slow, lying, or leading inside. None of them hurts."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from digital_cs.channels.page_text import characters
from digital_cs.channels.page_wire import Limits
from digital_cs.channels.public_address import is_public, is_reserved, resolve
from digital_cs.domain.links.link_health import Finding
from tests.channels.web import Web, answer, looking, moved

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
QUICK = Limits(seconds=0.3, body=100_000)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n"
WORDS = " ".join(f"word{number}" for number in range(30))


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with Web() as running:
        yield running


async def test_an_endless_body_is_read_as_far_as_the_limit(web: Web) -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"transfer-encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1000\r\n" + b"words and " * 409 + b"words." + b"\r\n")
            await writer.drain()

    web.pages["/a"] = endless
    async with looking(limits=Limits(seconds=20, body=100_000)) as pages:
        seen = await pages.look(web.url("/a"), NOW, text=True)
    assert seen.look.finding is Finding.OK
    assert seen.text is not None
    assert 90_000 < len(seen.text) <= 100_000


async def test_a_drip_of_bytes_gains_no_time(web: Web) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"content-length: 100000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async def dripping_head(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        while True:
            writer.write(b"x: y\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    web.pages |= {"/body": drip, "/head": dripping_head}
    async with looking(limits=QUICK) as pages:
        for path in ("/body", "/head"):
            seen = await pages.look(web.url(path), NOW, text=True)
            assert seen.look.finding is Finding.TOO_SLOW
            assert "0.3 seconds" in seen.look.detail


async def test_endless_headers_and_what_is_no_http_are_bad_answers(web: Web) -> None:
    async def headers(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        while True:
            writer.write(b"x: " + b"y" * 4000 + b"\r\n")
            await writer.drain()

    async def noise(writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
        await writer.drain()
        writer.close()

    web.pages |= {"/headers": headers, "/noise": noise}
    async with looking() as pages:
        for path in ("/headers", "/noise"):
            seen = await pages.look(web.url(path), NOW, text=True)
            assert seen.look.finding in (Finding.BAD_ANSWER, Finding.NO_ANSWER), path


async def test_a_bomb_of_compressed_zeros_takes_no_more_than_the_limit(web: Web) -> None:
    bomb = gzip.compress(b"\0" * 200_000_000, 9)
    web.pages["/bomb"] = answer(200, bomb, content_encoding="gzip")
    web.pages["/lie"] = answer(200, b"not gzip at all", content_encoding="gzip")
    async with looking() as pages:
        tracemalloc.start()
        seen = await pages.look(web.url("/bomb"), NOW, text=True)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        lie = await pages.look(web.url("/lie"), NOW, text=True)
    assert seen.look.finding is Finding.OK
    assert most < 20_000_000
    assert lie.look.finding is Finding.BAD_ANSWER


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://10.0.0.8/",
        "http://192.168.1.1/", "http://169.254.169.254/latest/meta-data/", "http://0.0.0.0/",
        "http://[fd00:ec2::254]/", "http://[::ffff:127.0.0.1]/", "http://2130706433/",
        "http://0x7f.1/", "http://[64:ff9b::7f00:1]/", "http://100.100.100.200/",
    ],
)  # fmt: skip
async def test_addresses_inside_are_refused_however_they_are_written(url: str) -> None:
    async with looking(resolve=resolve, may_call=None) as pages:
        assert (await pages.look(url, NOW)).look.finding is Finding.PRIVATE


@pytest.mark.parametrize(
    "url",
    ["https://help.lantern.example/a", "http://example.com/", "http://www.example.org./b",
     "http://a.test/", "http://INVALID/"],
)  # fmt: skip
async def test_names_of_examples_are_not_even_asked_about(url: str) -> None:
    async with looking(resolve=resolve, may_call=None) as pages:
        look = (await pages.look(url, NOW)).look
    assert (look.finding, look.finding.failed) == (Finding.RESERVED, False)
    assert not any(is_reserved(host) for host in ("example.de", "test.com", "myexample.com"))


async def test_nobody_is_asked_where_mail_or_shells_are_answered(web: Web) -> None:
    async with looking() as pages:
        assert (await pages.look("http://docs.test:25/", NOW)).look.finding is Finding.PRIVATE


async def test_a_redirect_to_a_private_address_is_refused_and_nobody_there_is_asked() -> None:
    async def names(host: str, port: int) -> list[str]:
        return ["127.0.0.1" if host == "docs.test" else "127.0.0.2"]

    async with Web() as web:
        web.pages |= {"/a": moved(web.url("/b", "inside.test")), "/b": answer()}
        async with looking(resolve=names) as pages:
            look = (await pages.look(web.url("/a"), NOW)).look
    assert look.finding is Finding.PRIVATE
    assert look.leads_to == web.url("/b", "inside.test")
    assert [a.path for a in web.asked] == ["/robots.txt", "/a"]


async def test_a_name_that_answers_differently_the_second_time_gains_nothing(web: Web) -> None:
    answers = [["127.0.0.1"], ["10.0.0.1"], ["127.0.0.3"]]

    async def rebinding(host: str, port: int) -> list[str]:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    closing = answer(200, connection="close")
    web.pages |= {"/robots.txt": closing, "/a": closing, "/b": closing}
    async with looking(resolve=rebinding) as pages:
        found = [(await pages.look(web.url(path), NOW)).look.finding for path in ("/a", "/b")]
    # The first request went to the address that was checked; each further one is checked anew.
    assert found == [Finding.PRIVATE, Finding.PRIVATE]
    assert [a.path for a in web.asked] == ["/robots.txt"]


async def test_a_name_with_an_address_inside_and_one_outside_leads_outside(web: Web) -> None:
    async def both(host: str, port: int) -> list[str]:
        return ["10.0.0.1", "127.0.0.1"]

    web.pages["/a"] = answer()
    async with looking(resolve=both) as pages:
        assert (await pages.look(web.url("/a"), NOW)).look.finding is Finding.OK


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True), ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("172.16.0.1", False), ("224.0.0.1", False), ("255.255.255.255", False),
        ("fe80::1%eth0", False), ("fec0::1", False), ("2002:7f00:1::", False),
        ("168.63.129.16", False), ("198.18.0.1", False), ("::", False), ("nonsense", False),
    ],
)  # fmt: skip
def test_what_is_inside_is_known_in_every_form(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("Grüße".encode(), "text/html; charset=iso-8859-1", "GrÃ¼ÃŸe"),
        ("Grüße".encode("cp1252"), "text/html; charset=utf-8", "Gr\ufffd\ufffde"),
        ("Grüße".encode("cp1252"), "text/html", "Grüße"),
        (b"<meta charset=koi8-r>" + "да".encode("koi8-r"), "", "<meta charset=koi8-r>да"),
        ("\ufeffGrüße".encode("utf-16-le"), "text/html; charset=utf-8", "Grüße"),
        (b"abc", "text/html; charset=punycode", "abc"),
        (b"abc", "text/html; charset=zlib", "abc"),
        (b"abc", "text/html; charset=nonsense-8", "abc"),
        ("Grü".encode()[:-1], "text/html", "Gr\ufffd"),
        ("à".encode("cp1252"), "text/html", "\ufffd"),
    ],
)
def test_a_page_that_lies_about_its_charset_is_read_all_the_same(
    body: bytes, content_type: str, text: str
) -> None:
    assert characters(body, content_type) == text


async def test_a_robots_file_without_end_is_read_in_part(web: Web) -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"transfer-encoding: chunked\r\n\r\n")
        line = b"User-agent: *\nDisallow: /secret\n" * 100
        while True:
            writer.write(b"%x\r\n%b\r\n" % (len(line), line))
            await writer.drain()

    web.pages |= {"/robots.txt": endless, "/a": answer(200, WORDS), "/secret": answer()}
    async with looking() as pages:
        assert (await pages.look(web.url("/a"), NOW)).look.finding is Finding.OK
        assert (await pages.look(web.url("/secret"), NOW)).look.finding is Finding.ROBOTS
