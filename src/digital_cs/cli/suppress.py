"""`digital-cs suppress`: an address that is never written to again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import Json

if TYPE_CHECKING:
    from digital_cs.temporal.gateway import Gateway

EXAMPLE = 'Example: digital-cs suppress ada@example.com --because "asked by phone"'


def suppress(
    address: Annotated[str, typer.Argument(help="The e-mail address.", show_default=False)],
    because: Annotated[str, typer.Option(help="The reason, for those who ask later.")] = "by hand",
    as_json: Json = False,
) -> None:
    """Never write to an address again, from this moment on, whatever a program says.

    It is read in the statement that claims a message, so that nothing that is not yet being
    handed over goes out. The first reason stays.
    """
    from digital_cs.channels.mail import MailError, wire_address
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.errors import UsageError

    tidy = address.strip()
    try:
        wire_address(tidy)
    except MailError as error:
        raise UsageError("That is no address of the form name@domain.") from error

    async def question(gateway: Gateway) -> tuple[bool, list[str]]:
        return await gateway.intake.suppress(tidy, because, "operator")

    new, contacts = ask(question)
    if as_json:
        output.emit({"new": new, "contacts": contacts})
        return
    known = ", ".join(contacts) or "none that is known so far"
    output.say(
        f"{'It is not written to any more.' if new else 'It was not written to already.'}"
        f" Contacts with this address: {known}."
    )
