"""Review cases on the command line: which are open, whose turn each is, and its story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digital_cs.errors import NotFoundError

if TYPE_CHECKING:
    from datetime import date, datetime

    from activities.casebook import Casebook, View
    from activities.review_answers import Standing
    from digital_cs.clock import Clock
    from digital_cs.domain.content.content_item import ContentItem
    from digital_cs.domain.content.review_case import CaseStep
    from digital_cs.store.content.library import Connection
    from digital_cs.store.content.review_cases import Kept


async def casebook(connection: Connection, now: datetime) -> Casebook:
    """The casebook by the settings, the team and the calendar as their files say."""
    from activities.casebook import TeamShelf
    from activities.enrollments import CalendarShelf
    from digital_cs.catalog.team import load_team
    from digital_cs.cli.connection import find_settings
    from digital_cs.ingest.rules.calendars import load_business_calendar
    from digital_cs.store.people.accounts import countries
    from digital_cs.temporal.review_parts import casebook_of

    settings = find_settings().settings
    team = load_team(settings.content_dir).team
    days = load_business_calendar(settings.content_dir, now, await countries(connection))
    return casebook_of(settings, TeamShelf(team), CalendarShelf(days))


async def meant(connection: Connection, words: str) -> tuple[ContentItem, Kept | None]:
    """The item that somebody means, by itself or by its case, with its open case."""
    from activities.review_answers import standing
    from digital_cs.cli.content import content_words
    from digital_cs.store.content import review_cases

    if words.startswith("r-"):
        at = await standing(connection, words)
        if at is not None:
            return at.item, at.kept
    item = await content_words.meant(connection, words)
    return item, await review_cases.open_case_of(connection, item.id)


async def open_case(connection: Connection, words: str) -> str:
    """The id of the open case of an item. Raises NotFoundError."""
    item, kept = await meant(connection, words)
    if kept is None:
        raise NotFoundError(
            f"{item.title} ({item.id}) has no open case: nobody is asked about it now."
        )
    return kept.case.id


def show_list(who: str | None, most: int, *, as_json: bool) -> None:
    """The open cases, the most important first; of one reviewer, if one is named."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask_quickly
    from digital_cs.domain.content.digest import ranked

    async def question(connection: Connection, clock: Clock) -> View:
        now = clock.now()
        return await (await casebook(connection, now)).view(connection, now)

    view = ask_quickly(question)
    cases = {kept.case.item_id: kept.case for kept in view.cases}
    if who is not None:
        person = view.rules.team.find(who)
        address = (person.address if person and person.address else who).casefold()
        cases = {id: case for id, case in cases.items() if case.reviewer == address}
    order = ranked(view.weight(item) for item in cases)
    if as_json:
        output.emit([
            {**_case(cases[each.item]), "title": view.items[each.item].title,
             "people": each.people, "staleness": round(each.staleness, 4),
             "contacts": each.contacts, "urgent": each.urgent}
            for each in order[:most]
        ])  # fmt: skip
        return
    waiting = sum(len(each) for each in view.candidates.values())
    more = f" {output.count_of(waiting, 'more item')} will be asked for when there is room."
    if not cases:
        output.say(f"No open case.{more if waiting else ''}")
        return
    output.table(
        ["case", "because", "turn", "~holder", "told", ">readers", "~title"],
        (
            [
                case.id, case.because, case.rung, case.holder or "nobody", _told(case.told_at),
                each.people or None, view.items[each.item].title,
            ]
            for each in order[:most]
            for case in (cases[each.item],)
        ),
    )  # fmt: skip
    output.say(
        f"{output.count_of(len(cases), 'open case')}.{more if waiting and who is None else ''}"
    )


def show_one(words: str, *, as_json: bool) -> None:
    """The case of an item: whose turn it is, and what happened."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask_quickly
    from digital_cs.store.content import review_cases

    async def question(
        connection: Connection, clock: Clock
    ) -> tuple[ContentItem, Kept | None, list[CaseStep]]:
        item, kept = await meant(connection, words)
        if kept is None:
            kept = next(iter(await review_cases.cases_of(connection, item.id, 1)), None)
        steps = await review_cases.steps_of(connection, kept.case.id) if kept else []
        return item, kept, steps

    item, kept, steps = ask_quickly(question)
    if as_json:
        output.emit({"item": item.id, "case": _case(kept.case) if kept else None, "story": steps})
        return
    if kept is None:
        output.say(f"{item.title} ({item.id}): nobody was ever asked about it.")
        return
    case = kept.case
    state = "ended" if case.ended_at else f"it is the turn of {case.holder or 'nobody'}"
    if case.snoozed_until is not None:
        state = f"put off until {case.snoozed_until:%-d %b %Y}"
    output.say(f"{item.title} ({item.id}), case {case.id}: {state}.")
    output.table(
        ["at (UTC)", "what", "~words"],
        ([output.stamp(s.at), s.did.replace("-", " "), s.words] for s in steps),
    )


def put_off(words: str, until: date, because: str, by: str, *, as_json: bool) -> None:
    """Snooze the case of an item."""
    from activities import review_answers

    async def act(connection: Connection, book: Casebook, case_id: str, now: datetime) -> Standing:
        return await review_answers.put_off(connection, book, case_id, until, because, by, now)

    _act(words, act, as_json=as_json)


def give(words: str, to: str, by: str, *, as_json: bool) -> None:
    """Give the case of an item to somebody else."""
    from activities import review_answers

    async def act(connection: Connection, book: Casebook, case_id: str, now: datetime) -> Standing:
        return await review_answers.given(connection, book, case_id, to, by, now)

    _act(words, act, as_json=as_json)


def _act(words: str, act: Any, *, as_json: bool) -> None:
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask_quickly
    from digital_cs.store.content import review_cases

    async def question(connection: Connection, clock: Clock) -> tuple[Standing, str]:
        now = clock.now()
        case_id = await open_case(connection, words)
        book = await casebook(connection, now)
        async with connection.transaction():
            at = await act(connection, book, case_id, now)
        told = [s for s in await review_cases.steps_of(connection, case_id)
                if s.did in ("snoozed", "reassigned")]  # fmt: skip
        return at, told[-1].words

    at, said = ask_quickly(question)
    if as_json:
        output.emit({"item": at.item.id, "case": _case(at.kept.case)})
    else:
        output.say(f"{at.item.title} ({at.item.id}): {said}")


def _case(case: Any) -> dict[str, Any]:
    """A case for machines."""
    names = ("id", "item_id", "because", "opened_at", "owner", "assigned", "rung", "holder",
             "in_line", "told_at", "reminded_at", "snoozed_until", "next_at", "ended_at",
             "ended_as")  # fmt: skip
    return {name: getattr(case, name) for name in names}


def _told(moment: datetime | None) -> str | None:
    return f"{moment:%Y-%m-%d}" if moment else None
