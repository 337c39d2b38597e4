"""The mails that ask reviewers to look: the weekly digest, and the one that cannot wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from digital_cs.rendering.colleague_mail import Letter, letter, literal

ACTS = (
    ("still-right", "Still right"), ("edited", "Edited"), ("snooze", "Put it off"),
    ("reassign", "Give it away"), ("retire", "Retire it"),
)  # fmt: skip
"""What a reviewer may answer, by the end of the address of its page."""


@dataclass(frozen=True, slots=True)
class AskedItem:
    """One item in a mail: what it is, why it is asked for, who will read it, and its page.

    `so_far` says in a sentence what happened before, as that somebody was asked in vain.
    """

    title: str
    kind: str
    place: str
    why: Sequence[str]
    readers: str
    so_far: str
    url: str


def digest(name: str, items: Sequence[AskedItem], waiting: int, people: int) -> Letter:
    """The weekly mail to one reviewer: `waiting` items are not in it, `people` read the first."""
    count = f"{len(items)} items" if len(items) > 1 else f"“{_short(items[0].title)}”"
    opening = (
        "This week these need a look by you. What most people are about to read comes first."
        if len(items) > 1
        else "This week one item needs a look by you."
    )
    more = ""
    if waiting:
        they = "one more waits and comes" if waiting == 1 else f"{waiting:,} more wait and come"
        more = f" Of yours, {they} in one of the next weeks."
    return _letter(
        f"To review this week: {count}", _preview(people), name, opening + more, items,
        "You get this because content names you as somebody who looks after it, or because"
        " nobody before you answered: one mail a week. The team is kept in content/team.yaml.",
    )  # fmt: skip


def at_once(name: str, items: Sequence[AskedItem], waiting: int, people: int) -> Letter:
    """The mail outside the digest: people are about to read what is stale or wrong."""
    count = f"{len(items)} items" if len(items) > 1 else f"“{_short(items[0].title)}”"
    opening = (
        "This cannot wait for the weekly mail: people are about to read what may not be true"
        " any more."
    )
    more = f" {waiting:,} more are like this." if waiting else ""
    return _letter(
        f"About to go out, and stale: {count}", _preview(people), name, opening + more, items,
        "You get this at most once a day, and once for an item, when messages are about to show it"
        " within two business days. The team is kept in content/team.yaml.",
    )  # fmt: skip


def _preview(people: int) -> str:
    return f"{people:,} people will read the first within two weeks." if people else (
        "Nobody is about to read them, so there is time."
    )  # fmt: skip


def _letter(
    subject: str, preview: str, name: str, opening: str, items: Sequence[AskedItem], footer: str
) -> Letter:
    head = f"Hello {literal(name)},\n\n{literal(opening)}"
    numbered = list(enumerate(items, 1)) if len(items) > 1 else [(0, items[0])]
    html = [head, *(_item(number, item, _buttons(item.url)) for number, item in numbered)]
    text = [head, *(_item(number, item, _one_link(item.url)) for number, item in numbered)]
    return letter(
        subject, preview, html="\n\n---\n\n".join(html), text="\n\n".join(text),
        footer=literal(footer),
    )  # fmt: skip


def _item(number: int, item: AskedItem, links: str) -> str:
    mark = f"{number}\\. " if number else ""
    lines = [f"### {mark}{literal(item.title)}", literal(f"{item.kind}, {item.place}")]
    points = [*item.why, item.readers, *([item.so_far] if item.so_far else [])]
    lines.append("\n".join(f"- {literal(each)}" for each in points))
    return "\n\n".join([*lines, links])


def _buttons(url: str) -> str:
    """A button, and beside it what else may be answered: in HTML links cost a reader nothing."""
    others = " · ".join(f"[{label}]({url}/{act})" for act, label in ACTS)
    return f'[Look at it]({url} "button")\n\n{others}'


def _one_link(url: str) -> str:
    return f"Still right, edited, put it off, give it away, retire it:\n{url}"


def _short(title: str) -> str:
    return title if len(title) <= 60 else f"{title[:57].rstrip()}…"
