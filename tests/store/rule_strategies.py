"""Conditions of every kind, as people write them, and as somebody with bad intentions would."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from digital_cs.domain.rules.condition import Condition
from tests.store import rule_worlds as worlds

READ: TypeAdapter[Any] = TypeAdapter(Condition)
Written = st.SearchStrategy[dict[str, Any]]


def some_of(**fields: st.SearchStrategy[Any]) -> Written:
    """Any of these, or none."""
    return st.fixed_dictionaries({}, optional=fields)


def joined(*parts: Written) -> Written:
    return st.tuples(*parts).map(lambda found: {k: v for part in found for k, v in part.items()})


def one(name: str, values: Any) -> Written:
    strategy = values if isinstance(values, st.SearchStrategy) else st.sampled_from(values)
    return strategy.map(lambda value: {name: value})


def one_or_more(values: tuple[str, ...]) -> st.SearchStrategy[Any]:
    return st.sampled_from(values) | st.lists(st.sampled_from(values), min_size=1, max_size=3)


words = st.sampled_from(worlds.WORDS)
texts = words | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
numbers = st.sampled_from([0, 1, 3, 10, 9.5, 57, 100, 0.1, -1, 9007199254740993, 1e20, 1e300])
scalars = texts | numbers | st.booleans() | st.just(10**400)
wildcards = st.sampled_from(["*", "?", "pro*", "*p?o*", "*%*", "a%b_c", "\\*", "??", "*'*", ""])
day_spans = st.sampled_from(["1 day", "3 days", "1 week", "2 weeks", "70 days", "1 year"])
week_spans = st.sampled_from(["1 week", "2 weeks", "7 days", "8 weeks", "12 weeks"])
spans = day_spans | st.sampled_from(["1 hour", "90 minutes", "1 month", "2 business days"])
percents = st.sampled_from(["50%", "33.3%", "100%", "5%", "57%", "300%"])

bounds = some_of(
    at_least=numbers, at_most=numbers, more_than=numbers, less_than=numbers,
    between=st.tuples(numbers, numbers).map(lambda pair: sorted(pair)),
)  # fmt: skip
comparisons = joined(
    some_of(
        **{"is": scalars}, is_not=scalars, one_of=st.lists(scalars, min_size=1, max_size=3),
        none_of=st.lists(scalars, min_size=1, max_size=3), contains=texts, starts_with=texts,
        matches=wildcards | texts, exists=st.booleans(),
    ),
    bounds,
)  # fmt: skip
few_comparisons = comparisons.filter(lambda found: 0 < len(found) < 3) | comparisons
trait_names = st.sampled_from([*worlds.TRAITS, "nobody has it"])
kinds_of_tickets = some_of(
    topic=one_or_more(worlds.TOPICS), severity=one_or_more(("low", "high", "urgent", "it's")),
    tag=st.sampled_from(worlds.TOPICS),
)  # fmt: skip
events = one_or_more((*worlds.EVENTS, "any"))

LEAVES: dict[str, Written] = {
    "stage": one("stage", one_or_more(("trial", "active", "it's", "%s"))),
    "trait": joined(one("trait", trait_names), few_comparisons),
    "date": joined(one("date", trait_names), some_of(within=spans, past=spans)),
    "limit": joined(one("limit", trait_names), one("of", trait_names), some_of(at_least=percents)),
    "milestone": one("milestone", worlds.MILESTONES),
    "missed": joined(
        one("missed", worlds.MILESTONES), one("within", spans), one("of", trait_names)
    ),
    "event": one("event", (*worlds.EVENTS, "nobody did it")),
    "trigger": one("trigger", (*worlds.TRIGGERS, "no-such")),
    "quiet_for": one("quiet_for", spans),
    "usage": joined(
        one("usage", events), one("within", day_spans), bounds,
        some_of(measure=st.sampled_from(["count", "users", "days", "value"])),
    ),
    "change": joined(
        one("change", events), one("falls_by", percents) | one("grows_by", percents),
        some_of(
            over=week_spans, against=week_spans, at_least=st.sampled_from([0.1, 1, 2, 10]),
            measure=st.sampled_from(["count", "days", "value"]),
        ),
    ),
    "contact": one("contact", (*worlds.ROLES, "any"))
    | joined(one("contact", (*worlds.ROLES, "any")), one("trait", trait_names), few_comparisons),
    "gone": one("gone", (*worlds.ROLES, "any", "nobody is")),
    "subscription": joined(
        one("subscription", ("active", "trial", "ended", "any")),
        some_of(
            product=one_or_more(worlds.PRODUCTS), plan=one_or_more(worlds.PRODUCTS),
            mrr_at_least=numbers, mrr_at_most=numbers, ends_within=spans,
            seats_at_least=st.sampled_from([0, 10, 10**30]), seats_at_most=st.sampled_from([0, 10]),
        ),
    ),
    "tickets": joined(one("tickets", ("open",)), kinds_of_tickets, bounds)
    | joined(
        one("tickets", ("opened", "solved")), one("within", spans), kinds_of_tickets, bounds
    ),
    "spike": joined(
        one("spike", spans), kinds_of_tickets,
        some_of(
            against=spans, times=st.sampled_from([1.5, 3.0, 1e300]),
            at_least=st.sampled_from([1, 2, 3, 10**20]),
        ),
    ),
    "segment": one("segment", (*worlds.SEGMENTS, "no-such")),
    "program": joined(
        one("program", (*worlds.PROGRAMS, "no-such")),
        some_of(**{"is": st.sampled_from(["inside", "through", "never"])}),
    ),
}  # fmt: skip


def _readable(written: dict[str, Any]) -> bool:
    try:
        READ.validate_python(written)
    except ValidationError:
        return False
    return True


def written(kind: str) -> Written:
    """Leaves of a kind, as they stand in a file."""
    return LEAVES[kind].filter(_readable)


def nested() -> Written:
    """Conditions of any kind, nested."""
    return st.recursive(
        st.sampled_from(sorted(LEAVES)).flatmap(written),
        lambda inner: (
            st.lists(inner, min_size=1, max_size=4).map(lambda parts: {"all": parts})
            | st.lists(inner, min_size=1, max_size=4).map(lambda parts: {"any": parts})
            | inner.map(lambda part: {"not": part})
        ),
        max_leaves=8,
    )
