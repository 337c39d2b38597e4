"""`digital-cs returned`: what comes back, taken in and looked at."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import Json, Most, actor

if TYPE_CHECKING:
    from digital_cs.store.sending.returned import ReturnedView
    from digital_cs.temporal.gateway import Gateway

app = typer.Typer(
    no_args_is_help=True,
    help="What comes back: bounces, complaints, replies. Listed is what a person should look at.",
)

Id = Annotated[
    str, typer.Argument(help="Id, as `returned list` shows it; its beginning will do.",
                        show_default=False)
]  # fmt: skip
SHORT = 17
"""Characters of the id of a mail that are shown, which is a hash: "mail:" and twelve more."""


@app.command("list", epilog="Example: digital-cs returned list --listed")
def list_(
    listed: Annotated[
        bool, typer.Option("--listed", help="Only what waits for somebody to look at it.")
    ] = False,
    account: Annotated[str | None, typer.Option(help="Only from this account.")] = None,
    most: Most = 100,
    as_json: Json = False,
) -> None:
    """List what came back, the latest first.

    States: applied (something followed from it), ignored (understood, and nothing follows), listed
    (a person should look: it cannot be read, or belongs to nobody).
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.store.sending import returned

    async def question(gateway: Gateway) -> list[ReturnedView]:
        async with gateway.pool.connection() as connection:
            return await returned.list_returned(
                connection, listed=listed, account=account, most=most
            )

    found = ask(question)
    if as_json:
        output.emit(found)
    elif not found:
        output.say("Nothing waits for a look." if listed else "Nothing came back yet.")
    else:
        output.table(
            ["when (UTC)", "kind", "state", "~from", "~what", "id"],
            ([output.stamp(r.received_at), r.kind, _state(r), _who(r), r.detail, _short(r.id)]
             for r in found),
        )  # fmt: skip


@app.command(epilog="Example: digital-cs returned show mail:3f0a --raw > mail.eml")
def show(
    id: Id,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write it as it came, its first megabyte, if it is kept.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show one thing that came back, and what followed from it."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.errors import NotFoundError
    from digital_cs.store.sending import returned

    async def question(gateway: Gateway) -> tuple[ReturnedView, bytes | None]:
        found = await _find(gateway, id)
        async with gateway.pool.connection() as connection:
            return found, await returned.raw(connection, found.id) if raw else None

    found, kept = ask(question)
    if raw:
        if kept is None:
            raise NotFoundError(
                "It is not kept as it came: nobody needs it any more, or its time is over."
            )
        sys.stdout.buffer.write(kept)
        return
    if as_json:
        output.emit(found)
        return
    output.say(
        f"{found.id}\n{found.kind}, {_state(found)}. Came {output.when(found.received_at)} by"
        f" {found.source}."
    )
    for name, value in (
        ("From", _who(found)), ("Address", found.address), ("Status", found.status),
        ("Answers", ", ".join(filter(None, (found.program, found.step)))), ("What", found.detail),
        ("Looked at", found.looked_by and f"{output.when(found.looked_at)} by {found.looked_by}"),
    ):  # fmt: skip
        if value:
            output.say(f"{name}: {value}")
    if found.kept:
        output.say(f"As it came: digital-cs returned show {_short(found.id)} --raw")


@app.command(epilog="Example: digital-cs returned looked mail:3f0a --by jonas")
def looked(
    id: Id,
    by: Annotated[
        str | None, typer.Option(help="Who looked.", show_default="your user name")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say that you have looked at it: it leaves the list, and is not kept as it came any more."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.errors import DigitalCsError
    from digital_cs.store.sending import returned

    async def question(gateway: Gateway) -> str:
        found = await _find(gateway, id)
        async with gateway.pool.connection() as connection:
            done = await returned.looked(connection, found.id, actor(by), gateway.clock.now())
        if not done:
            raise DigitalCsError(
                "Nothing was changed: it was looked at already."
                if found.state == "listed"
                else f"Nothing was changed: it is {found.state}, and waits for nobody."
            )
        return found.id

    done = ask(question)
    if as_json:
        output.emit({"id": done, "looked": True})
    else:
        output.say("Noted. It is off the list.")


async def _find(gateway: Gateway, id: str) -> ReturnedView:
    from digital_cs.errors import NotFoundError, UsageError
    from digital_cs.store.sending import returned

    async with gateway.pool.connection() as connection:
        found = await returned.find(connection, id)
    if not found:
        raise NotFoundError(f"Nothing came back under '{id}'. `digital-cs returned list` shows it.")
    if len(found) > 1 and found[0].id != id:
        raise UsageError(f"More than one id begins with '{id}'. Give more of it.")
    return found[0]


def _short(id: str) -> str:
    """The beginning of a hash; an id of a provider in full, for many of theirs begin alike."""
    return id[:SHORT] if id.startswith("mail:") else id


def _who(row: ReturnedView) -> str:
    return ", ".join(filter(None, (row.account_name, row.contact)))


def _state(row: ReturnedView) -> str:
    return "looked at" if row.looked_at is not None else row.state
