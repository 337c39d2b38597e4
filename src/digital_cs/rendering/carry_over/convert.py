"""Carries the templates of a folder over: finds them, and makes one e-mail of ours of each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from digital_cs.errors import DigitalCsError
from digital_cs.rendering.carry_over.blocks import BlockWriter
from digital_cs.rendering.carry_over.foreign_tags import MARK, ForeignTags, Variable
from digital_cs.rendering.carry_over.html_tree import Node, read_html, without_comments
from digital_cs.rendering.carry_over.inline import InlineWriter
from digital_cs.rendering.carry_over.plain import read_plain

MAX_BYTES = 256 * 1024
_ALIKE = frozenset({"content", "index", "template", "body", "email", "html"})
_PREVIEW = 140


class CarryOverError(DigitalCsError):
    """These templates cannot be carried over. Name a folder with .html files (or .txt files)."""


@dataclass(frozen=True, slots=True)
class Carried:
    """One template as an e-mail of ours: `text` is its file, front matter and all.

    `variables` are the names it asked for and what became of them; `notes` are sentences about
    what a person should look at.
    """

    name: str
    source: str
    text: str
    variables: tuple[Variable, ...]
    notes: tuple[str, ...]


def find_templates(folder: Path) -> dict[str, Path]:
    """The templates under `folder` by the name that each gets. HTML goes before text alone.

    A file called content.html, index.html or the like is named after its folder. Raises
    CarryOverError if there is none.
    """
    files = [*folder.rglob("*.html"), *folder.rglob("*.htm")]
    twins = {path.with_suffix("") for path in files}
    files += [path for path in folder.rglob("*.txt") if path.with_suffix("") not in twins]
    found: dict[str, Path] = {}
    for path in sorted(files):
        parts = [*path.relative_to(folder).with_suffix("").parts]
        if len(parts) > 1 and parts[-1].lower() in _ALIKE:
            parts.pop()
        name = re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-") or "email"
        if name in found:
            name = f"{name}-{path.suffix[1:]}"
        found[name] = path
    if not found:
        raise CarryOverError(f"There is no .html or .txt file in {folder}.")
    return found


def carry_over(
    name: str, path: Path, *, topic: str, owner: str, renamed: Mapping[str, str]
) -> Carried:
    """The template at `path` as the e-mail `name`. Raises CarryOverError for what is no text.

    `renamed`: expressions of ours for names of theirs ({"support_url": "links.app"}).
    """
    data = path.read_bytes()
    if len(data) > MAX_BYTES:
        raise CarryOverError(f"{path} has {len(data):,} bytes: that is no e-mail.")
    source = data.decode("utf-8-sig", "replace")
    if "\ufffd" in source:
        source = data.decode("windows-1252", "replace")
    source = source.replace("\r\n", "\n")
    tags = ForeignTags(renamed)
    inline = InlineWriter(tags.notes)
    if path.suffix == ".txt":
        root = read_plain(tags.mark(source))
    else:
        root = read_html(tags.mark(without_comments(source)))
    body = BlockWriter(tags, inline).written(root)
    subject = _title(root) or _said(path, name)
    preview = _preheader(root) or _first_words(body) or subject
    front = {"subject": subject, "preview": preview, "topic": topic, "owner": owner}
    lines = [
        f"{key}: {json.dumps(tags.written(text), ensure_ascii=False)}"
        for key, text in front.items()
    ]
    text = "\n".join(["---", *lines, "---", tags.written(body), ""])
    return Carried(
        name, str(path), text, tuple(tags.variables.values()), tuple(dict.fromkeys(tags.notes))
    )


def _title(root: Node) -> str:
    for node in root.walk():
        if node.tag == "title":
            return _plain(node.text())[:_PREVIEW]
    return ""


def _said(path: Path, name: str) -> str:
    words = path.parent.name if path.stem.lower() in _ALIKE else path.stem
    words = re.sub(r"[^A-Za-z0-9]+", " ", words).strip() or name
    return words[0].upper() + words[1:]


def _preheader(root: Node) -> str:
    for node in root.walk():
        if node.hidden() and (words := _plain(node.text())):
            return words
    return ""


def _first_words(body: str) -> str:
    """The first paragraph that is more than a link, as the preview of an inbox."""
    for block in body.split("\n\n"):
        if block[:1].isalpha() and not MARK.match(block):
            words = _plain(re.sub(r"!?\[([^]]*)\]\([^)]*\)|[*\\`]", r"\1", block))
            return words if len(words) <= _PREVIEW else words[:_PREVIEW].rpartition(" ")[0] + " …"
    return ""


def _plain(text: str) -> str:
    """`text` on one line, without the invisible letters that fill up a preheader."""
    kept = re.sub(r"[\u00ad\u034f\u200b-\u200f\u2007\ufeff\x00-\x1f\x7f]", " ", text)
    return " ".join(kept.split())


def all_of(
    folder: Path, *, topic: str, owner: str, renamed: Mapping[str, str]
) -> Iterator[Carried]:
    """Every template under `folder`, carried over."""
    for name, path in find_templates(folder).items():
        yield carry_over(name, path, topic=topic, owner=owner, renamed=renamed)
