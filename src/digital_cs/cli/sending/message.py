"""`digital-cs message`: the ledger of messages, above all what did not simply arrive."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import Json, Most

if TYPE_CHECKING:
    from digital_cs.store.programs.worklists import MessageView
    from digital_cs.temporal.gateway import Gateway

app = typer.Typer(no_args_is_help=True, help="Messages: what was sent, and what was not and why.")

TROUBLED = ("unknown", "failed", "bounced", "complained")


@app.callback()
def _group() -> None:
    """A group of its own, so that further commands find their place."""


@app.command("list", epilog="Example: digital-cs message list --state unknown --state failed")
def list_(
    state: Annotated[
        list[str] | None,
        typer.Option(help="One or more states.", show_default=", ".join(TROUBLED)),
    ] = None,
    program: Annotated[str | None, typer.Option(help="Only of this program, or broadcast.")] = None,
    account: Annotated[str | None, typer.Option(help="Only to this account.")] = None,
    most: Most = 100,
    as_json: Json = False,
) -> None:
    """List messages by state, the latest first.

    States: planned, claimed (being handed over), accepted, delivered, bounced, complained,
    failed (refused for good), unknown (handed over, answer lost), skipped.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.domain.programs.enrollment import MessageState
    from digital_cs.errors import UsageError
    from digital_cs.store.programs import worklists

    wanted = tuple(state or TROUBLED)
    known = [str(each) for each in MessageState]
    for each in wanted:
        if each not in known:
            raise UsageError(f"'{each}' is not a state of messages: say {', '.join(known)}.")

    async def question(gateway: Gateway) -> list[MessageView]:
        async with gateway.pool.connection() as connection:
            return await worklists.list_messages(
                connection, states=wanted, program=program, account=account, most=most
            )

    found = ask(question)
    if as_json:
        output.emit(found)
        return
    if not found:
        output.say(f"No message is {' or '.join(wanted)}.")
        return
    output.table(
        ["when (UTC)", "state", "~email", "~account", "~program, step", "~why"],
        (
            [
                output.stamp(m.settled_at or m.retry_at or m.due_at),
                m.state,
                m.email,
                m.account_name,
                f"broadcast {m.broadcast}" if m.broadcast else f"{m.program}, {m.step}",
                m.detail or m.reason,
            ]
            for m in found
        ),
    )


@app.command(epilog="Example: digital-cs message clicks welcome-trial:acme:1/3/acme-c1")
def clicks(
    message: Annotated[str, typer.Argument(help="Its key in the ledger, or its Message-ID.")],
    as_json: Json = False,
) -> None:
    """Show who followed the links of a message: people, and scanners of mail apart."""
    from datetime import UTC

    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.domain.sending.click import HIDDEN, SENTENCES
    from digital_cs.errors import NotFoundError
    from digital_cs.store.sending import clicks as kept

    async def question(gateway: Gateway) -> tuple[str, list[kept.ClickView]]:
        async with gateway.pool.connection() as connection:
            key = await kept.message_key_of(connection, message)
            if key is None:
                raise NotFoundError(
                    f"There is no message '{message}'. `digital-cs message list --state accepted"
                    " --json` gives keys and Message-IDs."
                )
            return key, await kept.of_message(connection, key)

    key, found = ask(question)
    human = sum(click.human for click in found)
    if as_json:
        lines = [{**dataclasses.asdict(click), "words": SENTENCES[click.why]} for click in found]
        output.emit({"key": key, "raw": len(found), "human": human, "clicks": lines})
        return
    output.say(f"{len(found)} clicks, {human} of them by people.")
    if found:
        output.table(
            ["when (UTC)", "who", "~link", "~why", "~program of theirs"],
            (
                [
                    f"{click.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
                    "person" if click.human else "scanner",
                    "(hidden)" if click.nth == HIDDEN else click.url,
                    SENTENCES[click.why],
                    click.agent,
                ]
                for click in found
            ),
        )
