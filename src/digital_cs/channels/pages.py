"""Looking at pages of others: politely, as robots.txt allows, along redirects, and without harm."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from digital_cs.background import end
from digital_cs.channels.page_text import HTML_TYPES, characters, is_readable, kind_of
from digital_cs.channels.page_wire import Answer, PageWire, WireError
from digital_cs.channels.politeness import Politeness
from digital_cs.domain.content.main_text import MainPart, main_part, plain_text
from digital_cs.domain.links.link_health import LONGEST_PUT_OFF, Finding, Look
from digital_cs.domain.links.link_url import (
    LinkSchemeError,
    LinkUrlError,
    host_of,
    normal_url,
    origin_of,
)
from digital_cs.domain.links.robots import EVERYTHING, MOST_BYTES, Robots, read_robots
from digital_cs.errors import DigitalCsError

_REDIRECTS = (301, 302, 303, 307, 308)
_PERMANENT = (301, 308)
_LONG_TEXT = 50_000
"""Characters from which a page is read in a thread: it may take half a second."""
_ROBOTS_REDIRECTS = 5
_ROBOTS_KEPT = 5_000
_ROBOTS_SECONDS = 86_400.0
_BUSY_SECONDS = 900.0
"""For so long a host is left alone that says 429 and not for how long."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look found; where it was asked for and there is one, the page's main text; and the
    addresses that it links to there."""

    look: Look
    text: str | None = None
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """The last answer on a way, where it came from, and whether all before it said: for good."""

    url: str
    permanent: bool
    answer: Answer


class _StopError(DigitalCsError):
    """The way to a page ended before it. What was found there says why."""

    def __init__(
        self, finding: Finding, detail: str, url: str, *, permanent: bool = False,
        wait: float | None = None, status: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(detail)
        self.finding, self.detail, self.url = finding, detail, url
        self.permanent, self.wait, self.status = permanent, wait, status


class Pages:
    """Looks at addresses. One of these for a process: politeness is counted here.

    `agent` is what servers are told, and the product name before its slash is what robots.txt is
    read for.
    """

    def __init__(self, wire: PageWire, politeness: Politeness, *, agent: str) -> None:
        self._wire = wire
        self._politeness = politeness
        self._agent = agent
        self._robots: OrderedDict[str, tuple[float, asyncio.Task[Robots]]] = OrderedDict()

    async def close(self) -> None:
        """Close every connection, and forget what robots.txt said."""
        await end(*(task for _, task in self._robots.values()))
        self._robots.clear()
        await self._wire.close()

    def left_alone_for(self, host: str) -> float:
        """Seconds for which a server wants to be left alone; 0: it may be asked."""
        return self._politeness.left_alone_for(host)

    async def look(self, url: str, at: datetime, *, text: bool = False) -> Seen:
        """Look at an address once; `at` is the moment that the look is dated. Never raises.

        Without `text` a HEAD is enough where the server knows how to answer one.
        """
        try:
            start = normal_url(url)
        except LinkSchemeError as error:
            return Seen(Look(at, Finding.SCHEME, detail=str(error)))
        except LinkUrlError as error:
            return Seen(Look(at, Finding.BAD_ANSWER, detail=str(error)))
        try:
            found = await self._follow(start, text)
        except _StopError as stop:
            wait = None if stop.wait is None else timedelta(seconds=stop.wait)
            return Seen(
                Look(at, stop.finding, stop.status, stop.detail,
                     None if stop.url == start else stop.url, stop.permanent, wait)
            )  # fmt: skip
        answer = found.answer
        finding, detail = _judged(answer.status)
        look = Look(
            at, finding, answer.status, detail, None if found.url == start else found.url,
            found.permanent,
        )  # fmt: skip
        if not text or finding is not Finding.OK:
            return Seen(look)
        part = await _main_part_of(answer)
        if part is None:
            return Seen(look)
        return Seen(look, part.text, _addresses(part.links, found.url, start))

    async def _follow(self, start: str, text: bool) -> _Found:
        url, permanent, seen = start, True, {start}
        method = "GET" if text else "HEAD"
        while True:
            await self._ask_robots(url, permanent)
            answer = await self._answer(method, url, permanent, body=text)
            where = answer.headers.get("location")
            if answer.status in _REDIRECTS and where:
                permanent = permanent and answer.status in _PERMANENT
                url = _target(where, url, permanent)
                if url in seen or len(seen) > self._wire.limits.redirects:
                    raise _StopError(Finding.REDIRECT_LOOP, "its redirects do not end", url)
                seen.add(url)
            elif method == "HEAD" and not 200 <= answer.status < 300:
                method = "GET"  # many servers, and what stands before them, only know that one
            else:
                return _Found(url, permanent, answer)

    async def _answer(self, method: str, url: str, permanent: bool, *, body: bool) -> Answer:
        """One polite request. Raises _StopError when there is no answer, or "come later"."""
        host = host_of(url)
        try:
            async with self._politeness.turn(host):
                self._stop_if_unwanted(host, url)
                answer = await self._wire.ask(method, url, body=body)
        except WireError as error:
            if method == "HEAD" and error.finding in (Finding.NO_ANSWER, Finding.BAD_ANSWER):
                return Answer(status=0)  # a GET shows whether it is the HEAD that it cannot stand
            raise _StopError(error.finding, error.detail, url, permanent=permanent) from error
        wait = _asked_wait(answer)
        if answer.status == 429 or (answer.status == 503 and wait):
            wait = wait or _BUSY_SECONDS
            self._politeness.leave_alone(host, wait)
            asked = f"the server says {answer.status}: come later"
            raise _StopError(Finding.BUSY, asked, url, wait=wait, status=answer.status)
        return answer

    def _stop_if_unwanted(self, host: str, url: str) -> None:
        wait = self._politeness.left_alone_for(host)
        if wait > 0:
            raise _StopError(Finding.BUSY, "the server asked to be left alone", url, wait=wait)

    async def _ask_robots(self, url: str, permanent: bool) -> None:
        origin, now = origin_of(url), asyncio.get_running_loop().time()
        until, reading = self._robots.get(origin, (0.0, None))
        if reading is None or until < now:
            reading = asyncio.create_task(self._read_robots(origin))
            self._robots[origin] = now + _ROBOTS_SECONDS, reading
            if len(self._robots) > _ROBOTS_KEPT:
                self._robots.popitem(last=False)
        try:
            robots = await asyncio.shield(reading)
        except _StopError as stop:
            self._robots.pop(origin, None)
            raise _StopError(
                stop.finding, stop.detail, url, permanent=permanent, wait=stop.wait
            ) from stop
        if not robots.allows(url):
            raise _StopError(Finding.ROBOTS, "robots.txt", url, permanent=permanent)

    async def _read_robots(self, origin: str) -> Robots:
        """What the site's robots.txt says. None (4xx) allows all; one that cannot be had (5xx)
        allows nothing for now. Raises _StopError then, or when there is no server."""
        url = f"{origin}/robots.txt"
        for _ in range(_ROBOTS_REDIRECTS + 1):
            answer = await self._answer("GET", url, permanent=False, body=True)
            where = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not where:
                break
            url = _target(where, url, permanent=False)
        if answer.status >= 500:
            self._politeness.leave_alone(host_of(origin), _BUSY_SECONDS)
            raise _StopError(Finding.BUSY, "the site cannot say what robots may do", url)
        if answer.status != 200:
            return EVERYTHING
        robots = read_robots(answer.body[:MOST_BYTES].decode("utf-8", "replace"), self._agent)
        if robots.delay is not None:
            self._politeness.slow_down(host_of(origin), robots.delay)
        return robots


def _target(where: str, base: str, permanent: bool) -> str:
    """Where a redirect leads. Raises _StopError when that is no page."""
    try:
        return normal_url(where, base)
    except LinkSchemeError as error:
        raise _StopError(Finding.SCHEME, str(error), base, permanent=permanent) from error
    except LinkUrlError as error:
        told = "it leads to what is no address"
        raise _StopError(Finding.BAD_ANSWER, told, base, permanent=permanent) from error


def _judged(status: int) -> tuple[Finding, str]:
    says = f"the server says {status}"
    match status:
        case _ if 200 <= status < 300:
            return Finding.OK, ""
        case 404:
            return Finding.NOT_FOUND, f"{says}, not found"
        case 410:
            return Finding.GONE, f"{says}, gone for good"
        case 401 | 402 | 403 | 407 | 451:
            return Finding.DENIED, says
        case _ if status >= 500:
            return Finding.SERVER_ERROR, says
    return Finding.BAD_ANSWER, says


async def _main_part_of(answer: Answer) -> MainPart | None:
    kind = answer.headers.get("content-type", "")
    if not is_readable(kind):
        return None
    page = characters(answer.body, kind)
    if kind_of(kind) not in ("", *HTML_TYPES):
        return MainPart(plain_text(page))
    return await asyncio.to_thread(main_part, page) if len(page) > _LONG_TEXT else main_part(page)


def _addresses(written: tuple[str, ...], base: str, own: str) -> tuple[str, ...]:
    """Links of a page as addresses, without those to itself, and what leads to no page."""
    found: dict[str, None] = {}
    for link in written:
        with contextlib.suppress(LinkUrlError):
            found.setdefault(normal_url(link, base))
    return tuple(url for url in found if url not in (base, own))


def _asked_wait(answer: Answer) -> float:
    """Seconds by the header Retry-After: a number, or a moment; 0 where there is none."""
    asked = answer.headers.get("retry-after", "").strip()[:40]
    most = LONGEST_PUT_OFF.total_seconds()
    if asked.isdigit():
        return min(float(asked), most)
    try:
        moment = email.utils.parsedate_to_datetime(asked)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        return 0.0
    return min(max(0.0, (moment - datetime.now(UTC)).total_seconds()), most)
