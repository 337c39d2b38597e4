"""`digital-cs broadcast show`: how far a broadcast is, once or as it goes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from digital_cs.cli.broadcasts.broadcast import Id, standing_of, with_broadcasts
from digital_cs.cli.options import Json

if TYPE_CHECKING:
    from digital_cs.temporal.broadcasts import Broadcasts, Shown

EXAMPLE = "Example: digital-cs broadcast show spring-release --watch"
EVERY = 2.0
"""Real seconds between two looks."""
STILL = (
    "It should go now. If it stands still, `digital-cs doctor` says whether a worker of broadcasts"
    " is at work."
)


def show(
    id: Id,
    watch: Annotated[bool, typer.Option("--watch", help="Look again until it is through.")] = False,
    as_json: Json = False,
) -> None:
    """Show how many it was sent to, how many are left and why, its rate, and when it ends."""
    from digital_cs.cli import output

    async def question(broadcasts: Broadcasts) -> Shown:
        found = await broadcasts.show(id)
        if not watch:
            return found
        with output.progress(id, found.progress.recipients or None) as bar:
            said = ""
            while True:
                progress = found.progress
                bar.update(
                    bar.task_ids[0], total=progress.recipients or None,
                    completed=progress.recipients - progress.left, description=_short(found),
                )  # fmt: skip
                if bar.disable and said != (said := _short(found)):
                    output.complain(said)
                if found.broadcast.ended_at is not None or found.broadcast.state == "draft":
                    return found
                await asyncio.sleep(EVERY)
                found = await broadcasts.show(id)

    found = with_broadcasts(question)
    if as_json:
        output.emit({
            "broadcast": found.broadcast, "standing": standing_of(found.broadcast),
            "progress": found.progress, "left": found.progress.left,
        })  # fmt: skip
    else:
        _tell(found)


def _short(found: Shown) -> str:
    progress = found.progress
    return (
        f"{found.broadcast.id}: {standing_of(found.broadcast)}, {progress.sent:,} sent,"
        f" {progress.left:,} left, {progress.per_minute:,} a minute"
    )


def _tell(found: Shown) -> None:
    from digital_cs.cli import output
    from digital_cs.domain.sending.reason_words import because

    broadcast, progress = found.broadcast, found.progress
    output.say(f"{broadcast.name} ({broadcast.id}): {standing_of(broadcast)}")
    if broadcast.held_because is not None:
        output.say(f"Held since {output.when(broadcast.held_since)}: {broadcast.held_because}")
    if broadcast.frozen_at is None:
        output.say("Its audience is not fixed yet. `digital-cs broadcast check` counts it.")
        if standing_of(broadcast) == "running":
            late = found.freezes_at is None or found.freezes_at <= found.now
            output.say(STILL if late else f"It is fixed {output.when(found.freezes_at)}.")
        return
    lines: list[tuple[str, int]] = [("sent", progress.sent)]
    lines += [("in hand at this moment", progress.in_hand), ("due, or to come", progress.due_later)]
    lines += [(f"waiting: {because(why)}", n) for why, n in sorted(progress.waiting.items())]
    lines += [("refused for good", progress.failed), ("unknown", progress.unknown)]
    lines += [(f"left out: {because(why)}", n) for why, n in sorted(progress.skipped.items())]
    lines = [(what, count) for what, count in lines if count]
    lines.append(("together", progress.recipients))
    output.table(["~recipients", ">count"], ([what, f"{count:,}"] for what, count in lines))
    if progress.unknown:
        output.say(
            f"`digital-cs message list --program {broadcast.id} --state unknown"
            f" --most {max(progress.unknown, 100)}` lists those that are unknown."
        )
    if broadcast.ended_at is not None:
        output.say(f"It ended on {output.when(broadcast.ended_at)}.")
        return
    limit = "" if broadcast.per_minute is None else f", at most {broadcast.per_minute:g}"
    output.say(f"Left: {progress.left:,}. Rate: {progress.per_minute:,} in the last minute{limit}.")
    if _stands_still(found):
        output.say(STILL)
    if progress.next_due is not None and progress.next_due > found.now:
        output.say(f"The next is due {output.when(progress.next_due)}.")
    if progress.ends_at is not None:
        ends = "At this rate it ends about" if progress.per_minute else "It ends about"
        output.say(f"{ends} {output.when(progress.ends_at)}.")


def _stands_still(found: Shown) -> bool:
    """Whether somebody is due, and nobody has got it for as long as the rate is counted."""
    from digital_cs.store.broadcasts.broadcast_progress import LATELY

    due = found.progress.next_due
    late = due is not None and due <= found.now - LATELY
    running = standing_of(found.broadcast) == "running"
    return running and late and not found.progress.per_minute
