"""Loads triggers from content/triggers, with file, line and advice in every complaint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from digital_cs.catalog.condition_checks import Names, condition_findings, parts
from digital_cs.catalog.findings import Finding
from digital_cs.catalog.milestones import milestone_names
from digital_cs.catalog.programs import stems
from digital_cs.catalog.yaml_folder import Checked, Loaded, check_document, load_folder
from digital_cs.catalog.yaml_source import Document, read_yaml
from digital_cs.domain.programs.program import EventEntry, Program, SegmentEntry, TriggerEntry
from digital_cs.domain.rules.condition import TriggerFired
from digital_cs.domain.rules.reads import triggers_named
from digital_cs.domain.rules.segment import Segment, segments_named
from digital_cs.domain.rules.trigger import KINDS, MilestoneNotReached, Trigger

FOLDER = "triggers"
"""Its name in the content folder."""


def load_triggers(content_dir: Path) -> Loaded[Trigger]:
    """Every trigger of a content folder, each checked against its segments, milestones, programs
    and the other triggers; none where it has no folder of them. Never raises for content."""
    names = Names(
        stems(content_dir / "segments"), milestone_names(content_dir),
        stems(content_dir / "programs"), stems(content_dir / "triggers"),
    )  # fmt: skip
    return load_folder(content_dir, FOLDER, partial(check_trigger_text, names=names))


def check_trigger_text(
    text: str | bytes, file: str = "trigger.yaml", stem: str | None = None,
    names: Names | None = None,
) -> Checked[Trigger]:  # fmt: skip
    """The trigger in a text, unless an error keeps it from being used, and every complaint.

    `stem` is the name that the file has without its ending. Never raises for content.
    """
    document = read_yaml(text, file)
    return check_document(
        document, Trigger, "trigger",
        "Begin it with the lines 'trigger: …', 'name: …', 'owner: …' and, say, 'silence:'.",
        before=_kinds, after=lambda found: _findings(found, document, stem, names or Names()),
    )  # fmt: skip


def triggers_of(program: Program) -> frozenset[str]:
    """The triggers that a program names: accounts enter by them, or a condition waits for them."""
    rules = [part for _, part in parts(program)]
    return frozenset(e.trigger for e in rules if isinstance(e, TriggerEntry | TriggerFired))


def sound_together(
    segments: Mapping[str, Segment], triggers: Mapping[str, Trigger]
) -> tuple[dict[str, Segment], dict[str, Trigger]]:
    """Those that rest on nothing but each other, as each may name some of the other kind."""
    while True:
        rules = {n: () if t.condition is None else (t.condition,) for n, t in triggers.items()}
        good = {
            name: each for name, each in segments.items()
            if segments_named(each.when) <= segments.keys()
            and triggers_named([each.when]) <= triggers.keys()
        }  # fmt: skip
        fit = {
            name: each for name, each in triggers.items()
            if all(segments_named(rule) <= segments.keys() for rule in rules[name])
            and triggers_named(rules[name]) <= triggers.keys()
        }  # fmt: skip
        if len(good) + len(fit) == len(segments) + len(triggers):
            return good, fit
        segments, triggers = good, fit


def with_their_rules(program: Program, triggers: Mapping[str, Trigger]) -> Program:
    """The program with the rule of each trigger in the place of its name, as an entry.

    A name that is not among the triggers stays as it is.
    """
    entries: list[Any] = []
    for entry in program.enter.when:
        found = triggers.get(entry.trigger) if isinstance(entry, TriggerEntry) else None
        if found is None:
            entries.append(entry)
        elif found.event is not None:
            entries.append(EventEntry(event=found.event))
        else:
            entries.append(SegmentEntry(segment=found.condition))
    enter = program.enter.model_copy(update={"when": tuple(entries)})
    return program.model_copy(update={"enter": enter})


def trigger_to_json(trigger: Trigger) -> dict[str, Any]:
    """The trigger as JSON values, in the words of the file, without what is the default."""
    return trigger.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def trigger_from_json(data: Mapping[str, Any]) -> Trigger:
    """The trigger that `trigger_to_json` was given. Raises pydantic's ValidationError."""
    return Trigger.model_validate(data)


def _kinds(written: Mapping[str, Any]) -> Iterator[Finding]:
    """What is wrong with the keys of which there must be exactly one."""
    said = [kind for kind in KINDS if kind in written]
    if len(said) > 1:
        yield Finding(
            (said[1],), "two-kinds",
            f"A trigger notices one thing, and this one two: {said[0]} and {said[1]}.",
            "Give each a file of its own, or write both under 'when: {all: …}'.",
        )  # fmt: skip
    for kind in said:
        if written[kind] is None:
            yield Finding(
                (kind,), "no-value", f"'{kind}' has no value.",
                f"Write it like '{kind}: {EXAMPLES[kind]}'.",
            )  # fmt: skip


EXAMPLES = {
    "usage_drop": "{falls_by: 50%}",
    "silence": "{for: 14 days}",
    "milestone_missed": "{milestone: first_send, within: 14 days, of: started_on}",
    "limit_near": "{used: seats_used, of: seats}",
    "date_near": "{date: renewal_on, within: 90 days}",
    "ticket_spike": "{within: 7 days}",
    "champion_gone": "{role: champion}",
    "event": "export_started",
    "when": "{stage: active}",
}
"""Each kind as it may be written."""


def _findings(
    trigger: Trigger, document: Document, stem: str | None, names: Names
) -> Iterator[Finding]:
    if stem is not None and stem != trigger.trigger:
        yield Finding(
            ("trigger",), "file-name",
            f"The trigger is called '{trigger.trigger}' and its file '{stem}'.",
            f"Rename the file to {trigger.trigger}.yaml, or write 'trigger: {stem}'.",
        )  # fmt: skip
    for path, part in parts(trigger):
        yield from condition_findings(path, part, names)
        if isinstance(part, MilestoneNotReached):
            for each in condition_findings(path, part.condition(), names):
                yield replace(each, path=(*path, "milestone"))
    if trigger.event is None and not trigger.re_arm and "cooldown" not in document.value:
        yield Finding(
            ("re_arm",), "again-and-again",
            "While it goes on to hold, this trigger fires again after every cooldown.",
            "Say with 'cooldown: …' how long that is.", "warning",
        )  # fmt: skip
