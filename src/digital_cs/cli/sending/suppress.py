"""`digital-cs suppress`: the short form for an address that is never written to again."""

from __future__ import annotations

from typing import Annotated

import typer

from digital_cs.cli.options import Json

EXAMPLE = 'Example: digital-cs suppress ada@example.com --because "asked by phone"'


def suppress(
    address: Annotated[str, typer.Argument(help="The e-mail address.", show_default=False)],
    because: Annotated[str, typer.Option(help="A note for those who ask later.")] = "by hand",
    as_json: Json = False,
) -> None:
    """Never write to an address again, from this moment on, whatever a program says.

    It is read in the transaction that claims a message, so that nothing that is not yet being
    handed over goes out. `digital-cs suppression add` knows domains, accounts, ends and files, too.
    """
    from digital_cs.cli.sending.suppression import add_subject
    from digital_cs.domain.sending.suppression import Kind, Why, subject_of

    add_subject(subject_of(Kind.ADDRESS, address), Why.MANUAL, because, None, as_json=as_json)
