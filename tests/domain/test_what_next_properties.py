"""What must hold of "what next" for every program, account and time line that can be made up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from digital_cs.domain.account import Account
from digital_cs.domain.programs.enrollment import (
    Controls,
    Ending,
    Facts,
    MessageFact,
    MessageState,
    Outcome,
    Position,
    SendMessage,
)
from digital_cs.domain.programs.program_graph import Graph
from digital_cs.domain.programs.what_next import advance
from tests.domain.program_strategies import HORIZON, Change, accounts, changes, moments, programs
from tests.domain.rehearsal import DAY, HOUR, MONDAY, Play, some_facts

Line = list[Change]
Gap = tuple[timedelta, timedelta]
often = settings(max_examples=60, deadline=None)


class Witness(Play):
    """Plays as the engine does, keeps every outcome with its moment, and checks every message."""

    def __post_init__(self) -> None:
        self.seen: list[tuple[datetime, Outcome]] = []
        self.known: list[Facts] = []
        honest = self.answer

        def checked(act: SendMessage) -> MessageFact:
            (contact,) = (c for c in self.facts.account.contacts if c.id == act.contact_id)
            assert contact.active
            heeded = None if act.kind == "marketing" else "unsubscribed"  # P17
            assert contact.quiet_because in (None, heeded)
            assert act.due_at <= self.now < act.useful_until
            assert not self.facts.controls.paused
            return honest(act)

        self.answer = checked
        super().__post_init__()

    def look(self) -> Outcome:
        outcome = super().look()
        self.seen.append((self.now, outcome))
        self.known.append(self.facts)
        return outcome

    def live(self, line: Line, pause: Gap | None = None, outage: Gap | None = None) -> Witness:
        """Live through the time line up to the horizon; woken only by what is listened to."""
        happenings: list[tuple[timedelta, Any]] = [(change.after, change) for change in line]
        if pause is not None:
            happenings += [(pause[0], {"paused": True}), (pause[1], {"paused": False})]
        if outage is not None:
            happenings += [(outage[1], "back at work")]
        for after, what in sorted(happenings, key=lambda happening: happening[0]):
            asleep = outage is not None and outage[0] <= after < outage[1]
            if asleep:
                self.now = MONDAY + after
            elif what != "back at work":
                self.until(MONDAY + after)
            if self.outcome.ending is not None:
                break
            if isinstance(what, Change):
                self.change(**what.apply(self.facts.account, self.now))
                if what.key in self.outcome.listens and not asleep:
                    self.look()
            elif isinstance(what, dict):
                self.control(**what)
            else:
                self.sleep_through(MONDAY + after)
        self.until(MONDAY + HORIZON)
        return self

    @property
    def path(self) -> list[Any]:
        """All that anybody else could see of it."""
        return [self.sent, self.called, self.effects, self.decisions, self.outcome]


def witness(graph: Graph, account: Account, **rest: Any) -> Witness:
    return Witness(graph, some_facts(account, spread=4 * HOUR), **rest)


@st.composite
def gaps(draw: st.DrawFn) -> Gap:
    """From when to when; never on a full hour, where time lines have their changes."""
    start = draw(st.integers(1, 24 * 60)) * HOUR - timedelta(minutes=7)
    return start, start + draw(st.integers(1, 24 * 20)) * HOUR


@often
@given(programs(), accounts(), changes(), st.none() | gaps())
def test_it_always_ends_or_rests_with_a_wake_in_the_future(
    graph: Graph, account: Account, line: Line, outage: Gap | None
) -> None:
    for now, outcome in witness(graph, account).live(line, outage=outage).seen:
        assert outcome.act is None
        if outcome.ending is not None:
            assert outcome.because
            assert outcome.wake_at is None
        else:
            assert outcome.wake_at is not None
            assert outcome.wake_at > now
            assert "stage" in outcome.listens
            assert outcome.label
            assert outcome.next_label


@often
@given(programs(), accounts(), changes(), st.none() | gaps())
def test_no_visit_acts_twice_and_visits_only_grow(
    graph: Graph, account: Account, line: Line, outage: Gap | None
) -> None:
    play = witness(graph, account).live(line, outage=outage)
    for visits in ([act.visit for _, act in play.sent], [call.visit for call in play.called]):
        assert visits == sorted(set(visits))
    positions = [outcome.position for _, outcome in play.seen]
    for before, after in pairwise(positions):
        moved = after.visit > before.visit
        assert moved or (after.visit == before.visit and after.step == before.step)
        assert after.entered_at >= before.entered_at


def provider(words: list[str]) -> Callable[[SendMessage], MessageFact]:
    """It answers with these words in turn, and then accepts. What is settled stays settled."""
    last: dict[int, MessageFact] = {}

    def answer(act: SendMessage) -> MessageFact:
        before = last.get(act.visit)
        if before is not None:
            again = before.state is MessageState.UNKNOWN and act.kind == "service"
            assert again or before.state is MessageState.PLANNED
            assert act.attempts == before.attempts
        word = words.pop() if words else "accepted"
        state = MessageState.PLANNED if word == "later" else MessageState(word)
        retry_at = act.due_at + (act.attempts + 1) * HOUR if word == "later" else None
        last[act.visit] = MessageFact(state, act.attempts + 1, retry_at, act.contact_id)
        return last[act.visit]

    return answer


@often
@given(
    programs(), accounts(), changes(),
    st.lists(st.sampled_from(["later", "later", "failed", "unknown", "bounced"]), max_size=8),
)  # fmt: skip
def test_only_what_is_unsettled_is_tried_again_whatever_the_provider_says_p14_p15(
    graph: Graph, account: Account, line: Line, words: list[str]
) -> None:
    play = witness(graph, account, answer=provider(words)).live(line)
    assert play.outcome.act is None


@often
@given(programs(), accounts(), changes(), st.data())
def test_an_exit_wins_over_everything_at_any_position(
    graph: Graph, account: Account, line: Line, data: st.DataObject
) -> None:
    play = witness(graph, account).live(line)
    now, outcome = data.draw(st.sampled_from(play.seen))
    visit = outcome.position.visit
    controls = Controls(
        paused=data.draw(st.booleans()), exit_because="Asked by Olga.",
        skip_visit=data.draw(st.sampled_from([None, visit])),
        not_before=data.draw(st.sampled_from([None, now + DAY])),
    )  # fmt: skip
    state = data.draw(st.sampled_from([MessageState.PLANNED, MessageState.ACCEPTED]))
    messages = {visit: MessageFact(state, 1, now + HOUR, "ann")}
    facts = replace(play.facts, controls=controls, messages=messages)
    left = advance(graph, outcome.position, facts, now)
    assert (left.act, left.ending, left.because) == (None, Ending.EXITED, "Asked by Olga.")


@often
@given(programs(), accounts(), changes(), st.none() | gaps())
def test_replaying_the_same_facts_gives_the_same_path(
    graph: Graph, account: Account, line: Line, outage: Gap | None
) -> None:
    first, second = (witness(graph, account).live(line, outage=outage) for _ in range(2))
    assert first.path == second.path


@often
@given(programs(), accounts(), st.none() | gaps(), st.floats(0.01, 0.99))
def test_asking_again_while_it_rests_changes_nothing(
    graph: Graph, account: Account, outage: Gap | None, part: float
) -> None:
    """A spurious wake is harmless: the engine may always ask once too often."""
    play = witness(graph, account).live([], outage=outage)
    for (now, outcome), facts in zip(play.seen, play.known, strict=True):
        wake = outcome.wake_at
        if outcome.ending is not None or wake is None:
            continue
        for moment in (now, now + (wake - now) * part):
            again = advance(graph, outcome.position, facts, moment)
            assert (again.act, again.ending, again.wake_at) == (None, None, wake)
            assert (again.position, again.effects, again.decisions) == (outcome.position, (), ())


@often
@given(programs(), accounts(), changes(), gaps())
def test_a_pause_in_which_nothing_was_due_leaves_no_trace_p10(
    graph: Graph, account: Account, line: Line, pause: Gap
) -> None:
    free = witness(graph, account).live(line)
    busy = [now - MONDAY for now, _ in free.seen if now - MONDAY >= pause[0]]
    ends = min([pause[1], *busy]) - timedelta(minutes=3)
    if pause[0] < ends:
        assert witness(graph, account).live(line, (pause[0], ends)).path == free.path


@often
@given(programs(), accounts(), changes(), gaps())
def test_what_happens_in_a_pause_moves_nothing_and_counts_in_full_at_resume_p10(
    graph: Graph, account: Account, line: Line, pause: Gap
) -> None:
    play = witness(graph, account)
    play.until(MONDAY + pause[0])
    stood = play.control(paused=True).position
    acts = len(play.sent), len(play.called)
    for change in line:
        if pause[0] < change.after < pause[1] and play.outcome.ending is None:
            play.until(MONDAY + change.after)
            play.change(**change.apply(play.facts.account, play.now))
            play.look()
    assert (len(play.sent), len(play.called)) == acts
    if play.outcome.ending is None:
        assert play.position == stood
        play.until(MONDAY + pause[1])
    if play.outcome.ending is None:
        known = replace(play.facts, controls=Controls())
        at_resume = advance(graph, play.position, known, play.now)
        assert at_resume == advance(graph, stood, known, play.now)


@often
@given(programs(), accounts(), changes())
def test_every_outcome_is_plain_data_and_a_position_is_read_back_as_it_was_written(
    graph: Graph, account: Account, line: Line
) -> None:
    positions, outcomes = TypeAdapter(Position), TypeAdapter(Outcome)
    for _, outcome in witness(graph, account).live(line).seen:
        assert positions.validate_json(positions.dump_json(outcome.position)) == outcome.position
        assert outcomes.dump_json(outcome)


@often
@given(programs(), accounts(), moments(), moments())
def test_it_has_one_answer_at_any_moment_for_any_position(
    graph: Graph, account: Account, entered: datetime, now: datetime
) -> None:
    """Total: also for positions that a change of version leaves, and for clocks that go back."""
    facts = some_facts(account, spread=4 * HOUR)
    for step in graph.nodes:
        outcome = advance(graph, Position(step, 7, entered), facts, now)
        rests = outcome.wake_at is not None
        assert [outcome.act is not None, outcome.ending is not None, rests].count(True) == 1
        assert not rests or outcome.wake_at > now
