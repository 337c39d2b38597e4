"""`digital-cs sending`: the switch that stops everything, its undo, and what is kept back now."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digital_cs.cli.options import By, Json, actor

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from digital_cs.clock import Clock
    from digital_cs.temporal.sending import SendingStatus

app = typer.Typer(no_args_is_help=True, help="Sending: stop everything, start again, look.")


@app.command(epilog='Example: digital-cs sending stop --because "wrong prices in the renewal mail"')
def stop(
    because: Annotated[str, typer.Option(help="The reason, for those who ask.")] = "by hand",
    by: By = None,
    as_json: Json = False,
) -> None:
    """Stop everything that is sent, at once. It asks nothing, because seconds count.

    No message is handed over any more, service notices included; one that is being handed over at
    this moment still goes. Accounts enter, move and leave as before, and what is due waits.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask_quickly
    from digital_cs.store.sending import stops

    async def question(connection: AsyncConnection[Any], clock: Clock) -> tuple[stops.Stop, bool]:
        async with connection.transaction():
            return await stops.stop(connection, because, actor(by), clock.now())

    found, new = ask_quickly(question)
    if as_json:
        output.emit({"stop": found, "new": new})
        return
    output.say(
        f"{'Stopped: nothing is sent any more.' if new else _since(found.at, found.by)}"
        f" Because: {found.because}. `digital-cs sending start` takes it back."
    )


@app.command(epilog="Example: digital-cs sending start")
def start(by: By = None, as_json: Json = False) -> None:
    """Send again. What became due meanwhile goes spread out, and only as far as it is useful."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask

    done = ask(lambda gateway: gateway.sending.start(actor(by)))
    if as_json:
        output.emit(done)
    elif done.lifted is None:
        output.say("It was not stopped: nothing was changed.")
    else:
        woken = output.count_of(done.woken, "enrollment")
        output.say(f"Sending goes on. {woken} that rest before a message look again now.")


@app.command(epilog="Example: digital-cs sending status")
def status(as_json: Json = False) -> None:
    """Show whether sending is stopped, what is held, and caps and rates. Exit code 1: stopped."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask

    found = ask(lambda gateway: gateway.sending.status())
    if as_json:
        output.emit(found)
    else:
        _print(found)
    if found.stopped is not None:
        raise typer.Exit(1)


def _since(at: datetime, by: str) -> str:
    from digital_cs.cli.output import when

    return f"Stopped since {when(at)}, by {by}: nothing is sent."


def _print(found: SendingStatus) -> None:
    from digital_cs.cli import output
    from digital_cs.cli.broadcasts.broadcast import standing_of
    from digital_cs.cli.sending.incident import print_incidents

    if found.stopped is None:
        output.say("Messages are being sent: nobody has stopped it.")
    else:
        stop = found.stopped
        output.say(
            f"{_since(stop.at, stop.by)} Because: {stop.because}."
            " `digital-cs sending start` takes it back."
        )
    if found.incidents:
        output.say("\nOpen incidents, for which marketing waits")
        print_incidents(found.incidents)
    if found.held:
        output.say("\nHeld: `digital-cs account why` says more of each account")
        output.table(
            ["program", "~because of", ">enrollments"],
            ([h.program, h.reason.replace("_", " "), f"{h.enrollments:,}"] for h in found.held),
        )
    if found.broadcasts:
        output.say("\nBroadcasts: `digital-cs broadcast show` says how far one is")
        output.table(
            ["broadcast", "state", "~because of"],
            ([b.id, standing_of(b), b.held_because] for b in found.broadcasts),
        )
    if found.today:
        output.say(f"\nToday, {found.now:%a %-d %b %Y} (UTC)")
        output.table(
            ["program", ">sent", ">may send", "changed by"],
            (
                [d.program, f"{d.sent:,}", "all" if d.cap is None else f"{d.cap:,}", d.allowed_by]
                for d in found.today
            ),
        )
    if found.rates:
        output.say("\nRates, in messages a minute")
        output.table([">a minute", "of"], ([f"{r.a_minute:g}", r.scope] for r in found.rates))
    for queue in found.queues:
        output.say(f"Messages wait for their turn in {queue.scope}: {queue.seconds / 60:.1f} min.")
