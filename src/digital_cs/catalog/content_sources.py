"""Reads any source of content, by its kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import MappingProxyType

from digital_cs.catalog.content_folder import read_folder
from digital_cs.catalog.content_lists import read_csv, read_sitemap, read_urls
from digital_cs.catalog.content_own import read_own
from digital_cs.catalog.content_reading import Reading
from digital_cs.catalog.git_moves import revision_of
from digital_cs.domain.content.content_source import ContentSource, SourceKind
from digital_cs.errors import NotFoundError

_READERS: Mapping[SourceKind, Callable[[ContentSource, date], Reading]] = MappingProxyType(
    {
        SourceKind.CONTENT: read_own,
        SourceKind.FOLDER: read_folder,
        SourceKind.SITEMAP: read_sitemap,
        SourceKind.URLS: read_urls,
        SourceKind.CSV: read_csv,
    }
)


def read_content(source: ContentSource, today: date) -> Reading:
    """What a source holds on a day. Raises NotFoundError, UsageError and ContentListError."""
    reading = _READERS[source.kind](source, today)
    if source.kind in (SourceKind.CONTENT, SourceKind.FOLDER):
        return replace(reading, revision=revision_of(Path(source.location)))
    return reading


def kind_of(path: Path) -> SourceKind:
    """What kind of source a path seems to be. Raises NotFoundError."""
    if path.is_dir():
        ours = (path / "emails").is_dir() and (path / "layouts").is_dir()
        return SourceKind.CONTENT if ours else SourceKind.FOLDER
    if not path.is_file():
        raise NotFoundError(f"There is no file or folder {path}. Check the name.")
    by_suffix = {".csv": SourceKind.CSV, ".xml": SourceKind.SITEMAP}
    return by_suffix.get(path.suffix.lower(), SourceKind.URLS)


def name_for(path: Path) -> str:
    """The name of a source that was given none: that of its folder or file."""
    words = re.sub(r"[^a-z0-9]+", "-", path.resolve().stem.casefold()).strip("-")
    return words or "content"
