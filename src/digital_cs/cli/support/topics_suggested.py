"""How a suggested rule is told: what it catches, and what to add to topics.yaml."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digital_cs.domain.support.topic import Topic, TopicRule
    from digital_cs.domain.support.topic_suggestion import Suggestion


def rule_facts(suggested: Suggestion | None) -> dict[str, Any]:
    """A suggested rule as JSON values; both are null where there is none."""
    if suggested is None:
        return {"rule": None, "catches": None}
    others = [{"of": of, "tickets": count} for of, count in suggested.others.items()]
    return {
        "rule": suggested.rule.model_dump(mode="json"),
        "catches": {
            "of_proposal": suggested.caught, "proposal": suggested.group, "others": others,
            "precision": suggested.precision,
        },
    }  # fmt: skip


def rule_words(suggested: Suggestion | None, precision: int) -> str:
    """What a suggested rule would catch, of the proposal and besides."""
    if suggested is None:
        less = ", or try a lower --precision" if precision > 50 else ""
        return f"No few words catch this proposal and little else: write a rule yourself{less}."
    whole = f"The rule below catches {suggested.caught:,} of {suggested.group:,} tickets"
    if not suggested.others:
        return f"{whole}, and no other."
    parts = ", ".join(f"{count:,} of {_place(of)}" for of, count in suggested.others.items())
    count = sum(suggested.others.values())
    return f"{whole}, and {count:,} {'other' if count == 1 else 'others'}: {parts}."


def _place(of: str | None) -> str:
    if of is None:
        return "no topic"
    return f"proposal {of[1:]}" if of.startswith("#") else of


def topic_yaml(topic: Topic, rule: TopicRule | None) -> str:
    """What to add to topics.yaml."""
    told = topic.model_dump(mode="json", exclude_defaults=True)
    lines = [
        f"{'  - ' if at == 0 else '    '}{key}: {json.dumps(value, ensure_ascii=False)}"
        for at, (key, value) in enumerate(told.items())
    ]
    return "\n".join([*lines, *([f"    rules:\n{rule_yaml(rule)}"] if rule else [])])


def rule_yaml(rule: TopicRule) -> str:
    """A rule as it stands in topics.yaml, indented as there."""
    parts = [
        f"          {name}: {json.dumps(list(words), ensure_ascii=False)}"
        for name, words in (("tags", rule.any.tags), ("phrases", rule.any.phrases))
        if words
    ]
    return "\n".join(["      - any:", *parts])
