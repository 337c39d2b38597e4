"""`digital-cs content`: what is in the library, and what is known of an item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from digital_cs.cli.content.content_words import AsOf, ItemName
from digital_cs.cli.options import Json, Most

if TYPE_CHECKING:
    from digital_cs.clock import Clock
    from digital_cs.domain.content.freshness_overview import Overview
    from digital_cs.store.content.library import Connection, KeptSource

app = typer.Typer(no_args_is_help=True, help="The library of content, and how true it is.")


@app.command("list", epilog="Example: digital-cs content list --kind article --state stale")
def list_(
    search: Annotated[
        str | None, typer.Option("--search", help="Part of a title, a place or an address.")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", help="Only of this source.")] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="Only of this kind: article, email, block, …")
    ] = None,
    owner: Annotated[
        str | None, typer.Option("--owner", help='Only of this owner; "" for nobody\'s.')
    ] = None,
    state: Annotated[
        str | None,
        typer.Option("--state", help="Only in this state: fresh, due_soon, stale, …"),
    ] = None,
    as_of: AsOf = None,
    most: Most = 100,
    as_json: Json = False,
) -> None:  # fmt: skip
    """List items, what is to be done first at the top."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask_quickly
    from digital_cs.cli.content import content_words
    from digital_cs.domain.content.freshness import State
    from digital_cs.domain.content.freshness_overview import overview
    from digital_cs.domain.content.review_policy import Kind
    from digital_cs.store.content import library

    wanted_kind = choice(kind, Kind, "kind")
    wanted = choice(state, State, "state")

    async def question(connection: Connection, clock: Clock) -> Overview:
        found = await library.items(
            connection, source=source, kind=wanted_kind, owner=owner, retired=wanted == "retired"
        )
        on = content_words.day(as_of, clock.now().date())
        return overview(found, on, await library.use_counts(connection))

    part = (search or "").casefold()
    overall = ask_quickly(question)
    found = [
        s for s in overall.standings
        if (wanted is None or s.state is wanted)
        and part in f"{s.item.title}\n{s.item.locator}\n{s.item.url or ''}".casefold()
    ]  # fmt: skip
    if as_json:
        output.emit([content_words.as_json(each, overall.as_of) for each in found[:most]])
    elif found:
        content_words.show_items(found[:most])
        if len(found) > most:
            output.say(f"{len(found) - most:,} more: --most shows them.")
    else:
        output.say("No such item. `digital-cs content import` brings content in.")


@app.command(epilog="Example: digital-cs content show emails/renewal-7.md")
def show(item: ItemName, as_of: AsOf = None, as_json: Json = False) -> None:
    """Show an item: its state and why, what speaks for and against it, and where it is used."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask_quickly
    from digital_cs.cli.content import content_words
    from digital_cs.domain.content.freshness_overview import overview
    from digital_cs.store.content import evidence, feedback, library, reviews

    async def question(connection: Connection, clock: Clock) -> dict[str, Any]:
        found = await content_words.meant(connection, item)
        uses = await library.shown_by(connection, found.id)
        on = content_words.day(as_of, clock.now().date())
        standing = overview([found], on, {found.id: len(uses)}).standings[0]
        against = await content_words.evidence_of(connection, [standing], on)
        history = await evidence.history(connection, found.id)
        return {
            "standing": standing, "as_of": on, "shown_by": uses, "evidence": against[found.id],
            "ended": [each for each in history if each.ended_at is not None],
            "used_on": await feedback.uses_of(connection, found.id),
            "votes": await feedback.votes_of(connection, found.id),
            "shows": await library.shows(connection, found.id),
            "versions": await library.versions(connection, found.id),
            "reviews": await reviews.reviews_of(connection, found.id),
        }  # fmt: skip

    found = ask_quickly(question)
    if as_json:
        standing = found.pop("standing")
        output.emit({**content_words.as_json(standing, found["as_of"]), **found})
        return
    from digital_cs.cli.content.content_sentences import tell

    for line in tell(**found):
        output.say(line)


@app.command(epilog="Example: digital-cs content sources")
def sources(as_json: Json = False) -> None:
    """List the sources that were imported, with the mappings that they are remembered with."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask_quickly
    from digital_cs.store.content import library

    async def question(connection: Connection, clock: Clock) -> list[KeptSource]:
        return await library.sources(connection)

    found = ask_quickly(question)
    if as_json:
        output.emit(found)
    elif found:
        output.table(
            ["name", "kind", "~location", "preset", "~field=key", "dates", "imported (UTC)"],
            (
                [
                    k.source.name, k.source.kind, k.source.location, k.source.preset,
                    ", ".join(f"{f}={key}" for f, key in k.source.fields.items()), k.source.dates,
                    output.stamp(k.imported_at),
                ]
                for k in found
            ),
        )  # fmt: skip
    else:
        output.say("No source yet. `digital-cs content import FOLDER` brings one in.")


def choice(text: str | None, choices: Any, name: str) -> Any:
    """The member of an enum that an option names, or None. Raises UsageError."""
    from digital_cs.errors import UsageError

    if text is None:
        return None
    word = text.casefold().replace("-", "_").replace(" ", "_")
    known = {str(each): each for each in choices}
    if word not in known:
        raise UsageError(f"'{text}' is no {name}. There are {', '.join(known)}.")
    return known[word]
