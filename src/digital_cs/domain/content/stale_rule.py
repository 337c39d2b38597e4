"""What becomes of a message when something that it shows is stale, or known to be wrong (P25)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from digital_cs.domain.content.content_policy import WhenStale
from digital_cs.domain.sending.policy import length
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.timing.span import Span


class Do(StrEnum):
    """What an author can ask for."""

    WARN = "warn"
    """Show it, and say so in the decision. For what is wrong this is not enough: it holds."""
    DROP = "drop"
    """Send the message without it."""
    USE = "use"
    """Show another block in its place."""
    HOLD = "hold"
    """Wait for a review, up to a limit; then what the rule says for that."""
    SKIP = "skip"
    """After the limit: leave the message out."""


@dataclass(frozen=True, slots=True)
class Way:
    """One thing to do; `other` is the block (its file in content/blocks) that `USE` shows."""

    do: Do
    other: str | None = None


@dataclass(frozen=True, slots=True)
class StaleRule:
    """What the author of an e-mail or block wants; None is what the policy says (`WhenStale`)."""

    way: Way
    hold_for: Span | None = None
    then: Way | None = None


ITEMS = "items/"
"""With the id of an item after it, the place of what shows that item and is no file of its own."""


@dataclass(frozen=True, slots=True)
class Part:
    """An e-mail or block: its place in the content folder, or the item that it shows (`ITEMS`); the
    blocks that stand in it, and the whole addresses that it links to, as `link_url.normal_url`.

    `kept`: it holds what every message must have (how to unsubscribe), and is never left out.
    `frame`: it only holds its blocks together, and is left out when none of them is left.
    """

    place: str
    rule: StaleRule | None = None
    blocks: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    kept: bool = False
    frame: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """All that one e-mail may show: itself, and by file every block in it or fit to stand in."""

    email: Part
    blocks: Mapping[str, Part] = field(default_factory=dict)

    @property
    def places(self) -> list[str]:
        """The places of all of it, in the content folder."""
        return [self.email.place, *(part.place for part in self.blocks.values())]

    @property
    def items(self) -> list[str]:
        """The ids of the items that it shows without being their file."""
        return [each.removeprefix(ITEMS) for each in self.places if each.startswith(ITEMS)]

    @property
    def links(self) -> list[str]:
        """All addresses that it may link to."""
        parts = (self.email, *self.blocks.values())
        return list(dict.fromkeys(link for part in parts for link in part.links))

    def shown(self, swaps: Swaps) -> list[Part]:
        """The e-mail and its blocks, each once, as they are shown with these swaps."""
        instead = dict(swaps)
        found: dict[str, Part] = {}

        def walk(part: Part) -> None:
            found[part.place] = part
            for name in part.blocks:
                shown = instead.get(name, name)
                if shown is not None and self.blocks[shown].place not in found:
                    walk(self.blocks[shown])

        walk(self.email)
        return list(found.values())


Swaps = tuple[tuple[str, str | None], ...]
"""Blocks that are not shown as they stand there, each with the one in its place (None: none)."""

AS_WRITTEN: Swaps = ()


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why an item is not to be shown as if it were fresh: it is stale since a day, or `wrong`
    (blocked), for the reason that somebody gave. `item` is its id."""

    item: str
    title: str
    since: date
    wrong: str | None = None

    def words(self) -> str:
        """The item and what is the matter with it: “Office hours”, stale since 3 Nov 2026."""
        return f"“{self.title}”, {self.what}"

    @property
    def what(self) -> str:
        """What is the matter with it: stale since 3 Nov 2026."""
        return "known to be wrong" if self.wrong else f"stale since {self.since:%-d %b %Y}"


@dataclass(frozen=True, slots=True)
class Wait:
    """The message may not go now: it is held until that moment at most, or (`skip`) left out."""

    doubt: Doubt
    until: datetime
    skip: bool = False

    @property
    def reason(self) -> Reason:
        """Why."""
        return Reason.CONTENT_BLOCKED if self.doubt.wrong else Reason.CONTENT_STALE

    def words(self, moment: Callable[[datetime], str]) -> str:
        """The reason in a sentence or two; `moment` says a moment as its readers know it."""
        doubt = self.doubt
        if doubt.wrong:
            words = self.reason.sentence(item=doubt.title, because=doubt.wrong)
        else:
            words = self.reason.sentence(item=doubt.title, day=f"{doubt.since:%-d %b %Y}")
        if self.skip:
            return f"{words} Nobody reviewed it in time."
        return (
            words if doubt.wrong else f"{words} It waits for a review until {moment(self.until)}."
        )


@dataclass(frozen=True, slots=True)
class Resolved:
    """How a message is to be shown at a moment: with which swaps. `notes` tell of all that is not
    fresh and how it was dealt with; with a `wait` it may not go."""

    swaps: Swaps = AS_WRITTEN
    notes: tuple[str, ...] = ()
    wait: Wait | None = None

    def words(self) -> str:
        """The notes as a sentence to follow that it was sent; empty if all was fresh."""
        return f" It went {'; '.join(self.notes)}." if self.notes else ""


def resolve(
    content: Content, doubts: Mapping[str, Doubt], default: WhenStale, *, due_at: datetime,
    useful_until: datetime, now: datetime,
) -> Resolved:  # fmt: skip
    """Decide how an e-mail is shown at the aware moment `now`. Pure and total.

    `doubts` are by place and by address linked to; what is not in it is fresh. A link to what is
    wrong makes its part wrong; a link to what is stale is only told. A message is held from
    `due_at` on for as long as its rule says, at most until `useful_until`.
    """
    if not doubts:
        return Resolved()
    found = _Walk(content, doubts, default, due_at, useful_until, now)
    found.settle_email()
    return Resolved(
        tuple(sorted(found.swaps.items())), tuple(dict.fromkeys(found.notes)), _all_of(found.waits)
    )


@dataclass(slots=True)
class _Walk:
    """One pass over what an e-mail shows, from the top."""

    content: Content
    doubts: Mapping[str, Doubt]
    default: WhenStale
    due_at: datetime
    useful_until: datetime
    now: datetime
    swaps: dict[str, str | None] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    settled: set[str] = field(default_factory=set)

    def settle_email(self) -> None:
        email = self.content.email
        self._settle(None, email, email.rule or StaleRule(Way(Do(self.default.email))))

    def _settle(self, name: str | None, part: Part, rule: StaleRule) -> None:
        """Decide about a part; `name` is its file if it is a block."""
        doubt = self._doubt(part)
        if doubt is None:
            self._show(part)
        else:
            self._do(rule.way, rule, name, part, doubt, late="")

    def _do(
        self, way: Way, rule: StaleRule, name: str | None, part: Part, doubt: Doubt, late: str
    ) -> None:
        """`late` follows a note: it was held before that, in vain."""
        if way.do is Do.DROP and name is not None and not part.kept:
            self._leave_out(name, doubt, late)
        elif way.do is Do.USE and name is not None and self._stands_in(way.other):
            self._replace(name, way.other or "", doubt, late)
        elif way.do is Do.SKIP:
            self.waits.append(Wait(doubt, self.now, skip=True))
        elif way.do in (Do.WARN, Do.DROP) and doubt.wrong is None:
            itself = f"though “{doubt.title}” is {doubt.what}"
            self.notes.append((itself if name is None else f"with {doubt.words()}") + late)
            self._show(part)
        elif late:
            # There is no more to try by its rule: what is wrong waits on, what is stale does as the
            # policy says for what nobody came to review.
            self._last_resort(rule, name, part, doubt, late)
        else:
            # To be told is not enough where it is wrong: only a review or a release lets it go.
            self._hold(rule, name, part, doubt, for_good=way.do in (Do.WARN, Do.DROP))

    def _hold(
        self, rule: StaleRule, name: str | None, part: Part, doubt: Doubt, *, for_good: bool
    ) -> None:
        span = rule.hold_for or self.default.hold_for
        limit = min(self.due_at + length(span), self.useful_until)
        then = rule.then or Way(Do(self.default.then))
        if for_good or (doubt.wrong is not None and then.do is Do.WARN):
            limit = self.useful_until
        if self.now < limit or limit == self.useful_until:
            self.waits.append(Wait(doubt, limit))
            self._show(part)
        else:
            late = f", not reviewed within {span.words()}"
            self._do(then, rule, name, part, doubt, late)

    def _last_resort(
        self, rule: StaleRule, name: str | None, part: Part, doubt: Doubt, late: str
    ) -> None:
        if doubt.wrong is not None:
            self.waits.append(Wait(doubt, self.useful_until))
            self._show(part)
        else:
            self._do(Way(Do(self.default.then)), rule, name, part, doubt, late)

    def _leave_out(self, name: str, doubt: Doubt, late: str) -> None:
        self.swaps[name] = None
        self.notes.append(f"without {doubt.words()}{late}")

    def _replace(self, name: str, other: str, doubt: Doubt, late: str) -> None:
        self.swaps[name] = other
        self.notes.append(f"with {other} in place of {doubt.words()}{late}")
        self._show(self.content.blocks[other])

    def _show(self, part: Part) -> None:
        """It is shown: tell of stale links, and decide about the blocks in it."""
        self.notes += [
            f"with a link to {linked.words()}"
            for link in part.links
            if (linked := self.doubts.get(link)) is not None and linked.wrong is None
        ]
        for name in part.blocks:
            if name not in self.settled and name in self.content.blocks:
                self.settled.add(name)
                block = self.content.blocks[name]
                self._settle(name, block, block.rule or StaleRule(Way(Do(self.default.block))))
                gone = [each for each in block.blocks if self.swaps.get(each, "") is None]
                if block.frame and gone and len(gone) == len(block.blocks):
                    self.swaps[name] = None

    def _stands_in(self, other: str | None) -> bool:
        part = self.content.blocks.get(other or "")
        return part is not None and self._doubt(part) is None

    def _doubt(self, part: Part) -> Doubt | None:
        """What is the matter with a part: what is wrong before what is stale."""
        own = self.doubts.get(part.place)
        if own is None or own.wrong is None:
            linked = (self.doubts.get(link) for link in part.links)
            return next((each for each in linked if each is not None and each.wrong), own)
        return own


def _all_of(waits: list[Wait]) -> Wait | None:
    """The wait of a message: left out if anything asks for that, else held until the first of its
    limits, when it is decided anew; told with what is wrong before what is stale."""
    if not waits:
        return None
    worst = max(waits, key=lambda wait: (wait.skip, wait.doubt.wrong is not None))
    return Wait(worst.doubt, min(wait.until for wait in waits), worst.skip)
