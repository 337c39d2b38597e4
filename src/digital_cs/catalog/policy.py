"""Loads content/policy.yaml, with file, line and advice in every complaint."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from digital_cs.catalog.findings import Finding, in_order, problem_of
from digital_cs.catalog.policy_checks import empty_lines, policy_findings
from digital_cs.catalog.value_faults import value_problems
from digital_cs.catalog.yaml_source import bytes_of, read_yaml
from digital_cs.domain.problem import Problem
from digital_cs.domain.programs.program import Program
from digital_cs.domain.sending.policy import Policy

FILE = "policy.yaml"
"""Its name in the content folder."""


@dataclass(frozen=True, slots=True)
class LoadedPolicy:
    """The policy of the file, unless an error keeps it from being used, and every complaint.

    `there` is False where the folder has no such file: then the defaults hold.
    """

    there: bool = False
    policy: Policy | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The complaints that keep the policy from being used."""
        return tuple(each for each in self.problems if each.severity == "error")


def load_policy(
    content_dir: Path,
    emails: Collection[str] | None = None,
    programs: Collection[Program] | None = None,
) -> LoadedPolicy:
    """The policy of a content folder. Never raises for content.

    Its list of service notices is checked against the names of the `emails` and against the
    `programs`, with None against nothing.
    """
    path = content_dir / FILE
    if not path.exists():
        return LoadedPolicy()
    file = f"{content_dir.name}/{FILE}".lstrip("/")
    raw = bytes_of(path, file)
    if isinstance(raw, Problem):
        return LoadedPolicy(True, None, (raw,))
    return check_policy_text(raw, file, emails, programs)


def policy_beside(content_dir: Path) -> Policy | None:
    """The policy that the programs of a folder are checked against.

    The defaults where there is no file of it, and None where it has errors.
    """
    loaded = load_policy(content_dir)
    return loaded.policy if loaded.there else Policy()


def check_policy_text(
    text: str | bytes,
    file: str = FILE,
    emails: Collection[str] | None = None,
    programs: Collection[Program] | None = None,
) -> LoadedPolicy:
    """The policy in a text, which is called `file` in complaints. Never raises for content."""
    document = read_yaml(text, file)
    problems = list(document.problems)
    if not document.readable:
        return LoadedPolicy(True, None, tuple(problems))
    if not isinstance(document.value, dict):
        empty = document.value is None
        found = Finding(
            (), "no-policy", "The file is empty." if empty else "The file holds no policy.",
            "Begin it with the line 'budget:', or remove it: then the defaults hold.",
        )  # fmt: skip
        problems.append(problem_of(document, found))
        return LoadedPolicy(True, None, tuple(problems))
    blank = [problem_of(document, each, of_key=True) for each in empty_lines(document.value)]
    policy = None
    try:
        policy = Policy.model_validate(document.value)
    except ValidationError as error:
        known = {(each.line, each.column) for each in blank}
        problems += [
            each
            for each in value_problems(Policy, error, document)
            if (each.line, each.column) not in known
        ]
    else:
        problems += [problem_of(document, e) for e in policy_findings(policy, emails, programs)]
    problems += blank
    broken = any(each.severity == "error" for each in problems)
    return LoadedPolicy(True, None if broken else policy, in_order(problems))
