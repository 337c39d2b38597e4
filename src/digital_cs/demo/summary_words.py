"""The summary of a demo as a newcomer reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from digital_cs.demo.content_told import content_in_words
from digital_cs.demo.fates import fates_in_words, readers_in_words, times
from digital_cs.demo.summary import TAKEN, Known, Places, Summary, commands


def in_words(summary: Summary) -> Iterator[str]:
    """The summary as lines of text."""
    yield (
        f"From {summary.first:%-d %B} to {summary.last:%-d %B %Y}:"
        f" {summary.accounts} accounts with {summary.people} people."
    )
    yield ""
    yield from _programs_in_words(summary)
    yield ""
    yield from _known_in_words(summary.known)
    yield ""
    yield from content_in_words(summary.content)
    yield ""
    yield from _totals_in_words(summary)
    for story in summary.stories:
        yield ""
        yield f"{story.title}: {story.account} ({story.account_id})"
        yield from (f"  {line}" for line in story.lines)
    yield ""
    yield from _places_in_words(summary, summary.places)


def _programs_in_words(summary: Summary) -> Iterator[str]:
    width = max((len(program.name) for program in summary.programs), default=0)
    for program in summary.programs:
        parts = [f"{program.inside} still inside"]
        parts += [f"{program.goal} reached the goal"] * bool(program.goal)
        parts += [f"{program.completed} went to the end"] * bool(program.completed)
        parts += [f"{program.exited} left before"] * bool(program.exited)
        yield f"  {program.name:<{width}}  {program.entered:>3} entered: {', '.join(parts)}"


def _known_in_words(known: Known) -> Iterator[str]:
    if known.complete_through is not None:
        late = f"late: {', '.join(known.late)}" if known.late else "no source is late"
        yield (
            f"The product sent {known.events:,} events and the help desk {known.tickets:,} changes"
            f" of tickets; usage is complete up to {known.complete_through:%-d %B %H:%M}, {late}."
        )
    if known.segments:
        yield f"Who belongs where now: {_each(known.segments)}."
    if known.triggers:
        yield f"How often something was noticed: {_each(known.triggers)}."


def _each(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in counts.items())


def _totals_in_words(summary: Summary) -> Iterator[str]:
    messages = summary.messages
    taken = sum(messages.get(state, 0) for state in TAKEN)
    yield (
        f"{times(taken, 'message')} were handed to the mail server; {summary.arrived} are in its"
        f" folder, {summary.twice or 'none'} of them twice. Colleagues got"
        f" {times(summary.told, 'mail')}."
    )
    yield from fates_in_words(summary.fates)
    if messages.get("unknown"):
        yield f"{times(messages['unknown'], 'message')} may or may not have arrived; listed."
    yield (
        f"People of ours were given {times(sum(summary.tasks.values()), 'task')}: "
        + (", ".join(f"{count} {state}" for state, count in summary.tasks.items()) or "none")
        + "."
    )
    yield from readers_in_words(summary.fates)
    if summary.overdue:
        yield f"{times(summary.overdue, 'touch')} still due at the end: this machine is behind."


def _places_in_words(summary: Summary, places: Places) -> Iterator[str]:
    yield "Where to look"
    yield f"  the mail        {places.mail_folder}"
    if places.mail_example is not None:
        yield f"  one of it       {places.mail_example}"
    if places.choices is not None:
        yield f"  their choices   {places.choices}"
    if places.temporal_ui is not None:
        yield f"  Temporal        {places.temporal_ui}"
    yield "  why, why not    (in this folder in a second terminal, while the demo is up)"
    yield from (f"    {command}" for command in commands(summary))
