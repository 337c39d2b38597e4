"""Milestones, events that happened, triggers that fired, segments and programs in SQL."""

from __future__ import annotations

from datetime import timedelta

from digital_cs.domain.rules.condition_membership import ProgramIs, SegmentIs
from digital_cs.domain.rules.condition_product import (
    EventHappened,
    MilestoneMissed,
    MilestoneReached,
    TriggerFired,
)
from digital_cs.store.rules.condition_sql_sheet import (
    A_DAY,
    Leaf,
    Sheet,
    day_of_moment,
    first_after,
    midnight,
)
from digital_cs.store.rules.condition_sql_usage import usage_family

_BELONGS = """(select segment_id, account_id, true as known from segment_members
     union all select segment_id, account_id, false from segment_unknown) as belongs"""

THROUGH = ("completed", "goal")
"""How an enrollment ended that came through its program."""


def milestone(sheet: Sheet, leaf: MilestoneReached) -> Leaf:
    reached = _reached(sheet, leaf.milestone)
    return Leaf(f"coalesce({reached} <= {sheet.now}, false)", first_after(sheet.now, reached))


def _reached(sheet: Sheet, name: str) -> str:
    family = sheet.family("milestones", "milestones")
    return family.column(f"min(reached_at) filter (where name = {sheet.value(name, 'text')})")


def missed(sheet: Sheet, leaf: MilestoneMissed) -> Leaf:
    reached = _reached(sheet, leaf.missed)
    span = sheet.span(A_DAY + timedelta(seconds=leaf.within.approx_seconds))
    deadline = f"({midnight(f'trait_day({sheet.trait(leaf.of)})')} + {span})"
    last_day = day_of_moment(f"{deadline} - interval '1 microsecond'")
    return Leaf(
        f"(case when {deadline} is null then null"
        f" when {sheet.now} < {deadline} or {reached} < {deadline} then false"
        f" when {sheet.usage_day()} >= {last_day} then true end)",
        first_after(sheet.now, deadline),
    )


def event(sheet: Sheet, leaf: EventHappened) -> Leaf:
    """In a set an event counts since ever; of a mere count by day, since the day began."""
    name = sheet.value(leaf.event, "text")
    at = f"coalesce(first_at, case when n > 0 then {midnight('day')} end)"
    first = usage_family(sheet).column(f"min({at}) filter (where event = {name})")
    return Leaf(f"coalesce({first} <= {sheet.now}, false)", first_after(sheet.now, first))


def trigger(sheet: Sheet, leaf: TriggerFired) -> Leaf:
    """In a set a firing counts since ever, as an event does."""
    family = sheet.family("firings", "trigger_firings")
    name = sheet.value(leaf.trigger, "text")
    first = family.column(f"min(at) filter (where trigger_id = {name})")
    return Leaf(f"coalesce({first} <= {sheet.now}, false)", first_after(sheet.now, first))


def segment(sheet: Sheet, leaf: SegmentIs) -> Leaf:
    family = sheet.family("segments", _BELONGS)
    this = f"segment_id = {sheet.value(leaf.segment, 'text')}"
    return Leaf(
        f"(case when {family.held(f'bool_or({this} and known)')} then true"
        f" when {family.held(f'bool_or({this} and not known)')} then null else false end)"
    )


def program(sheet: Sheet, leaf: ProgramIs) -> Leaf:
    family = sheet.family("programs", "enrollments")
    this = f"program_id = {sheet.value(leaf.program, 'text')}"
    if leaf.is_ == "never":
        return Leaf(f"(not {family.held(f'bool_or({this})')})")
    how = "ended_at is null"
    if leaf.is_ == "through":
        how = f"ending = any({sheet.texts(THROUGH)})"
    return Leaf(family.held(f"bool_or({this} and {how})"))
