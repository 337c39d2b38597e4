"""What the parts of a program are called when people are told about them."""

from __future__ import annotations

import re

from pydantic import BaseModel

from digital_cs.domain import milestone
from digital_cs.domain.content import content_policy, team
from digital_cs.domain.newsletters import event, newsletter
from digital_cs.domain.programs import program as spec
from digital_cs.domain.rules import segment, trigger
from digital_cs.domain.rules.condition import KINDS as CONDITION_KINDS
from digital_cs.domain.sending import policy
from digital_cs.domain.support import topic

_NAMES: dict[type[BaseModel], str] = {
    spec.Program: "a program",
    spec.Entry: "'enter'",
    spec.EventEntry: "an event entry",
    spec.DateEntry: "a date entry",
    spec.SegmentEntry: "a segment entry",
    spec.TriggerEntry: "a trigger entry",
    spec.ReEntry: "'again'",
    spec.Goal: "a goal",
    spec.Exit: "an exit",
    spec.Window: "a send window",
    spec.Nobody: "'if_nobody'",
    spec.Unknown: "'if_unknown'",
    spec.WeekdayTime: "a weekday to wait for",
    spec.DateMoment: "a date to wait for",
    spec.Case: "a case of a branch",
    spec.Arm: "an arm of a split",
    spec.SetFacts: "what a set step sets",
    **{kind: f"{article} {key} step" for key, kind in spec.STEP_KINDS.items()
       for article in ("an" if key[0] in "aeiou" else "a",)},
    **{kind: f"{article} {key} condition" for key, kind in CONDITION_KINDS.items()
       for article in ("an" if key[0] in "aeiou" else "a",)},
    segment.Segment: "a segment",
    milestone.Milestones: "the product path",
    milestone.Milestone: "a milestone",
    milestone.EventReach: "'reached_by'",
    trigger.Trigger: "a trigger",
    trigger.UsageDrop: "'usage_drop'",
    trigger.Silence: "'silence'",
    trigger.MilestoneNotReached: "'milestone_missed'",
    trigger.Limit: "'limit_near'",
    trigger.DateNear: "'date_near'",
    trigger.Spike: "'ticket_spike'",
    trigger.Gone: "'champion_gone'",
    policy.Policy: "the policy",
    policy.Budget: "'budget'",
    policy.Limits: "limits by priority",
    policy.Fewer: "'fewer'",
    policy.Topic: "a topic",
    policy.Quiet: "'quiet'",
    policy.Damage: "'damage'",
    policy.DayShare: "'program_a_day'",
    policy.Rates: "'a_minute'",
    policy.Returned: "'returned'",
    content_policy.ContentPolicy: "'content'",
    content_policy.Signals: "'signals'",
    content_policy.Feedback: "'feedback'",
    content_policy.Reviews: "'reviews'",
    content_policy.Digest: "'digest'",
    content_policy.WhenStale: "'stale'",
    newsletter.Newsletter: "a newsletter",
    newsletter.Audience: "'audience'",
    newsletter.Section: "a section",
    newsletter.Suggestion: "a suggestion",
    newsletter.Days: "'days_before'",
    event.Events: "the events",
    event.Event: "an event",
    team.Team: "the team",
    team.Person: "a person of the team",
    topic.Topics: "the topics",
    topic.Topic: "a topic",
    topic.TopicRule: "a rule of a topic",
    topic.Terms: "what a rule looks for",
}  # fmt: skip


def part_name(part: type[BaseModel]) -> str:
    """ "a send step", "'enter'", "a trait condition"."""
    return _NAMES[part]


def owners_of(key: str, near: type[BaseModel]) -> list[str]:
    """The parts that do know a key, for who wrote it at the wrong place: those of the same kind of
    file, if there are any."""
    found = [
        (part, name)
        for part, name in _NAMES.items()
        if any(key in (field, info.alias) for field, info in part.model_fields.items())
    ]
    same = [name for part, name in found if part.__module__ == near.__module__]
    return same or [name for _, name in found]


def sentence(text: str) -> str:
    """With a capital at its start and a full stop at its end."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!", "…")) else f"{text}."


def for_people(text: str) -> str:
    """A docstring or description, less the numbers of the promises that it keeps."""
    return re.sub(r"\s*\(P\d+(, P\d+)*\)", "", " ".join(text.split()))
