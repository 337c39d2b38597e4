"""Which item somebody means who names it as other systems do: by address, id or place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit

from digital_cs.domain.links.link_url import LinkUrlError, normal_url


class Named(NamedTuple):
    """What an item is called."""

    id: str
    stated_id: str | None
    locator: str
    url: str | None


class ItemNames:
    """All names of items. A name that two of them have means neither."""

    def __init__(self, items: Iterable[Named]) -> None:
        self._items: dict[str, str | None] = {}
        self._pages: dict[str, str | None] = {}
        for item in items:
            for name in {item.id, item.stated_id, item.locator} - {None, ""}:
                _take(self._items, str(name), item.id)
            page = page_key(item.url or "")
            if page is not None:
                _take(self._pages, page, item.id)

    def find(self, words: str) -> str | None:
        """The id of the item that is meant, None if there is none, or not only one."""
        words = words.strip()
        found = self._items.get(words)
        return found if found is not None else self.of_page(words)

    def of_page(self, url: str) -> str | None:
        """The id of the item whose live page an address leads to.

        What follows a question mark tells pages apart only where an item's own address has it:
        elsewhere it is said for whom, or from where, somebody comes.
        """
        page = page_key(url)
        if page is None:
            return None
        found = self._pages.get(page)
        return found if found is not None else self._pages.get(page.partition("?")[0])


def _take(names: dict[str, str | None], name: str, id: str) -> None:
    names[name] = id if names.get(name, id) == id else None


def page_key(url: str) -> str | None:
    """What is the same for all addresses of one page: without scheme, www. and a last slash.

    None for what is no address of a page.
    """
    try:
        parts = urlsplit(normal_url(url))
    except LinkUrlError:
        return None
    host = parts.netloc.removeprefix("www.")
    return urlunsplit(("", "", f"{host}{parts.path.rstrip('/')}", parts.query, ""))
