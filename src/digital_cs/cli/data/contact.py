"""`digital-cs contact`: a person, the accounts they belong to, and the ids they go by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import Json, Yes

if TYPE_CHECKING:
    from digital_cs.ingest.people.identities import Merged
    from digital_cs.ingest.people.preferring import Wanted
    from digital_cs.store.people.identity import Moved
    from digital_cs.temporal.gateway import Gateway

app = typer.Typer(
    no_args_is_help=True, help="Contacts: where they belong now and did before, and their ids."
)

NEEDS_CHOICE = 5
Id = Annotated[str, typer.Argument(help="Id of the contact.", show_default=False)]


@app.command(epilog="Example: digital-cs contact show ada")
def show(id: Id, as_json: Json = False) -> None:
    """Show a contact: address, accounts now and before, and other ids. A former id finds them."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask

    found = ask(lambda gateway: gateway.identities.contact(id))
    if as_json:
        output.emit(found)
        return
    about = [found.email or "no address", found.zone, found.language,
             None if found.active else "not active",
             f"not written to: {found.suppressed}" if found.suppressed else None]  # fmt: skip
    output.say(f"{found.name or 'Name not known'}  ({found.id})")
    output.say(" · ".join(part for part in about if part))
    if found.traits:
        output.say(" · ".join(f"{name} {value}" for name, value in sorted(found.traits.items())))
    output.say("\nAccounts")
    if found.memberships:
        output.table(
            ["account", "~name", "~roles", "joined (UTC)", "left (UTC)", "told by"],
            ([m.account, m.account_name, ", ".join(m.roles), output.stamp(m.joined_at),
              output.stamp(m.left_at), m.source] for m in found.memberships),
        )  # fmt: skip
    else:
        output.say("None: nobody has said yet where they belong.")
    if found.aliases:
        output.say("\nOther ids")
        output.table(
            ["id", "was", "since (UTC)", "told by"],
            ([each.alias, "a visitor" if each.kind == "anonymous" else "a contact",
              output.stamp(each.at), each.source] for each in found.aliases),
        )  # fmt: skip


@app.command(epilog="Example: digital-cs contact merge ada-old --into ada")
def merge(
    id: Annotated[
        str, typer.Argument(help="The id that goes: a contact's, or an anonymous one.",
                            show_default=False),
    ],
    into: Annotated[str, typer.Option("--into", help="Id of the contact who stays.",
                                      show_default=False)],
    yes: Yes = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Say that two ids are one person. It cannot be taken back; what happened stays.

    Who stays is in all accounts of both, and keeps what is known of them; what was known of the
    other fills the gaps.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask

    async def question(gateway: Gateway) -> Merged:
        kept = await gateway.identities.contact(into)
        if not yes:
            _confirm(f"'{id}' would be another id of {kept.name or 'the contact'} ({kept.id}) from"
                     " now on, for good.")  # fmt: skip
        return await gateway.identities.merge(id, into)

    done = ask(question)
    if as_json:
        output.emit(done)
    elif not done.changed:
        output.say(f"{id} was another id of {done.contact} already: nothing was changed.")
    else:
        events = ""
        if done.events:
            waited = output.count_of(done.events, "event")
            events = f" {waited} that had waited for their account now count."
        where = f" In {', '.join(done.accounts)}." if done.accounts else ""
        output.say(f"{id} is another id of {done.contact} from now on.{where}{events}")


@app.command(epilog="Example: digital-cs contact move ada --from acme --to globex")
def move(
    id: Id,
    from_: Annotated[str, typer.Option("--from", help="The account they leave.",
                                       show_default=False)],
    to: Annotated[str, typer.Option("--to", help="The account they join.", show_default=False)],
    as_json: Json = False,
) -> None:  # fmt: skip
    """Move a contact to another account, with their roles. What they did before stays there."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask

    async def question(gateway: Gateway) -> Moved:
        return await gateway.identities.move(id, from_, to)

    done = ask(question)
    if as_json:
        output.emit(done)
    elif not done.left:
        output.say(f"{id} is not in {from_}: nothing was changed.")
    elif done.joined:
        output.say(f"{id} left {from_} and joined {to}.")
    else:
        output.say(f"{id} left {from_}; in {to} they were already, with the roles they have there.")


@app.command(epilog="Example: digital-cs contact preferences ada --off tips --pause 30")
def preferences(
    id: Id,
    off: Annotated[
        list[str] | None,
        typer.Option("--off", metavar="TOPIC", help="A topic that they do not want any more.",
                     show_default=False),
    ] = None,
    on: Annotated[
        list[str] | None,
        typer.Option("--on", metavar="TOPIC", help="A topic that they want after all.",
                     show_default=False),
    ] = None,
    pause: Annotated[
        int | None,
        typer.Option(min=0, max=3650, metavar="DAYS", show_default=False,
                     help="No e-mails for so many days from now; 0 ends a pause."),
    ] = None,
    fewer: Annotated[
        bool | None,
        typer.Option("--fewer/--not-fewer", help="Whether they want fewer e-mails.",
                     show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Show what a contact wants to get, and change it as they ask: by phone, in a ticket.

    It holds for all contacts with the same address. The link in every e-mail leads to a page on
    which they do it themselves. Who wants nothing at all: `digital-cs suppression add`.
    """
    from datetime import timedelta

    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.errors import UsageError
    from digital_cs.ingest.people.preferring import Wish

    both = {*(off or ())} & {*(on or ())}
    if both:
        raise UsageError(f"'{min(both)}' is both on and off: which of the two?")
    topics = dict.fromkeys(off or (), False) | dict.fromkeys(on or (), True)
    wish = Wish(topics, fewer, None if pause is None else timedelta(days=pause))

    async def question(gateway: Gateway) -> Wanted:
        if wish == Wish():
            return await gateway.preferences.read(id)
        return await gateway.preferences.change(id, wish)

    found = ask(question)
    said = found.said
    if as_json:
        output.emit(
            {
                "contact": said.contact_id, "fewer": said.fewer, "paused_until": said.quiet_until,
                "suppressed": said.suppressed,
                "topics": {name: said.wants(name) for name in found.topics},
            }
        )  # fmt: skip
        return
    output.table(
        ["topic", "wanted", "~as readers see it"],
        ([name, "yes" if said.wants(name) else "no", topic.title]
         for name, topic in found.topics.items()),
    )  # fmt: skip
    output.say("\nFewer e-mails: " + ("yes." if said.fewer else "no."))
    if said.quiet_until is not None:
        output.say(f"Paused until {output.when(said.quiet_until)}.")
    if said.suppressed is not None:
        output.say(
            f"Not written to at all: {said.suppressed}. `digital-cs suppression show` has it."
        )


def _confirm(words: str) -> None:
    from digital_cs.cli import output

    if not output.interactive():
        output.complain(f"{words} Nothing was changed: say --yes if you mean it.")
        raise typer.Exit(NEEDS_CHOICE)
    if not typer.confirm(f"{words} Go on?", err=True):
        raise typer.Exit(NEEDS_CHOICE)
