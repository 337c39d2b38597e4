"""The buttons of a broadcast: start, pause, resume, cancel, and its rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.broadcasts.broadcast import At, Id, with_broadcasts
from digital_cs.cli.options import By, Json, Yes, actor

if TYPE_CHECKING:
    from digital_cs.domain.sending.broadcast import Broadcast

START = 'Example: digital-cs broadcast start spring-release --at "2026-03-10 09:00"'
PAUSE = "Example: digital-cs broadcast pause spring-release"
RESUME = "Example: digital-cs broadcast resume spring-release"
CANCEL = "Example: digital-cs broadcast cancel spring-release --yes"
RATE = "Example: digital-cs broadcast rate spring-release 600"


def start(id: Id, at: At = None, by: By = None, as_json: Json = False) -> None:
    """Let it go as it was approved: at its planned time, at another one, or at once.

    The audience is fixed ten minutes before the first reader's time has come, or now.
    """
    from digital_cs.cli import output

    who = actor(by)
    found = with_broadcasts(lambda broadcasts: broadcasts.start(id, who, at))
    if as_json:
        output.emit(found)
        return
    when = (
        "at once" if found.plan.at is None
        else f"at {found.plan.at:%a %-d %b %Y %H:%M}, time of the {found.plan.send_window.zone}"
    )  # fmt: skip
    output.say(f"'{id}' goes out {when}. `digital-cs broadcast show {id} --watch` follows it.")


def pause(id: Id, by: By = None, as_json: Json = False) -> None:
    """Hand nothing over any more, but what is in hand at this moment."""
    who = actor(by)
    found = with_broadcasts(lambda broadcasts: broadcasts.pause(id, who))
    _tell(found, f"'{id}' is paused. `digital-cs broadcast resume {id}` lets it go on.", as_json)


def resume(id: Id, by: By = None, as_json: Json = False) -> None:
    """Go on where it was. What is no longer useful by now is skipped."""
    who = actor(by)
    found = with_broadcasts(lambda broadcasts: broadcasts.resume(id, who))
    _tell(found, f"'{id}' goes on.", as_json)


def cancel(id: Id, yes: Yes = False, by: By = None, as_json: Json = False) -> None:
    """Send it to nobody any more, for good. Those who are left are skipped, with that reason."""
    from digital_cs.cli import output
    from digital_cs.errors import UsageError

    if not yes:
        if not output.interactive():
            raise UsageError("A cancelled broadcast cannot be taken up again: say --yes.")
        typer.confirm(f"'{id}' cannot be taken up again. Cancel it?", abort=True, err=True)
    who = actor(by)
    found = with_broadcasts(lambda broadcasts: broadcasts.cancel(id, who))
    _tell(found, f"'{id}' is cancelled: nobody gets it from now on.", as_json)


def rate(
    id: Id,
    per_minute: Annotated[
        float | None, typer.Argument(min=0.1, help="Messages a minute.", show_default=False)
    ] = None,
    no_limit: Annotated[
        bool, typer.Option("--no-limit", help="As fast as the policy lets it.")
    ] = False,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Set how many messages a minute it may send, over all workers; in force within ten seconds."""
    from digital_cs.errors import UsageError

    if (per_minute is None) is not no_limit:
        raise UsageError("Say either a number of messages a minute, or --no-limit.")
    who = actor(by)
    found = with_broadcasts(lambda broadcasts: broadcasts.set_rate(id, per_minute, who))
    limit = "as fast as the policy lets it" if per_minute is None else f"{per_minute:g} a minute"
    _tell(found, f"'{id}' goes {limit}.", as_json)


def _tell(found: Broadcast, words: str, as_json: bool) -> None:
    from digital_cs.cli import output

    if as_json:
        output.emit(found)
    else:
        output.say(words)
