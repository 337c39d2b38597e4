"""`digital-cs program pause|resume|open|stop`: the buttons of a running program (P10, P11)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digital_cs.cli.options import AllNow, Json, ProgramId, SkipOlder, Spread, Yes

if TYPE_CHECKING:
    from digital_cs.temporal.gateway import Gateway, OverdueChoice, Pressed

NEEDS_CHOICE = 5

Wish = Callable[["Gateway", "OverdueChoice | None"], "Coroutine[Any, Any, Pressed]"]

BUTTONS = {
    "--entering": "Stop entering. Nobody new comes in. Those inside go on as before.",
    "--finish": "Finish those inside. Nobody new comes in. Those inside go on to their end, and"
    " then the program is stopped.",
    "--all": "Stop all. Nobody new comes in, and everybody inside leaves now.",
}


def pause(program: ProgramId, as_json: Json = False) -> None:
    """Hold everybody inside where they are. Nothing goes out and no step is done.

    Accounts still enter, and events are still heard: both are applied at resume.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask

    done = ask(lambda gateway: gateway.pause_program(program))
    if as_json:
        output.emit(done)
    elif done.before is done.after:
        output.say(f"{program} is {done.after} already: nothing was changed.")
    else:
        inside = output.count_of(done.inside, "account")
        output.say(f"{program} is paused: those inside ({inside}) rest until it is resumed.")


def resume(
    program: ProgramId,
    spread: Spread = None,
    skip_older_than: SkipOlder = None,
    all_now: AllNow = False,
    as_json: Json = False,
) -> None:
    """Let those inside move on. If steps became due meanwhile, say what becomes of them."""
    from digital_cs.cli import output

    done = _with_choice(
        program, lambda gateway, choice: gateway.resume_program(program, choice),
        spread, skip_older_than, all_now, as_json,
    )  # fmt: skip
    if as_json:
        output.emit(done)
    elif done.before is done.after:
        output.say(f"{program} is not paused, but {done.after}: nothing was changed.")
    else:
        overdue = output.count_of(done.overdue, "step")
        closed = " Nobody new may enter." if done.after == "closed" else ""
        output.say(f"{program} is resumed: {overdue} had become due meanwhile.{closed}")
        _say_paused(done)


def open_(program: ProgramId, as_json: Json = False) -> None:
    """Let accounts enter again, after entering was stopped."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask

    done = ask(lambda gateway: gateway.open_program(program))
    if as_json:
        output.emit(done)
    elif done.before is done.after:
        output.say(f"{program} is {done.after}: accounts may enter it already.")
    else:
        output.say(f"Accounts may enter {program} again. It is {done.after}.")


def stop(
    program: ProgramId,
    entering: Annotated[bool, typer.Option("--entering", help=BUTTONS["--entering"])] = False,
    finish: Annotated[bool, typer.Option("--finish", help=BUTTONS["--finish"])] = False,
    everything: Annotated[bool, typer.Option("--all", help=BUTTONS["--all"])] = False,
    because: Annotated[
        str, typer.Option(help="The reason, for the timelines of those who leave with --all.")
    ] = "The program was stopped.",
    spread: Spread = None,
    skip_older_than: SkipOlder = None,
    all_now: AllNow = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Stop a program with one of three different buttons: --entering, --finish or --all.

    `program pause` is a fourth thing: it holds everybody where they are. --finish lifts a pause
    of the program, and then asks what becomes of the overdue, as `program resume` does.
    """
    from digital_cs.cli import output
    from digital_cs.errors import UsageError

    if sum((entering, finish, everything)) != 1:
        lines = "\n".join(f"  {option:12} {words}" for option, words in BUTTONS.items())
        raise UsageError(f"Say which of these you mean:\n{lines}")
    if not finish and (spread or skip_older_than or all_now):
        raise UsageError("--spread, --skip-older-than and --all-now go with --finish only.")
    if entering:
        done = _press(lambda gateway: gateway.stop_entering(program))
    elif finish:
        done = _with_choice(
            program, lambda gateway, choice: gateway.finish_inside(program, choice),
            spread, skip_older_than, all_now, as_json,
        )  # fmt: skip
    else:
        done = _stop_all(program, because, yes)
    if as_json:
        output.emit(done)
        return
    output.say(_stopped_words(done, entering, finish))
    if finish:
        _say_paused(done)


def _press(wish: Callable[[Gateway], Coroutine[Any, Any, Pressed]]) -> Pressed:
    from digital_cs.cli.connection import ask

    return ask(wish)


def _stop_all(program: str, because: str, yes: bool) -> Pressed:
    """Everybody leaves, which nothing undoes: whoever sits there is asked first."""
    from digital_cs.cli import output

    async def question(gateway: Gateway) -> Pressed:
        if not yes:
            async with gateway.pool.connection() as connection:
                from digital_cs.store.programs import programs

                rows = await programs.list_programs(connection, [program])
                if not rows:
                    raise await gateway.no_program(connection, program)
            _confirm(program, rows[0].inside)
        return await gateway.stop_all(program, because)

    def _confirm(program: str, inside: int) -> None:
        if not inside:
            return
        count = output.count_of(inside, "account")
        words = f"Everybody inside {program} ({count}) would leave now, for good."
        if not output.interactive():
            output.complain(f"{words} Nothing was changed: say --yes if you mean it.")
            raise typer.Exit(NEEDS_CHOICE)
        if not typer.confirm(f"{words} Go on?", err=True):
            raise typer.Exit(NEEDS_CHOICE)

    return _press(question)


def _stopped_words(done: Pressed, entering: bool, finish: bool) -> str:
    from digital_cs.cli.output import count_of

    inside = count_of(done.inside, "account")
    again = f"`digital-cs program open {done.program}` lets accounts enter again."
    if entering:
        if done.before is done.after:
            return f"{done.program} is {done.after}: nobody may enter it already."
        rest = "rest: it is paused" if done.after == "paused-closed" else "go on as before"
        return f"Nobody new enters {done.program}. Those inside ({inside}) {rest}. {again}"
    if finish:
        if not done.inside:
            return f"{done.program} is stopped: nobody was inside, and nobody new enters. {again}"
        return (
            f"Nobody new enters {done.program}. Those inside ({inside}) go on to their end; then"
            " it is stopped."
        )
    exited = count_of(done.exited, "account")
    return f"{done.program} is stopped. Those inside ({exited}) leave now. {again}"


def _say_paused(done: Pressed) -> None:
    from digital_cs.cli import output

    if done.paused_by_hand:
        output.say(
            f"Those paused by hand ({output.count_of(done.paused_by_hand, 'enrollment')}) stay"
            " so: see `digital-cs enrollment resume` and `enrollment exit`."
        )


def _with_choice(
    program: str, wish: Wish, spread: str | None, skip_older_than: str | None, all_now: bool,
    as_json: bool,
) -> Pressed:  # fmt: skip
    """Press a button that may let overdue steps loose; somebody has to say what becomes of them."""
    from digital_cs.cli import output
    from digital_cs.cli.programs.choices import ask_choice, chosen, refuse

    choice = chosen(spread, skip_older_than, all_now)
    done = _press(lambda gateway: wish(gateway, choice))
    if done.refused and output.interactive() and not as_json:
        answer = ask_choice(done.overdue, program)
        if answer is not None:
            done = _press(lambda gateway: wish(gateway, answer))
    if done.refused:
        facts = {"program": program, "before": done.before, "after": done.after,
                 "inside": done.inside}  # fmt: skip
        raise typer.Exit(refuse(done.overdue, program, as_json, facts))
    return done
