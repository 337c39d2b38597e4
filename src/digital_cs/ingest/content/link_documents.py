"""One look at the links of documents that are in no library: for the CI of a docs repository."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from digital_cs.channels.pages import Pages
from digital_cs.config import Settings
from digital_cs.domain.links.link_health import Health, Look, State, after, health_words
from digital_cs.domain.links.link_url import host_of
from digital_cs.ingest.content.link_checker import look_patiently, polite_pages
from digital_cs.ingest.content.link_gathering import DOCUMENTS, places_in, read_document


@dataclass(frozen=True, slots=True)
class CheckedLink:
    """A link of a document and what one look found. `wrong`: a person should change it.

    `rule`: ok, moved, login, home, fails, refused, unknown, or not-an-address.
    """

    file: str
    line: int
    url: str
    rule: str
    words: str
    wrong: bool


def documents(path: Path) -> list[Path]:
    """The documents of a folder, in order, hidden folders left out; or the one that is named."""
    if path.is_file():
        return [path]
    return sorted(
        each
        for each in path.rglob("*")
        if each.suffix.lower() in DOCUMENTS
        and each.is_file()
        and not any(part.startswith(".") for part in each.relative_to(path).parts)
    )


async def check_links(
    files: Iterable[Path], base: str | None, settings: Settings,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[CheckedLink]:  # fmt: skip
    """Look once at every link of these files; each address once, however often it stands."""
    async with polite_pages(settings) as pages:
        return await check_with(pages, files, base, on_progress)


async def check_with(
    pages: Pages, files: Iterable[Path], base: str | None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[CheckedLink]:  # fmt: skip
    """The same by pages that are there already. Relative links need a `base` to be looked at."""
    standing: list[tuple[str, int, str]] = []
    found: list[CheckedLink] = []
    for file in files:
        places, bad = places_in(read_document(file) or "", base)
        standing += [(str(file), place.line, place.url) for place in places]
        found += [
            CheckedLink(str(file), b.line, b.url, "not-an-address", b.why, wrong=True) for b in bad
        ]
    healths = await _look_at_all(pages, {url for _, _, url in standing}, on_progress)
    found += [_judged(file, line, url, healths[url]) for file, line, url in standing]
    return sorted(found, key=lambda each: (each.file, each.line, each.url))


async def _look_at_all(
    pages: Pages, urls: set[str], on_progress: Callable[[int, int], None]
) -> dict[str, Health]:
    """Servers side by side, the links of each one after the other."""
    by_host: dict[str, list[str]] = {}
    for url in sorted(urls):
        by_host.setdefault(host_of(url), []).append(url)
    found: dict[str, Health] = {}

    async def one(host: str) -> None:
        silent: list[Look] = []
        for url in by_host[host]:
            seen = await look_patiently(pages, url, datetime.now(UTC), silent)
            found[url] = after(Health(), seen.look, url)
            on_progress(len(found), len(urls))

    await asyncio.gather(*map(one, by_host))
    return found


def _judged(file: str, line: int, url: str, health: Health) -> CheckedLink:
    rule, words = str(health.state), health_words(health)
    wrong = health.worth_telling
    if health.state is State.FAILING:
        rule, words, wrong = "fails", f"Fails now: {health.detail}.", True
    elif health.state is State.REDIRECTED and health.redirect is not None:
        rule = health.redirect.name.lower() if wrong else "ok"
    return CheckedLink(file, line, url, rule, words, wrong)
