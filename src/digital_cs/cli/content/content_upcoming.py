"""`digital-cs content upcoming`: what is about to go out though it is stale, and to whom."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from digital_cs.cli.options import Json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digital_cs.clock import Clock
    from digital_cs.config import Settings
    from digital_cs.domain.content.content_item import ContentItem
    from digital_cs.domain.content.content_policy import WhenStale
    from digital_cs.domain.content.exposure import Showing
    from digital_cs.domain.content.upcoming import Upcoming
    from digital_cs.store.content.library import Connection

EXAMPLE = "Example: digital-cs content upcoming --days 7"
_LINES = 5
_LONG = timedelta(days=365)
"""How long a message stays useful its step says; here it only matters that it is long."""


class _Found(NamedTuple):
    """What is upcoming, what the gate will make of each message, and the names of
    programs and broadcasts."""

    today: date
    upcoming: list[Upcoming]
    gate: Mapping[tuple[str, date], Mapping[str, str]]
    programs: Mapping[str, str]


def upcoming(
    days: Annotated[
        int, typer.Option("--days", min=1, max=90, help="How many days to look ahead.")
    ] = 14,
    item: Annotated[
        str | None,
        typer.Option("--item", help="Only this one, in whatever state: its id or its place."),
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Also what is due soon, but not stale yet.")
    ] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """List what stale or blocked content is about to be shown, to whom, and when.

    Those inside programs now are counted, not those who will enter. "At most": a branch, or
    something that is waited for, may lead elsewhere.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask_quickly, find_settings

    settings = find_settings().settings

    async def question(connection: Connection, clock: Clock) -> _Found:
        return await _find(connection, clock, settings, days, item, all_)

    found = ask_quickly(question)
    if as_json:
        output.emit(
            {
                "days": days, "until": found.today + timedelta(days=days),
                "items": [_as_json(each, found) for each in found.upcoming],
            }
        )  # fmt: skip
        return
    if not found.upcoming:
        output.say(_nothing(days, item, all_))
    for each in found.upcoming:
        for line in _lines(each, found):
            output.say(line)


async def _find(
    connection: Connection, clock: Clock, settings: Settings, days: int, item: str | None,
    all_: bool,
) -> _Found:  # fmt: skip
    from digital_cs.cli.content import content_words
    from digital_cs.domain.content.exposure import BROADCAST
    from digital_cs.domain.content.freshness import State
    from digital_cs.domain.content.upcoming import WRONG
    from digital_cs.domain.content.upcoming import upcoming as upcoming_of
    from digital_cs.ingest.rules.calendars import load_business_calendar
    from digital_cs.store.broadcasts import broadcasts
    from digital_cs.store.content import exposure, library
    from digital_cs.store.programs import programs
    from digital_cs.store.sending import policies

    now = clock.now()
    if item is None:
        items = await library.items(connection)
        states = WRONG | {State.DUE_SOON} if all_ else WRONG
    else:
        items, states = [await content_words.meant(connection, item)], frozenset(State)
    exposures = await exposure.of_items(
        connection, now, days, workspace_zone=settings.workspace_zone,
        calendar=load_business_calendar(settings.content_dir, now, ()),
    )  # fmt: skip
    found = upcoming_of(items, exposures, states)
    stale = (await policies.current(connection)).policy.content.stale
    gate = await _gate(connection, settings, stale, found)
    names = await programs.names(connection)
    names |= {f"{BROADCAST}{b.id}": b.name for b in await broadcasts.list_broadcasts(connection)}
    return _Found(now.date(), found, gate, names)


async def _gate(
    connection: Connection, settings: Settings, default: WhenStale, found: list[Upcoming]
) -> dict[tuple[str, date], dict[str, str]]:
    """What the gate will make of each message, by (e-mail, day) and item, as things stand now.

    By the texts of the content folder here; of an e-mail that is not in it nothing is said.
    """
    from digital_cs.domain.content.review_policy import Kind
    from digital_cs.domain.content.stale_rule import resolve
    from digital_cs.domain.content.upcoming import fate
    from digital_cs.errors import DigitalCsError
    from digital_cs.rendering.library import EmailLibrary
    from digital_cs.store.content import doubts

    emails = EmailLibrary(settings.content_dir, settings.app_url)
    messages: dict[tuple[str, date], list[ContentItem]] = {}
    for each in found:
        if each.item.kind is not Kind.PROGRAM:  # it is not in the message
            for showing in each.showings:
                messages.setdefault((showing.email, showing.day), []).append(each.item)
    told: dict[tuple[str, date], dict[str, str]] = {}
    for (email, day), items in messages.items():
        try:
            content = emails.get(email).content
        except DigitalCsError:
            continue
        at = datetime.combine(day, time(), UTC)
        resolved = resolve(
            content, await doubts.read(connection, content, day), default, due_at=at,
            useful_until=at + _LONG, now=at,
        )  # fmt: skip
        words = ((item.id, fate(item, resolved)) for item in items)
        told[email, day] = {id: each for id, each in words if each is not None}
    return told


def _nothing(days: int, item: str | None, all_: bool) -> str:
    if item is not None:
        return f"Nobody inside a program now will be shown it within {days} days."
    kinds = "stale, blocked or due soon" if all_ else "stale or blocked"
    return f"Nothing {kinds} is about to be shown to anybody within {days} days."


def _lines(each: Upcoming, found: _Found) -> list[str]:
    from digital_cs.cli import output

    item = each.item
    what = item.kind.replace("_", " ")
    owner = f"owner {item.owner}" if item.owner else "nobody owns it"
    head = f"{item.title} ({what}, {_state(each, found.today)}, {owner}):"
    showings = [_showing(showing, item, found) for showing in each.showings]
    if len(showings) == 1:
        return [f"{head} {showings[0]}"]
    people = output.count_of(each.people, "person", "people")
    lines = [f"{head} to {people} of {output.count_of(each.accounts, 'account')} in all"]
    lines += [f"  {line}" for line in showings[:_LINES]]
    if len(showings) > _LINES:
        last = f"{each.showings[-1].day:%-d %B}"
        more = output.count_of(len(showings) - _LINES, "more time", "more times")
        lines.append(f"  and {more} until {last}: see --json.")
    return lines


def _state(each: Upcoming, today: date) -> str:
    from digital_cs.domain.content.freshness import State

    item, since = each.item, each.item.stale_from
    match each.state:
        case State.BLOCKED if item.blocked is not None:
            return f"blocked by {item.blocked.by}: {item.blocked.because.rstrip('.')}"
        case State.STALE:
            if since == today:
                return "stale today"
            return f"stale {'since' if since < today else 'from'} {since:%-d %b %Y}"
        case State.DUE_SOON:
            return f"due on {since:%-d %b %Y}"
    return str(each.state).replace("_", " ")


def _showing(showing: Showing, item: ContentItem, found: _Found) -> str:
    from digital_cs.cli import output

    accounts = output.count_of(showing.accounts, "account")
    program = found.programs.get(showing.program, showing.program)
    then = found.gate.get((showing.email, showing.day), {}).get(item.id)
    return (
        f"to {'' if showing.sure else 'at most '}{accounts} on {showing.day:%A %-d %B},"
        f" in ‘{showing.email}’ of {program}{f'; {then}' if then else ''}"
    )


def _as_json(each: Upcoming, found: _Found) -> dict[str, Any]:
    item = each.item
    return {
        "id": item.id, "source": item.source, "locator": item.locator, "kind": item.kind,
        "title": item.title, "owner": item.owner, "backup": item.backup, "state": each.state,
        "stale_from": item.stale_from, "blocked": item.blocked, "people": each.people,
        "accounts": each.accounts, "first_on": each.showings[0].day,
        "showings": [
            {
                "email": showing.email, "program": showing.program, "day": showing.day,
                "program_name": found.programs.get(showing.program, showing.program),
                "accounts": showing.accounts, "sure": showing.sure,
                "gate": found.gate.get((showing.email, showing.day), {}).get(item.id),
            }
            for showing in each.showings
        ],
    }  # fmt: skip
