"""`digital-cs content review`: what people say of an item: right, wrong, or no longer needed."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.content.content_words import ItemName
from digital_cs.cli.options import By, Json, Most, actor

if TYPE_CHECKING:
    from digital_cs.clock import Clock
    from digital_cs.domain.content.content_item import Checked, ContentItem, Review
    from digital_cs.store.content.library import Connection

REVIEW = "Example: digital-cs content review c-4f1a09bc77de --still-right --checked steps,links"
BLOCK = 'Example: digital-cs content block c-4f1a09bc77de --because "The price is wrong."'
UNBLOCK = "Example: digital-cs content unblock c-4f1a09bc77de"
RETIRE = 'Example: digital-cs content retire c-4f1a09bc77de --because "The feature is gone."'
Because = Annotated[str, typer.Option("--because", help="Why.", show_default=False)]


def review(
    item: Annotated[
        str | None,
        typer.Argument(
            help="Its id, its place in its source, the end of that, its address, or its case.",
            show_default=False, metavar="[ITEM]",
        ),
    ] = None,
    edited: Annotated[
        bool | None,
        typer.Option("--edited/--still-right", show_default=False,
                     help="A review: whether something had to be changed, or all was right."),
    ] = None,
    checked: Annotated[
        str | None,
        typer.Option("--checked", show_default=False, metavar="WHAT,…",
                     help="What was checked: steps, screenshots, links, prices, wording."),
    ] = None,
    note: Annotated[str, typer.Option("--note", help="What the next one should know.")] = "",
    snooze: Annotated[
        str | None,
        typer.Option("--snooze", metavar="DATE", show_default=False,
                     help="No review yet: put it off until this day, once, with --because."),
    ] = None,
    because: Annotated[str, typer.Option("--because", help="Why it is put off.")] = "",
    give_to: Annotated[
        str | None,
        typer.Option("--give-to", metavar="NAME", show_default=False,
                     help="No review: ask this one of the team, or this address, instead."),
    ] = None,
    reviewer: Annotated[
        str | None,
        typer.Option("--reviewer", metavar="NAME", show_default=False,
                     help="Without an item: only what it is this one's turn to review."),
    ] = None,
    most: Most = 50,
    by: By = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Say that somebody reviewed an item; without an answer, show who is asked about it.

    Without an item, the open cases are listed, the most important first. After a review the item
    is fresh from today for its interval, and no longer blocked, if it was.
    """
    from digital_cs.cli.content import content_cases, content_words
    from digital_cs.errors import UsageError

    answers = [edited is not None or checked is not None, snooze is not None, give_to is not None]
    if item is None:
        if any(answers):
            raise UsageError("Say which item: `content review` without one lists the open cases.")
        return content_cases.show_list(reviewer, most, as_json=as_json)
    if sum(answers) > 1:
        raise UsageError("One answer at a time: a review, --snooze or --give-to.")
    who = actor(by)
    if snooze is not None:
        until = content_words.day(snooze, date.min, "--snooze")
        return content_cases.put_off(item, until, because, who, as_json=as_json)
    if give_to is not None:
        return content_cases.give(item, give_to, who, as_json=as_json)
    if not any(answers):
        return content_cases.show_one(item, as_json=as_json)
    if edited is None or checked is None:
        raise UsageError(
            "A review says whether anything was changed (--edited or --still-right), and what was"
            " checked (--checked steps,links)."
        )
    return _review(item, _checked(checked), note, who, edited=edited, as_json=as_json)


def _review(
    words: str, checked: tuple[Checked, ...], note: str, who: str, *, edited: bool, as_json: bool
) -> None:
    from activities.review_answers import reviewed
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask_quickly
    from digital_cs.cli.content import content_cases
    from digital_cs.errors import UsageError
    from digital_cs.store.content import library

    async def question(
        connection: Connection, clock: Clock
    ) -> tuple[ContentItem, ContentItem, Review]:
        before, _ = await content_cases.meant(connection, words)
        if before.retired is not None:
            raise UsageError(f"{before.id} is retired, and nobody reads it: {before.locator}.")
        async with connection.transaction():
            told = await reviewed(
                connection, before, changed=edited, checked=checked, note=note, by=who,
                now=clock.now(),
            )  # fmt: skip
        after = await library.get(connection, before.id)
        assert after is not None
        return before, after, told

    before, after, told = ask_quickly(question)
    if as_json:
        output.emit(
            {"item": after.id, "review": told, "due_on": after.due_on,
             "unblocked": before.blocked is not None}
        )  # fmt: skip
        return
    freed = " It is no longer blocked." if before.blocked else ""
    output.say(
        f"{after.title} ({after.id}) was reviewed today by {who}, who checked"
        f" {', '.join(checked)}. It is due again on {after.due_on:%-d %b %Y}.{freed}"
    )


def block(item: ItemName, because: Because, by: By = None, as_json: Json = False) -> None:
    """Say that an item is wrong: it goes out in no message until it is reviewed or unblocked."""
    from digital_cs.store.content import reviews

    who = actor(by)

    async def mark(connection: Connection, id: str, clock: Clock) -> bool:
        async with connection.transaction():
            return await reviews.block(connection, id, because, who, clock.now())

    _mark(item, mark, "is blocked", "is blocked already, or retired", as_json=as_json)


def unblock(item: ItemName, as_json: Json = False) -> None:
    """Take a block back. That is no review: the item is due when it was due before."""
    from digital_cs.store.content import reviews

    async def mark(connection: Connection, id: str, clock: Clock) -> bool:
        async with connection.transaction():
            return await reviews.unblock(connection, id, clock.now())

    _mark(item, mark, "is no longer blocked", "was not blocked", as_json=as_json)


def retire(item: ItemName, because: Because, by: By = None, as_json: Json = False) -> None:
    """Take an item out of use. Its file may stay; the next import does not bring it back."""
    from digital_cs.store.content import reviews

    who = actor(by)

    async def mark(connection: Connection, id: str, clock: Clock) -> bool:
        async with connection.transaction():
            return await reviews.retire(connection, id, because, who, clock.now())

    _mark(item, mark, "is retired", "was retired already", as_json=as_json)


if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Marking = Callable[[Connection, str, Clock], Awaitable[bool]]


def _mark(item: str, mark: Marking, done: str, already: str, *, as_json: bool) -> None:
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask_quickly
    from digital_cs.cli.content import content_words

    async def question(connection: Connection, clock: Clock) -> tuple[ContentItem, bool]:
        found = await content_words.meant(connection, item)
        return found, await mark(connection, found.id, clock)

    found, changed = ask_quickly(question)
    if as_json:
        output.emit({"item": found.id, "changed": changed})
    else:
        output.say(f"{found.title} ({found.id}) {done if changed else already}.")


def _checked(text: str) -> tuple[Checked, ...]:
    """What --checked names, each once. Raises UsageError."""
    from digital_cs.cli.content.content import choice
    from digital_cs.domain.content.content_item import Checked
    from digital_cs.errors import UsageError

    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise UsageError(f"A review says what was checked: --checked with {', '.join(Checked)}.")
    return tuple(dict.fromkeys(choice(word, Checked, "thing to check") for word in words))
