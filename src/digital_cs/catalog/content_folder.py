"""Reads a folder of somebody's own documents, with their front matter."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any

from digital_cs.catalog.content_fields import FieldReader
from digital_cs.catalog.content_presets import Preset, preset_of
from digital_cs.catalog.content_reading import Reading, without_doubtful_ids
from digital_cs.catalog.front_matter import Page, printable, read_page
from digital_cs.domain.content.content_item import Found
from digital_cs.domain.content.content_source import ContentSource
from digital_cs.domain.content.review_policy import Kind
from digital_cs.domain.content.text_sketch import content_hash, sketch
from digital_cs.domain.problem import Problem
from digital_cs.errors import NotFoundError

_MARKDOWN = re.compile(r"[^_].*\.(?:md|markdown|mdx)(?:\.erb)?", re.IGNORECASE | re.DOTALL)
_DOCUMENT = re.compile(r".+\.(?:md|markdown|mdx|html?)(?:\.erb)?", re.IGNORECASE | re.DOTALL)
_SUFFIXES = re.compile(
    r"(?:\.html?)?\.(?:md|markdown|mdx|erb|html?|mjml)(?:\.erb)?$", re.IGNORECASE
)
_PASSED_OVER = frozenset({"node_modules", "vendor", "_site", "__pycache__", "venv"})
_HEADING = re.compile(r"^#{1,2}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)


def read_folder(source: ContentSource, today: date) -> Reading:
    """Every document below the folder. Raises NotFoundError and UsageError."""
    folder = Path(source.location)
    if not folder.is_dir():
        raise NotFoundError(f"There is no folder {folder}. Check the name.")
    preset = preset_of(source)
    source = with_site_defaults(source, preset, folder)
    reader = FieldReader(source, today)
    found: list[Found] = []
    problems: list[Problem] = []
    unread: set[str] = set()
    files: dict[str, str] = {}
    for locator in documents(folder):
        file = str(folder / locator)
        if (strange := strange_name(file)) is not None:
            problems.append(strange)
            continue
        page = _page(folder / locator, file)
        if page is None:
            continue
        problems += page.problems
        if page.broken:
            unread.add(locator)
            continue
        if preset.needs_front and not page.has_front:
            continue
        fields = reader.read(page.front, file)
        if source.tracked_only and not fields.tracked:
            continue
        problems += fields.problems
        if any(problem.severity == "error" for problem in fields.problems):
            unread.add(locator)
            continue
        files[locator] = file
        found.append(item_of(page, fields.values, locator, Kind.ARTICLE, source.base_url))
    sure, doubts = without_doubtful_ids(found, files)
    return Reading(sure, tuple(problems + doubts), frozenset(unread))


def item_of(
    page: Page, values: dict[str, Any], locator: str, kind: Kind, base_url: str | None = None
) -> Found:
    """The item of a page, titled by itself, its first heading or its name."""
    title = values["title"] or _heading(page.body) or _name(locator)
    return Found(
        **{
            **values, "locator": locator, "title": title, "kind": values["kind"] or kind,
            "url": values["url"] or (url_of(base_url, locator) if base_url else None),
            "content_hash": content_hash(title, page.body), "sketch": sketch(page.body),
            "text": page.body,
        }
    )  # fmt: skip


def documents(folder: Path, also: str = "") -> Iterator[str]:
    """The documents below a folder, as paths relative to it, in order; `also` those that end so.

    Links are not followed: they may lead out of it, or in a circle. What begins with a dot is
    nobody's content.
    """
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if name not in _PASSED_OVER and not name.startswith(".")
        )
        for name in sorted(names):
            path = Path(at, name)
            is_one = _DOCUMENT.fullmatch(name) or (also and name.endswith(also))
            if name[0] != "." and is_one and not path.is_symlink():
                yield path.relative_to(folder).as_posix()


def strange_name(file: str) -> Problem | None:
    """The complaint about a name that is not UTF-8 or breaks lines: no database takes it."""
    if file.isprintable():
        return None
    shown = printable(file.encode(errors="replace").decode())
    return Problem(shown, 1, 1, "bad-name", "The file has a name that is no text.", "Rename it.")


def url_of(base: str, locator: str) -> str:
    """Where a document lies on its site: `source/` and the suffixes of drafts taken off."""
    path = PurePosixPath(locator.removeprefix("source/"))
    html = ".html" if ".htm" in path.name.lower() else ""
    name = _SUFFIXES.sub("", path.name)
    last = "" if name == "index" else f"{name}{html}"
    folder = "" if str(path.parent) == "." else f"{path.parent}/"
    return f"{base.rstrip('/')}/{folder}{last}"


def with_site_defaults(source: ContentSource, preset: Preset, folder: Path) -> ContentSource:
    """The source with what the site states for all pages, where the source says nothing itself."""
    if preset.site_file is None:
        return source
    for place in (folder, folder.parent):
        path = place / preset.site_file
        if path.is_file():
            # A settings file is the inside of a front matter.
            page = read_page(b"---\n" + path.read_bytes() + b"\n---\n", str(path))
            told: dict[str, Any] = {
                name: page.front[key].text
                for name, key in preset.site_keys.items()
                if key in page.front and page.front[key].text and not getattr(source, name)
            }
            return replace(source, **told)
    return source


def _page(path: Path, file: str) -> Page | None:
    """The page in a file; None for what only looks like one.

    HTML is a page if it has front matter, else it was made by some tool; and what begins with an
    underscore without one is a part of other pages.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        message = f"The file cannot be read: {error.strerror}."
        return Page(file, problems=(Problem(file, 1, 1, "unreadable", message, None),))
    if _MARKDOWN.fullmatch(path.name) or data.removeprefix(b"\xef\xbb\xbf").startswith(b"---"):
        return read_page(data, file)
    return None


def _heading(body: str) -> str | None:
    found = _HEADING.search(body)
    return printable(found[1]) if found else None


def _name(locator: str) -> str:
    words = _SUFFIXES.sub("", PurePosixPath(locator).name).replace("-", " ").replace("_", " ")
    return words[:1].upper() + words[1:]
