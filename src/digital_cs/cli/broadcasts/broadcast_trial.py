"""`digital-cs broadcast test`: a message of a broadcast, sent to an address of one's own."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.broadcasts.broadcast import Id, with_broadcasts
from digital_cs.cli.options import Json

if TYPE_CHECKING:
    from activities.broadcast_texts import Texts
    from digital_cs.channels.delivery import Delivery
    from digital_cs.channels.mail import OutgoingMail
    from digital_cs.clock import Clock
    from digital_cs.config import Settings
    from digital_cs.rendering.compiler import EmailTemplate
    from digital_cs.store.people.correspondents import Connection, Correspondent
    from digital_cs.temporal.broadcasts import Broadcasts

EXAMPLE = "Example: digital-cs broadcast test spring-release --to maya@example.com --account acme"
MARK = "[Test] "


def trial(
    id: Id,
    to: Annotated[str, typer.Option(help="The address that gets it.", show_default=False)],
    account: Annotated[
        str | None,
        typer.Option(help="As this account's contact would get it: its id, or its name.",
                     show_default="one that is made up"),
    ] = None,
    contact: Annotated[
        str | None, typer.Option(help="Of the account, this contact.", show_default="the first")
    ] = None,
    variant: Annotated[
        str, typer.Option(help="Which of its texts.", show_default="the plain one")
    ] = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Send one message of it to an address of yours, marked as a test.

    It is no message of the ledger: nobody's budget counts it, and its links belong to nobody.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask_quickly, find_settings
    from digital_cs.errors import UnavailableError, UsageError
    from digital_cs.store.people import correspondents

    settings = find_settings().settings

    async def question(broadcasts: Broadcasts) -> tuple[str, Texts]:
        return (await broadcasts.show(id)).broadcast.name, await broadcasts.texts(id)

    name, texts = with_broadcasts(question)
    if texts.hash is None:
        raise UsageError(f"It cannot be sent. {texts.fault}")
    if variant not in texts.templates:
        there = ", ".join(repr(each) for each in texts.templates)
        raise UsageError(f"It has no variant '{variant}': it has {there}.")
    person: Correspondent | None = None
    if account is not None:
        named = account

        async def who(connection: Connection, _clock: Clock) -> Correspondent:
            return await correspondents.find(connection, named, contact)

        person = ask_quickly(who)
    mail = _mail(texts.templates[variant], person, settings, name, id, to)
    delivery = asyncio.run(_deliver(mail, settings, to))
    if delivery.outcome != "accepted":
        raise UnavailableError(f"The mail server did not take it: {delivery.detail}")
    if as_json:
        output.emit({"broadcast": id, "to": to, "subject": mail.subject, "variant": variant})
    else:
        output.say(f"Sent to {to}: {mail.subject}")


def _mail(
    template: EmailTemplate, person: Correspondent | None, settings: Settings, name: str, id: str,
    to: str,
) -> OutgoingMail:  # fmt: skip
    from digital_cs.channels.mail import OutgoingMail, message_id_for
    from digital_cs.cli.sending.message_preview import context_of
    from digital_cs.rendering.context import ProgramView
    from digital_cs.rendering.render import render

    context = context_of(template, person, settings, ProgramView(name, id))
    made = render(template, context)
    return OutgoingMail(
        message_id=message_id_for(f"test/{id}/{uuid.uuid4()}", settings.mail_domain),
        mail_from=settings.mail_from, envelope_from=f"bounce@{settings.mail_domain}", to=to,
        to_name=context.contact.full_name, subject=f"{MARK}{made.subject}", text=made.text,
        html=made.html, date=settings.clock().now(), reply_to=template.reply_to,
        unsubscribe_url=context.links.unsubscribe,
    )  # fmt: skip


async def _deliver(mail: OutgoingMail, settings: Settings, to: str) -> Delivery:
    from digital_cs.bootstrap import smtp_channel
    from digital_cs.channels.mail import to_bytes

    channel = smtp_channel(settings)
    try:
        return await channel.deliver(to_bytes(mail), mail.envelope_from, to)
    finally:
        await channel.close()
