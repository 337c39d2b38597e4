"""`digital-cs broadcast`: one message to many, planned, checked, approved, tried, and looked at."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from digital_cs.cli.options import By, Json, Most, actor

if TYPE_CHECKING:
    from digital_cs.domain.sending.broadcast import Broadcast, BroadcastPlan
    from digital_cs.temporal.broadcasts import Broadcasts, Checked

T = TypeVar("T")

app = typer.Typer(no_args_is_help=True, help="Broadcasts: one message to many, once each.")

Id = Annotated[str, typer.Argument(help="Id of the broadcast.", show_default=False)]
At = Annotated[
    datetime | None,
    typer.Option(
        help="Local time of the reader: each gets it at that time where they are.",
        formats=["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"], metavar='"YYYY-MM-DD HH:MM"',
    ),
]  # fmt: skip
Rate = Annotated[float | None, typer.Option("--rate", min=0.1, help="Most messages a minute.")]


def with_broadcasts(question: Callable[[Broadcasts], Coroutine[Any, Any, T]]) -> T:
    """Ask something of the broadcasts of the settings' database and content folder."""
    from digital_cs.cli.connection import ask, find_settings
    from digital_cs.ingest.rules.calendars import calendar_of
    from digital_cs.rendering.library import EmailLibrary
    from digital_cs.temporal.broadcasts import Broadcasts
    from digital_cs.temporal.gateway import Gateway

    settings = find_settings().settings

    async def asked(gateway: Gateway) -> T:
        calendar = calendar_of(gateway.pool, gateway.clock, settings.content_dir)
        return await question(
            Broadcasts(
                gateway.pool, gateway.clock, EmailLibrary(settings.content_dir),
                workspace_zone=settings.workspace_zone, calendar=calendar,
            )
        )  # fmt: skip

    return ask(asked)


@app.command(
    epilog="Example: digital-cs broadcast plan spring-release --email spring-release"
    ' --segment active --at "2026-03-10 09:00"'
)
def plan(
    id: Id,
    email: Annotated[
        str, typer.Option(help="Name of the e-mail: a file in content/emails.", show_default=False)
    ],
    segment: Annotated[
        str | None, typer.Option(help="Who gets it: a segment.", show_default="all accounts")
    ] = None,
    to: Annotated[
        str,
        typer.Option(help='Roles, first match wins; "any" is any active person of the account,'
                     ' "everybody" all of them.'),
    ] = "champion, admin, any",
    at: At = None,
    zone: Annotated[
        str, typer.Option(help="Whose time: recipient, account, workspace, or Europe/Berlin.")
    ] = "recipient",
    hours: Annotated[str, typer.Option(help="Local hours in which it may go.")] = "09:00-17:00",
    days: Annotated[
        str, typer.Option(help='"weekdays", "every day", "mon, tue" or "business days".')
    ] = "weekdays",
    holidays: Annotated[
        Literal["skip", "ignore"], typer.Option(help="Public holidays of the reader's country.")
    ] = "skip",
    useful_for: Annotated[
        str, typer.Option(help="Not sent later than this after it was due.", metavar="SPAN")
    ] = "3 days",
    spread: Annotated[
        str | None, typer.Option(help="Spread evenly over this span.", metavar="SPAN")
    ] = None,
    rate: Rate = None,
    topic: Annotated[
        str | None, typer.Option(help="What readers switch off.", show_default="the e-mail's")
    ] = None,
    priority: Annotated[
        Literal["low", "normal", "high"], typer.Option(help="Against other messages.")
    ] = "normal",
    kind: Annotated[
        Literal["marketing", "service"],
        typer.Option(help="Service notices cannot be refused, and are few."),
    ] = "marketing",
    over_budget: Annotated[
        Literal["defer", "drop"],
        typer.Option(help="For whom it is one too many: later, or not at all."),
    ] = "defer",
    name: Annotated[str | None, typer.Option(help="In words.", show_default="its id")] = None,
    owner: Annotated[
        str | None, typer.Option(help="Who is told.", show_default="the owner of the e-mail")
    ] = None,
    by: By = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Write a draft down, or change one: what goes to whom, and when. Nothing is sent."""
    from digital_cs.cli import output

    wanted = _plan(
        email=email, audience=segment, to=[each.strip() for each in to.split(",")], kind=kind,
        topic=topic, priority=priority, over_budget=over_budget, useful_for=useful_for, at=at,
        spread=spread,
        send_window={"days": days, "hours": hours, "zone": zone, "holidays": holidays},
    )  # fmt: skip
    told = owner or _owner(email)

    async def question(broadcasts: Broadcasts) -> Checked:
        await broadcasts.plan(
            id, wanted, name=name or id, owner=told, by=actor(by), per_minute=rate
        )
        return await broadcasts.check(id)

    found = with_broadcasts(question)
    if as_json:
        output.emit(found)
        return
    output.say(f"'{id}' is planned. Nothing is sent.")
    _tell_checked(found)


@app.command(epilog="Example: digital-cs broadcast check spring-release")
def check(id: Id, as_json: Json = False) -> None:
    """Count who would get it now and who would not, and why. Exit code 1: it cannot go."""
    from digital_cs.cli import output

    found = with_broadcasts(lambda broadcasts: broadcasts.check(id))
    if as_json:
        output.emit(found)
    else:
        _tell_checked(found)
    if found.faults:
        raise typer.Exit(1)


@app.command(epilog="Example: digital-cs broadcast approve spring-release --by maya")
def approve(
    id: Id,
    hash: Annotated[
        str | None,
        typer.Option(help="Only if it still is what `check` showed: the beginning of its hash."),
    ] = None,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Approve it as it is now. A later change of its text or audience takes the approval away."""
    from digital_cs.cli import output

    who = actor(by)
    found = with_broadcasts(lambda broadcasts: broadcasts.approve(id, who, hash))
    if as_json:
        output.emit(found)
        return
    approved = (found.approved_hash or "")[:12]
    output.say(f"'{id}' is approved by {who}, as it is now ({approved}).")
    if found.state == "draft":
        output.say(f"`digital-cs broadcast start {id}` lets it go.")


@app.command("list", epilog="Example: digital-cs broadcast list --state running")
def list_(
    state: Annotated[
        Literal["draft", "running", "done", "cancelled"] | None,
        typer.Option(help="Only those in this state."),
    ] = None,
    most: Most = 100,
    as_json: Json = False,
) -> None:
    """List broadcasts, what was changed last first."""
    from digital_cs.cli import output
    from digital_cs.domain.sending.broadcast import BroadcastState

    states = [BroadcastState(state)] if state else None
    found = with_broadcasts(lambda broadcasts: broadcasts.list(states, most))
    if as_json:
        output.emit(found)
    elif not found:
        output.say("No such broadcast. `digital-cs broadcast plan` writes one down.")
    else:
        output.table(
            ["id", "~name", "state", ">recipients", "frozen (UTC)", "ended (UTC)", "owner"],
            (
                [b.id, b.name, standing_of(b), b.recipients, output.stamp(b.frozen_at),
                 output.stamp(b.ended_at), b.owner]
                for b in found
            ),
        )  # fmt: skip


def standing_of(broadcast: Broadcast) -> str:
    """Its state, as people say it."""
    if broadcast.state == "running" and broadcast.paused:
        return "paused"
    if broadcast.state == "running" and broadcast.held_because is not None:
        return "held"
    return str(broadcast.state.value)


def _plan(**parts: Any) -> BroadcastPlan:
    """Raises UsageError with a sentence for each part that is not written as it should be."""
    from pydantic import ValidationError

    from digital_cs.domain.sending.broadcast import BroadcastPlan
    from digital_cs.errors import UsageError

    try:
        return BroadcastPlan.model_validate(parts)
    except ValidationError as error:
        words = (each["msg"].removeprefix("Value error, ") for each in error.errors())
        raise UsageError(" ".join(map(_sentence, words))) from error


def _sentence(words: str) -> str:
    return words if words.endswith((".", "?")) else f"{words}."


def _owner(email: str) -> str:
    from digital_cs.cli.connection import find_settings
    from digital_cs.rendering.library import EmailLibrary

    return EmailLibrary(find_settings().settings.content_dir).get(email).owner


def _tell_checked(found: Checked) -> None:
    from digital_cs.cli import output
    from digital_cs.domain.sending.reason_words import because

    broadcast = found.broadcast
    output.table(
        ["~who", ">recipients", ">accounts", "first (UTC)", "last (UTC)"],
        (
            ["would get it" if s.reason is None else f"left out: {because(s.reason)}",
             f"{s.recipients:,}", f"{s.accounts:,}",
             output.stamp(s.first_at) if s.reason is None else None,
             output.stamp(s.last_at) if s.reason is None else None]
            for s in found.audience
        ),
    )  # fmt: skip
    output.say(
        "What a reader asked for, open tickets, the attention budget and all else are looked at"
        " when it goes out."
    )
    for fault in found.faults:
        output.say(f"Before it can go: {fault}")
    if found.hash is not None:
        state = "approved" if found.approved else "not approved"
        output.say(f"As it is now ({found.hash[:12]}), it is {state}.")
        if not found.approved:
            output.say(f"`digital-cs broadcast approve {broadcast.id}` approves it.")
