"""`digital-cs tickets`: bringing support tickets in, looking at them, saying whose they are."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import Json, Most

if TYPE_CHECKING:
    from digital_cs.ingest.support.zendesk_pull import Pulled
    from digital_cs.ingest.support.zendesk_warehouse import Imported
    from digital_cs.store.support.tickets import TicketView
    from digital_cs.temporal.gateway import Gateway

app = typer.Typer(
    no_args_is_help=True,
    help="Support tickets. `digital-cs load tickets` takes those of any help desk from a CSV file.",
)

Moment = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"], help="In UTC."),
]


@app.command(epilog="Example: digital-cs tickets pull --since 2026-01-01")
def pull(since: Moment = None, as_json: Json = False) -> None:
    """Pull from Zendesk what changed since the last time, as workers do every few minutes.

    --since begins there instead, which does no harm. Interrupted, the next pull goes on from the
    last page. Needs ZENDESK_URL, ZENDESK_EMAIL and ZENDESK_TOKEN.
    """
    from digital_cs.bootstrap import open_zendesk
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask, find_settings
    from digital_cs.errors import UsageError

    settings = find_settings().settings

    async def question(gateway: Gateway) -> Pulled:
        async with open_zendesk(settings, gateway.pool, tell=output.complain) as zendesk:
            if zendesk is None:
                raise UsageError(
                    "There is no Zendesk to pull from: set ZENDESK_URL, ZENDESK_EMAIL and"
                    " ZENDESK_TOKEN."
                )
            with output.progress("pulling tickets", None) as bar:
                return await zendesk.once(
                    since=_utc(since),
                    on_page=lambda done: bar.update(bar.task_ids[0], completed=done.tickets),
                )

    pulled = ask(question)
    if as_json:
        output.emit(pulled)
    elif not pulled.complete:
        output.say("Nothing was pulled: a worker, or somebody else, is pulling at this moment.")
    else:
        output.say(
            f"{output.count_of(pulled.tickets, 'ticket')} pulled: {pulled.new:,} new,"
            f" {pulled.updated:,} changed."
        )
        _say_waiting(pulled.unmatched)
    _complain(pulled.refused, pulled.problems)


@app.command("import-warehouse", epilog="Example: digital-cs tickets import-warehouse exports/")
def import_warehouse(
    folder: Annotated[
        Path, typer.Argument(help="Folder with ticket_data.csv and the tables beside it.",
                             exists=True, file_okay=False, show_default=False),
    ],
    through: Moment = None,
    zones: Annotated[
        bool,
        typer.Option("--zones", help="Give contacts without a time zone that of their user."),
    ] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Import Zendesk's tickets from a warehouse's copy of it, as CSV files.

    --through says up to when the copy is complete, else it is its newest update. To import a copy
    again, or a newer one, does no harm. With --zones, mind that Zendesk gives its own default zone
    to everybody who never chose one.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask, find_settings
    from digital_cs.ingest.support import zendesk_warehouse

    days = find_settings().settings.ticket_text_days

    async def question(gateway: Gateway) -> Imported:
        with output.progress("importing tickets", None) as bar:
            return await zendesk_warehouse.import_warehouse(
                gateway.pool, gateway.clock, folder, text_days=days, through=_utc(through),
                zones=zones, on_batch=lambda count: bar.advance(bar.task_ids[0], count),
            )  # fmt: skip

    done = ask(question)
    if as_json:
        output.emit(done)
    else:
        output.say(
            f"{output.count_of(done.tickets, 'ticket')} read: {done.new:,} new,"
            f" {done.updated:,} changed, {done.same + done.stale:,} known already."
        )
        if done.complete_through:
            output.say(f"Complete up to {output.when(done.complete_through)}.")
        if done.absent:
            output.say(f"Not in the folder, and done without: {', '.join(done.absent)}.")
        if zones:
            output.say(f"{output.count_of(done.zones, 'contact')} got a time zone.")
        _say_waiting(done.unmatched)
    _complain(done.refused, done.problems)


@app.command("list", epilog="Example: digital-cs tickets list acme --open")
def list_(
    account: Annotated[
        str | None, typer.Argument(help="Only those of this account.", show_default=False)
    ] = None,
    unmatched: Annotated[
        bool, typer.Option("--unmatched", help="Only those that no account is known for.")
    ] = False,
    only_open: Annotated[bool, typer.Option("--open", help="Only those that are open.")] = False,
    most: Most = 100,
    as_json: Json = False,
) -> None:
    """List tickets, the newest first."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.errors import NotFoundError
    from digital_cs.store.people import accounts
    from digital_cs.store.support import tickets

    async def question(gateway: Gateway) -> list[TicketView]:
        async with gateway.pool.connection() as connection:
            if account is not None and not await accounts.known(connection, [account]):
                raise NotFoundError(f"There is no account '{account}'.")
            return await tickets.list_tickets(
                connection, account_id=account, unmatched=unmatched, only_open=only_open, most=most
            )

    found = ask(question)
    if as_json:
        output.emit(found)
        return
    if not found:
        output.say("No such ticket.")
        return
    output.table(
        ["ticket", "opened (UTC)", "status", "severity", "account", "organization", "~from",
         "~subject"],
        (
            [t.id, output.stamp(t.opened_at), t.status, t.severity, t.account_id, t.organization,
             t.requester_email, t.subject]
            for t in found
        ),
    )  # fmt: skip
    if unmatched:
        output.say("`digital-cs tickets link ORGANIZATION ACCOUNT` says whose an organization is.")


@app.command(epilog="Example: digital-cs tickets show zendesk:5158")
def show(
    id: Annotated[
        str, typer.Argument(help="Id of the ticket, as `tickets list` shows it.",
                            show_default=False),
    ],
    as_json: Json = False,
) -> None:  # fmt: skip
    """Show a ticket: where it stands, whose it is and why, and its text while that is kept."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.errors import NotFoundError
    from digital_cs.store.support import tickets

    async def question(gateway: Gateway) -> TicketView:
        async with gateway.pool.connection() as connection:
            found = await tickets.find(connection, id)
        if found is None:
            raise NotFoundError(f"There is no ticket '{id}'. `digital-cs tickets list` shows them.")
        return found

    ticket = ask(question)
    if as_json:
        output.emit(ticket)
        return
    about = [ticket.status, ticket.severity, ticket.topic, *ticket.tags]
    output.say(f"{ticket.id}  ({', '.join(each for each in about if each)})")
    output.say(_whose(ticket))
    if ticket.requester_email:
        known = f", contact {ticket.contact_id}" if ticket.contact_id else ""
        output.say(f"From {ticket.requester_email}{known}.")
    solved = f", solved {output.when(ticket.solved_at)}" if ticket.solved_at else ""
    output.say(
        f"Opened {output.when(ticket.opened_at)}, last updated {output.when(ticket.updated_at)}"
        f"{solved}."
    )
    if ticket.text_kept_until is None:
        output.say("Its text is not kept: it has none, or TICKET_TEXT_DAYS are over.")
        return
    output.say(f"Its text is kept until {output.when(ticket.text_kept_until)}.\n")
    output.say("\n\n".join(text for text in (ticket.subject, ticket.body) if text))


@app.command(epilog="Example: digital-cs tickets link 20012227 acme")
def link(
    organization: Annotated[
        str, typer.Argument(help="Id of the organization at the help desk.", show_default=False)
    ],
    account: Annotated[str, typer.Argument(help="Id of the account.", show_default=False)],
    source: Annotated[str, typer.Option(help="Which help desk it is.")] = "zendesk",
    as_json: Json = False,
) -> None:
    """Say which account an organization of the help desk is. Its tickets follow, old and new.

    Only those stay where they are that name their account themselves.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.errors import NotFoundError
    from digital_cs.store.people import accounts
    from digital_cs.store.support import ticket_matches

    async def question(gateway: Gateway) -> tuple[bool, int]:
        async with gateway.pool.connection() as connection, connection.transaction():
            if not await accounts.known(connection, [account]):
                raise NotFoundError(f"There is no account '{account}'.")
            new, moved = await ticket_matches.link(connection, source, organization, account)
            return new, moved.get(account, 0)

    new, moved = ask(question)
    if as_json:
        output.emit({"organization": organization, "account": account, "new": new, "moved": moved})
        return
    known = "" if new else " That was known already."
    output.say(f"{output.count_of(moved, 'ticket')} went to {account}.{known}")


def _whose(ticket: TicketView) -> str:
    grounds = {
        "given": "it names the account itself",
        "organization": f"by its organization {ticket.organization}",
        "address": "by the address of who asked",
        "domain": "by the domain of that address",
    }
    if ticket.account_id is None:
        if ticket.organization is None:
            return (
                "No account is known for it: it names no organization. It finds its account when"
                " that has a contact of this address, or declares its domain."
            )
        return (
            f"No account is known for it ({ticket.organization})."
            f" `digital-cs tickets link {ticket.organization} ACCOUNT --source {ticket.source}`"
            " says whose it is."
        )
    return f"Account {ticket.account_id}, {grounds.get(ticket.matched_by or '', 'by hand')}."


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None


def _say_waiting(count: int) -> None:
    from digital_cs.cli import output

    if count:
        output.say(
            f"{output.count_of(count, 'ticket')} wait{'s' if count == 1 else ''} for an account:"
            " see `digital-cs tickets list --unmatched`."
        )


def _complain(refused: int, problems: tuple[str, ...]) -> None:
    """Tell what was refused; exit with 1 then."""
    from digital_cs.cli import output

    if not refused:
        return
    for problem in problems:
        output.complain(problem)
    if refused > len(problems):
        output.complain(f"And {refused - len(problems):,} more.")
    raise typer.Exit(1)
