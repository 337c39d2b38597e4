"""Every complaint about a source of content, in order, as its own CI wants them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from digital_cs.catalog.content_presets import PRESETS, keys_of
from digital_cs.catalog.content_sources import read_content
from digital_cs.domain.content.content_item import Found
from digital_cs.domain.content.content_source import ContentSource, SourceKind
from digital_cs.domain.problem import Problem


@dataclass(frozen=True, slots=True)
class Lint:
    """How many items were read, and the complaints by file, line and column."""

    items: int
    problems: tuple[Problem, ...]


def lint(source: ContentSource, today: date, *, overdue: bool = False) -> Lint:
    """Check a source. `overdue` warns of what is due on that day or was before.

    Raises NotFoundError, UsageError and ContentListError.
    """
    reading = read_content(source, today)
    problems = [*reading.problems, *_other_preset(source, reading.found)]
    if overdue:
        problems += _overdue(source, reading.found, today)
    problems.sort(key=lambda each: (each.file, each.line, each.column, each.rule))
    return Lint(len(reading.found), tuple(problems))


def _overdue(source: ContentSource, found: tuple[Found, ...], today: date) -> Iterator[Problem]:
    listed = source.kind not in (SourceKind.FOLDER, SourceKind.CONTENT)
    for each in found:
        due = each.due_on
        if due is not None and due <= today:
            file = source.location if listed else str(Path(source.location, each.locator))
            owner = f" by {each.owner}" if each.owner else ""
            yield Problem(
                file, 1, 1, "overdue", f"'{each.title}' was to be reviewed{owner} on {due}.",
                "Check it, and state the new date.", "warning",
            )  # fmt: skip


def _other_preset(source: ContentSource, found: tuple[Found, ...]) -> Iterator[Problem]:
    """That nothing states a review, though the files do in the way of a preset."""
    if source.kind is not SourceKind.FOLDER or not found or any(f.reviewed_on for f in found):
        return
    own = keys_of(source)["reviewed_on"]
    count: Counter[str] = Counter()
    for each in found[:200]:
        head = Path(source.location, each.locator).read_bytes()[:4096].decode(errors="replace")
        for preset in PRESETS.values():
            key = preset.fields["reviewed_on"]
            count[preset.name] += key != own and f"\n{key}:" in head
    name, files = count.most_common(1)[0] if count else ("", 0)
    if files:
        yield Problem(
            source.location, 1, 1, "other-preset",
            f"No file states `{own}`; {files} state `{PRESETS[name].fields['reviewed_on']}`.",
            f"Did you mean --preset {name}?", "warning",
        )  # fmt: skip
