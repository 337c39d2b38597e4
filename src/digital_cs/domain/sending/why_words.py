"""Why a message came, came late or did not come, in one sentence for people (P19)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

from digital_cs.domain.programs.enrollment import Verdict
from digital_cs.domain.sending.reason import SENTENCES, Reason
from digital_cs.domain.sending.why import Fate, Told, Wish
from digital_cs.domain.timing.zone import to_local

MOST_REASONS = 3
"""A sentence that names more of what kept a message back is read by nobody."""


@dataclass(frozen=True, slots=True)
class Teller:
    """Whose account it is and how its days are told: in its zone, the year where it is not now."""

    account: str
    zone: ZoneInfo
    now: datetime

    def day(self, moment: datetime) -> str:
        """A day: "Tue 3 Mar"; with its year where that is not the present one."""
        local = to_local(moment, self.zone)
        this_year = local.year == to_local(self.now, self.zone).year
        return f"{local:%a %-d %b}" if this_year else f"{local:%a %-d %b %Y}"


Telling = Callable[[Wish, Teller], Iterable[str]]
"""Tells of what became of a message, piece by piece."""


def sentence(wish: Wish, teller: Teller) -> str:
    """The story of a message in one sentence: what became of it, and what led to that."""
    return as_sentence("".join(_TELL[wish.fate](wish, teller)))


def as_sentence(text: str) -> str:
    """One line with a full stop, whatever the words of others in it end with."""
    return " ".join(text.split()).rstrip(" .!?;:,") + "."


# How a decision's words go on where the story is told in order: the story says it itself.
_TAILS = (
    " Deferred until ", " It was only useful until ", " It waits to be part of the next newsletter",
    " It waits for a review until ",
)  # fmt: skip
_TOO_LATE = " Later than that it is no longer useful"
_WENT = " It went "
"""Behind it stands how a message dealt with what it shows, where not all of that was fresh."""

_OPENERS = frozenset(
    words.split()[0] for words in SENTENCES.values() if not words.startswith("{")
) | {"No", "Nobody"}
"""First words of reasons, small within a sentence. Where a name or a number may come first, they
may be one: there is a first name An."""

_PAST: Mapping[Reason, tuple[str, str]] = MappingProxyType(
    {
        Reason.STOPPED: ("is stopped", "was stopped"),
        Reason.CONTENT_BLOCKED: ("is known", "was known"),
        Reason.CONTENT_STALE: ("is stale", "was stale"),
        Reason.SUPPRESSED: ("is not written to", "was not written to"),
        Reason.TOPIC_OFF: ("has switched off", "had switched off"),
        Reason.REPLIED: ("has looked yet", "had looked yet"),
        Reason.TICKET: ("is open since", "was open since"),
        Reason.INCIDENT: ("is open", "was open"),
        Reason.RESERVED: ("is due", "was due"),
    }
)
"""What was written down of a moment that is over must not sound as if it still held."""


def clause(told: Told, teller: Teller, *, over: bool = True) -> str:
    """The reason of a decision as a part of a sentence, never empty; `over`: of the past."""
    words = " ".join(told.words.split())
    for tail in (*_TAILS, _TOO_LATE, _WENT):
        words = words.partition(tail)[0]
    words = words.rstrip(" .!?;:,") or told.reason.replace("_", " ")
    if told.reason is Reason.LEFT and not words.startswith("The account left"):
        return f"{teller.account} left the program: {words}"
    if over and told.reason in _PAST:
        words = words.replace(*_PAST[told.reason], 1)
    first, _, rest = words.partition(" ")
    if words.startswith("The account "):
        return f"{teller.account} {words.removeprefix('The account ')}"
    if first == "None" or (first in _OPENERS and not SENTENCES[told.reason].startswith("{")):
        return f"{first[0].lower()}{first[1:]} {rest}".rstrip()
    return words


def _obstacles(wish: Wish) -> list[Told]:
    """What kept it back, each reason once, as it was said last; the present one is the last.

    Of the same reason several times in a row, the first with the latest end.
    """
    found: dict[Reason, Told] = {}
    before: Told | None = None
    for each in wish.told:
        if each.verdict not in (Verdict.DEFERRED, Verdict.HELD):
            continue
        again = before is not None and before.reason is each.reason
        earlier = found.pop(each.reason, None)
        if again and earlier is not None:
            found[each.reason] = replace(earlier, verdict=each.verdict, until=each.until)
        else:
            found[each.reason] = each
        before = each
    return list(found.values())


def _since(wish: Wish) -> datetime | None:
    """When it was kept back first."""
    kept = (each.at for each in wish.told if each.verdict in (Verdict.DEFERRED, Verdict.HELD))
    return next(kept, None)


def _kept_back(
    obstacles: Sequence[Told], since: datetime, teller: Teller, *, still: bool = False,
    ends: bool = True,
) -> Iterator[str]:  # fmt: skip
    """What kept it back, in order, after the day `since` was named.

    `still`: the last of it does so now; `ends`: say until when.
    """
    most = len(obstacles) > MOST_REASONS
    shown = [*obstacles[: MOST_REASONS - 1], obstacles[-1]] if most else obstacles
    before = since
    for number, each in enumerate(shown):
        if number:
            yield f"; {_when(each.at, before, teller)}"
        elif teller.day(each.at) != teller.day(since):
            yield f"on {teller.day(each.at)} "
        before = each.at
        yield clause(each, teller, over=not (still and each is obstacles[-1]))
        if each.until is not None and ends:
            before = each.until
            yield f"; deferred until {teller.day(each.until)}"
    if most:
        more = len(obstacles) - len(shown)
        yield f"; and {more} more {'reason' if more == 1 else 'reasons'}"


def _when(at: datetime, before: datetime, teller: Teller) -> str:
    """ "on Tue 3 Mar ", or "then " where that day was named just before."""
    return "then " if teller.day(at) == teller.day(before) else f"on {teller.day(at)} "


def _to(wish: Wish) -> str:
    id, name = wish.recipient
    return f" to {name or id}" if id else ""


def _handed_over(head: str) -> Telling:
    """The telling of what went out, or was tried: when, to whom, after what; what came back."""

    def tell(wish: Wish, teller: Teller) -> Iterator[str]:
        last, ledger = wish.verdict, wish.ledger
        at = last.at if last else ledger.at if ledger else None
        yield head + (f" on {teller.day(at)}" if at else "") + _to(wish)
        how = last.words.partition(_WENT)[2] if last else ""
        if how:
            yield f", {how.rstrip(' .')}"
        waited = [
            each for each in _obstacles(wish)
            if at is None or each.reason not in (Reason.WINDOW, Reason.RATE)
            or teller.day(each.at) != teller.day(at)
        ]  # fmt: skip
        since = _since(wish)
        if waited and since is not None:
            yield f", after it had waited since {teller.day(since)}: "
            yield from _kept_back(waited, since, teller, ends=False)
        if last is not None and wish.fate is not Fate.SENT:
            yield f"{';' if waited else ':'} {clause(last, teller)}"
        yield from _came_back(wish, at, teller)

    return tell


def _came_back(wish: Wish, before: datetime | None, teller: Teller) -> Iterator[str]:
    """What came back, each kind once."""
    found = {each.reason: each for each in wish.told if each.verdict is Verdict.RETURNED}
    for each in found.values():
        yield f"; {_when(each.at, before or each.at, teller)}{clause(each, teller)}"
        before = each.at


def _handing_over(wish: Wish, teller: Teller) -> Iterator[str]:
    at = wish.ledger.at if wish.ledger else None
    yield f"Being handed over{_to(wish)}"
    if at is not None:
        yield f" since {teller.day(at)}"


def _not_sent(wish: Wish, teller: Teller) -> Iterator[str]:
    obstacles, since, last = _obstacles(wish), _since(wish), wish.verdict
    if last is None:
        yield "Not sent"
        return
    too_late = _TOO_LATE in last.words
    yield f"Not sent on {teller.day(since or last.at)}: "
    yield from _kept_back(obstacles, since or last.at, teller)
    useless = last.reason is Reason.NO_LONGER_USEFUL
    if obstacles and (useless or (too_late and last.reason is obstacles[-1].reason)):
        yield ", then no longer useful" if obstacles[-1].until else "; then no longer useful"
        return
    if obstacles:
        yield f"; {_when(last.at, obstacles[-1].until or obstacles[-1].at, teller)}"
    yield clause(last, teller)
    if too_late or (useless and _TAILS[1] in last.words):
        yield "; by the time that it might go, it is no longer useful"


def _merged(wish: Wish, teller: Teller) -> Iterator[str]:
    merging = [each for each in wish.told if each.reason is Reason.MERGED]
    yield "Not sent by itself"
    if merging:
        yield f" on {teller.day(merging[-1].at)}: {clause(merging[-1], teller)}"
    state = wish.ledger.merge if wish.ledger else None
    yield f"; {_MERGES.get(state or '', 'it waits to be part of the next newsletter')}"


_MERGES = {
    "taken": "it was part of the next newsletter",
    "expired": "no newsletter went out while it was useful",
}


def _waiting(wish: Wish, teller: Teller) -> Iterator[str]:
    since = _since(wish)
    if since is None:
        yield "Not sent so far: it is about to be decided"
        return
    yield f"Not sent so far, waiting since {teller.day(since)}: "
    yield from _kept_back(_obstacles(wish), since, teller, still=True)


def _left(wish: Wish, teller: Teller) -> Iterator[str]:
    since = _since(wish)
    yield "Not sent"
    if since is not None:
        yield f" on {teller.day(since)}: "
        yield from _kept_back(_obstacles(wish), since, teller)
    if wish.ended_at is not None:
        yield f"{';' if since else ':'} on {teller.day(wish.ended_at)} {teller.account} left"
        yield f" the program: {wish.ended_because}" if wish.ended_because else " the program"
    elif since is None:
        yield ": the program went on without it"


def _step(wish: Wish, teller: Teller) -> Iterator[str]:
    before: datetime | None = None
    said = list({each.reason: each for each in wish.told}.values())
    yield "No message" if not said else f"No message on {teller.day(said[0].at)}: "
    for each in said:
        if before is not None:
            yield f"; {_when(each.at, before, teller)}"
        before = each.at
        yield clause(each, teller, over=not wish.present)


_TELL: Mapping[Fate, Telling] = MappingProxyType(
    {
        Fate.SENT: _handed_over("Sent"),
        Fate.UNKNOWN: _handed_over("Not known whether it was sent"),
        Fate.FAILED: _handed_over("Not delivered"),
        Fate.HANDING_OVER: _handing_over,
        Fate.SKIPPED: _not_sent,
        Fate.MERGED: _merged,
        Fate.WAITING: _waiting,
        Fate.LEFT: _left,
        Fate.STEP: _step,
    }
)
