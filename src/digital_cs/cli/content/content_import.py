"""`digital-cs content import`: brings content into the library, as often as anybody likes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digital_cs.cli.content.content_options import (
    BaseUrl,
    Dates,
    DefaultOwner,
    Map,
    Preset,
    ReviewEvery,
    Tracked,
)
from digital_cs.cli.options import Json, Yes
from digital_cs.errors import UsageError

if TYPE_CHECKING:
    from digital_cs.clock import Clock
    from digital_cs.domain.content.content_item import ContentItem
    from digital_cs.ingest.content.library import Imported
    from digital_cs.store.content.library import Connection

EXAMPLE = (
    'Example: digital-cs content import ./handbook --preset gov-tech-docs --default-owner "#docs"'
)
_COMPLAINTS = 20


def import_(
    source: Annotated[
        Path | None,
        typer.Argument(help="A folder, a sitemap in a file, a list of addresses or a CSV file."
                       " Without one, the place that --name was imported from.",
                       show_default=False),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="How to read it: content, folder, sitemap, urls or csv.",
                     show_default="by what it is"),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option("--name", help="What to call the source: its mapping is remembered by it.",
                     show_default="that of the folder or file"),
    ] = None,
    preset: Preset = None,
    maps: Map = None,
    dates: Dates = None,
    default_owner: DefaultOwner = None,
    review_every: ReviewEvery = None,
    base_url: BaseUrl = None,
    tracked_only: Tracked = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Bring a source into the library. Doing it again is harmless, and brings what changed.

    A file that moved stays the same item; what is gone is retired. What says something wrong is
    complained of and stays as it was, and the exit code is 1.
    """
    from digital_cs.catalog.content_sources import kind_of, name_for
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask_quickly, find_settings
    from digital_cs.cli.content import content
    from digital_cs.cli.content.content_options import source_of
    from digital_cs.domain.content.content_source import SourceKind
    from digital_cs.ingest.content import evidence_days
    from digital_cs.ingest.content.evidence_days import TeamUnreadableError
    from digital_cs.ingest.content.library import import_source
    from digital_cs.store.content import library

    if source is None and name is None:
        raise UsageError("Say what to import: a folder, a file, or --name of a source.")
    wanted = content.choice(kind, SourceKind, "kind of source")
    called = name or name_for(source or Path())
    settings = find_settings().settings

    async def question(connection: Connection, clock: Clock) -> Imported:
        kept = await library.kept_source(connection, called)
        if source is None and kept is None:
            raise UsageError(f"There is no source '{called}' yet: say which folder or file it is.")
        place = source or Path(kept.source.location if kept else "")
        how = wanted or (kept.source.kind if kept and source is None else kind_of(place))
        what = source_of(
            called, how, str(place), kept.source if kept else None, preset=preset, maps=maps,
            dates=dates, default_owner=default_owner, review_every=review_every,
            base_url=base_url, tracked_only=tracked_only,
        )  # fmt: skip
        done = await import_source(connection, what, clock.now(), dry_run=dry_run, retire_many=yes)
        if not dry_run:
            try:
                await evidence_days.look(connection, settings.content_dir, clock.now())
            except TeamUnreadableError as error:
                output.complain(f"All was imported, but evidence was not looked at. {error}")
        return done

    done = ask_quickly(question)
    if as_json:
        output.emit(_for_machines(called, done, dry_run=dry_run))
    else:
        _tell(called, done, dry_run=dry_run)
    if done.reading.errors:
        raise typer.Exit(1)


def _for_machines(name: str, done: Imported, *, dry_run: bool) -> dict[str, Any]:
    plan = done.plan
    return {
        "source": name, "dry_run": dry_run, "first": done.first, "items": len(plan.items),
        "added": _named(plan.added), "edited": _named(plan.edited),
        "updated": _named(plan.updated), "gone": _named(plan.gone),
        "revived": _named(plan.revived), "unchanged": plan.unchanged,
        "renamed": [
            {"id": item.id, "from": old, "to": item.locator} for old, item in plan.renamed
        ],
        "reviews": [
            {"id": each.item, "reviewed_on": each.on, "changed": each.changed}
            for each in plan.reviews
        ],
        "errors": len(done.reading.errors), "problems": done.reading.problems,
    }  # fmt: skip


def _named(items: tuple[ContentItem, ...]) -> list[dict[str, str]]:
    return [{"id": item.id, "locator": item.locator} for item in items]


def _tell(name: str, done: Imported, *, dry_run: bool) -> None:
    from digital_cs.cli import output
    from digital_cs.cli.check import show_problems

    plan, problems = done.plan, list(done.reading.problems)
    problems.sort(key=lambda each: each.severity != "error")
    show_problems(problems[:_COMPLAINTS])
    if len(problems) > _COMPLAINTS:
        output.say(
            f"{len(problems) - _COMPLAINTS:,} more complaints: --json or `digital-cs content check`"
            " lists them."
        )
    told = [
        f"{number:,} {word}"
        for number, word in (
            (len(plan.added), "new"), (len(plan.edited), "edited"), (len(plan.renamed), "moved"),
            (len(plan.revived), "back"), (len(plan.gone), "retired"),
            (plan.unchanged, "unchanged"),
        )
        if number
    ]  # fmt: skip
    would = "Nothing was changed; it would be: " if dry_run else ""
    output.say(
        f"{would}{name}: {output.count_of(len(plan.items), 'item')}"
        f"{': ' if told else ''}{', '.join(told)}."
    )
    for old, item in plan.renamed[:_COMPLAINTS]:
        output.say(f"  {old} is now {item.locator}, and still {item.id}.")
    firsts = [item.first_due_on for item in plan.added if item.first_due_on is not None]
    if len(firsts) == 1:
        output.say(f"1 item states no review. Its first one is due on {firsts[0]:%-d %b %Y}.")
    elif firsts:
        output.say(
            f"{len(firsts):,} items state no review. Their first ones are spread from"
            f" {min(firsts):%-d %b} to {max(firsts):%-d %b %Y}, those shown most first."
        )
    if unread := len(done.reading.unread):
        stay = "stays as it was" if unread == 1 else "stay as they were"
        output.say(f"{output.count_of(unread, 'item')} could not be read and {stay}.")
