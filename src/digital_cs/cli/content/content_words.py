"""What the `content` commands share: an item in JSON and in a table, and which one is meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digital_cs.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from digital_cs.domain.content.content_item import ContentItem
    from digital_cs.domain.content.evidence import Evidence
    from digital_cs.domain.content.freshness_overview import Standing
    from digital_cs.store.content.library import Connection

_MOST_TOLD = 5
"""Pieces of evidence of one item in a list of many."""

ItemName = Annotated[
    str,
    typer.Argument(
        help="Its id, its place in its source, the end of that, or its address.",
        show_default=False, metavar="ITEM",
    ),
]  # fmt: skip
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", help="On this day.", show_default="today, UTC"),
]


def day(text: str | None, today: date, option: str = "--as-of") -> date:
    """The day that an option names. Raises UsageError."""
    if text is None:
        return today
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"'{text}' is not a day. Write {option} 2026-03-12.") from error


def as_json(
    standing: Standing, as_of: date, evidence: Sequence[Evidence] | None = None
) -> dict[str, Any]:
    """An item on a day, for machines, with what speaks against it, where that was asked."""
    from digital_cs.domain.content.evidence import staleness

    item, policy = standing.item, standing.item.policy
    return {
        "id": item.id, "source": item.source, "locator": item.locator, "kind": item.kind,
        "title": item.title, "url": item.url, "owner": item.owner, "backup": item.backup,
        "topic": item.topic, "area": item.area, "volatility": item.volatility,
        "state": standing.state, "reviewed_on": item.reviewed_on,
        "review_every": str(policy.interval), "review_every_because": policy.because,
        "due_on": standing.due_on, "days_overdue": standing.days_overdue, "uses": standing.uses,
        "renewed_on": item.renewed_on, "stale_on": item.stale_on,
        "staleness": round(staleness(item, as_of), 4),
        "version": item.version, "content_hash": item.content_hash, "edited_at": item.edited_at,
        "blocked": item.blocked, "retired": item.retired,
        **({} if evidence is None else {"evidence": evidence}),
    }  # fmt: skip


def show_items(standings: Iterable[Standing]) -> None:
    """A table of items."""
    from digital_cs.cli import output

    output.table(
        ["id", "state", "due", ">used", "kind", "~owner", "~title", "~place"],
        (
            [
                s.item.id, s.state.replace("_", " "), s.due_on, s.uses or None, s.item.kind,
                s.item.owner or "nobody", s.item.title, f"{s.item.source}: {s.item.locator}",
            ]
            for s in standings
        ),
    )  # fmt: skip


async def evidence_of(
    connection: Connection, standings: Iterable[Standing], as_of: date
) -> dict[str, list[Evidence]]:
    """What speaks against items on a day by what is known now, by item id, the oldest first."""
    from digital_cs.domain.content.evidence import by_date
    from digital_cs.store.content import evidence

    items = {standing.item.id: standing.item for standing in standings}
    found = await evidence.of_items(connection, list(items))
    told = {}
    for id, item in items.items():
        kept = [each for each in found.get(id, ()) if each.since.date() <= as_of]
        dated = by_date(item, as_of)
        told[id] = sorted([*kept, *([dated] if dated else ())], key=lambda each: each.since)
    return told


def show_evidence(
    standings: Iterable[Standing], evidence: Mapping[str, Sequence[Evidence]]
) -> None:
    """Why each of these items is stale or blocked: the heaviest pieces of evidence, each a line."""
    from digital_cs.cli import output
    from digital_cs.cli.content.content_sentences import evidence_words
    from digital_cs.domain.content.freshness import State

    for standing in standings:
        item = standing.item
        if standing.state not in (State.STALE, State.BLOCKED):
            continue
        output.say(f"{item.locator} ({item.id}):")
        if item.blocked is not None:
            output.say(f"  Blocked by {item.blocked.by}: {item.blocked.because}")
        told = sorted(evidence.get(item.id, ()), key=lambda each: (-each.weight, each.since))
        for each in told[:_MOST_TOLD]:
            output.say(f"  {evidence_words(each)}")
        if len(told) > _MOST_TOLD:
            output.say(f"  And {len(told) - _MOST_TOLD}: `digital-cs content show {item.id}`")


async def meant(connection: Connection, words: str) -> ContentItem:
    """The one item that somebody means. Raises NotFoundError, and UsageError if it may be several.

    A place that somebody else has now is that one's: the retired are found by their ids.
    """
    from digital_cs.store.content import library

    found = await library.find(connection, words)
    if not found:
        raise NotFoundError(
            f"There is no item '{words}'. `digital-cs content list --search` looks for it."
        )
    exact = [item for item in found if item.id == words]
    exact = exact or [i for i in found if words in (i.stated_id, i.url, i.locator)] or found
    chosen = [item for item in exact if item.retired is None] or exact
    if len(chosen) > 1:
        names = ", ".join(f"{item.id} ({item.source}: {item.locator})" for item in chosen[:5])
        raise UsageError(f"'{words}' may be any of {names}. Name one by its id.")
    return chosen[0]
