"""Reads lists of content that lies elsewhere: a sitemap, a file of addresses, a CSV file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import unescape

from digital_cs.catalog.content_fields import FieldReader
from digital_cs.catalog.content_reading import Reading, without_doubtful_ids
from digital_cs.catalog.front_matter import Told, printable
from digital_cs.domain.content.content_item import Found
from digital_cs.domain.content.content_source import ContentSource
from digital_cs.domain.content.review_policy import Kind
from digital_cs.domain.content.text_sketch import content_hash
from digital_cs.domain.problem import Problem
from digital_cs.errors import DigitalCsError, NotFoundError, UsageError

MAX_BYTES = 64 * 1024 * 1024
_LOC = re.compile(r"<loc>\s*([^<]+?)\s*</loc>")
_SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


class ContentListError(DigitalCsError):
    """The list of content cannot be read. Check that it is the right file."""


def read_urls(source: ContentSource, today: date) -> Reading:
    """A text file with one address a line, and perhaps a title after it; # begins a comment."""
    rows: list[tuple[int, str, str]] = []
    for number, line in enumerate(_text(source.location).splitlines(), start=1):
        url, _, title = line.strip().partition(" ")
        if url and not url.startswith("#"):
            rows.append((number, url, title))
    return _pages(source, today, rows)


def read_sitemap(source: ContentSource, today: date) -> Reading:
    """A sitemap in a file. Its `lastmod` is an edit and says nothing of a review.

    Raises ContentListError for what is none, and for an index of sitemaps.
    """
    text = _text(source.location)
    # Entities could make gigabytes of a few lines, and no sitemap needs any.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ContentListError(f"{source.location} defines entities; no sitemap needs any.")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  entities are refused above
    except ElementTree.ParseError as error:
        line, column = error.position
        raise ContentListError(f"{source.location}:{line}:{column + 1}: It is no XML.") from error
    if root.tag.removeprefix(_SITEMAP) == "sitemapindex":
        raise ContentListError(
            f"{source.location} is an index of sitemaps. Import each one of them, with a name."
        )
    tags = ("loc", f"{_SITEMAP}loc")
    places = [(each.text or "").strip() for each in root.iter() if each.tag in tags]
    lines: dict[str, int] = {}
    for number, written in enumerate(text.splitlines(), start=1):
        for url in _LOC.findall(written):
            lines.setdefault(unescape(url), number)
    return _pages(source, today, ((lines.get(url, 1), url, "") for url in places))


def read_csv(source: ContentSource, today: date) -> Reading:
    """A CSV file with a head line; an item is known by its id, else by its address.

    Raises ContentListError when no column says which item a row is.
    """
    text = _text(source.location)
    head = text.partition("\n")[0]
    delimiter = max(",;\t|", key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    reader = FieldReader(source, today)
    try:
        columns = [name.strip() for name in next(rows, [])]
        if not {reader.keys.get("id"), reader.keys.get("url")} & set(columns):
            raise ContentListError(
                f"{source.location}:1: No column is '{reader.keys.get('id')}' or"
                f" '{reader.keys.get('url')}', so nothing says which item a row is."
                f" Map one with --map url=COLUMN; there are {', '.join(columns) or 'none'}."
            )
        found = list(_rows(source, reader, columns, rows))
    except csv.Error as error:
        raise ContentListError(f"{source.location}:{rows.line_num}: {error}.") from error
    return _reading(source, found)


Row = tuple[Found | None, str, int, tuple[Problem, ...]]
"""An item unless it is faulty, its locator, its line, and the complaints about it."""


def _rows(
    source: ContentSource, reader: FieldReader, columns: list[str], rows: Iterable[list[str]]
) -> Iterator[Row]:
    line = 2
    for row in rows:
        front = {
            name: Told(printable(cell), line, place)
            for place, (name, cell) in enumerate(zip(columns, row, strict=False), start=1)
        }
        here, line = line, line + 1 + sum(cell.count("\n") for cell in row)
        if not any(told.text for told in front.values()):
            continue
        fields = reader.read(front, source.location, here)
        values = fields.values
        locator = values["stated_id"] or values["url"]
        problems = fields.problems
        if locator is None:
            message = "Nothing says which item this row is."
            where = Problem(source.location, here, 1, "no-locator", message, "Add its id or URL.")
            problems = (*problems, where)
        if locator is None or any(problem.severity == "error" for problem in problems):
            yield None, locator or "", here, problems
            continue
        title = values["title"] or _title_of(locator)
        kind = values["kind"] or Kind.ARTICLE
        item = Found(**{**values, "locator": locator, "title": title, "kind": kind,
                        "content_hash": content_hash(title, "")})  # fmt: skip
        yield item, locator, here, problems


def _pages(source: ContentSource, today: date, told: Iterable[tuple[int, str, str]]) -> Reading:
    reader = FieldReader(source, today)
    rows: list[Row] = []
    for line, url, title in told:
        if not _is_address(url):
            message = f"'{printable(url)[:80]}' is no address of a page."
            advice = "Write https://…"
            fault = Problem(source.location, line, 1, "bad-url", message, advice)
            rows.append((None, url, line, (fault,)))
            continue
        # A list says nothing of an owner or a review: what is read is the source's defaults.
        values = reader.read({}, source.location, line).values
        name = printable(title) or _title_of(url)
        page = Found(**{**values, "locator": url, "url": url, "title": name, "kind": Kind.PAGE,
                        "content_hash": content_hash(name, "")})  # fmt: skip
        rows.append((page, url, line, ()))
    return _reading(source, rows)


def _reading(source: ContentSource, rows: Iterable[Row]) -> Reading:
    found: dict[str, Found] = {}
    first: dict[str, int] = {}
    problems: list[Problem] = []
    unread: set[str] = set()
    for item, locator, line, complaints in rows:
        problems += complaints
        if locator in first:
            message = f"This item stood in line {first[locator]} already."
            problems.append(
                Problem(source.location, line, 1, "twice", message, "Keep one.", "warning")
            )
            continue
        first[locator] = line
        if item is None:
            unread.add(locator)
        else:
            found[locator] = item
    sure, doubts = without_doubtful_ids(found.values(), dict.fromkeys(found, source.location))
    return Reading(sure, tuple(problems + doubts), frozenset(unread))


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return url.isprintable() and parts.scheme in ("http", "https") and bool(parts.hostname)


def _text(location: str) -> str:
    path = Path(location)
    if not path.is_file():
        raise NotFoundError(f"There is no file {path}. Check the name.")
    if path.stat().st_size > MAX_BYTES:
        raise UsageError(f"{path} is over 64 MB. Split it.")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ContentListError(f"{path} is not UTF-8 text. Save it as UTF-8.") from error


def _title_of(url: str) -> str:
    parts = urlsplit(url)
    last = unquote(parts.path).rstrip("/").rpartition("/")[2].rpartition(".html")
    words = printable((last[0] or last[2]).replace("-", " ").replace("_", " "))
    return (words[:1].upper() + words[1:]) or parts.hostname or url
