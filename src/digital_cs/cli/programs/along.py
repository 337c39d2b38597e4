"""What is published along with programs: the segments and the triggers that they go by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digital_cs.domain.programs.program import Program
    from digital_cs.domain.rules.segment import Segment
    from digital_cs.domain.rules.trigger import Trigger
    from digital_cs.temporal.gateway import Gateway
    from digital_cs.temporal.segments import PublishedSegment
    from digital_cs.temporal.triggers import PublishedTrigger


@dataclass(frozen=True, slots=True)
class Along:
    """Segments and triggers of the content folder. `only_new`: what is published stays as it is."""

    segments: list[Segment]
    triggers: list[Trigger]
    only_new: bool


@dataclass(frozen=True, slots=True)
class Done:
    """What was published along, or would be, and the segments that this takes."""

    segments: list[PublishedSegment]
    triggers: list[PublishedTrigger]
    taken: list[Segment]


def everything(content: Path | None) -> Along:
    """All of the content folder. Shows the complaints and ends the command, if there are any."""
    from digital_cs.cli.rules import segment, trigger

    return Along(segment.publishable(None, content), trigger.publishable(None, content), False)


def what_they_name(wanted: list[Program], content: Path | None) -> Along:
    """What these programs name, and what that rests on, as far as it is not published yet."""
    from digital_cs.catalog.segments import segments_of
    from digital_cs.catalog.triggers import triggers_of
    from digital_cs.cli.rules import segment, trigger
    from digital_cs.domain.rules.reads import triggers_named
    from digital_cs.domain.rules.segment import segments_named

    names = {name for program in wanted for name in triggers_of(program)}
    named = {name for program in wanted for name in segments_of(program)}
    while True:  # triggers name segments, which name triggers
        triggers = trigger.publishable(sorted(names), content) if names else []
        rules = [each.condition for each in triggers if each.condition is not None]
        named = named.union(*map(segments_named, rules))
        segments = segment.publishable(sorted(named), content) if named else []
        more = triggers_named([*rules, *(each.when for each in segments)]) - names
        if not more:
            return Along(segments, triggers, only_new=True)
        names |= more


async def publish(gateway: Gateway, along: Along, *, dry_run: bool) -> Done:
    """Publish it, or only say what would happen."""
    from digital_cs.store.rules import segments, triggers
    from digital_cs.temporal.segments import publish_segments
    from digital_cs.temporal.triggers import publish_triggers

    wanted, noticing = along.segments, along.triggers
    if along.only_new:
        async with gateway.pool.connection() as connection:
            absent = await segments.missing(connection, [each.segment for each in wanted])
            new = await triggers.missing(connection, [each.trigger for each in noticing])
        wanted = [each for each in wanted if each.segment in absent]
        noticing = [each for each in noticing if each.trigger in new]
    coming = [each.trigger for each in noticing]
    done = await publish_segments(gateway, wanted, dry_run=dry_run, coming=coming)
    fired = await publish_triggers(
        gateway, noticing, dry_run=dry_run, along=wanted if dry_run else ()
    )
    return Done(done, fired, wanted)
