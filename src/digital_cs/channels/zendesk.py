"""The far end of the wire to Zendesk: asked politely, patiently, and never anywhere else."""

from __future__ import annotations

import asyncio
import email.utils
import ipaddress
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2

from digital_cs import logs
from digital_cs.errors import DigitalCsError, SettingsError, UnavailableError

log = logs.get(__name__)

MOST_TRIES = 7
FIRST_WAIT = 1.0
LONGEST_WAIT = 60.0
LONGEST_ASKED_WAIT = 900.0
"""Seconds: for so long we wait when Zendesk itself says so; its own limits are by the minute."""
PAGE = 100

Pause = Callable[[float], Awaitable[None]]
Page = dict[str, Any]


class ZendeskAwayError(UnavailableError):
    """Zendesk does not answer. What came so far is kept, and the next pull goes on from there."""


class ZendeskRefusedError(DigitalCsError):
    """Zendesk refused what was asked. Correct ZENDESK_URL, ZENDESK_EMAIL or ZENDESK_TOKEN."""


def _to_log(sentence: str) -> None:
    log.info("zendesk.waiting", because=sentence)


class ZendeskClient:
    """Reads the API of one Zendesk. Redirects and links to another host are not followed: the
    token would go with them."""

    def __init__(
        self, *, url: str, user: str, token: str, timeout: float = 30.0,
        pause: Pause = asyncio.sleep, tell: Callable[[str], None] = _to_log,
    ) -> None:  # fmt: skip
        """`user` is the e-mail of an agent. `pause` waits so many seconds; `tell` is told in a
        sentence why we wait, or do without. Raises SettingsError."""
        self._base = _checked(url)
        self._pause = pause
        self.tell = tell
        self._client = httpx2.AsyncClient(
            base_url=self._base, auth=(f"{user}/token", token), timeout=timeout,
            follow_redirects=False, trust_env=False,
            headers={"user-agent": "digital-cs", "accept": "application/json"},
        )  # fmt: skip

    async def close(self) -> None:
        await self._client.aclose()

    async def get(self, path: str, params: Mapping[str, str | int] | None = None) -> Page:
        """The JSON object at this path, asked for again while that can help.

        Raises ZendeskAwayError when it never came, ZendeskRefusedError when it never will.
        """
        for tried in range(1, MOST_TRIES + 1):
            wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (tried - 1))
            try:
                response = await self._client.get(path, params=params)
            except httpx2.HTTPError as error:
                why = type(error).__name__
            else:
                if response.is_success:
                    found = _object(response)
                    if found is not None:
                        return found
                    why = "an answer that is not a JSON object"
                elif response.status_code == 429 or response.status_code >= 500:
                    why = f"HTTP {response.status_code}"
                    wait = max(wait, _asked_wait(response))
                else:
                    raise ZendeskRefusedError(_refusal(response.status_code, path))
            if tried < MOST_TRIES:
                # Not all workers, and not all that was refused at one moment, at the same moment.
                wait *= random.uniform(1.0, 1.25)  # noqa: S311
                self.tell(f"Zendesk: {why}. It is asked again in {wait:.0f} s.")
                await self._pause(wait)
        raise ZendeskAwayError(
            f"Zendesk did not answer in {MOST_TRIES} tries, the last time with {why}. What came so"
            " far is kept, and the next pull goes on from there."
        )

    async def pages(self, path: str, key: str) -> AsyncIterator[list[Any]]:
        """What is under `key` on every page of a list, by cursor or by the older page numbers."""
        params: dict[str, str | int] = {"page[size]": PAGE}
        page = await self.get(path, params)
        seen = set()
        while True:
            found = page.get(key)
            if isinstance(found, list):
                yield found
            link = _next_link(page)
            if link is None:
                return
            target = self._own(urljoin(f"{self._base}{path}", link))
            if target in seen:
                raise ZendeskAwayError("Zendesk's pages lead in a circle. Pull again later.")
            seen.add(target)
            page = await self.get(target)

    def _own(self, link: str) -> str:
        """A link as path and query. Raises ZendeskRefusedError when it leads elsewhere."""
        parts = urlsplit(link)
        if f"{parts.scheme}://{parts.netloc}" != self._base:
            raise ZendeskRefusedError(
                f"Zendesk names a next page on the host '{parts.hostname}', which is not that of"
                " ZENDESK_URL; it was not asked. Set ZENDESK_URL to the address that Zendesk uses."
            )
        return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _checked(url: str) -> str:
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise SettingsError(
            "ZENDESK_URL is not the address of a Zendesk, like https://company.zendesk.com."
        )
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise SettingsError(
            "ZENDESK_URL must begin with https://, because the token is sent to it."
        )
    return f"{parts.scheme}://{parts.netloc}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _object(response: httpx2.Response) -> Page | None:
    try:
        found = response.json()
    except ValueError:  # a page of a proxy, or one that was cut off
        return None
    return found if isinstance(found, dict) else None


def _asked_wait(response: httpx2.Response) -> float:
    """Seconds by the header Retry-After: a number, or a moment; 0 where there is none."""
    asked = response.headers.get("retry-after", "")
    try:
        seconds = float(asked)
    except ValueError:
        try:
            moment = email.utils.parsedate_to_datetime(asked)
        except ValueError:
            return 0.0
        seconds = (moment - datetime.now(UTC)).total_seconds() if moment.tzinfo else 0.0
    return min(max(0.0, seconds), LONGEST_ASKED_WAIT)


def _next_link(page: Page) -> str | None:
    meta, links = page.get("meta"), page.get("links")
    if isinstance(meta, dict):
        link = links.get("next") if isinstance(links, dict) and meta.get("has_more") else None
    else:
        link = page.get("next_page")
    return link if isinstance(link, str) and link else None


def _refusal(status: int, path: str) -> str:
    if status in (401, 403):
        return (
            f"Zendesk refused the token (HTTP {status}). Check ZENDESK_EMAIL and ZENDESK_TOKEN; the"
            " agent must be an admin, because only those may export."
        )
    if 300 <= status < 400:
        return (
            f"Zendesk answers from another address (HTTP {status}). Set ZENDESK_URL to that one:"
            " redirects are not followed, because the token would go with them."
        )
    return (
        f"Zendesk refused {urlsplit(path).path} (HTTP {status}). Check that ZENDESK_URL is the"
        " address of your Zendesk; if it no longer knows where the last pull ended, begin anew with"
        " `digital-cs tickets pull --since 2026-01-31`."
    )
