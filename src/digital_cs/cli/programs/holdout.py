"""`digital-cs program holdout`: who is held out of a program, so that its effect can be known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.options import Json, Most, ProgramId

if TYPE_CHECKING:
    from digital_cs.store.programs.holdouts import Arm, Drawn
    from digital_cs.temporal.gateway import Gateway

EXAMPLE = "Example: digital-cs program holdout renewal --held"


def holdout(
    program: ProgramId,
    held: Annotated[
        bool, typer.Option("--held", help="List the accounts that are held out as well.")
    ] = False,
    most: Most = 100,
    as_json: Json = False,
) -> None:
    """Show how many accounts a program writes to and how many it leaves out to compare.

    Who is held out travels like the others and its goals are counted, but it gets no marketing of
    this program. It is drawn once, when an account first enters, and kept for ever.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.store.programs import holdouts, programs

    async def question(gateway: Gateway) -> tuple[tuple[Arm, Arm], list[Drawn]]:
        async with gateway.pool.connection() as connection:
            if not await programs.list_programs(connection, [program]):
                raise await gateway.no_program(connection, program)
            listed = await holdouts.held(connection, program, most) if held else []
            return await holdouts.arms(connection, program), listed

    (reached, left_out), listed = ask(question)
    if as_json:
        facts = {"program": program, "written_to": _facts(reached), "held_out": _facts(left_out)}
        output.emit({**facts, "held": listed} if held else facts)
        return
    if not reached.accounts + left_out.accounts:
        output.say(f"Nobody was drawn for {program} yet: that happens when an account enters.")
        return
    output.table(
        ["arm", ">accounts", ">inside", ">reached the goal"],
        ([name, f"{arm.accounts:,}", f"{arm.inside:,}", f"{arm.reached_goal:,}"]
         for name, arm in (("written to", reached), ("held out", left_out))),
    )  # fmt: skip
    if held:
        output.table(
            ["account", "~name", ">percent", "since (UTC)"],
            ([each.account_id, each.name, f"{each.share:g}", output.stamp(each.assigned_at)]
             for each in listed),
        )  # fmt: skip
        if left_out.accounts > len(listed):
            output.complain(f"{len(listed):,} of {left_out.accounts:,} are shown: see --most.")


def _facts(arm: Arm) -> dict[str, int]:
    return {"accounts": arm.accounts, "inside": arm.inside, "reached_goal": arm.reached_goal}
