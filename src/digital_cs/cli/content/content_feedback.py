"""`digital-cs content used` and `vote`: what an item was good for, as somebody here says."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.content.content_words import ItemName
from digital_cs.cli.options import By, Json, actor

if TYPE_CHECKING:
    from digital_cs.clock import Clock
    from digital_cs.domain.content.content_item import ContentItem
    from digital_cs.store.content.feedback import UseView, VoteCount
    from digital_cs.store.content.library import Connection

USED = "Example: digital-cs content used guide.md --ticket zendesk:35436"
VOTE = "Example: digital-cs content vote guide.md --not-helpful --by ada@example.com"


def used(
    item: ItemName,
    ticket: Annotated[
        str,
        typer.Option("--ticket", show_default=False,
                     help="The ticket: its id, or its number at the only help desk that has it."),
    ],
    on: Annotated[
        str | None,
        typer.Option("--on", metavar="DATE", help="When it was used.", show_default="today, UTC"),
    ] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Say that an item helped to answer a ticket.

    Once the ticket is solved, that renews the item as a review would: it is due after its
    interval from that day. Broken links and a changed page stay what they are. Saying it again
    changes nothing.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask_quickly
    from digital_cs.cli.content import content_words
    from digital_cs.errors import UsageError
    from digital_cs.store.content import feedback, library
    from digital_cs.store.content.feedback import UseOnTicket
    from digital_cs.store.sending import holds

    async def question(
        connection: Connection, clock: Clock
    ) -> tuple[ContentItem, UseView | None, bool, bool]:
        found = await content_words.meant(connection, item)
        now = clock.now()
        day = content_words.day(on, now.date(), "--on")
        if day > now.date():
            raise UsageError(f"{day} is still to come. Say when it was used.")
        at = now if day == now.date() else datetime.combine(day, time(), UTC)
        async with connection.transaction():
            new = await feedback.keep_uses(
                connection, [UseOnTicket(found.id, ticket.strip(), at, "person")]
            )
            renewed = await feedback.renew(connection, now, [found.id])
            if renewed:
                await holds.wake_for_content(connection, now)
        after = await library.get(connection, found.id)
        kept = await feedback.use_of(connection, found.id, ticket.strip())
        assert after is not None
        return after, kept, bool(new), bool(renewed)

    found, kept, new, renewed = ask_quickly(question)
    if as_json:
        output.emit(
            {"item": found.id, "use": kept, "new": new, "renewed": renewed,
             "renewed_on": found.renewed_on, "due_on": found.due_on}
        )  # fmt: skip
        return
    told = f"{found.title} ({found.id}) was used on {ticket.strip()}."
    due = f"It is due on {found.due_on:%-d %b %Y}."
    if kept is not None and kept.renewed_on is not None:
        output.say(f"{told} That is solved, and renews it on {kept.renewed_on:%-d %b %Y}. {due}")
    elif kept is not None and kept.status is not None:
        output.say(f"{told} Once that is solved, it is renewed.")
    else:
        output.say(f"{told} Once that ticket is known here and solved, it is renewed.")


def vote(
    item: ItemName,
    helpful: Annotated[
        bool,
        typer.Option("--helpful/--not-helpful", show_default=False, help="Whether it helped."),
    ],
    by: By = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Say whether an item helped a reader. A reader has one vote on an item: the latest counts.

    Many that it did not help speak against it, from the next look at evidence on.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask_quickly
    from digital_cs.cli.content import content_words
    from digital_cs.store.content import feedback
    from digital_cs.store.content.feedback import Vote

    who = actor(by)

    async def question(connection: Connection, clock: Clock) -> tuple[ContentItem, VoteCount]:
        found = await content_words.meant(connection, item)
        said = Vote(found.id, who, helpful, clock.now(), "person")
        await feedback.keep_votes(connection, [said])
        return found, await feedback.votes_of(connection, found.id)

    found, count = ask_quickly(question)
    if as_json:
        output.emit(
            {"item": found.id, "by": who, "helpful": helpful, "votes": count}
        )  # fmt: skip
        return
    output.say(
        f"{who} says that {found.title} ({found.id}) {'helped' if helpful else 'did not help'}."
        f" In all it helped {count.helpful:,} and did not help {count.not_helpful:,}."
    )
