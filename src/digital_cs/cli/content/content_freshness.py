"""`digital-cs content freshness`: how true the library is on a day, and whose turn it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.content.content_words import AsOf
from digital_cs.cli.options import Json

if TYPE_CHECKING:
    from digital_cs.clock import Clock
    from digital_cs.domain.content.evidence import Evidence
    from digital_cs.domain.content.freshness_figures import Figures
    from digital_cs.domain.content.freshness_overview import Overview
    from digital_cs.store.content.library import Connection

EXAMPLE = "Example: digital-cs content freshness --as-of 2026-04-22 --owner maya"
_LINES = 40


def freshness(
    as_of: AsOf = None,
    owner: Annotated[
        str | None, typer.Option("--owner", help='Only of this owner; "" for nobody\'s.')
    ] = None,
    source: Annotated[str | None, typer.Option("--source", help="Only of this source.")] = None,
    most: Annotated[
        int | None,
        typer.Option("--most", min=1, help="How many items at most.",
                     show_default=f"{_LINES}, and all with --json"),
    ] = None,
    look: Annotated[
        bool,
        typer.Option("--look", help="First look at all evidence, as workers do once a day."),
    ] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Count items by state and owner; list what is stale and why, then what is due within a month.

    By what is known now: another day changes what is due, and not what was reviewed. Then the
    figures: how much of what people read is fresh, how long things are overdue, what is reviewed.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask_quickly, find_settings
    from digital_cs.cli.content import content_figures, content_words
    from digital_cs.domain.content.freshness import State
    from digital_cs.domain.content.freshness_overview import overview
    from digital_cs.store.content import library

    settings = find_settings().settings

    async def question(
        connection: Connection, clock: Clock
    ) -> tuple[Overview, Figures, dict[str, list[Evidence]]]:
        now = clock.now()
        if look:
            from digital_cs.ingest.content import evidence_days

            await evidence_days.look(connection, settings.content_dir, now)
        on = content_words.day(as_of, now.date())
        items = await library.items(connection, owner=owner, source=source)
        overall = overview(items, on, await library.use_counts(connection))
        return (
            overall,
            await content_figures.gather(connection, items, on, now, settings),
            await content_words.evidence_of(connection, overall.standings[:most], on),
        )

    found, figures, against = ask_quickly(question)
    if as_json:
        output.emit(
            {
                "as_of": found.as_of,
                "counts": {state.value: count for state, count in found.counts.items()},
                "owners": [
                    {"owner": each.owner, **{s.value: n for s, n in each.counts.items()}}
                    for each in found.owners
                ],
                "figures": content_figures.as_json(figures),
                "items": [
                    content_words.as_json(each, found.as_of, against[each.item.id])
                    for each in found.standings[:most]
                ],
            }
        )
        return
    if not found.standings:
        narrowed = owner is not None or source is not None
        output.say(
            "No item is of that owner and source. `digital-cs content sources` lists the sources."
            if narrowed
            else "There are no items yet. `digital-cs content import` brings content in."
        )
        return
    counts = {state: f"{count:,}" for state, count in found.counts.items()}
    output.say(
        f"On {found.as_of:%-d %b %Y} {output.count_of(len(found.standings), 'item')}:"
        f" {counts[State.FRESH]} fresh, {counts[State.DUE_SOON]} due within a month,"
        f" {counts[State.STALE]} stale, {counts[State.BLOCKED]} blocked."
    )
    waiting = [each for each in found.standings if each.state is not State.FRESH]
    lines = most or _LINES
    if waiting:
        content_words.show_items(waiting[:lines])
        if len(waiting) > lines:
            output.say(f"{len(waiting) - lines:,} more: --most shows them.")
        content_words.show_evidence(waiting[:lines], against)
    output.table(
        ["owner", ">fresh", ">due soon", ">stale", ">blocked"],
        (
            [each.owner or "nobody", *(each.counts[s] for s in list(State)[:4])]
            for each in found.owners
        ),
    )
    for line in content_figures.lines(figures):
        output.say(line)
