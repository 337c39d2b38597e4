"""Programs, accounts and time lines made up at random, as a program manager could write them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from pydantic import TypeAdapter

from digital_cs.domain.account import Account, Contact, Event
from digital_cs.domain.programs.program_graph import Graph
from digital_cs.domain.rules.condition import Condition
from tests.domain.rehearsal import ANY_TIME, AT_WORK, DAY, HOUR, MONDAY, program

HORIZON = 120 * DAY
EVENTS, MILESTONES = ("report_run", "invited"), ("first-report", "sso-on")
STAGES = ("trial", "active", "churned", "suspended")
ZONES = (None, "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Nowhere/Land")
_READ: TypeAdapter[Any] = TypeAdapter(Condition)

short_spans = st.sampled_from(["1 hour", "90 minutes", "1 day", "2 business days", "5 days"])
long_spans = st.sampled_from(["3 days", "1 week", "5 business days", "1 month"])
spans = short_spans | long_spans


def moments() -> st.SearchStrategy[datetime]:
    """Full hours around the start and within the horizon."""
    return st.integers(-48, 24 * 120).map(lambda hours: MONDAY + hours * HOUR)


_leaves = st.one_of(
    st.sampled_from(STAGES).map(lambda stage: {"stage": stage}),
    st.sampled_from([{"is": "pro"}, {"one_of": ["pro", "team"]}, {"exists": True}]).map(
        lambda test: {"trait": "plan", **test}
    ),
    st.sampled_from(["at_least", "less_than"]).map(lambda name: {"trait": "seats", name: 10}),
    st.sampled_from(MILESTONES).map(lambda name: {"milestone": name}),
    st.sampled_from(EVENTS).map(lambda name: {"event": name}),
    spans.map(lambda span: {"quiet_for": span}),
    spans.map(lambda span: {"date": "renewal_on", "within": span}),
)
_written_conditions = st.recursive(
    _leaves,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"all": parts})
        | st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"any": parts})
        | inner.map(lambda part: {"not": part})
    ),
    max_leaves=3,
)


def conditions() -> st.SearchStrategy[Any]:
    """Conditions of any kind, nested a little."""
    return _written_conditions.map(_READ.validate_python)


_contacts = st.lists(
    st.builds(
        Contact, st.sampled_from(["ann", "bob", "cyd"]),
        st.lists(st.sampled_from(["champion", "admin"]), max_size=2).map(tuple),
        st.sampled_from(ZONES), st.booleans(), st.sampled_from([None, "unsubscribed"]),
    ),
    max_size=3,
    unique_by=lambda contact: contact.id,
).map(tuple)  # fmt: skip
_days = st.integers(-60, 120).map(lambda days: (MONDAY + days * DAY).date())
_traits = st.fixed_dictionaries(
    {},
    optional={
        "plan": st.sampled_from(["free", "pro", "team"]),
        "seats": st.integers(1, 40) | st.just("many"),
        "renewal_on": _days.map(date.isoformat) | st.just("9999-12-31"),
    },
)  # fmt: skip


def accounts() -> st.SearchStrategy[Account]:
    """Accounts of which anything may be missing."""
    return st.builds(
        Account, st.sampled_from(["acme", "bolt", "cora"]), st.sampled_from([None, *STAGES]),
        st.booleans(), st.sampled_from(ZONES), st.sampled_from([None, "DE", "US"]), _traits,
        st.dictionaries(st.sampled_from(MILESTONES), moments(), max_size=2),
        st.none() | _days, st.none() | _days, _contacts,
        st.lists(st.builds(Event, st.sampled_from(EVENTS), moments()), max_size=3).map(tuple),
    )  # fmt: skip


_holds = st.fixed_dictionaries(
    {"hold_for": short_spans, "then": st.sampled_from(["yes", "no"])}
).map(lambda hold: {"if_unknown": hold})
_sends = st.fixed_dictionaries(
    {
        "send": st.sampled_from([f"mail-{number}" for number in range(1, 6)]),
        "useful_for": spans,
        "kind": st.sampled_from(["marketing", "service"]),
        "if_nobody": st.fixed_dictionaries(
            {"hold_for": short_spans, "then": st.sampled_from(["skip", "exit"])}
        ),
    }
)
_untils = st.sampled_from(
    [
        {"weekday": "tuesday", "at": "09:00"}, {"weekday": "any", "at": "02:30"},
        {"date": "renewal_on", "shift": "10 days before"}, {"date": "renewal_on"},
    ]
)  # fmt: skip
_plain = st.one_of(
    _sends,
    spans.map(lambda span: {"wait": span}),
    _untils.flatmap(
        lambda until: st.sampled_from(
            [{"wait_until": until}]
            + [{"wait_until": until, "if_no_date": "exit"} for _ in until if "date" in until]
        )
    ),
    short_spans.map(lambda span: {"webhook": "https://x.test/in", "give_up_after": span}),
    st.sampled_from(
        [
            {"set": {"traits": {"plan": "team"}}}, {"set": {"stage": "active"}},
            {"enroll": "other"}, {"leave": "other"},
        ]
    ),
)  # fmt: skip


def _sequence(depth: int, ends: bool) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Some steps; a side path (`ends`) may also end the program, or go back to the first wait."""
    step = _plain if depth == 0 else _plain | _forks(depth - 1)
    steps = st.lists(step, max_size=3)
    if not ends:
        return steps
    tails = st.sampled_from([[], [], [{"end": "enough"}], [{"go_to": "again"}]])
    return st.tuples(steps, tails).map(lambda parts: parts[0] + parts[1])


def _forks(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    """Steps with paths inside. One path always leads on, so that what follows is reachable."""
    main, side = _sequence(depth, ends=False), _sequence(depth, ends=True)
    condition = _written_conditions
    return st.one_of(
        st.builds(
            lambda wait, limit, frm, yes, no, hold: {
                "wait_for": wait, "for_up_to": limit, "counting_from": frm, "if_it_happens": yes,
                "if_not": no, **hold,
            },
            condition, spans, st.sampled_from(["enrollment", "step"]), main, side, _holds,
        ),
        st.builds(
            lambda when, do, otherwise, hold: {
                "branch": [{"when": when, "do": do}], "otherwise": otherwise, **hold,
            },
            condition, side, main, _holds,
        ),
        st.builds(
            lambda share, left, right: {
                "split": [
                    {"name": "left", "share": share, "do": left},
                    {"name": "right", "share": 50, "do": right},
                ]
            },
            st.integers(0, 100), side, main,
        ),
        st.builds(
            lambda due, done, late: {
                "task": "Call them", "assign_to": "csm", "due_in": due, "when_done": done,
                "when_expired": late,
            },
            spans, main, side,
        ),
    )  # fmt: skip


@st.composite
def programs(draw: st.DrawFn) -> Graph:
    """A program that `check` accepts, with every kind of step, rules and loops."""
    rules = draw(st.lists(_written_conditions, max_size=2))
    goal = draw(st.none() | _written_conditions)
    return program(
        {"id": "again", "wait": draw(long_spans)},
        *draw(_sequence(2, ends=False).filter(bool)),
        send_window=draw(
            st.sampled_from([ANY_TIME, AT_WORK, {"days": "business days", "hours": "22:00-02:00"}])
        ),
        goal={"name": "done", "when": goal} if goal else None,
        exits=[{"when": rule, "because": "a rule"} for rule in rules],
        stay_when=draw(
            st.sampled_from([[], ["churned", "suspended"], ["churned", "suspended", "managed"]])
        ),
    )


@dataclass(frozen=True, slots=True)
class Change:
    """Something that becomes known of the account, so long after the start."""

    after: timedelta
    key: str
    value: Any

    def apply(self, account: Account, now: datetime) -> dict[str, Any]:
        """The fields of the account that change."""
        kind, _, name = self.key.partition(":")
        match kind:
            case "event":
                return {"events": (*account.events, Event(name, now))}
            case "milestone":
                return {"milestones": {name: now, **account.milestones}}
            case "trait":
                return {"traits": {**account.traits, name: self.value}}
            case "usage":
                return {"last_active_on": now.date(), "usage_through": now.date()}
        return {kind: self.value}


_offsets = st.integers(1, 24 * 100).map(lambda hours: hours * HOUR)


def changes(*, leaving: bool = True) -> st.SearchStrategy[list[Change]]:
    """A time line, in order: at most six changes within the horizon."""
    stages = STAGES if leaving else ("trial", "active")
    kinds = st.one_of(
        st.sampled_from([f"event:{name}" for name in EVENTS]).map(lambda key: (key, None)),
        st.sampled_from([f"milestone:{name}" for name in MILESTONES]).map(lambda key: (key, None)),
        st.tuples(st.just("trait:seats"), st.integers(1, 40)),
        st.tuples(st.just("trait:renewal_on"), _days.map(date.isoformat)),
        st.tuples(st.just("stage"), st.sampled_from(stages)),
        st.tuples(st.just("contacts"), _contacts),
        st.just(("usage", None)),
    )
    one = st.builds(lambda after, kind: Change(after, *kind), _offsets, kinds)
    return st.lists(one, max_size=6).map(lambda line: sorted(line, key=lambda c: c.after))
