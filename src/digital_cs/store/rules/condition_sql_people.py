"""The people of an account, and what it bought, in SQL."""

from __future__ import annotations

from digital_cs.domain.account import GONE_BECAUSE
from digital_cs.domain.rules.condition_people import ANY, ContactGone, ContactIs, SubscriptionIs
from digital_cs.domain.rules.verdict import texts
from digital_cs.store.people.suppressions import REASON_HERE, SUPPRESSED_HERE
from digital_cs.store.rules.condition_sql_sheet import Family, Leaf, Sheet, midnight
from digital_cs.store.rules.condition_sql_traits import compared

QUIET_BECAUSE = f"case when c.email is null then 'no address' else {REASON_HERE} end"
"""Why somebody is not written to, as an account's contact has it; null when they are."""

_HERE = "m.left_at is null"


def _people(sheet: Sheet) -> Family:
    return sheet.family(
        "members",
        f"memberships m join contacts c on c.id = m.contact_id {SUPPRESSED_HERE}",
        "m.account_id",
    )


def contact(sheet: Sheet, leaf: ContactIs) -> Leaf:
    asked = f"{_HERE} and c.active and ({QUIET_BECAUSE}) is null"
    if leaf.contact != ANY:
        asked += f" and {sheet.value(leaf.contact, 'text')} = any(m.roles)"
    if leaf.trait is None:
        return Leaf(_people(sheet).held(f"bool_or({asked})"))
    verdict = compared(sheet, leaf, sheet.trait(leaf.trait, "c.traits"))
    return Leaf(_people(sheet).some(verdict, asked))


def gone(sheet: Sheet, leaf: ContactGone) -> Leaf:
    reasons = sheet.texts(GONE_BECAUSE)
    there = f"{_HERE} and c.active and ({QUIET_BECAUSE}) = any({reasons}) is not true"
    was = "m.roles <> '{}' or " + _HERE
    if leaf.gone != ANY:
        was = f"{sheet.value(leaf.gone, 'text')} = any(m.roles)"
    family = _people(sheet)
    once = family.held(f"bool_or({was})")
    return Leaf(f"({once} and not {family.held(f'bool_or(({was}) and {there})')})")


def subscription(sheet: Sheet, leaf: SubscriptionIs) -> Leaf:
    today = sheet.day()
    begun, over = f"starts_on <= {today}", f"coalesce(ends_on <= {today}, false)"
    asked = {
        "any": [], "ended": [over], "active": [begun, f"not {over}"],
        "trial": [begun, f"not {over}", "trial"],
    }[leaf.subscription]  # fmt: skip
    for value, wanted in (("nullif(product, '')", leaf.product), ("plan", leaf.plan)):
        if wanted is not None:
            names = sheet.texts(texts(wanted))
            asked.append(f"case when {value} is not null then {value} = any({names}) end")
    worth = "trait_number(to_jsonb(mrr))"
    for value, sign, bound, kind in (
        (worth, ">=", leaf.mrr_at_least, "float8"), (worth, "<=", leaf.mrr_at_most, "float8"),
        ("seats", ">=", leaf.seats_at_least, "numeric"),
        ("seats", "<=", leaf.seats_at_most, "numeric"),
    ):  # fmt: skip
        if bound is not None:
            asked.append(f"{value} {sign} {sheet.value(bound, kind)}")
    days = leaf.days_to_end
    if days is not None:
        soon = f"ends_on >= {today} and ends_on <= {today} + {sheet.value(days, 'int')}"
        asked.append(f"coalesce({soon}, false)")
    family = sheet.family("subscriptions", "subscriptions")
    verdict = " and ".join(f"({each})" for each in asked) or "true"
    some = family.some(verdict, "true")
    return Leaf(
        f"(case when subscriptions.account_id is not null then {some} end)",
        family.column(_moments(sheet, days)),
    )


def _moments(sheet: Sheet, days: int | None) -> str:
    """The first day on which one begins, ends, has ended, or will end soon."""
    days_of = ["starts_on", "ends_on", "ends_on + 1"]
    if days is not None:
        days_of.append(f"ends_on - {sheet.value(days, 'int')}")
    moments = [midnight(day) for day in days_of]
    return "least(" + ", ".join(
        f"min({moment}) filter (where {moment} > {sheet.now})" for moment in moments
    ) + ")"  # fmt: skip
