"""Stage, traits, dates and limits of an account in SQL."""

from __future__ import annotations

import re

from digital_cs.domain.rules.condition_traits import (
    Comparison,
    DateWithin,
    LimitNear,
    Scalar,
    StageIs,
    TraitIs,
    number_of,
)
from digital_cs.domain.rules.verdict import Bounds, decimal
from digital_cs.store.rules.condition_sql_sheet import Leaf, Sheet, first_after, midnight


def stage(sheet: Sheet, leaf: StageIs) -> Leaf:
    wanted = sheet.texts(leaf.wanted)
    # Nothing is in an empty list in SQL, not even what is not known.
    return Leaf(f"case when a.stage is not null then a.stage = any({wanted}) end")


def trait(sheet: Sheet, leaf: TraitIs) -> Leaf:
    return Leaf(compared(sheet, leaf, sheet.trait(leaf.trait)))


def compared(sheet: Sheet, rule: Comparison, value: str) -> str:
    """The verdict on a value (jsonb, null when it is not known)."""
    asked = []
    if rule.exists is not None:
        asked.append(f"{value} is {'not ' if rule.exists else ''}null")
    if rule.is_ is not None:
        asked.append(_same(sheet, value, rule.is_))
    if rule.is_not is not None:
        asked.append(f"not {_same(sheet, value, rule.is_not)}")
    for several, no in ((rule.one_of, ""), (rule.none_of, "not ")):
        if several is not None:
            asked.append(f"{no}({' or '.join(_same(sheet, value, one) for one in several)})")
    text = f"{value} #>> '{{}}'"
    if rule.contains is not None:
        part = sheet.value(rule.contains, "text")
        asked.append(
            f"case jsonb_typeof({value}) when 'string' then strpos({text}, {part}) > 0"
            f" when 'array' then {value} ? {part} end"
        )
    for wanted, test in ((rule.starts_with, "^@"), (like(rule.matches), "like")):
        if wanted is not None:
            pattern = sheet.value(wanted, "text")
            asked.append(
                f"case jsonb_typeof({value}) when 'string' then ({text}) {test} {pattern} end"
            )
    if rule.bounded:
        asked.append(fits(sheet, rule, f"trait_number({value})"))
    return "(" + " and ".join(f"({each})" for each in asked) + ")"


def _same(sheet: Sheet, value: str, wanted: Scalar) -> str:
    """Whether a value equals what a file says; null only where the value is."""
    if isinstance(wanted, bool):
        word = "true" if wanted else "false"
        return (
            f"({value} = '{word}'::jsonb or (jsonb_typeof({value}) = 'string'"
            f" and lower({value} #>> '{{}}') = '{word}'))"
        )
    if isinstance(wanted, str):
        return f"({value} = to_jsonb({sheet.value(wanted, 'text')}))"
    number = number_of(wanted)
    same = "false"
    if number is not None:
        same = f"coalesce(trait_number({value}) = {sheet.value(number, 'float8')}, false)"
    return f"(case when {value} is not null then {same} end)"


def like(wildcards: str | None) -> str | None:
    """Wildcards as a pattern of SQL's LIKE."""
    if wildcards is None:
        return None
    return re.sub(r"([\\%_])", r"\\\1", wildcards).replace("*", "%").replace("?", "_")


def fits(sheet: Sheet, bounds: Bounds, number: str) -> str:
    """Whether a number (float8) is as asked; null where it is."""
    return " and ".join(f"{number} {sign} {bound}" for sign, bound in _bounds(sheet, bounds))


def judged(sheet: Sheet, bounds: Bounds, low: str, high: str) -> str:
    """The verdict on a number of which only this is known: it lies from `low` to `high`."""
    if low == high:
        return f"({fits(sheet, bounds, low)})"
    asked = _bounds(sheet, bounds)
    refuted = {">=": (high, "<"), ">": (high, "<="), "<=": (low, ">"), "<": (low, ">=")}
    outside = " or ".join(f"{refuted[sign][0]} {refuted[sign][1]} {b}" for sign, b in asked)
    return (
        f"(case when {fits(sheet, bounds, low)} and {fits(sheet, bounds, high)} then true"
        f" when {outside} then false end)"
    )


def _bounds(sheet: Sheet, bounds: Bounds) -> list[tuple[str, str]]:
    between = bounds.between or (None, None)
    return [
        (sign, sheet.value(bound, "float8"))
        for sign, bound in (
            (">=", bounds.at_least), ("<=", bounds.at_most), (">", bounds.more_than),
            ("<", bounds.less_than), (">=", between[0]), ("<=", between[1]),
        )
        if bound is not None
    ]  # fmt: skip


def date(sheet: Sheet, leaf: DateWithin) -> Leaf:
    day = f"trait_day({sheet.trait(leaf.date)})"
    # The window is open from the first of these days to the day before the second.
    ahead = sheet.value(leaf.days_ahead, "int")
    after = sheet.value(leaf.days_ago + 1, "int")
    return Leaf(
        f"({day} <= {sheet.day()} + {ahead} and {day} > {sheet.day()} - {after})",
        first_after(sheet.now, midnight(f"{day} - {ahead}"), midnight(f"{day} + {after}")),
    )


def limit(sheet: Sheet, leaf: LimitNear) -> Leaf:
    used, there_is = (
        f"trait_number({sheet.trait(name)})::numeric" for name in (leaf.limit, leaf.of)
    )
    share = number(sheet, leaf.at_least)
    return Leaf(f"(case when {there_is} > 0 then {used} * 100 >= {there_is} * {share} end)")


def number(sheet: Sheet, written: float) -> str:
    """A number as it is written, exactly."""
    return sheet.value(decimal(written), "numeric")
