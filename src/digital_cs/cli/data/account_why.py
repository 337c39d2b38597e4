"""`digital-cs account why`: what an account was sent, what it was not sent, and why."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import Json

if TYPE_CHECKING:
    from digital_cs.temporal.account_why import AccountWhy, Entry

EXAMPLE = "Example: digital-cs account why acme --contact ada@acme.example --since 2026-03-01"

WIDEST = 100
"""Sentences are broken at this many columns: longer lines lose the eye."""


def why(
    account: Annotated[
        str, typer.Argument(help="Its id, its name, or a part that no other has.",
                            show_default=False),
    ],
    contact: Annotated[
        str | None, typer.Option(help="Only to this contact: an id or an e-mail address.")
    ] = None,
    program: Annotated[
        str | None,
        typer.Option(help="Only of this program, with its steps without a message; or of this"
                     " broadcast."),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Only from this day on.",
                     show_default="a year ago"),
    ] = None,
    most: Annotated[
        int, typer.Option("--most", min=1, max=1000, help="How many messages at most.")
    ] = 20,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v",
                     help="Every decision, with its rule, versions and the age of the data."),
    ] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Say why an account did, or did not, get its messages; first what keeps them back now.

    Days are those of the account's own zone. The newest is first.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask, find_settings
    from digital_cs.temporal.account_why import account_why

    zone = find_settings().settings.workspace_zone
    page = ask(
        lambda gateway: account_why(
            gateway, account, zone, by_name=True, contact=contact, program=program,
            since=since.date() if since is not None else None, most=most,
        )
    )  # fmt: skip
    if as_json:
        output.emit(page)
    else:
        _print(page, most, verbose)


def _print(page: AccountWhy, most: int, verbose: bool) -> None:
    from digital_cs.cli import output

    _say(page.headline)
    for each in page.against:
        if not each.all:
            _say(f"- {each.words}", "  ")
    output.say("")
    for sentence in page.entering:
        _say(sentence)
    for coming in page.coming:
        _say(coming.sentence)
    if not page.coming and not page.entering:
        output.say("Nothing comes next: it is in no program now.")
    output.say(f"\nWhat it was to get, the newest first (days in {page.zone})")
    for entry in page.entries:
        _print_entry(entry, page.zone, verbose)
    if not page.entries:
        output.say("\nNothing, as far back as was looked.")
    output.say("")
    if page.for_others:
        number = output.count_of(page.for_others, "message")
        output.say(f"{number} went, or were to go, to others: leave --contact out to see them.")
    if len(page.entries) == most:
        output.say("There may be more: see --most and --since.")
    _say(_ages(page))


def _print_entry(entry: Entry, zone: str, verbose: bool) -> None:
    from digital_cs.cli import output

    of = f"in the broadcast “{entry.program_name}”" if entry.broadcast else entry.program_name
    output.say(f"\n{entry.email or f'step {entry.step}'}  ({of})")
    _say(f"  {entry.sentence}", "  ")
    notes = []
    if entry.clicks:
        notes.append(f"{output.count_of(entry.clicks, 'click')} by people")
    if verbose and entry.scans:
        notes.append(f"{output.count_of(entry.scans, 'click')} by scanners")
    if verbose and entry.zone:
        notes.append(f"hours of {entry.zone}, zone of the {entry.zone_of}")
    if verbose and entry.message:
        notes.append(f"message {entry.message}")
    if notes:
        _say(f"  {'; '.join(notes)}", "  ")
    for line in entry.decisions if verbose else ():
        about = [
            line.reason, line.rule,
            None if line.policy_version is None else f"policy {line.policy_version}",
            None if entry.broadcast else f"program version {line.program_version}", line.data_age,
            f"until {output.stamp(line.until, zone)}" if line.until else None,
        ]  # fmt: skip
        known = ", ".join(part for part in about if part)
        _say(f"    {output.stamp(line.at, zone)}  {line.verdict}: {line.words} ({known})", "      ")


def _ages(page: AccountWhy) -> str:
    """How old the data is on which decisions of this moment rest."""
    usage = f"{page.usage_through:%-d %b %Y}" if page.usage_through else None
    tickets = f"{page.tickets_through:%-d %b %Y %H:%M} UTC" if page.tickets_through else None
    words = f"Usage is complete to {usage}" if usage else "How complete usage is, is not known"
    words += f"; tickets are to {tickets}" if tickets else ""
    policy = f"version {page.policy_version}" if page.policy_version else "the defaults"
    return f"{words}. The policy in force is {policy}."


def _say(text: str, indent: str = "") -> None:
    import textwrap

    from digital_cs.cli import output

    width = min(output.console().width, WIDEST)
    output.say(textwrap.fill(text, width, subsequent_indent=indent, break_on_hyphens=False))
