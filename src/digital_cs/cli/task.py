"""`digital-cs task`: what colleagues are asked to do, and saying that it is done."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import Json, Most

if TYPE_CHECKING:
    from digital_cs.store.worklists import TaskView
    from digital_cs.temporal.gateway import Gateway

app = typer.Typer(no_args_is_help=True, help="Tasks: what programs ask colleagues to do.")


@app.command("list", epilog="Example: digital-cs task list --assign-to csm")
def list_(
    assign_to: Annotated[str | None, typer.Option(help="Only tasks for this role.")] = None,
    account: Annotated[str | None, typer.Option(help="Only tasks about this account.")] = None,
    closed: Annotated[
        bool, typer.Option("--closed", help="Those done, expired or withdrawn instead.")
    ] = False,
    most: Most = 100,
    as_json: Json = False,
) -> None:
    """List open tasks, the most urgent first."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.store import worklists

    states = ("done", "expired", "cancelled") if closed else ("open",)

    async def question(gateway: Gateway) -> list[TaskView]:
        async with gateway.pool.connection() as connection:
            return await worklists.list_tasks(
                connection, states=states, assign_to=assign_to, account=account, most=most
            )

    found = ask(question)
    if as_json:
        output.emit(found)
        return
    if not found:
        output.say("No such task.")
        return
    output.table(
        ["due (UTC)", "for", "~task", "~account", "key"],
        (
            [
                output.stamp(t.due_at),
                t.assign_to,
                t.title if t.state == "open" else f"{t.title} ({t.state})",
                t.account_name,
                t.key,
            ]
            for t in found
        ),
    )


@app.command(epilog="Example: digital-cs task done renewal:acme:1/5 --by jonas")
def done(
    key: Annotated[str, typer.Argument(help="Key of the task, as `task list` shows it.")],
    by: Annotated[
        str | None, typer.Option(help="Who did it.", show_default="your user name")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say that a task is done; its program goes on at once."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.errors import DigitalCsError, NotFoundError
    from digital_cs.store import worklists

    async def question(gateway: Gateway) -> tuple[str, str]:
        closed = await gateway.complete_task(key, by or getpass.getuser())
        if closed is not None:
            return closed
        async with gateway.pool.connection() as connection:
            state = await worklists.task_state(connection, key)
        if state is None:
            raise NotFoundError(f"There is no task '{key}'. `digital-cs task list` shows them.")
        raise DigitalCsError(f"Nothing was changed: the task is {state} already.")

    title, enrollment = ask(question)
    if as_json:
        output.emit({"task": key, "title": title, "enrollment": enrollment, "state": "done"})
    else:
        output.say(f"Done: {title}. {enrollment} goes on.")
