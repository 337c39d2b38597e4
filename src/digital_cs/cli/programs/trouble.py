"""`digital-cs alerts` and `webhook dead-letters`: what needs the owner of a program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from digital_cs.cli.options import Json, Most

if TYPE_CHECKING:
    from digital_cs.temporal.gateway import Gateway

ALERTS = "Example: digital-cs alerts --json"

app = typer.Typer(no_args_is_help=True, help="Webhooks: calls to other systems.")


@app.callback()
def _group() -> None:
    """A group of its own, so that further commands find their place."""


def alerts(as_json: Json = False) -> None:
    """List what owners of programs should look at: faults that hold steps up.

    Nobody falls out of a program because of a fault of ours: its step is tried again until it
    works. The exit code is 1 while there is an alert.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.store.programs.alerts import open_alerts

    async def question(gateway: Gateway) -> list[dict[str, Any]]:
        async with gateway.pool.connection() as connection:
            return await open_alerts(connection)

    found = ask(question)
    if as_json:
        output.emit(found)
    elif found:
        output.table(
            ["since (UTC)", "owner", "~program, step", ">times", "~what"],
            (
                [output.stamp(a["first_at"]), a["owner"], _about(a), a["times"], a["words"]]
                for a in found
            ),
        )  # fmt: skip
    else:
        output.say("No alerts.")
    if found:
        raise typer.Exit(1)


def _about(alert: dict[str, Any]) -> str:
    """What an alert is about: a program's step, a whole program, or a broadcast."""
    kind, _, id = alert["program"].partition(":")
    if kind == "broadcast":
        return f"broadcast {id}"
    return f"{alert['program']}, {alert['step']}"


@app.command("dead-letters", epilog="Example: digital-cs webhook dead-letters --most 20")
def dead_letters(most: Most = 100, as_json: Json = False) -> None:
    """List the calls that no other system took, the latest first."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.store.programs.webhooks import dead_letters

    async def question(gateway: Gateway) -> list[dict[str, Any]]:
        async with gateway.pool.connection() as connection:
            return await dead_letters(connection, most)

    found = ask(question)
    if as_json:
        output.emit(found)
    elif found:
        output.table(
            ["when (UTC)", "~program, step", "~account", "~address", ">tries", "~last answer"],
            (
                [output.stamp(c["at"]), f"{c['program']}, {c['step']}", c["account"], c["url"],
                 c["attempts"], f"{c['status'] or ''} {c['detail'] or ''}".strip()]
                for c in found
            ),
        )  # fmt: skip
    else:
        output.say("No dead letters: every call was taken.")
