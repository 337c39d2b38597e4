"""`digital-cs content review`: what people say of an item: right, wrong, or no longer needed."""

from __future__ import annotations

import contextlib
import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.content_words import ItemName
from digital_cs.cli.options import By, Json

if TYPE_CHECKING:
    from digital_cs.clock import Clock
    from digital_cs.domain.content_item import Checked, ContentItem
    from digital_cs.store.library import Connection

REVIEW = "Example: digital-cs content review c-4f1a09bc77de --still-right --checked steps,links"
BLOCK = 'Example: digital-cs content block c-4f1a09bc77de --because "The price is wrong."'
UNBLOCK = "Example: digital-cs content unblock c-4f1a09bc77de"
RETIRE = 'Example: digital-cs content retire c-4f1a09bc77de --because "The feature is gone."'
Because = Annotated[str, typer.Option("--because", help="Why.", show_default=False)]


def review(
    item: ItemName,
    edited: Annotated[
        bool,
        typer.Option("--edited/--still-right", show_default=False,
                     help="Whether something had to be changed, or all was still right."),
    ],
    checked: Annotated[
        str,
        typer.Option("--checked", show_default=False, metavar="WHAT,…",
                     help="What was checked: steps, screenshots, links, prices, wording."),
    ],
    note: Annotated[str, typer.Option("--note", help="What the next one should know.")] = "",
    by: By = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Say that somebody looked, what was checked, and whether anything was changed.

    It is fresh from today for its interval. If it was blocked, it is not any more.
    """
    from digital_cs.cli import content_words, output
    from digital_cs.cli.connection import ask_quickly
    from digital_cs.domain.content_item import Review
    from digital_cs.domain.link_url import LinkUrlError, normal_url
    from digital_cs.errors import UsageError
    from digital_cs.store import library, live_pages, reviews

    what = _checked(checked)
    who = by or getpass.getuser()

    async def question(
        connection: Connection, clock: Clock
    ) -> tuple[ContentItem, ContentItem, Review]:
        before = await content_words.meant(connection, item)
        if before.retired is not None:
            raise UsageError(f"{before.id} is retired, and nobody reads it: {before.locator}.")
        now = clock.now()
        told = Review(
            before.id, now.date(), who, edited, what, note, version=before.version
        )  # fmt: skip
        async with connection.transaction():
            await reviews.record(connection, told, now)
            with contextlib.suppress(LinkUrlError):  # without a page there is nothing to compare
                await live_pages.verified(connection, normal_url(before.url or ""), now)
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
        f" {', '.join(what)}. It is due again on {after.due_on:%-d %b %Y}.{freed}"
    )


def block(item: ItemName, because: Because, by: By = None, as_json: Json = False) -> None:
    """Say that an item is wrong: it goes out in no message until it is reviewed or unblocked."""
    from digital_cs.store import reviews

    who = by or getpass.getuser()

    async def mark(connection: Connection, id: str, clock: Clock) -> bool:
        return await reviews.block(connection, id, because, who, clock.now())

    _mark(item, mark, "is blocked", "is blocked already, or retired", as_json=as_json)


def unblock(item: ItemName, as_json: Json = False) -> None:
    """Take a block back. That is no review: the item is due when it was due before."""
    from digital_cs.store import reviews

    async def mark(connection: Connection, id: str, clock: Clock) -> bool:
        async with connection.transaction():
            return await reviews.unblock(connection, id, clock.now())

    _mark(item, mark, "is no longer blocked", "was not blocked", as_json=as_json)


def retire(item: ItemName, because: Because, by: By = None, as_json: Json = False) -> None:
    """Take an item out of use. Its file may stay; the next import does not bring it back."""
    from digital_cs.store import reviews

    who = by or getpass.getuser()

    async def mark(connection: Connection, id: str, clock: Clock) -> bool:
        async with connection.transaction():
            return await reviews.retire(connection, id, because, who, clock.now())

    _mark(item, mark, "is retired", "was retired already", as_json=as_json)


if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Marking = Callable[[Connection, str, Clock], Awaitable[bool]]


def _mark(item: str, mark: Marking, done: str, already: str, *, as_json: bool) -> None:
    from digital_cs.cli import content_words, output
    from digital_cs.cli.connection import ask_quickly

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
    from digital_cs.cli.content import choice
    from digital_cs.domain.content_item import Checked
    from digital_cs.errors import UsageError

    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise UsageError(f"A review says what was checked: --checked with {', '.join(Checked)}.")
    return tuple(dict.fromkeys(choice(word, Checked, "thing to check") for word in words))
