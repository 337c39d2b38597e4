"""What an account asks support, in SQL."""

from __future__ import annotations

from datetime import timedelta

from digital_cs.domain.account import SOLVED
from digital_cs.domain.rules.condition_tickets import FEED_PATIENCE, TicketsAre, TicketSpike
from digital_cs.domain.rules.verdict import texts
from digital_cs.store.rules.condition_sql_sheet import Family, Leaf, Sheet
from digital_cs.store.rules.condition_sql_traits import judged, number


def _tickets(sheet: Sheet) -> Family:
    return sheet.family("tickets", "tickets")


def _kind(sheet: Sheet, leaf: TicketsAre | TicketSpike) -> str:
    """Whether a ticket is of the kind that counts; null where nobody said."""
    asked = []
    for column, wanted in (("topic", leaf.topic), ("severity", leaf.severity)):
        if wanted is not None:
            names = sheet.texts(texts(wanted))
            asked.append(f"case when {column} is not null then {column} = any({names}) end")
    if leaf.tag is not None:
        asked.append(f"{sheet.value(leaf.tag, 'text')} = any(tags)")
    return " and ".join(f"({each})" for each in asked) or "true"


def _number(family: Family, kind: str, among: str) -> tuple[str, str]:
    """How many count, and how many might."""
    low = family.counted(f"count(*) filter (where ({among}) and ({kind}))")
    high = family.counted(f"count(*) filter (where ({among}) and ({kind}) is not false)")
    return low, high


def _late(sheet: Sheet) -> str:
    return f"coalesce({sheet.tickets_at()} < {sheet.ago(FEED_PATIENCE)}, true)"


def tickets(sheet: Sheet, leaf: TicketsAre) -> Leaf:
    family, kind = _tickets(sheet), _kind(sheet, leaf)
    if leaf.within is None:
        among = f"opened_at <= {sheet.now} and status <> all({sheet.texts(SOLVED)})"
        flip = f"min(opened_at) filter (where opened_at > {sheet.now})"
    else:
        span = timedelta(seconds=leaf.within.approx_seconds)
        at = "opened_at" if leaf.tickets == "opened" else "solved_at"
        among = f"{at} > {sheet.ago(span)} and {at} <= {sheet.now}"
        flip = (
            f"least(min({at}) filter (where {at} > {sheet.now}),"
            f" min({at}) filter (where {among}) + {sheet.span(span)})"
        )
    low, high = _number(family, kind, among)
    high = f"(case when {_late(sheet)} then 'infinity' else {high}::float8 end)"
    return Leaf(judged(sheet, leaf, f"{low}::float8", high), family.column(flip))


def spike(sheet: Sheet, leaf: TicketSpike) -> Leaf:
    family, kind = _tickets(sheet), _kind(sheet, leaf)
    recent = timedelta(seconds=leaf.spike.approx_seconds)
    both = recent + timedelta(seconds=leaf.against.approx_seconds)
    begin, start = sheet.ago(both), sheet.ago(recent)
    low, high = _number(family, kind, f"opened_at > {start} and opened_at <= {sheet.now}")
    fewest, most = _number(family, kind, f"opened_at > {begin} and opened_at <= {start}")
    least = sheet.value(leaf.at_least, "numeric")
    long, short, times = (
        number(sheet, amount)
        for amount in (leaf.against.approx_seconds, leaf.spike.approx_seconds, leaf.times)
    )

    def is_spike(lately: str, before: str) -> str:
        return f"{lately} >= {least} and {lately} * {long} >= {before} * {short} * {times}"

    opened = (
        f"min(opened_at) filter (where opened_at > {after} and opened_at <= {sheet.now})"
        f" + {sheet.span(span)}"
        for after, span in ((start, recent), (begin, both))
    )
    return Leaf(
        f"(case when {is_spike(low, most)} then true when {_late(sheet)} then null"
        f" when {is_spike(high, fewest)} then null else false end)",
        family.column(
            f"least(min(opened_at) filter (where opened_at > {sheet.now}), {', '.join(opened)})"
        ),
    )
