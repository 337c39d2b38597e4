"""`digital-cs incident`: something is wrong with the product, so marketing waits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import By, Json, Most, actor

if TYPE_CHECKING:
    from digital_cs.store.sending.incidents import Incident

app = typer.Typer(no_args_is_help=True, help="Incidents: while one is open, marketing waits.")


@app.command("open", epilog='Example: digital-cs incident open "Exports fail" --account acme')
def open_(
    title: Annotated[str, typer.Argument(help="What is wrong.", show_default=False)],
    accounts: Annotated[
        list[str] | None,
        typer.Option("--account", help="Only for this account; may be given again.",
                     show_default="all accounts"),
    ] = None,
    by: By = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Let marketing wait until the incident is closed. Service notices go on."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask

    who = actor(by)
    found = ask(lambda gateway: gateway.sending.open_incident(title, who, accounts or None))
    if as_json:
        output.emit(found)
        return
    whom = "all accounts" if found.accounts is None else output.count_of(
        len(found.accounts), "account"
    )  # fmt: skip
    output.say(
        f"Incident {found.id} is open: marketing to {whom} waits."
        f" `digital-cs incident close {found.id}` ends it."
    )


@app.command(epilog="Example: digital-cs incident close 12")
def close(
    id: Annotated[
        int, typer.Argument(help="Number, as `incident list` shows it.", show_default=False)
    ],
    by: By = None,
    as_json: Json = False,
) -> None:
    """End an incident: what waited for it goes on, as far as it is still useful."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask

    found = ask(lambda gateway: gateway.sending.close_incident(id, actor(by)))
    if as_json:
        output.emit(found)
    else:
        output.say(f"Incident {found.id} is over: {found.title}.")


@app.command("list", epilog="Example: digital-cs incident list --closed")
def list_(
    closed: Annotated[bool, typer.Option("--closed", help="Those that are over instead.")] = False,
    most: Most = 100,
    as_json: Json = False,
) -> None:
    """List the incidents that are open, the oldest first."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask

    found = ask(lambda gateway: gateway.sending.list_incidents(closed=closed, most=most))
    if as_json:
        output.emit(found)
    elif found:
        print_incidents(found)
    else:
        output.say("No such incident.")


def print_incidents(found: Sequence[Incident]) -> None:
    """A table of incidents."""
    from digital_cs.cli import output

    output.table(
        [">id", "since (UTC)", "until (UTC)", "~what", "~for"],
        (
            [i.id, output.stamp(i.opened_at), output.stamp(i.closed_at), i.title,
             "all accounts" if i.accounts is None else ", ".join(i.accounts)]
            for i in found
        ),
    )  # fmt: skip
