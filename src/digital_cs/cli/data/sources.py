"""`digital-cs sources`: where data comes from, how far it is complete, and what is late."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digital_cs.cli.options import Json

if TYPE_CHECKING:
    from digital_cs.domain.source import Source
    from digital_cs.errors import NotFoundError
    from digital_cs.temporal.gateway import Gateway

app = typer.Typer()
Name = Annotated[str, typer.Argument(help="Name of the source.", show_default=False)]


@app.callback(invoke_without_command=True, epilog="Example: digital-cs sources")
def sources(
    context: typer.Context,
    all_: Annotated[bool, typer.Option("--all", help="Those that are retired, too.")] = False,
    as_json: Json = False,
) -> None:
    """List the sources of data, and say which of them are late.

    What is judged by a feed (a usage drop, silence, tickets) waits while one of its sources is
    late, and never takes missing data for silence. Times are UTC. The rate is that of the last
    minutes.
    """
    if context.invoked_subcommand is not None:
        return
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.domain.source import late_sources
    from digital_cs.store.product import sources

    async def question(gateway: Gateway) -> tuple[list[Source], datetime]:
        async with gateway.pool.connection() as connection:
            return await sources.list_sources(connection, retired=all_), gateway.clock.now()

    found, now = ask(question)
    if as_json:
        output.emit([_facts(each, now) for each in found])
        return
    if not found:
        output.say("Nothing came in yet. The API and `digital-cs load` are the doors.")
        return
    output.table(
        ["source", "kind", "~feeds", "complete up to", "lag", ">a minute", ">received", ">refused",
         "~last error"],
        (_cells(each, now) for each in found),
    )  # fmt: skip
    late = late_sources(found, now)
    if late:
        output.say("")
    for each in late:
        output.say(
            f"Late: {each.late_words(now)} If nothing more will come from it: `digital-cs sources"
            f" retire {each.name}`."
        )


@app.command(epilog="Example: digital-cs sources show zendesk")
def show(name: Name, as_json: Json = False) -> None:
    """Show all that is known of one source."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.domain.source import length_words
    from digital_cs.store.product import sources

    async def question(gateway: Gateway) -> tuple[Source, datetime]:
        async with gateway.pool.connection() as connection:
            found = await sources.get(connection, name)
            if found is None:
                raise _unknown(name, await sources.list_sources(connection))
            return found, gateway.clock.now()

    found, now = ask(question)
    if as_json:
        output.emit(_facts(found, now))
        return
    output.say(f"{found.name}  ({found.kind}, gives {', '.join(found.feeds) or 'nothing yet'})")
    if found.retired_at is not None:
        output.say(f"Retired {output.when(found.retired_at)}: nothing waits for it.")
    elif found.late(now):
        output.say(found.late_words(now))
    through, lag = found.complete_through, found.lag(now)
    output.say(
        f"Complete up to {output.when(through)}, {length_words(lag)} ago."
        if through is not None and lag is not None
        else "It has not said yet how far it is complete."
    )
    output.say(
        f"Late after {length_words(found.expected)}: `digital-cs sources expect` changes that."
    )
    output.say(
        f"Received {found.received:,}, refused {found.refused:,}; {found.rate(now):,.1f} a minute"
        f" lately{_last_received(found)}."
    )
    if found.last_error is not None:
        since = "" if found.failing() else " Since then it has brought something."
        output.say(f"Last error {output.when(found.last_error_at)}: {found.last_error}{since}")


@app.command(epilog="Example: digital-cs sources retire csv:usage")
def retire(name: Name, as_json: Json = False) -> None:
    """Wait for a source no longer: nothing more will come from it.

    What it brought stays. It counts again as soon as it brings something.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.store.product import sources
    from digital_cs.store.programs import enrollments

    async def question(gateway: Gateway) -> bool:
        async with gateway.pool.connection() as connection, connection.transaction():
            before = await sources.usage_through(connection)
            changed = await sources.retire(connection, name, gateway.clock.now())
            if not changed and await sources.get(connection, name) is None:
                raise _unknown(name, await sources.list_sources(connection))
            if await sources.usage_through(connection) != before:
                await enrollments.wake_by_feed(connection, "usage")
            return changed

    changed = ask(question)
    if as_json:
        output.emit({"source": name, "changed": changed})
    else:
        output.say(f"{name} {'is' if changed else 'was already'} retired: nothing waits for it.")


@app.command(epilog='Example: digital-cs sources expect csv:usage "3 days"')
def expect(
    name: Name,
    every: Annotated[
        str, typer.Argument(help='How old its data may become: "26 hours", "3 days".',
                            metavar="SPAN", show_default=False),
    ],
    as_json: Json = False,
) -> None:  # fmt: skip
    """Say how old the data of a source may become before it counts as late."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.domain.timing.span import Span
    from digital_cs.store.product import sources

    span = Span.parse(every)
    length = timedelta(seconds=span.approx_seconds)

    async def question(gateway: Gateway) -> None:
        async with gateway.pool.connection() as connection:
            if not await sources.expect(connection, name, length):
                raise _unknown(name, await sources.list_sources(connection))

    ask(question)
    if as_json:
        output.emit({"source": name, "expected_seconds": length.total_seconds()})
    else:
        output.say(f"{name} is late from now on when its data is older than {span.words()}.")


def _cells(source: Source, now: datetime) -> list[object]:
    from digital_cs.cli import output
    from digital_cs.domain.source import length_words

    lag = source.lag(now)
    words = length_words(lag) if lag is not None else "not known" if source.judged() else ""
    if source.retired_at is not None:
        words = "retired"
    elif source.late(now):
        words += " LATE"
    return [
        source.name, source.kind, ", ".join(source.feeds), output.stamp(source.complete_through),
        words, f"{source.rate(now):,.1f}", f"{source.received:,}", f"{source.refused:,}",
        source.last_error,
    ]  # fmt: skip


def _facts(source: Source, now: datetime) -> dict[str, Any]:
    lag = source.lag(now)
    return {
        "name": source.name, "kind": source.kind, "feeds": list(source.feeds),
        "complete_through": source.complete_through,
        "lag_seconds": None if lag is None else lag.total_seconds(), "late": source.late(now),
        "expected_seconds": source.expected.total_seconds(),
        "rate_per_minute": round(source.rate(now), 3), "received": source.received,
        "refused": source.refused, "last_received_at": source.last_received_at,
        "last_error": source.last_error, "last_error_at": source.last_error_at,
        "retired_at": source.retired_at,
    }  # fmt: skip


def _last_received(source: Source) -> str:
    from digital_cs.cli.output import when

    return f", the last {when(source.last_received_at)}" if source.last_received_at else ""


def _unknown(name: str, known: list[Source]) -> NotFoundError:
    from digital_cs.errors import NotFoundError

    names = ", ".join(each.name for each in known)
    there = f"There are: {names}." if names else "Nothing came in yet."
    return NotFoundError(f"There is no source '{name}'. {there}")
