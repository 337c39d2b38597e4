"""The sentences of evidence: what was found, of what, and when, for people who own content."""

from __future__ import annotations

from datetime import UTC, date, datetime

from digital_cs.domain.content.evidence import day_words
from digital_cs.domain.content.rising import Rise
from digital_cs.domain.links.link_health import Health, State, health_words

_LONGEST = 120
_MANY_TIMES = 20
"""From so many on, the upper end of an interval tells people nothing."""


def page_changed(url: str, changed_at: datetime, verified_at: datetime, change: str) -> str:
    """That a live page says something else; `change` is what differs, in words."""
    return (
        f"Its live page {_short(url)} says something else since {_on(changed_at)} than when it was"
        f" verified on {_on(verified_at)}: {change}."
    )


def page_gone(url: str, health: Health) -> str:
    """That an item's own page is broken."""
    return f"Its own page {_short(url)} is not there. {health_words(health)}"


def link(url: str, line: int, health: Health, *, own_page: bool = False) -> str:
    """That a link is broken, or that its redirect is worth telling. Line 0: it is on its page."""
    where = f"in line {line}" if line else "on its page"
    what = "Its own page" if own_page else f"The link to {_short(url)} {where}"
    said = health_words(health)
    since = "" if health.state is State.BROKEN or health.since is None else _found(health.since)
    return f"{what}: {said[:1].lower()}{said[1:]}{since}"


def release(title: str, on: date, area: str, reviewed: date | None) -> str:
    """That a release note came after the last review."""
    after = f"its last review on {day_words(reviewed)}" if reviewed else "it was taken in"
    return (
        f"The release note “{_short(title)}” of {day_words(on)} touches {area}, which this is"
        f" about, and came after {after}."
    )


def tickets_rising(topic: str, days: int, found: Rise) -> str:
    """That more accounts ask than were to be expected, though there is an answer."""
    low, high = f"{found.low:.1f}", f"{found.high:.1f}"
    times = f"{low} to {high} times" if found.high < _MANY_TIMES else f"at least {low} times"
    return (
        f"Though this is here to answer it, {found.recent:,} accounts asked about {topic} in the"
        f" last {days} days, where {found.expected:.1f} were to be expected: {times} as many."
    )


def not_helpful(against: int, votes: int) -> str:
    """What readers say."""
    return f"{against:,} of {votes:,} readers who said so were not helped by it."


def click_then_ticket(topic: str, account: str, read_at: datetime, asked_at: datetime) -> str:
    """That somebody read it and asked all the same."""
    return (
        f"Account {account} followed a link to it on {_on(read_at)} and asked support about"
        f" {topic} within 72 hours, on {_on(asked_at)}."
    )


def gone(name: str, since: date, *, backup: bool = False) -> str:
    """That somebody who looks after it is not there any more."""
    return f"Its {'backup' if backup else 'owner'}, {name}, is gone since {day_words(since)}."


def _found(since: datetime) -> str:
    return f" Found on {_on(since)}."


def _on(moment: datetime) -> str:
    return day_words(moment.astimezone(UTC).date())


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
