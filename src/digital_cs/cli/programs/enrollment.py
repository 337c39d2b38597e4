"""`digital-cs enrollment`: one account in one program: shown, paused, resumed, moved on, out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digital_cs.cli.options import AllNow, EnrollmentId, Json, Most, SkipOlder, Spread

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from digital_cs.store.programs.timeline import EnrollmentView, Happening
    from digital_cs.temporal.gateway import Gateway, OverdueChoice, Resumed

app = typer.Typer(no_args_is_help=True, help="Enrollments: one account in one program.")


@app.command("list", epilog="Example: digital-cs enrollment list --program renewal")
def list_(
    program: Annotated[str | None, typer.Option(help="Only this program.")] = None,
    account: Annotated[str | None, typer.Option(help="Only this account.")] = None,
    over: Annotated[bool, typer.Option("--over", help="Also those that are over.")] = False,
    most: Most = 100,
    as_json: Json = False,
) -> None:
    """List enrollments: what comes next is first."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.store.programs import timeline

    async def question(gateway: Gateway) -> list[EnrollmentView]:
        async with gateway.pool.connection() as connection:
            return await timeline.list_enrollments(
                connection, program=program, account=account, inside_only=not over, most=most
            )

    found = ask(question)
    if as_json:
        output.emit(found)
        return
    output.table(
        ["enrollment", "~account", "state", "~rests for", "next (UTC)"],
        (
            [e.id, e.account_name, e.state, e.because or e.label,
             output.stamp(e.ended_at or e.wake_at)]
            for e in found
        ),
    )  # fmt: skip
    if len(found) == most:
        output.complain(f"Only the first {most} are shown: see --most, --program, --account.")


@app.command(epilog="Example: digital-cs enrollment show renewal:acme:1")
def show(id: EnrollmentId, most: Most = 60, as_json: Json = False) -> None:
    """Show where an enrollment stands, what comes next, and every decision with its reason."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask, find_settings
    from digital_cs.cli.data.account import print_timeline, standing
    from digital_cs.store.programs import timeline

    async def question(gateway: Gateway) -> tuple[EnrollmentView, list[Happening], Any]:
        async with gateway.pool.connection() as connection:
            found = await _found(connection, id)
            happened = await timeline.timeline(connection, enrollment=id, most=most)
        return found, happened, gateway.clock.now()

    found, happened, now = ask(question)
    if as_json:
        output.emit({"enrollment": found, "timeline": happened})
        return
    zone = found.account_zone or find_settings().settings.workspace_zone
    output.say(f"{found.account_name} ({found.account}), entered by {found.source}")
    output.say(standing(found, now, zone))
    output.say("")
    print_timeline(happened, zone)


@app.command(epilog="Example: digital-cs enrollment pause renewal:acme:1")
def pause(id: EnrollmentId, as_json: Json = False) -> None:
    """Hold one enrollment. Events are still heard, and applied when it is resumed."""
    _do(
        id,
        lambda gateway: gateway.pause_enrollment(id),
        as_json,
        "Paused.",
        "It was paused already.",
    )


@app.command(epilog='Example: digital-cs enrollment resume renewal:acme:1 --spread "2 days"')
def resume(
    id: EnrollmentId,
    spread: Spread = None,
    skip_older_than: SkipOlder = None,
    all_now: AllNow = False,
    as_json: Json = False,
) -> None:
    """Let one enrollment move on. If its step became due meanwhile, say what becomes of it."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.cli.programs.choices import ask_choice, chosen, refuse

    choice = chosen(spread, skip_older_than, all_now)

    def question(choice: OverdueChoice | None) -> Callable[[Gateway], Any]:
        async def asked(gateway: Gateway) -> Resumed:
            async with gateway.pool.connection() as connection:
                _require_inside(await _found(connection, id))
            return await gateway.resume_enrollment(id, choice)

        return asked

    done = ask(question(choice))
    if done.refused and output.interactive() and not as_json:
        choice = ask_choice(done.overdue, id)
        if choice is not None:
            done = ask(question(choice))
    if done.refused:
        raise typer.Exit(refuse(done.overdue, id, as_json, {"enrollment": id, "changed": False}))
    if as_json:
        output.emit({"enrollment": id, "changed": done.changed, "overdue": done.overdue})
    else:
        output.say("Resumed." if done.changed else "It was not paused.")


@app.command(epilog="Example: digital-cs enrollment skip renewal:acme:1")
def skip(id: EnrollmentId, as_json: Json = False) -> None:
    """Skip the step at which it stands: a message is not sent, a wait is over."""
    _do(id, lambda gateway: gateway.skip(id), as_json, "The step will be skipped.", "It is out.")


@app.command("exit", epilog='Example: digital-cs enrollment exit renewal:acme:1 --because "Moved"')
def exit_(
    id: EnrollmentId,
    because: Annotated[
        str, typer.Option(help="The reason, for its timeline.")
    ] = "Taken out by an operator.",
    as_json: Json = False,
) -> None:
    """Take the account out of the program, at once."""
    _do(
        id, lambda gateway: gateway.exit_enrollment(id, because), as_json,
        "It leaves now.", "It is out already.",
    )  # fmt: skip


def _do(
    id: str, wish: Callable[[Gateway], Awaitable[bool]], as_json: bool, done: str, already: str
) -> None:
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask

    async def question(gateway: Gateway) -> bool:
        async with gateway.pool.connection() as connection:
            _require_inside(await _found(connection, id))
        return await wish(gateway)

    changed = ask(question)
    if as_json:
        output.emit({"enrollment": id, "changed": changed})
    else:
        output.say(done if changed else already)


async def _found(connection: AsyncConnection[Any], id: str) -> EnrollmentView:
    from digital_cs.errors import NotFoundError
    from digital_cs.store.programs import timeline

    found = await timeline.enrollment(connection, id)
    if found is None:
        raise NotFoundError(
            f"There is no enrollment '{id}'. `digital-cs enrollment list` shows what there is."
        )
    return found


def _require_inside(found: EnrollmentView) -> None:
    from digital_cs.cli.output import when
    from digital_cs.errors import DigitalCsError

    if found.ended_at is not None:
        raise DigitalCsError(
            f"Nothing was changed: {found.id} is over since {when(found.ended_at)}"
            f" ({found.because})."
        )
