"""A kept rule: who matches it is remembered, and looked at again only when it may have changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from digital_cs.domain.account import day_of
from digital_cs.domain.programs.program import DateEntry, Entry, SegmentEntry
from digital_cs.domain.rules.condition import AllOf, Condition, turns_daily
from digital_cs.domain.rules.segment import NEW_ACCOUNT, keys_of, segments_named
from digital_cs.domain.rules.verdict import Verdict
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.domain.timing.send_window import resolve_zone
from digital_cs.domain.timing.span import add, subtract
from digital_cs.domain.timing.zone import to_utc

STILL_FRESH = timedelta(days=7)
"""A date entry that was missed by an outage is still taken so long after its moment."""

ENTRY, TRIGGER = "entry:", "trigger:"
"""How the ids of rules begin that belong to a program's entry, or to a trigger."""

_WEEKENDS_ONLY = BusinessCalendar()


class KeptRule(BaseModel):
    """What must hold: a condition, the nearness of a date, or both.

    Read from the spec of a segment, a trigger or an entry; what else stands there is not its
    business.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    when: Condition | None = None
    date: DateEntry | None = None

    @property
    def reads(self) -> frozenset[str]:
        """The keys on a change of which an account must be looked at again."""
        keys = keys_of(self.when) if self.when is not None else frozenset({NEW_ACCOUNT})
        return keys | {f"trait:{self.date.date}", "zone"} if self.date is not None else keys

    @property
    def turns_daily(self) -> bool:
        """Whether a new day alone may change the verdict on any account."""
        return self.when is not None and turns_daily(self.when)

    @property
    def segments(self) -> frozenset[str]:
        """The segments that it rests on."""
        return segments_named(self.when) if self.when is not None else frozenset()

    def spec(self) -> dict[str, Any]:
        """As JSON values, from which it can be read again."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def spec_hash(spec: Mapping[str, Any]) -> str:
    """A hash of what a spec (JSON values) says: the order of its keys does not count."""
    canonical = json.dumps(spec, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def entry_id(program: str, number: int) -> str:
    """The id of the rule that keeps one entry of a program, counted from 0."""
    return f"{ENTRY}{program}:{number}"


def entry_of(rule_id: str) -> tuple[str, int]:
    """The program and the number of an entry's rule."""
    program, _, number = rule_id.removeprefix(ENTRY).rpartition(":")
    return program, int(number)


def entry_rules(program: str, enter: Entry) -> dict[str, KeptRule]:
    """The rules of a program's entries by id. Events and triggers happen, and are not kept."""
    found = {}
    for number, entry in enumerate(enter.when):
        if isinstance(entry, SegmentEntry):
            parts = [entry.segment, *([] if enter.only_if is None else [enter.only_if])]
            when = AllOf(all=tuple(parts)) if len(parts) > 1 else entry.segment
            found[entry_id(program, number)] = KeptRule(when=when)
        elif isinstance(entry, DateEntry):
            found[entry_id(program, number)] = KeptRule(when=enter.only_if, date=entry)
    return found


def date_words(entry: DateEntry, day: str) -> str:
    """A date entry for one date (ISO): a date that moves is another one."""
    shift = f"{entry.shift.words()} " if entry.shift is not None else ""
    return f"{shift}{entry.date} {day}"


def near(
    entry: DateEntry, traits: Mapping[str, object], zone: str | None, workspace_zone: str,
    now: datetime,
) -> tuple[Verdict, datetime | None, str]:  # fmt: skip
    """Whether the moment of a date entry has come and is not over, when that may change, and the
    date itself (ISO).

    Its moment is midnight of the account, moved by the shift. Not known without a date.
    """
    day = day_of(traits.get(entry.date))
    if day is None:
        return Verdict.UNKNOWN, None, ""
    home = resolve_zone("account", None, zone, workspace_zone).zone
    moment = to_utc(datetime.combine(day, time()), home)
    over = moment + timedelta(days=1)
    if entry.shift is not None:
        move = subtract if entry.shift.direction == "before" else add
        moment = move(moment, entry.shift.span, home, _WEEKENDS_ONLY)
    over = max(over, moment + STILL_FRESH)
    flips = next((each for each in (moment, over) if each > now), None)
    return Verdict.of(moment <= now < over), flips, day.isoformat()
