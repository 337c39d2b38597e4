"""`digital-cs program allow`: a person says that a program may send more today than its cap."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import By, Json, ProgramId, actor

if TYPE_CHECKING:
    from digital_cs.temporal.gateway import Gateway
    from digital_cs.temporal.sending import Allowed

EXAMPLE = "Example: digital-cs program allow renewal --up-to 5000"


def allow(
    program: ProgramId,
    up_to: Annotated[
        int | None,
        typer.Option("--up-to", min=0, max=2_000_000_000, help="So many messages today."),
    ] = None,
    today: Annotated[
        bool, typer.Option("--today", help="As many as are due for the rest of today.")
    ] = False,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Set how many messages a program may send today (UTC); who waited for that goes on at once.

    A number below what it has sent already holds it until tomorrow, when its own cap counts again.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.errors import UsageError
    from digital_cs.store.programs import programs

    if (up_to is None) is not today:
        raise UsageError(
            "Say either --up-to with the number of messages that it may send today, or --today for"
            " as many as are due."
        )

    async def question(gateway: Gateway) -> Allowed:
        async with gateway.pool.connection() as connection:
            if not await programs.list_programs(connection, [program]):
                raise await gateway.no_program(connection, program)
        return await gateway.sending.allow(program, up_to, actor(by))

    done = ask(question)
    if as_json:
        output.emit(done)
        return
    may = "as many as are due" if done.day.cap is None else f"up to {done.day.cap:,}"
    output.say(
        f"{program} may send {may} today, {done.day.day:%a %-d %b %Y} (UTC), and has sent"
        f" {done.day.sent:,}. {output.count_of(done.woken, 'enrollment')} that rest before a"
        " message look again now."
    )
