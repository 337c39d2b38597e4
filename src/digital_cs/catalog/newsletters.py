"""Loads newsletters from content/newsletters, with file, line and advice in every complaint."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from digital_cs.catalog.condition_checks import Names, condition_findings, parts
from digital_cs.catalog.findings import Finding
from digital_cs.catalog.milestones import milestone_names
from digital_cs.catalog.policy import policy_beside
from digital_cs.catalog.programs import stems
from digital_cs.catalog.suggestions import did_you_mean
from digital_cs.catalog.team import FILE as TEAM_FILE
from digital_cs.catalog.team import load_team
from digital_cs.catalog.yaml_folder import Checked, Loaded, check_document, load_folder
from digital_cs.catalog.yaml_source import read_yaml
from digital_cs.domain.content.team import Team
from digital_cs.domain.newsletters.newsletter import Newsletter, Suggestion

FOLDER = "newsletters"
"""Its name in the content folder."""


@dataclass(frozen=True, slots=True)
class Around:
    """What of the content folder newsletters may name. None: not known here, so not checked."""

    names: Names = field(default_factory=Names)
    topics: Collection[str] | None = None
    items: Collection[str] | None = None
    team: Team | None = None


def load_newsletters(content_dir: Path) -> Loaded[Newsletter]:
    """Every newsletter of a content folder, checked against its segments, policy and items; none
    where it has no folder of them. Never raises for content."""
    policy = policy_beside(content_dir)
    around = Around(
        Names(
            stems(content_dir / "segments"), milestone_names(content_dir),
            stems(content_dir / "programs"), stems(content_dir / "triggers"),
        ),
        policy.topics if policy is not None else None, _items(content_dir),
        team.team if (team := load_team(content_dir)).there else None,
    )  # fmt: skip
    return load_folder(content_dir, FOLDER, partial(check_newsletter_text, around=around))


def check_newsletter_text(
    text: str | bytes, file: str = "newsletter.yaml", stem: str | None = None,
    around: Around | None = None,
) -> Checked[Newsletter]:  # fmt: skip
    """The newsletter in a text, unless an error keeps it from being used, and every complaint.

    `stem` is the name that the file has without its ending. Never raises for content.
    """
    return check_document(
        read_yaml(text, file), Newsletter, "newsletter",
        "Begin it with the lines 'newsletter: …', 'name: …', 'owner: …' and 'rhythm: …'.",
        after=lambda found: _findings(found, stem, around or Around()),
    )  # fmt: skip


def _findings(newsletter: Newsletter, stem: str | None, around: Around) -> Iterator[Finding]:
    if stem is not None and newsletter.newsletter != stem:
        yield Finding(
            ("newsletter",), "other-name",
            f"The file is called '{stem}', and the newsletter '{newsletter.newsletter}'.",
            f"Write 'newsletter: {stem}', or rename the file.",
        )  # fmt: skip
    if around.topics is not None and newsletter.topic not in around.topics:
        yield Finding(
            ("topic",), "unknown-topic", f"'{newsletter.topic}' is not a topic of the policy.",
            did_you_mean(newsletter.topic, around.topics)
            or f"It has: {', '.join(around.topics)}.",
        )  # fmt: skip
    if around.team is not None:
        yield from _unknown_people(newsletter, around.team)
    for path, part in parts(newsletter):
        yield from condition_findings(path, part, around.names)
        items = around.items if isinstance(part, Suggestion) else None
        if items is not None and part.show not in items:
            yield Finding(
                (*path, "show"), "unknown-item", f"There is no {part.show} in the content folder.",
                did_you_mean(part.show, items) or "Write it, or name another one.",
            )  # fmt: skip


def _unknown_people(newsletter: Newsletter, team: Team) -> Iterator[Finding]:
    """Names of who is to be asked that nobody of the team has: the next in line would be asked
    instead, and nobody would know why."""
    named: list[tuple[tuple[str | int, ...], str | None]] = [
        (("owner",), newsletter.owner), (("backup",), newsletter.backup),
        (("approver",), newsletter.approver),
    ]  # fmt: skip
    for number, section in enumerate(newsletter.sections):
        named += [
            (("sections", number, "owner"), section.owner),
            (("sections", number, "sign_off"), section.sign_off),
        ]
    for path, name in named:
        if name is not None and team.find(name) is None:
            yield Finding(
                path, "unknown-person", f"Nobody in {TEAM_FILE} is called '{name}', so somebody"
                " else is asked.",
                did_you_mean(name, team.people)
                or f"Add '{name}' to {TEAM_FILE}, or write somebody's address here.",
                "warning",
            )  # fmt: skip


def _items(content_dir: Path) -> frozenset[str]:
    """The places of what can be worth knowing."""
    return frozenset(
        path.relative_to(content_dir).as_posix()
        for folder in ("articles", "feature_notes", "recordings", "pages")
        for path in (content_dir / folder).rglob("*.md")
    )
