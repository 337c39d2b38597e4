"""The policy in words for people: what it says, and what changed between two of them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest

from digital_cs.domain.content.content_policy import ContentPolicy, Reviews
from digital_cs.domain.sending.policy import NO_LIMIT, DayShare, Limits, Policy, Quiet, Rates

WIDTH = 96
_LABEL = 23
_ALONE = ""
"""The name of the only entry of what says one thing."""


@dataclass(frozen=True, slots=True)
class _Said:
    """One thing that a policy says, by its entries; `tail` goes with each of them."""

    label: str
    entries: Mapping[str, tuple[str, ...]]
    tail: str = ""
    empty: str = "none"
    own_lines: bool = False

    def words(self, *names: str) -> str:
        """These entries, or all of them, in one line."""
        shown = [self.entry(name) for name in names or self.entries]
        return (", ".join(shown) + self.tail) if shown else self.empty

    def entry(self, name: str) -> str:
        """One entry with its name."""
        value = self.value(name)
        return " ".join(filter(None, (name, value)))

    def value(self, name: str) -> str:
        """One entry without its name."""
        return ": ".join(filter(None, self.entries[name]))


def outline(policy: Policy) -> str:
    """The policy in words, at most WIDTH columns wide, ending without a line break."""
    lines: list[str] = []
    for said in _all(policy):
        texts = [said.entry(name) for name in said.entries] if said.own_lines else [said.words()]
        for index, text in enumerate(texts):
            head = (said.label[:1].upper() + said.label[1:] if index == 0 else "").ljust(_LABEL)
            lines += textwrap.wrap(
                text, WIDTH, initial_indent=head, subsequent_indent=" " * _LABEL,
                break_long_words=False, break_on_hyphens=False,
            )  # fmt: skip
    return "\n".join(lines)


def diff(old: Policy, new: Policy) -> list[str]:
    """One sentence a change; none if and only if the policies say the same.

    "+" was added, "-" was removed, "~" was changed.
    """
    return [
        line
        for before, after in zip(_all(old), _all(new), strict=True)
        for line in _changes(before, after)
    ]


def _changes(before: _Said, after: _Said) -> Iterator[str]:
    was, now, label = before.entries, after.entries, after.label
    if (_ALONE in was) != (_ALONE in now):  # a limit that came or went, as a whole
        yield f"~ {label}: {before.words()} → {after.words()}"
        return
    for name in was:
        if name not in now:
            yield f"- {label}: {before.words(name)}"
    changed = [
        f"{name} {before.value(name)} → {after.value(name)}".strip()
        for name in now
        if name in was and was[name] != now[name]
    ]
    if changed and after.own_lines:
        yield from (f"~ {label}: {line}" for line in changed)
    elif changed:
        yield f"~ {label}: {', '.join(changed)}{after.tail}"
    for name in now:
        if name not in was:
            yield f"+ {label}: {after.words(name)}"
    if was == now and any(a != b for a, b in zip_longest(was, now)):
        yield f"~ {label}: the same ones, in another order"


def _all(policy: Policy) -> Iterator[_Said]:
    budget = policy.budget
    window = f" in {budget.per.words()}"
    yield _limits("a person", budget.person, window)
    yield _limits("an account", budget.account, window)
    yield _one("window of the budget", budget.per.words())
    yield _one("who asked for fewer", f"{budget.fewer.at_most} in {budget.fewer.per.words()}")
    yield _one("a place is kept", f"for what is more important and due within "
                                  f"{budget.look_ahead.words()}")  # fmt: skip
    yield _Said(
        "topics", {name: (f"“{each.title}”", each.about) for name, each in policy.topics.items()},
        own_lines=True,
    )  # fmt: skip
    yield _one("what names no topic", f"goes under {policy.default_topic}")
    yield _one("marketing waits for", _quiet(policy.quiet))
    yield _one(
        "holdout", f"{_number(policy.holdout)}%", " of accounts, where a program says nothing"
    )
    same = policy.same_person_within.words()
    yield _one("the same message", f"to the same person once in {same}")
    yield _Said("service notices", dict.fromkeys(policy.service, ()))
    yield _one("a program a day", _a_day(policy.damage.program_a_day))
    yield _rates(policy.damage.a_minute)
    returned = policy.returned
    yield _one("soft bounces", f"{returned.soft_bounces} within {returned.within.words()} quiet an"
                               f" address for {returned.quiet_for.words()}")  # fmt: skip
    yield from _evidence(policy.content)
    yield from _reviews(policy.content.reviews)


def _evidence(content: ContentPolicy) -> Iterator[_Said]:
    weights = content.signals.model_dump()
    yield _Said(
        "evidence weighs",
        {name.replace("_", " "): (_number(weight),) for name, weight in weights.items()},
    )
    told = content.feedback
    yield _one("events about content", f"“{told.used}” and “{told.rated}”")
    stale = content.stale
    held = f"held for {stale.hold_for.words()}, then: {stale.then}"
    yield _one("where it is stale", f"a block: {stale.block}, an e-mail: {stale.email}; {held}")


def _reviews(reviews: Reviews) -> Iterator[_Said]:
    digest = reviews.digest
    yield _one("reviewers are told", f"on {digest.weekday.capitalize()} at {digest.at:%H:%M} of"
                                     f" {digest.at_most} items at most")  # fmt: skip
    yield _one("they are asked", f"{reviews.ask_before.words()} before an item is due")
    yield _one("reminded", f"after {reviews.remind_after.words()}")
    yield _one("the backup", f"{reviews.backup_after.words()} after that")
    yield _one("the program manager", f"{reviews.manager_after.words()} after that")
    yield _one("a review is put off", f"once, for {reviews.snooze_at_most.words()} at most")
    yield _one("told at once", f"what people will read within {reviews.at_once_within.words()}")


def _one(label: str, words: str, tail: str = "") -> _Said:
    return _Said(label, {_ALONE: (words,)}, tail)


def _limits(label: str, limits: Limits | None, window: str) -> _Said:
    if limits is None:
        return _one(label, NO_LIMIT)
    entries = {name: (str(limits.of(name)),) for name in Limits.model_fields}
    return _Said(label, entries, window)


def _quiet(quiet: Quiet) -> str:
    parts = [f"an open ticket of {' or '.join(quiet.severities)} severity"] * bool(quiet.severities)
    parts += ["an open incident"] * quiet.incidents
    return ", and for ".join(parts) or "nothing"


def _a_day(share: DayShare | None) -> str:
    if share is None:
        return NO_LIMIT
    part = f"{_number(share.share)}% of all accounts"
    return f"messages for {part}, or {share.at_least:,} if that is more"


def _rates(rates: Rates) -> _Said:
    found = {"all together": rates.fleet, "each program": rates.program}
    for domain, rate in sorted(rates.domains.items()):
        found["each other domain" if domain == "*" else f"to {domain}"] = rate
    entries = {name: (_number(rate),) for name, rate in found.items() if rate is not None}
    return _Said("messages a minute", entries, empty=NO_LIMIT)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
