"""`digital-cs topics`: what customers ask support about: the file, what is in force, and why."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import By, Content, DryRun, Json, actor

if TYPE_CHECKING:
    from digital_cs.catalog.topics import LoadedTopics
    from digital_cs.domain.support.topic import Assigned
    from digital_cs.ingest.support.topic_proposals import Learned
    from digital_cs.ingest.support.topic_publishing import PublishedTopics
    from digital_cs.ingest.support.topics import Sorted, TicketSorter
    from digital_cs.temporal.gateway import Gateway

app = typer.Typer(
    no_args_is_help=True,
    help="Topics: what customers ask support about, by the rules of CONTENT_DIR/topics.yaml, by"
    " people, and by likeness.",
)
TicketId = Annotated[
    str, typer.Argument(metavar="TICKET", show_default=False,
                        help="Id of the ticket, as `tickets list` shows it."),
]  # fmt: skip
TopicId = Annotated[str, typer.Argument(metavar="TOPIC", help="Id of the topic.")]


@app.command(epilog="Example: digital-cs topics schema > content/topics.schema.json")
def schema(as_json: Json = False) -> None:
    """Print the JSON Schema of topics.yaml, so that an editor completes and checks it.

    It is JSON with and without --json.
    """
    from digital_cs.catalog.schema import schema_text, topics_schema
    from digital_cs.cli import output

    output.say(schema_text(topics_schema()).rstrip("\n"))


@app.command(epilog="Example: digital-cs topics check")
def check(content: Content = None, as_json: Json = False) -> None:
    """Check topics.yaml: each complaint has its line and column."""
    from digital_cs.cli import output
    from digital_cs.cli.check import report

    folder, loaded = _loaded(content)
    number = output.count_of(len(loaded.topics.topics), "topic")
    well = f"All is well in {folder / 'topics.yaml'}: {number}."
    report(loaded.problems, well, as_json=as_json)


@app.command(epilog="Example: digital-cs topics publish --dry-run")
def publish(
    content: Content = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Put the topics of the file in force, and sort all tickets by them anew.

    What a person said of a ticket stands. A ticket whose text is no longer kept stays where it is
    as long as its topic is there. Interrupted, publish again: it goes on where it stopped, and so
    do workers by themselves.
    """
    from digital_cs.cli import output
    from digital_cs.cli.check import refuse
    from digital_cs.cli.connection import ask
    from digital_cs.ingest.support import topic_publishing, topics
    from digital_cs.ingest.support.topic_proposals import TopicProposals

    _, loaded = _loaded(content)
    if loaded.errors:
        refuse(loaded.problems)

    async def question(gateway: Gateway) -> tuple[PublishedTopics, Sorted, Learned | None]:
        now = gateway.clock.now()
        done = await topic_publishing.publish(gateway.pool, loaded.topics, now, dry_run=dry_run)
        if dry_run:
            return done, topics.Sorted(), None
        sorter = topics.TicketSorter(gateway.pool, gateway.clock)
        with output.progress("sorting tickets", done.left) as bar:
            found = await sorter.all_again(
                tell=lambda looked, _: bar.advance(bar.task_ids[0], looked)
            )
        learned = None
        if done.new or found.looked:
            learned = await TopicProposals(gateway.pool, gateway.clock).learn()
        await sort_soon(sorter)
        return done, found, learned

    done, found, learned = ask(question)
    if as_json:
        output.emit({"dry_run": dry_run, "published": done, "sorted": found, "learned": learned})
        return
    for verb, names in (
        ("New", done.added), ("Changed", done.changed), ("Taken away", done.removed),
    ):  # fmt: skip
        if names:
            output.say(f"{verb}: {', '.join(names)}.")
    if dry_run:
        output.say(f"It would be version {done.version}." if done.new else "It is in force.")
        return
    since = "" if done.new else f", in force since {output.when(done.published_at)}"
    output.say(
        f"Version {done.version}{since}: {output.count_of(found.looked, 'ticket')} looked at,"
        f" {found.changed:,} with another topic than before."
    )
    say_learned(learned)


@app.command(epilog="Example: digital-cs topics assign zendesk:5158 billing")
def assign(
    ticket: TicketId,
    topic: Annotated[
        str | None, typer.Argument(metavar="TOPIC", help="Id of the topic.", show_default=False)
    ] = None,
    none: Annotated[bool, typer.Option("--none", help="It is of no topic.")] = False,
    release: Annotated[
        bool, typer.Option("--release", help="Take back what was said: rules decide again.")
    ] = False,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Say of which topic a ticket is. That stands, whatever rules say now or later."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.errors import UsageError
    from digital_cs.ingest.support.topics import TicketSorter

    if (topic is not None) + none + release != 1:
        raise UsageError("Name a topic, or say --none or --release.")
    who = actor(by)

    async def question(gateway: Gateway) -> tuple[str, str | None]:
        sorter = TicketSorter(gateway.pool, gateway.clock)
        id = await ticket_id(gateway, ticket)
        if release:
            found = await sorter.release(id)
            return id, found.topic if found else None
        await sorter.give(id, topic, who)
        return id, topic

    id, found = ask(question)
    if as_json:
        output.emit({"ticket": id, "topic": found, "by": "rules" if release else who})
    else:
        output.say(f"{id} is of {found or 'no topic'}{' by the rules' if release else ''}.")


@app.command(epilog="Example: digital-cs topics covered deliverability --on 2026-10-06")
def covered(
    topic: TopicId,
    on: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="The day.", show_default=False)
    ],
    note: Annotated[str, typer.Option("--note", help="Where it was covered.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="It was not, after all.")] = False,
    as_json: Json = False,
) -> None:
    """Say that a topic was covered on a day: for eight weeks no newsletter needs it again.

    Issues of newsletters say so by themselves.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.errors import NotFoundError
    from digital_cs.store.support import topic_coverage, topics

    day = on.date()

    async def question(gateway: Gateway) -> int:
        async with gateway.pool.connection() as connection, connection.transaction():
            ours = {each.topic for each in (await topics.in_force(connection)).topics}
            if topic not in ours:
                raise NotFoundError(f"There is no topic '{topic}'. `digital-cs topics list`.")
            if undo:
                return await topic_coverage.uncover(connection, topic, day)
            return await topic_coverage.cover(
                connection, [topic], day, topic_coverage.BY_HAND, gateway.clock.now(), note
            )

    count = ask(question)
    if as_json:
        output.emit({"topic": topic, "on": day, "covered": not undo, "changed": bool(count)})
        return
    known = "" if count else " That was known already." if not undo else " Nobody had said so."
    output.say(f"{topic}: {'not covered' if undo else 'covered'} on {day:%-d %b %Y}.{known}")


def assigned_words(assigned: Assigned, version: int | None = None) -> str:
    """Why a ticket is of its topic, in words."""
    from digital_cs.domain.support.topic import By as Giver

    said = ", ".join(assigned.words)
    if assigned.by is Giver.PERSON:
        return f"{assigned.person or 'somebody'} said so"
    if assigned.by is Giver.SOURCE:
        return f"the help desk calls it “{said}”"
    if assigned.by is Giver.RULE:
        of = f" of version {version}" if version else ""
        return f"rule {assigned.rule}{of}: {said}"
    if assigned.by is Giver.PROPOSAL:
        return f"it is of the group that was proposal {assigned.proposal}: {said}"
    return f"it is like tickets of that topic, {assigned.sure or 0:.0%} sure: {said}"


async def ticket_id(gateway: Gateway, written: str) -> str:
    """The id of a ticket by it, or by its number at the only help desk that has it."""
    from digital_cs.errors import NotFoundError
    from digital_cs.store.support import tickets

    async with gateway.pool.connection() as connection:
        found = await tickets.find(connection, written)
    if found is None:
        raise NotFoundError(f"There is no ticket '{written}'. `digital-cs tickets list`.")
    return found.id


async def sort_soon(sorter: TicketSorter) -> Sorted:
    """Sort the tickets that wait, with progress shown."""
    from digital_cs.cli import output

    with output.progress("sorting what is new", None) as bar:
        return await sorter.soon(tell=lambda looked, _: bar.advance(bar.task_ids[0], looked))


def say_learned(learned: Learned | None) -> None:
    """Tell what was learned."""
    from digital_cs.cli import output

    if learned is not None:
        output.say(
            f"Learned from {output.count_of(learned.tickets, 'ticket')} of"
            f" {output.count_of(len(learned.topics), 'topic')};"
            f" {output.count_of(learned.look_again, 'ticket')} looked at again by that."
        )


def _loaded(content: Path | None) -> tuple[Path, LoadedTopics]:
    from digital_cs.catalog.topics import load_topics
    from digital_cs.config import load_settings
    from digital_cs.errors import NotFoundError

    folder = content or load_settings().content_dir
    loaded = load_topics(folder)
    if not loaded.there:
        raise NotFoundError(f"There is no file {folder / 'topics.yaml'}: set CONTENT_DIR.")
    return folder, loaded
