"""What does not fit between the policy and the programs: topics, service notices, holdouts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from digital_cs.catalog.condition_checks import parts
from digital_cs.catalog.findings import Finding
from digital_cs.catalog.suggestions import did_you_mean
from digital_cs.catalog.yaml_source import Path
from digital_cs.domain.programs.program import Kind, Program, Send
from digital_cs.domain.sending.policy import NO_LIMIT, Policy


def sends(program: Program) -> Iterator[Send]:
    """Every send of a program, in whatever depth."""
    return (part for _, part in parts(program) if isinstance(part, Send))


def send_findings(path: Path, step: Send, policy: Policy | None) -> Iterator[Finding]:
    """What a send says that the policy does not know. None: the policy is not known here."""
    if policy is None:
        return
    yield from _topic((*path, "topic"), step.topic, policy)
    if step.kind is Kind.SERVICE and step.send not in policy.service:
        yield Finding(
            (*path, "kind"), "unlisted-service",
            f"'{step.send}' goes out as a service notice, which nobody can refuse, and the policy"
            " does not list it.",
            f"If it is no marketing, write '- {step.send}' under 'service' in content/policy.yaml;"
            " else remove this line.",
        )  # fmt: skip


def program_findings(program: Program, policy: Policy | None) -> Iterator[Finding]:
    """What a program says as a whole that the policy does not know, or that has no effect."""
    if policy is not None:
        yield from _topic(("topic",), program.topic, policy)
    if program.holdout and all(step.kind is Kind.SERVICE for step in sends(program)):
        yield Finding(
            ("holdout",), "nothing-held-out",
            "The program sends no marketing, so there is nothing to hold back from anybody:"
            " service notices go to all.",
            "Remove 'holdout'.", "warning",
        )  # fmt: skip


def policy_findings(
    policy: Policy, emails: Collection[str] | None, programs: Collection[Program] | None
) -> Iterator[Finding]:
    """What is wrong with the list of service notices, beside the e-mails and the programs."""
    used = None
    if programs is not None:
        used = {s.send for p in programs for s in sends(p) if s.kind is Kind.SERVICE}
    for index, name in enumerate(policy.service):
        path: Path = ("service", index)
        if emails is not None and name not in emails:
            yield Finding(
                path, "unknown-email", f"There is no e-mail called '{name}'.",
                did_you_mean(name, emails) or "Remove it: what is not sent needs no permission.",
            )  # fmt: skip
        elif name in policy.service[:index]:
            yield Finding(path, "listed-twice", f"'{name}' stands here twice.", "Keep one.")
        elif used is not None and name not in used:
            yield Finding(
                path, "unused-service", f"No program sends '{name}' as a service notice.",
                "Remove it, or write 'kind: service' where it is sent.", "warning",
            )  # fmt: skip


def empty_lines(value: Any, path: Path = ()) -> Iterator[Finding]:
    """Keys without a value, which could be read as a limit that somebody took away."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if inner is None:
                yield Finding(
                    (*path, key), "no-value", f"'{key}' has no value.",
                    "Remove the line: then its default holds. Where there is to be no limit, write"
                    f" '{NO_LIMIT}'.",
                )  # fmt: skip
            else:
                yield from empty_lines(inner, (*path, key))


def _topic(path: Path, topic: str | None, policy: Policy) -> Iterator[Finding]:
    if topic is not None and topic not in policy.topics:
        yield Finding(
            path, "unknown-topic", f"The policy has no topic '{topic}'.",
            did_you_mean(topic, policy.topics)
            or f"It has: {', '.join(policy.topics)}. Another one is added in content/policy.yaml.",
        )  # fmt: skip
