"""The words of the pages for recipients, and the choice of a language for each reader."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal

ENGLISH = "en"
_RANGE = re.compile(r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]+)?\s*(?:;\s*q=([01](?:\.\d{0,3})?)\s*)?")
_E_MAIL = re.compile("([Ee])-([Mm]ail)")
_MARK = re.compile("(?<=«) | (?=[?:;!»])")

Noticed = Literal["saved", "paused", "resumed", "off", "on"]
"""What a reader just did, as it is told to them."""


@dataclass(frozen=True, slots=True)
class Words:
    """All that the pages say in one language. HTML: no word comes from outside.

    `{by}` becomes `by`, with the sender's name, or nothing; `{date}` a day.
    """

    language: str
    by: str
    day: str
    months: tuple[str, ...]

    ask_title: str
    ask: str
    unsubscribe: str
    choose_instead: str

    out_title: str
    out: str
    out_late: str
    out_mistake: str

    unknown_title: str
    unknown: str
    unknown_help: str

    later_title: str
    later_unsubscribe: str
    later: str
    again: str

    title: str
    intro: str
    topics: str
    amount: str
    fewer: str
    fewer_about: str
    save: str
    pause_title: str
    pause_about: str
    pause: str
    paused: str
    resume: str
    off_title: str
    off_about: str
    off: str
    is_off: str
    on: str
    elsewhere: str
    notices: Mapping[Noticed, str]
    known_topics: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Title and description of the topics that every policy begins with."""

    def date(self, moment: datetime) -> str:
        """A day in words: 1 April 2026."""
        day = moment.astimezone(UTC)
        return self.day.format(day=day.day, month=self.months[day.month - 1], year=day.year)


def unbroken(words: Words) -> Words:
    """The same words, with no line broken within "e-mail" or before a mark that follows a blank."""

    def mended(text: str) -> str:
        whole = _E_MAIL.sub("\\1\N{NON-BREAKING HYPHEN}\\2", text)
        return _MARK.sub("\N{NO-BREAK SPACE}", whole)

    changed: dict[str, Any] = {
        item.name: mended(value)
        for item in fields(words)
        if isinstance(value := getattr(words, item.name), str)
    }
    notices = {name: mended(text) for name, text in words.notices.items()}
    return replace(words, **changed, notices=notices)


def language_for(stated: str | None, accepted: str | None, known: Mapping[str, Words]) -> Words:
    """The words for a reader: in their stated language, one that their browser asks for, English.

    `stated` is de, de-AT or pt_BR; `accepted` the header Accept-Language.
    """
    for tag in (stated or "", *_accepted(accepted or "")):
        found = known.get(re.split(r"[-_]", tag.strip(), maxsplit=1)[0].lower())
        if found is not None:
            return found
    return known[ENGLISH]


def _accepted(header: str) -> list[str]:
    """Languages of an Accept-Language header, the best liked first."""
    liked: list[tuple[float, int, str]] = []
    for part in header[:500].split(","):
        found = _RANGE.fullmatch(part)
        if found is not None and (quality := float(found[2] or 1)) > 0:
            liked.append((-quality, len(liked), found[1]))
    return [tag for _, _, tag in sorted(liked)]
