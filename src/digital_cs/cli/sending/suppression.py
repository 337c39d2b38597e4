"""`digital-cs suppression`: who is not written to, why and until when; and taking it back."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import Json, Most, Yes
from digital_cs.domain.sending.suppression import (
    OWN_WISH,
    Kind,
    Why,
    end_of,
    parts_of,
    subject_of,
    until_in_words,
)

if TYPE_CHECKING:
    from digital_cs.ingest.people.suppressing import Lifted, Suppressed
    from digital_cs.store.people.suppression_lists import EntryView
    from digital_cs.temporal.gateway import Gateway

app = typer.Typer(
    no_args_is_help=True,
    help="Who is not written to, and why: addresses, whole domains, accounts. docs/leaving.md"
    " explains.",
)

NEEDS_CHOICE = 5

Address = Annotated[
    str | None, typer.Argument(help="The e-mail address.", show_default=False, metavar="ADDRESS")
]
Domain = Annotated[
    str | None,
    typer.Option("--domain", help="All addresses of a domain instead.", show_default=False),
]
Account = Annotated[
    str | None,
    typer.Option("--account", help="All people of an account instead.", show_default=False),
]


@app.command(epilog="Example: digital-cs suppression add --domain example.com --until 2026-12-31")
def add(
    address: Address = None,
    domain: Domain = None,
    account: Account = None,
    because: Annotated[str, typer.Option(help="A note for those who ask later.")] = "",
    reason: Annotated[Why, typer.Option(help="Which kind of reason it is.")] = Why.MANUAL,
    until: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], metavar="DAY", show_default="for good",
            help="The last day (UTC) on which it is in force.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Do not write to an address, a domain or an account, from this moment on.

    Who only unsubscribed still gets service notices; for every other reason nothing is sent at
    all. Of several ends that were given for one reason, the latest counts.
    """
    ends = end_of(until.date()) if until else None
    add_subject(_subject(address, domain, account), reason, because, ends, as_json=as_json)


def add_subject(
    subject: str, reason: Why, because: str, ends: datetime | None, *, as_json: bool
) -> None:
    """Add an entry, and say what became of it. Raises UsageError for what is no address."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask

    _check(subject)

    async def question(gateway: Gateway) -> Suppressed:
        return await gateway.suppressions.add(subject, reason, note=because, expires_at=ends)

    done = ask(question)
    if as_json:
        output.emit(done)
        return
    said = "It was not written to already, for this reason."
    if done.longer:
        said = "It was not written to already; that lasts longer now."
    if done.new:
        said = "It is not written to any more" + (
            f", until {until_in_words(ends)}." if ends else "."
        )
    known = ""
    if parts_of(subject)[0] is Kind.ADDRESS:
        whose = ", ".join(done.contacts) or "none that is known so far"
        known = f" Contacts with this address: {whose}."
    output.say(f"{said}{known}")


@app.command(epilog="Example: digital-cs suppression lift ada@example.com --reason manual")
def lift(
    address: Address = None,
    domain: Domain = None,
    account: Account = None,
    reason: Annotated[
        Why | None, typer.Option(help="Only this reason.", show_default="all of them")
    ] = None,
    because: Annotated[str, typer.Option(help="Why, for those who ask later.")] = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Take it back: write again to an address, a domain or an account.

    Asks first where people themselves said that they want no e-mail. It says what is left, for
    example of the domain of the address.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask

    subject = _subject(address, domain, account)

    async def question(gateway: Gateway) -> Lifted:
        own = [
            each.reason
            for each in await gateway.suppressions.history(subject)
            if each.lifted_at is None and each.reason in OWN_WISH and reason in (None, each.reason)
            and (each.kind, each.name) == (parts_of(subject)[0].value, parts_of(subject)[1])
        ]  # fmt: skip
        if own and not yes:
            _confirm(own)
        by = f"operator: {because}" if because else "operator"
        return await gateway.suppressions.lift(subject, reason, by)

    done = ask(question)
    if as_json:
        output.emit(done)
        return
    if done.reasons:
        output.say(f"Taken back: {', '.join(done.reasons)}.")
    else:
        output.say("There was nothing to take back.")
    if done.left:
        output.say("Still not written to:")
        _table(done.left)


@app.command(epilog="Example: digital-cs suppression show ada@example.com")
def show(
    address: Address = None, domain: Domain = None, account: Account = None, as_json: Json = False
) -> None:
    """Show all that was ever said of an address, a domain or an account, the oldest first.

    Of an address, also what is said of its domain, and of the accounts where it belongs.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask

    subject = _subject(address, domain, account)
    found = ask(lambda gateway: gateway.suppressions.history(subject))
    if as_json:
        output.emit(found)
        return
    if not found:
        output.say("Nothing was ever said of it: it is written to.")
        return
    now = [each for each in found if each.lifted_at is None]
    output.say(
        f"Not written to: {', '.join(dict.fromkeys(each.reason for each in now))}."
        if now
        else "Written to: everything below is over."
    )
    _table(found, over=True)


@app.command("list", epilog="Example: digital-cs suppression list --reason complaint")
def list_(
    search: Annotated[
        str, typer.Option(help="A part of the address, domain or account.", show_default=False)
    ] = "",
    kind: Annotated[
        Kind | None, typer.Option(help="Only these.", show_default="all kinds")
    ] = None,
    reason: Annotated[
        Why | None, typer.Option(help="Only for this reason.", show_default="all reasons")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Also what is over.")] = False,
    before: Annotated[
        int | None, typer.Option(help="Go on after this id: the last one of the page before.",
                                 show_default=False),
    ] = None,
    most: Most = 100,
    as_json: Json = False,
) -> None:  # fmt: skip
    """List who is not written to, the newest first."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.store.people.suppression_lists import listing

    async def question(gateway: Gateway) -> list[EntryView]:
        async with gateway.pool.connection() as connection:
            return await listing(
                connection, search=search, kind=kind.value if kind else None,
                reason=reason.value if reason else None, lifted=all_, before=before, most=most,
            )  # fmt: skip

    found = ask(question)
    if as_json:
        output.emit(found)
        return
    if not found:
        output.say("Nobody: everybody is written to, as far as this goes.")
        return
    _table(found, over=all_)
    if len(found) == most:
        output.say(f"There may be more: --before {found[-1].id} goes on.")


def _table(entries: list[EntryView], *, over: bool = False) -> None:
    from digital_cs.cli import output

    columns = [">id", "who", "reason", "since (UTC)", "until", "~note", "by"]
    output.table(
        [*columns, "over (UTC)", "~by whom"] if over else columns,
        (
            [each.id, _who(each), each.reason, output.stamp(each.created_at),
             until_in_words(each.expires_at) if each.expires_at else None, each.note, each.source,
             *([output.stamp(each.lifted_at), each.lifted_by] if over else [])]
            for each in entries
        ),
    )  # fmt: skip


def _who(entry: EntryView) -> str:
    return entry.name if entry.kind == Kind.ADDRESS else f"{entry.kind} {entry.name}"


def _subject(address: str | None, domain: str | None, account: str | None) -> str:
    """The one that is named. Raises UsageError for none or several, and for no address."""
    from digital_cs.errors import UsageError

    given = [
        (kind, name)
        for kind, name in ((Kind.ADDRESS, address), (Kind.DOMAIN, domain), (Kind.ACCOUNT, account))
        if name is not None and name.strip()
    ]
    if len(given) != 1:
        raise UsageError("Name one of these: an address, --domain or --account.")
    kind, name = given[0]
    found = subject_of(kind, name.strip().removeprefix("@") if kind is Kind.DOMAIN else name)
    _check(found)
    return found


def _check(subject: str) -> None:
    from digital_cs.channels.mail import MailError, wire_address
    from digital_cs.errors import UsageError
    from digital_cs.ingest.events.storable import unfit_word

    kind, name = parts_of(subject)
    if kind is Kind.ACCOUNT:
        if unfit_word(name):
            raise UsageError("That is no id of an account.")
        return
    try:
        wire_address(name if kind is Kind.ADDRESS else f"x@{name}")
    except MailError as error:
        form = "address of the form name@domain" if kind is Kind.ADDRESS else "domain"
        raise UsageError(f"That is no {form}.") from error


def _confirm(reasons: list[str]) -> None:
    from digital_cs.cli import output

    words = f"They said themselves that they want no e-mail ({', '.join(reasons)})."
    if not output.interactive():
        output.complain(f"{words} Nothing was changed: say --yes if they changed their mind.")
        raise typer.Exit(NEEDS_CHOICE)
    if not typer.confirm(f"{words} Did they change their mind?", err=True):
        raise typer.Exit(NEEDS_CHOICE)
