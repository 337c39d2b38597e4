"""`digital-cs content digest`: the next mail of a reviewer as it would be now; nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import Json

if TYPE_CHECKING:
    from datetime import datetime

    from activities.digest_drafts import Draft
    from digital_cs.clock import Clock
    from digital_cs.rendering.colleague_mail import Letter
    from digital_cs.store.content.colleague_mails import MailView
    from digital_cs.store.content.library import Connection

EXAMPLE = "Example: digital-cs content digest --to maya"


def digest(
    to: Annotated[
        str | None,
        typer.Option("--to", help="Whose: a name of content/team.yaml, or an address.",
                     show_default="of each reviewer, in a line"),
    ] = None,
    sent: Annotated[
        bool,
        typer.Option("--sent", help="Instead: what colleagues were sent in the last 30 days."),
    ] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Show the next weekly mail to a reviewer, as it would be now. Nothing is sent or opened.

    Without a name, it lists who would get one, and when. Items that have no case yet, and would
    get one before the mail goes out, are in it. What was sent and is "unknown" may or may not have
    arrived, and is not sent again.
    """
    if sent:
        _sent(to, as_json=as_json)
    else:
        _next(to, as_json=as_json)


def _next(to: str | None, *, as_json: bool) -> None:
    """The mails as they would be now, of one reviewer or of all."""
    from activities.digest_drafts import letter, preview
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask_quickly, find_settings
    from digital_cs.cli.content import content_cases
    from digital_cs.domain.content.digest import next_moment
    from digital_cs.errors import NotFoundError
    from digital_cs.signing_reviews import ReviewSigner
    from digital_cs.store.content import evidence

    settings = find_settings().settings

    async def question(
        connection: Connection, clock: Clock
    ) -> list[tuple[Draft, Letter, datetime]]:
        now = clock.now()
        book = await content_cases.casebook(connection, now)
        view = await book.view(connection, now)
        signer = ReviewSigner(*settings.link_keys())
        wanted = None
        if to is not None:
            person = view.rules.team.find(to)
            if person is None or person.address is None:
                raise NotFoundError(f"Nobody in content/team.yaml is called '{to}' and has mail.")
            wanted = person.address.casefold()
        view = book.with_fresh(view)
        told_of = await evidence.of_items(connection, [k.case.item_id for k in view.cases])
        found = []
        for draft in preview(view, wanted):
            zone = view.zone_of(draft.cases[0].case)
            moment = next_moment(now, view.rules.policy.digest, zone, view.rules.calendar)
            says = letter(draft, view, told_of, signer, settings.public_url)
            found.append((draft, says, moment))
        return found

    found = ask_quickly(question)
    if as_json:
        output.emit([
            {"to": draft.reviewer, "name": draft.name, "at": moment, "subject": says.subject,
             "items": [kept.case.item_id for kept in draft.cases], "waiting": draft.waiting,
             **({"text": says.text} if to is not None else {})}
            for draft, says, moment in found
        ])  # fmt: skip
    elif not found:
        output.say("No digest: nothing is to be told." if to is None else f"Nothing for {to}.")
    elif to is None:
        output.table(
            ["~to", "at (UTC)", ">items", ">waiting", "~subject"],
            (
                [d.name, output.stamp(moment), len(d.cases), d.waiting or None, says.subject]
                for d, says, moment in found
            ),
        )
    else:
        for draft, says, moment in found:
            output.say(f"To: {draft.name} <{draft.reviewer}>, {output.when(moment)}")
            output.say(f"Subject: {says.subject}\n\n{says.text}")


def _sent(to: str | None, *, as_json: bool) -> None:
    """The mails of the last days, of one reviewer or of all, and what became of each."""
    from datetime import timedelta

    from digital_cs.cli import output
    from digital_cs.cli.connection import ask_quickly
    from digital_cs.cli.content import content_cases
    from digital_cs.store.content import colleague_mails

    async def question(connection: Connection, clock: Clock) -> list[MailView]:
        now = clock.now()
        reviewer = to
        if to is not None:
            rules = await (await content_cases.casebook(connection, now)).rules(connection)
            person = rules.team.find(to)
            reviewer = (person.address if person and person.address else to).casefold()
        return await colleague_mails.since(connection, now - timedelta(days=30), reviewer)

    mails = ask_quickly(question)
    if as_json:
        output.emit(mails)
    elif mails:
        output.table(
            ["at (UTC)", "kind", "~to", "state", "~subject", "~detail"],
            (
                [output.stamp(m.created_at), m.kind, m.reviewer, m.state, m.subject,
                 m.detail if m.state != "accepted" else None]
                for m in mails
            ),
        )  # fmt: skip
    else:
        output.say("No mail to colleagues in the last 30 days.")
