"""The JSON Schemas of content files, made so that editors complete and check as people write."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from digital_cs.catalog.condition_checks import USUAL_STAGES
from digital_cs.catalog.part_names import for_people, part_name
from digital_cs.catalog.program_checks import USUAL_ROLES
from digital_cs.domain.content.team import Team
from digital_cs.domain.grammar import WEEKDAYS
from digital_cs.domain.milestone import Milestones
from digital_cs.domain.newsletters.newsletter import Newsletter
from digital_cs.domain.programs.program import STEP_KINDS, Program
from digital_cs.domain.rules.condition import KINDS as CONDITION_KINDS
from digital_cs.domain.rules.segment import Segment
from digital_cs.domain.rules.trigger import KINDS as TRIGGER_KINDS
from digital_cs.domain.rules.trigger import Trigger
from digital_cs.domain.sending.policy import NO_LIMIT, Policy
from digital_cs.domain.support.topic import Topics

SCHEMA_FILE = "program.schema.json"
"""Its name in the content folder, which the first line of each program points to."""
MILESTONES_SCHEMA_FILE = "milestones.schema.json"
"""The same for milestones.yaml."""
SEGMENT_SCHEMA_FILE = "segment.schema.json"
"""The same for each segment."""
TRIGGER_SCHEMA_FILE = "trigger.schema.json"
"""The same for each trigger."""
POLICY_SCHEMA_FILE = "policy.schema.json"
"""The same for policy.yaml."""
TEAM_SCHEMA_FILE = "team.schema.json"
"""The same for team.yaml."""
NEWSLETTER_SCHEMA_FILE = "newsletter.schema.json"
"""The same for each newsletter."""
TOPICS_SCHEMA_FILE = "topics.schema.json"
"""The same for topics.yaml."""

_UNIONS = {
    "Step": tuple(kind.__name__ for kind in STEP_KINDS.values()),
    "Condition": tuple(kind.__name__ for kind in CONDITION_KINDS.values()),
    "EntryRule": ("EventEntry", "DateEntry", "SegmentEntry", "TriggerEntry"),
    "Moment": ("WeekdayTime", "DateMoment"),
}
_HINTS: dict[tuple[str, str], tuple[str, ...]] = {
    ("StageIs", "stage"): USUAL_STAGES,
    ("SetFacts", "stage"): USUAL_STAGES,
    ("WeekdayTime", "weekday"): (*WEEKDAYS, "any"),
    ("Window", "zone"): ("recipient", "account", "workspace"),
    ("Window", "days"): ("weekdays", "business days", "every day"),
}
"""Values that an editor offers for a text, where others are right as well."""
_ENTRY_HINTS: dict[tuple[str, str], tuple[str, ...]] = {
    ("Program", "to"): USUAL_ROLES,
    ("Send", "to"): USUAL_ROLES,
    ("StageIs", "stage"): USUAL_STAGES,
    ("Window", "days"): tuple(day[:3] for day in WEEKDAYS),
}
"""The same for the entries of a list."""


def program_schema() -> dict[str, Any]:
    """The schema, in draft 7, the one that every editor knows.

    It is stricter than the loader in small things (a span with two spaces, a key without a
    value) and knows nothing of other files: `digital-cs program check` has the last word.
    """
    schema = _with_conditions(Program, "A program of digital-cs", _UNIONS)
    entry = schema["$defs"]["SegmentEntry"]["properties"]["segment"]
    rule = {"$ref": entry.pop("$ref")}
    named = dict(schema["$defs"]["SegmentIs"]["properties"]["segment"])
    named.pop("description", None)
    entry["anyOf"] = [named, rule]  # "segment: NAME" is short for a rule that names it
    return schema


def segment_schema() -> dict[str, Any]:
    """The schema of one segment, in draft 7, with what was said of `program_schema`."""
    unions = {"Condition": _UNIONS["Condition"]}
    return _with_conditions(Segment, "A segment of digital-cs", unions)


def trigger_schema() -> dict[str, Any]:
    """The schema of one trigger, in draft 7, with what was said of `program_schema`."""
    unions = {"Condition": _UNIONS["Condition"]}
    schema = _with_conditions(Trigger, "A trigger of digital-cs", unions)
    return {**schema, "oneOf": [{"required": [kind]} for kind in TRIGGER_KINDS]}


def newsletter_schema() -> dict[str, Any]:
    """The schema of one newsletter, in draft 7, with what was said of `program_schema`."""
    unions = {"Condition": _UNIONS["Condition"]}
    schema = _with_conditions(Newsletter, "A newsletter of digital-cs", unions)
    named = {"type": "string", "description": "Name of a segment."}
    for part, key in (("Audience", "segment"), ("Suggestion", "to")):
        rule = schema["$defs"][part]["properties"][key]
        rule["anyOf"] = [named, {"$ref": rule.pop("$ref")}]  # a name is short for a rule
    return schema


def _with_conditions(
    model: type[BaseModel], title: str, unions: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    raw = model.model_json_schema(by_alias=True)
    parts: dict[str, Any] = raw.pop("$defs")
    for name, part in (*parts.items(), (model.__name__, raw)):
        for key, value in part.get("properties", {}).items():
            _offer(value, _HINTS.get((name, key)), _ENTRY_HINTS.get((name, key)))
    # Pydantic cannot say in a schema that a comparison must be there.
    parts["TraitIs"]["minProperties"] = 2
    titles = {kind.__name__: part_name(kind) for kind in (*STEP_KINDS.values(),
                                                          *CONDITION_KINDS.values())}  # fmt: skip
    definitions = {
        **{name: {"anyOf": [_to(member) for member in members]}
           for name, members in unions.items()},
        **{name: {**({"title": titles[name]} if name in titles else {}), **_tidy(part)}
           for name, part in parts.items()},
    }  # fmt: skip
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": title,
        **_tidy(raw),
        "$defs": definitions,
    }


def milestones_schema() -> dict[str, Any]:
    """The schema of milestones.yaml, in draft 7."""
    raw = Milestones.model_json_schema(by_alias=True)
    parts: dict[str, Any] = raw.pop("$defs")
    of = parts["Milestone"]["properties"]["of"]
    of["anyOf"] = [{"type": "string"}, {key: of.pop(key) for key in ("type", "items")}]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "The milestones of digital-cs",
        **_tidy(raw),
        "$defs": {name: _tidy(part) for name, part in parts.items()},
    }


def policy_schema() -> dict[str, Any]:
    """The schema of policy.yaml, in draft 7."""
    raw = Policy.model_json_schema(by_alias=True)
    parts: dict[str, Any] = raw.pop("$defs")
    for part, key in (("Budget", "person"), ("Budget", "account"), ("Damage", "program_a_day")):
        choices = parts[part]["properties"][key]["anyOf"]
        choices[choices.index({"type": "null"})] = {"const": NO_LIMIT}
        if part == "Budget":
            choices.append({"type": "integer", "minimum": 0})  # one number for all priorities
    raw["properties"]["topics"]["additionalProperties"] = False  # a key that is no name
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "The policy of digital-cs",
        **_tidy(raw),
        "$defs": {name: _tidy(part) for name, part in parts.items()},
    }


def team_schema() -> dict[str, Any]:
    """The schema of team.yaml, in draft 7."""
    raw = Team.model_json_schema(by_alias=True)
    parts: dict[str, Any] = raw.pop("$defs")
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "The team of digital-cs",
        **_tidy(raw),
        "$defs": {name: _tidy(part) for name, part in parts.items()},
    }


def topics_schema() -> dict[str, Any]:
    """The schema of topics.yaml, in draft 7."""
    raw = Topics.model_json_schema(by_alias=True)
    parts: dict[str, Any] = raw.pop("$defs")
    parts["TopicRule"]["anyOf"] = [{"required": ["any"]}, {"required": ["all"]}]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "The topics of digital-cs",
        **_tidy(raw),
        "$defs": {name: _tidy(part) for name, part in parts.items()},
    }


def schema_text(schema: dict[str, Any] | None = None) -> str:
    """A schema, of a program if none is given, as it stands in the content folder."""
    return json.dumps(schema or program_schema(), indent=2, ensure_ascii=False) + "\n"


def _to(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


def _tidy(node: Any) -> Any:
    """Without the machine's titles and nulls, and with each union named once."""
    if isinstance(node, list):
        return [_tidy(each) for each in node]
    if not isinstance(node, dict):
        return node
    choices = node.get("oneOf")
    if choices is not None:
        named = tuple(each["$ref"].rpartition("/")[2] for each in choices)
        union = next(name for name, known in _UNIONS.items() if known == named)
        rest = {key: value for key, value in node.items() if key not in ("oneOf", "title")}
        return {**_tidy(rest), **_to(union)}
    kept: dict[str, Any] = {}
    for key, value in node.items():
        if key == "properties":
            kept[key] = {name: _tidy(each) for name, each in value.items()}
        elif key == "description":
            kept[key] = for_people(value)
        elif key == "default":
            if isinstance(value, str):
                kept[key] = re.sub(r"^(\d\d:\d\d):00$", r"\1", value)
        elif key == "anyOf" and {"type": "null"} in value:
            members = [_tidy(each) for each in value if each != {"type": "null"}]
            kept.update(members[0] if len(members) == 1 else {"anyOf": members})
        elif key != "title":
            kept[key] = _tidy(value)
    return kept


def _offer(
    value: dict[str, Any], words: tuple[str, ...] | None, entries: tuple[str, ...] | None
) -> None:
    """Let an editor offer these words for a text or for the entries of a list."""
    for choice in value.get("anyOf", (value,)):
        if entries and choice.get("type") == "array":
            choice["items"] = _offered(entries)
        elif words and choice.get("type") == "string":
            del choice["type"]
            choice.update(_offered(words))


def _offered(words: tuple[str, ...]) -> dict[str, Any]:
    return {"anyOf": [{"type": "string", "enum": list(words)}, {"type": "string"}]}
