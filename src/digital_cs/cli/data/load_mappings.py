"""`digital-cs load mappings`: how files that come again and again are read, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import Json

if TYPE_CHECKING:
    from digital_cs.store.people.csv_mappings import CsvMapping
    from digital_cs.temporal.gateway import Gateway

EXAMPLE = "Example: digital-cs load mappings --forget old-crm"


def mappings(
    forget: Annotated[
        str | None,
        typer.Option("--forget", metavar="NAME", help="Forget this one.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the mappings that --save-mapping remembered, or forget one."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.store.people import csv_mappings

    async def question(gateway: Gateway) -> list[CsvMapping]:
        async with gateway.pool.connection() as connection:
            found = await csv_mappings.list_mappings(connection)
            if forget is not None and not await csv_mappings.forget_mapping(connection, forget):
                raise unknown(forget, found)
            return [each for each in found if each.name != forget]

    found = ask(question)
    if as_json:
        output.emit(found)
        return
    if forget is not None:
        output.say(f"The mapping {forget} is forgotten.")
    elif not found:
        output.say("No mapping is remembered. --save-mapping NAME of a load remembers one.")
    else:
        rows = [(m.name, m.noun, _columns(m), m.options.get("dates") or "ISO") for m in found]
        output.table(["name", "for", "~field=column", "dates"], rows)


def _columns(mapping: CsvMapping) -> str:
    return ", ".join(f"{name}={column}" for name, column in mapping.columns.items())


def unknown(name: str, known: list[CsvMapping]) -> Exception:
    """The error for a mapping that nobody saved."""
    import difflib

    from digital_cs.errors import NotFoundError

    names = [each.name for each in known]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"Did you mean '{near[0]}'?" if near else (
        f"There are {', '.join(names)}." if names else "None is remembered yet: --save-mapping."
    )  # fmt: skip
    return NotFoundError(f"There is no mapping '{name}'. {hint}")
