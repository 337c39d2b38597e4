"""`digital-cs task`: what colleagues are asked to do, and saying that it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import Json, Most, actor

if TYPE_CHECKING:
    from digital_cs.ingest.support.ticket_samples import Sample
    from digital_cs.store.programs.worklists import TaskView
    from digital_cs.temporal.gateway import Gateway

app = typer.Typer(
    no_args_is_help=True,
    help="Tasks: what programs ask colleagues to do, replies that wait for an answer, and articles"
    " to write.",
)

SHORT = 23
"""Characters of a reply's key that are shown: "reply:mail:" and twelve of a hash."""


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
    from digital_cs.store.programs import worklists

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
                ", ".join(filter(None, (t.account_name, t.contact))),
                _short(t),
            ]
            for t in found
        ),
    )


@app.command(epilog="Example: digital-cs task show renewal:acme:1/5")
def show(
    key: Annotated[str, typer.Argument(help="Key of the task, as `task list` shows it.")],
    as_json: Json = False,
) -> None:
    """Show one task with its text: what is to be done, or what a contact wrote back.

    One to write an article shows what customers asked, with names left out, as long as the texts
    of tickets are kept. It is for support: copy nothing from there into content.
    """
    import dataclasses

    from digital_cs.cli import output
    from digital_cs.cli.connection import ask

    async def question(gateway: Gateway) -> tuple[TaskView, list[Sample]]:
        found = await _find(gateway, key)
        return found, await _samples(gateway, found)

    task, samples = ask(question)
    if as_json:
        output.emit({**dataclasses.asdict(task), "samples": samples})
        return
    about = ", ".join(filter(None, (task.account_name, task.contact)))
    where = ", ".join(filter(None, (task.program, task.step)))
    whose = f"From {where}, for {task.assign_to}." if where else f"For {task.assign_to}."
    output.say(f"{task.title}\n{f'{about}. ' if about else ''}{whose}")
    if task.state == "open":
        output.say(f"Open, due {output.when(task.due_at)}.")
        if task.kind == "reply":
            output.say("Nothing is sent to this account until it is done.")
    else:
        output.say(f"{task.state.capitalize()} {output.when(task.closed_at)}.")
    if task.note:
        output.say(f"\n{task.note}")
    for sample in samples:
        output.say(f"\n{sample.ticket}\n{sample.text}")


@app.command(epilog="Example: digital-cs task done renewal:acme:1/5 --by jonas")
def done(
    key: Annotated[str, typer.Argument(help="Key of the task, as `task list` shows it.")],
    by: Annotated[
        str | None, typer.Option(help="Who did it.", show_default="your user name")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say that a task is done; its program goes on at once, after a reply the whole account."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.errors import DigitalCsError

    async def question(gateway: Gateway) -> tuple[str, str | None]:
        task = await _find(gateway, key)
        closed = await gateway.complete_task(task.key, actor(by))
        if closed is not None:
            return closed
        now = await _find(gateway, task.key)
        raise DigitalCsError(f"Nothing was changed: the task is {now.state} already.")

    title, enrollment = ask(question)
    if as_json:
        output.emit({"task": key, "title": title, "enrollment": enrollment, "state": "done"})
    else:
        goes_on = "" if key.startswith("writing:") else f" {enrollment or 'The account'} goes on."
        output.say(f"Done: {title.rstrip('.')}.{goes_on}")


async def _find(gateway: Gateway, key: str) -> TaskView:
    from digital_cs.errors import NotFoundError
    from digital_cs.store.programs import worklists

    async with gateway.pool.connection() as connection:
        found = await worklists.task(connection, key)
    if found is None:
        raise NotFoundError(f"There is no task '{key}'. `digital-cs task list` shows them.")
    return found


async def _samples(gateway: Gateway, task: TaskView) -> list[Sample]:
    """What customers asked whom an article is to answer."""
    from digital_cs.ingest.support.ticket_samples import samples_of
    from digital_cs.store.support import writing_tasks

    if task.kind != writing_tasks.KIND:
        return []
    async with gateway.pool.connection() as connection:
        return await samples_of(connection, await writing_tasks.samples_of(connection, task.key))


def _short(task: TaskView) -> str:
    """The key as people copy it: that of a reply holds the hash of a mail, and is long."""
    return task.key[:SHORT] if task.kind == "reply" and ":mail:" in task.key else task.key
