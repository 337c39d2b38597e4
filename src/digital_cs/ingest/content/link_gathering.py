"""Gathering the links of the library: from the files of its folders, and items' own pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.content.content_item import ContentItem
from digital_cs.domain.content.content_source import SourceKind
from digital_cs.domain.links.link_extract import links_in
from digital_cs.domain.links.link_url import LinkUrlError, normal_url
from digital_cs.store.content import library
from digital_cs.store.content.library import KeptSource
from digital_cs.store.content.links import PAGE, Place, replace_links

Connection = AsyncConnection[Any]

DOCUMENTS = (".md", ".markdown", ".mdx", ".html", ".htm", ".erb", ".mjml", ".txt", ".rst")
LARGEST = 5_000_000
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Gathered:
    """How many items were looked through, links found there, and addresses that are new.

    `absent`: sources whose folder is not on this machine; their links stay as they are.
    """

    items: int = 0
    links: int = 0
    new: int = 0
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BadLink:
    """What stands where a link should, and is the address of nothing."""

    line: int
    url: str
    why: str


async def gather_links(connection: Connection) -> Gathered:
    """Set the links of every item that is not retired to those that stand in its file now, and its
    own page, if it has an address. A retired item has none. What is known of an address stays."""
    folders, absent = _folders(await library.sources(connection))
    items = links = new = 0
    for chunk in _chunks(await library.items(connection, retired=True), _AT_ONCE):
        places = {
            item.id: _places(item, folders.get(item.source))
            for item in chunk
            if item.source not in absent
        }
        async with connection.transaction():
            new += await replace_links(connection, places)
        items += len(places)
        links += sum(map(len, places.values()))
    return Gathered(items, links, new, tuple(absent))


def places_in(text: str, base: str | None) -> tuple[list[Place], list[BadLink]]:
    """The links of a document, and what should be one and is none. A relative link is left out
    where no `base` says what it is relative to."""
    places, bad = [], []
    for link in links_in(text):
        relative = "://" not in link.url.split("?")[0] and not link.url.startswith("//")
        if relative and base is None:
            continue
        try:
            places.append(Place(normal_url(link.url, base), link.line))
        except LinkUrlError as error:
            bad.append(BadLink(link.line, link.url, str(error)))
    return places, bad


def read_document(path: Path) -> str | None:
    """The text of a document; None: it is none, or not there, or larger than people write."""
    try:
        if path.suffix.lower() not in DOCUMENTS or path.stat().st_size > LARGEST:
            return None
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def _folders(sources: Iterable[KeptSource]) -> tuple[dict[str, Path], list[str]]:
    """Where the files of sources lie, and sources whose files are not on this machine."""
    found, absent = {}, []
    for kept in sources:
        if kept.source.kind in (SourceKind.FOLDER, SourceKind.CONTENT):
            folder = Path(kept.source.location)
            if folder.is_dir():
                found[kept.source.name] = folder
            else:
                absent.append(kept.source.name)
    return found, absent


def _places(item: ContentItem, folder: Path | None) -> list[Place]:
    if item.retired is not None:
        return []
    places = []
    if item.url is not None:
        try:
            places.append(Place(normal_url(item.url), 0, PAGE))
        except LinkUrlError:
            pass  # `content check` complains about it, with its file
    text = read_document(folder / item.locator) if folder is not None else None
    if text is not None:
        places += places_in(text, places[0].url if places else None)[0]
    return places


def _chunks(items: list[ContentItem], size: int) -> Iterator[Iterable[ContentItem]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
