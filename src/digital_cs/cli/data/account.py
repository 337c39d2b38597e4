"""`digital-cs account`: one account, where it stands, what comes next, and why (not)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import Json, Most

if TYPE_CHECKING:
    from digital_cs.domain.milestone import Waypoint
    from digital_cs.store.programs.timeline import (
        AccountView,
        EnrollmentView,
        Happening,
        PersonView,
    )
    from digital_cs.temporal.account_page import AccountPage
    from digital_cs.temporal.gateway import Gateway

app = typer.Typer(no_args_is_help=True, help="Accounts: what is known, what happened and why.")


@app.command("list", epilog="Example: digital-cs account list --stage trial --search acme")
def list_(
    search: Annotated[str | None, typer.Option(help="Part of an id or a name.")] = None,
    stage: Annotated[str | None, typer.Option(help="Only accounts in this stage.")] = None,
    most: Most = 100,
    as_json: Json = False,
) -> None:
    """List accounts, by id."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.store.programs import timeline

    async def question(gateway: Gateway) -> list[AccountView]:
        async with gateway.pool.connection() as connection:
            return await timeline.list_accounts(connection, search=search, stage=stage, most=most)

    found = ask(question)
    if as_json:
        output.emit(found)
        return
    output.table(
        ["account", "~name", "stage", "zone", "country", "last active", ">in"],
        (
            [a.id, a.name, "managed" if a.managed else a.stage, a.zone, a.country,
             a.last_active_on, a.inside]
            for a in found
        ),
    )  # fmt: skip
    if len(found) == most:
        output.complain(f"Only the first {most} are shown: see --most and --search.")


@app.command(epilog="Example: digital-cs account show acme --program welcome-trial")
def show(
    id: Annotated[str, typer.Argument(help="Id of the account.", show_default=False)],
    program: Annotated[
        str | None, typer.Option(help="Only this program, and why it did or did not come.")
    ] = None,
    most: Most = 40,
    as_json: Json = False,
) -> None:
    """Show an account: its people, where it stands, what comes next, and what happened and why.

    Times are those of the account's own zone. The newest is last.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask, find_settings
    from digital_cs.temporal.account_page import account_page

    zone = find_settings().settings.workspace_zone
    page = ask(lambda gateway: account_page(gateway, id, zone, program=program, most=most))
    if as_json:
        output.emit(page)
    else:
        _print(page)


@app.command(epilog="Example: digital-cs account milestones acme")
def milestones(
    id: Annotated[str, typer.Argument(help="Id of the account.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Show how far an account has come on the product path: reached, missed, and still open.

    Times are those of the account's own zone.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask, find_settings
    from digital_cs.store.product.product_path import path_of
    from digital_cs.temporal.account_page import known_account

    workspace_zone = find_settings().settings.workspace_zone

    async def question(gateway: Gateway) -> tuple[AccountView, list[Waypoint]]:
        async with gateway.pool.connection() as connection:
            account = await known_account(connection, id)
            return account, await path_of(connection, id, gateway.clock.now())

    account, path = ask(question)
    if as_json:
        output.emit(path)
        return
    if not path:
        output.say("No milestone is declared: see `digital-cs milestone publish`.")
        return
    zone = account.zone or workspace_zone
    output.say(f"{account.name}  ({account.id})\n{_path_words(path, zone)}\n")
    output.table(
        ["milestone", "~title", "standing", f"reached ({zone})", f"expected by ({zone})"],
        ([each.milestone, each.title, f"{each.standing}{', late' * each.late}",
          output.stamp(each.reached_at, zone), output.stamp(each.due_at, zone)] for each in path),
    )  # fmt: skip


def _path_words(path: list[Waypoint], zone: str) -> str:
    """How far it has come, what it missed and what is expected next, in a line."""
    from digital_cs.cli.output import when
    from digital_cs.domain.milestone import Standing

    def titles(standing: Standing) -> list[str]:
        return [each.title for each in path if each.standing is standing]

    words = f"{len(titles(Standing.REACHED))} of {len(path)} milestones reached."
    if missed := titles(Standing.MISSED):
        words += f" Missed: {', '.join(missed)}."
    if unknown := titles(Standing.UNKNOWN):
        words += f" Not known, for its usage is not all here yet: {', '.join(unknown)}."
    coming = [(each.due_at, each.title) for each in path
              if each.standing is Standing.OPEN and each.due_at is not None]  # fmt: skip
    if coming:
        due, title = min(coming)
        words += f" Expected next: {title}, by {when(due, zone)}."
    return words


def _print(page: AccountPage) -> None:
    from digital_cs.cli import output

    account = page.account
    about = [account.stage or "stage not known", account.country or "country not known", page.zone]
    if account.managed:
        about.append("looked after by a person")
    if account.last_active_on:
        about.append(f"last active on {account.last_active_on}")
    output.say(f"{account.name}  ({account.id})\n{' · '.join(about)}")
    if account.traits:
        output.say(" · ".join(f"{name} {value}" for name, value in sorted(account.traits.items())))
    output.say("\nPeople")
    if page.contacts:
        output.table(
            ["contact", "~name", "~roles", "~address", "~written to?"],
            ([c.id, c.name, ", ".join(c.roles), c.email, _written_to(c)] for c in page.contacts),
        )
    else:
        output.say("Nobody: the account has no contacts.")
    if page.milestones:
        output.say(f"\nProduct path\n{_path_words(page.milestones, page.zone)}")
    output.say("\nPrograms")
    for each in page.programs:
        output.say(standing(each, page.now, page.zone))
    if not page.programs:
        output.say("It is in none, and never was.")
    for sentence in page.why:
        output.say(f"\n{sentence}")
    output.say("\nWhat happened")
    print_timeline(page.timeline, page.zone)
    output.say(
        f"\nMessage by message, and what keeps them back now: digital-cs account why {account.id}"
    )


def _written_to(contact: PersonView) -> str:
    if contact.suppressed:
        return f"no: {contact.suppressed}"
    if contact.email is None:
        return "no: no address"
    return "yes" if contact.active else "no: not active"


def standing(each: EnrollmentView, now: datetime, zone: str) -> str:
    """Where an enrollment stands and what comes next, in one or two lines."""
    from digital_cs.cli.output import distance, when
    from digital_cs.domain.sending.why_now import label_words

    head = f"{each.program_name} ({each.id}, version {each.version}): "
    if each.ended_at is not None:
        return f"{head}{each.state} {when(each.ended_at, zone)}. {each.because or ''}".rstrip()
    if each.leaving:
        return f"{head}leaving. {each.leaving}"
    if each.state == "paused":
        return f"{head}paused at step {each.step}."
    if each.wake_at is None:
        return f"{head}{label_words(each.label) or 'about to begin'}."
    coming = f"{when(each.wake_at, zone)} ({distance(each.wake_at, now)})"
    label = label_words(each.label) or f"at step {each.step}"
    return f"{head}{label}.\n  Next: {each.next_label or each.step}, {coming}."


def print_timeline(happened: list[Happening], zone: str) -> None:
    """Print what happened, the newest last."""
    from digital_cs.cli import output

    if not happened:
        output.say("Nothing yet.")
        return
    output.table(
        [f"when ({zone})", "what", "~program, step", "~why"],
        (
            [
                output.stamp(each.at, zone),
                each.what,
                ", ".join(part for part in (each.program, each.step) if part),
                each.words + (f" ({each.contact})" if each.contact else ""),
            ]
            for each in happened
        ),
    )
