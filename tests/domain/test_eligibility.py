"""The decision about one message: pure, total, never without a reason, never over a budget."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digital_cs.domain.sending.budget import Coming, room
from digital_cs.domain.sending.eligibility import Answer, Request, Ruling, Standing, decide
from digital_cs.domain.sending.policy import Budget, Damage, Limits, Policy, Quiet, length
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.timing.business_calendar import BusinessCalendar, Freeze
from digital_cs.domain.timing.send_window import SendWindow, next_open
from digital_cs.domain.timing.span import Span

NOW = datetime(2026, 3, 3, 10, tzinfo=UTC)  # a Tuesday
DAY = timedelta(days=1)
CALENDAR = BusinessCalendar(
    holidays={"DE": frozenset({date(2026, 3, 4), date(2026, 3, 6)})},
    freezes=(Freeze("Quarter end", date(2026, 3, 28), date(2026, 4, 2)),
             Freeze("Sale", date(2026, 3, 9), date(2026, 3, 12), "acme")),
)  # fmt: skip
POLICY = Policy()
ALWAYS = SendWindow(opens=time(0), closes=time(0), holidays="ignore")
REQUEST = Request(
    program="renewal", account_id="globex", contact_id="ada", email="renewal-30",
    kind="marketing", priority="normal", useful_until=NOW + 10 * DAY, window=ALWAYS,
    zone=ZoneInfo("UTC"), who="Ada Lovelace",
)  # fmt: skip


def ask(standing: Standing = Standing(), policy: Policy = POLICY, **changed: object) -> Ruling:  # noqa: B008
    return decide(replace(REQUEST, **changed), standing, policy, CALENDAR, NOW)


class TestReasons:
    def test_nothing_stands_against_it(self) -> None:
        assert ask().answer is Answer.SEND

    @pytest.mark.parametrize(
        ("standing", "answer", "reason", "words"),
        [
            (Standing(stopped="wrong prices"), Answer.HOLD, Reason.STOPPED,
             "All sending is stopped: wrong prices"),
            (Standing(suppressed="hard bounce"), Answer.SKIP, Reason.SUPPRESSED,
             "Ada Lovelace is not written to: hard bounce."),
            (Standing(active=False), Answer.SKIP, Reason.SUPPRESSED,
             "Ada Lovelace is not written to: they are not active."),
            (Standing(held_out=5.0), Answer.SKIP, Reason.HELD_OUT,
             "The account is held out of this program, so that its effect can be known:"
             " 5% of all accounts are."),
            (Standing(got_it_for=("Initech", NOW - 3 * DAY)), Answer.SKIP, Reason.SAME_PERSON,
             "The same person already got it for Initech on Sat 28 Feb 2026."),
            (Standing(unwanted=frozenset({"tips"})), Answer.SKIP, Reason.TOPIC_OFF,
             "Ada Lovelace has switched off “Tips”."),
            (Standing(replied_at=NOW - DAY), Answer.HOLD, Reason.REPLIED,
             "Somebody of the account wrote back on Mon 2 Mar 2026, and nobody has looked yet."),
            (Standing(ticket=("urgent", NOW - DAY)), Answer.HOLD, Reason.TICKET,
             "A ticket of urgent severity is open since Mon 2 Mar 2026."),
            (Standing(incident="Mail is slow"), Answer.HOLD, Reason.INCIDENT,
             "An incident is open: Mail is slow."),
            (Standing(quiet_until=NOW + 2 * DAY), Answer.DEFER, Reason.PAUSE_ASKED,
             "Ada Lovelace asked for a pause until Thu 5 Mar 2026."
             " Deferred until Thu 5 Mar 2026 10:00."),
            (Standing(person=[NOW - 2 * DAY, NOW - DAY]), Answer.DEFER, Reason.BUDGET_PERSON,
             "Ada Lovelace already had 2 messages in a week, and 2 is the most for a message of"
             " normal priority. Deferred until Sun 8 Mar 2026 10:00."),
            (Standing(account=[NOW - DAY] * 4), Answer.DEFER, Reason.BUDGET_ACCOUNT,
             "The account already had 4 messages in a week, and 4 is the most for a message of"
             " normal priority. Deferred until Mon 9 Mar 2026 10:00."),
            (Standing(fewer=True, person=[NOW - 25 * DAY]), Answer.DEFER, Reason.BUDGET_FEWER,
             "Ada Lovelace asked for fewer e-mails, and already had 1 message in 30 days."
             " Deferred until Sun 8 Mar 2026 10:00."),
            (Standing(person=[NOW - DAY], coming_person=[Coming(NOW + DAY / 2, "high")]),
             Answer.DEFER, Reason.RESERVED,
             "A message of high priority is due Tue 3 Mar 2026 22:00 and keeps its place."
             " Deferred until Tue 3 Mar 2026 22:15."),
            (Standing(sent_today=100, cap=100), Answer.DEFER, Reason.CAP,
             "The program has sent 100 today, and may not send more without a person saying so."
             " Deferred until Wed 4 Mar 2026 00:00."),
        ],
    )  # fmt: skip
    def test_each_has_its_sentence(
        self, standing: Standing, answer: Answer, reason: Reason, words: str
    ) -> None:
        """P19."""
        ruling = ask(standing)
        assert (ruling.answer, ruling.reason, ruling.words) == (answer, reason, words)

    def test_a_deferral_that_comes_too_late_is_a_skip_that_says_so(self) -> None:
        ruling = ask(Standing(account=[NOW - DAY] * 4), useful_until=NOW + 3 * DAY)
        assert (ruling.answer, ruling.reason) == (Answer.SKIP, Reason.BUDGET_ACCOUNT)
        assert "4 messages in a week" in ruling.words
        assert ruling.words.endswith("it is no longer useful (Fri 6 Mar 2026 10:00).")

    def test_over_budget_the_message_says_itself_what_becomes_of_it(self) -> None:
        """P17."""
        full = Standing(person=[NOW - DAY] * 2)
        assert ask(full, over_budget="defer").answer is Answer.DEFER
        assert ask(full, over_budget="drop").answer is Answer.SKIP
        merged = ask(full, over_budget="merge")
        assert (merged.answer, merged.reason) == (Answer.MERGE, Reason.MERGED)
        assert merged.words.startswith("Ada Lovelace already had 2 messages in a week")

    def test_the_higher_priority_has_room_where_the_lower_has_none(self) -> None:
        """P17: the higher priority wins, not the first one processed."""
        two = Standing(person=[NOW - DAY] * 2)
        answers = {each: ask(two, priority=each).answer for each in ("low", "normal", "high")}
        assert answers == {"low": Answer.DEFER, "normal": Answer.DEFER, "high": Answer.SEND}

    def test_a_freeze_of_the_account_moves_a_deferral(self) -> None:
        """P5: an online shop's Black Friday."""
        full = Standing(person=[NOW - DAY] * 2)  # free again on Monday 9 March
        assert ask(full).until == datetime(2026, 3, 9, 10, tzinfo=UTC)
        assert ask(full, account_id="acme", useful_until=NOW + 30 * DAY).until == datetime(
            2026, 3, 13, tzinfo=UTC
        )


_moments = st.integers(-40 * 24, 40 * 24).map(lambda hours: NOW + timedelta(hours=hours))
_past = st.integers(-40 * 24, 0).map(lambda hours: NOW + timedelta(hours=hours))
_priorities = st.sampled_from(["low", "normal", "high"])
_coming = st.lists(st.builds(Coming, _moments, _priorities), max_size=3)
_standings = st.builds(
    Standing,
    active=st.booleans(),
    suppressed=st.sampled_from([None, None, None, "unsubscribed", "hard bounce", "complaint"]),
    unwanted=st.frozensets(st.sampled_from(["tips", "events", "gone"]), max_size=1),
    quiet_until=st.none() | _moments, fewer=st.booleans(),
    person=st.lists(_past, max_size=5), account=st.lists(_past, max_size=7),
    coming_person=_coming, coming_account=_coming,
    ticket=st.none() | st.tuples(st.sampled_from(["high", "urgent"]), _past),
    incident=st.none() | st.just("Mail is slow"), replied_at=st.none() | _past,
    held_out=st.none() | st.just(5.0), got_it_for=st.none() | st.tuples(st.just("Initech"), _past),
    stopped=st.sampled_from([None, None, "wrong prices"]),
    sent_today=st.integers(0, 20), cap=st.none() | st.integers(0, 20),
    rate_wait=st.integers(0, 3600).map(lambda seconds: timedelta(seconds=seconds)),
    rate_scope=st.sampled_from(["fleet", "program:renewal", "domain:company.test"]),
)  # fmt: skip
_windows = st.builds(
    SendWindow, days=st.frozensets(st.integers(0, 6), min_size=1),
    opens=st.sampled_from([time(0), time(9), time(22)]),
    closes=st.sampled_from([time(0), time(17), time(2)]),
    holidays=st.sampled_from(["skip", "ignore"]), business_days_only=st.booleans(),
)  # fmt: skip
_requests = st.builds(
    Request, program=st.just("renewal"), account_id=st.sampled_from(["acme", "globex"]),
    contact_id=st.just("ada"), email=st.just("renewal-30"),
    kind=st.sampled_from(["marketing", "marketing", "service"]), priority=_priorities,
    useful_until=_moments, window=_windows,
    zone=st.sampled_from([ZoneInfo("UTC"), ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")]),
    topic=st.sampled_from([None, "tips", "events", "gone"]),
    over_budget=st.sampled_from(["defer", "merge", "drop"]),
    country=st.sampled_from([None, "DE"]),
    same_person=st.sampled_from(["one", "both", "each"]),
)  # fmt: skip
_limits = st.none() | st.lists(st.integers(0, 6), min_size=3, max_size=3).map(sorted).map(
    lambda n: Limits(low=n[0], normal=n[1], high=n[2])
)
_policies = st.builds(
    Policy, budget=st.builds(Budget, person=_limits, account=_limits),
    quiet=st.just(Quiet()), damage=st.just(Damage()),
)  # fmt: skip


class TestProperties:
    @settings(max_examples=1500)
    @given(_requests, _standings, _policies)
    def test_a_decision_is_always_whole(
        self, request: Request, standing: Standing, policy: Policy
    ) -> None:
        """It has a reason with a sentence and a rule; what waits has a moment that makes sense."""
        ruling = decide(request, standing, policy, CALENDAR, NOW)
        assert ruling.reason in Reason
        assert ruling.words.strip()
        assert "{" not in ruling.words
        assert ruling.rule
        assert (ruling.until is not None) is (ruling.answer in (Answer.DEFER, Answer.HOLD))
        if ruling.answer is Answer.HOLD:
            assert ruling.until == request.useful_until
            assert ruling.until > NOW
        if ruling.answer is Answer.DEFER:
            assert ruling.until is not None
            assert NOW < ruling.until < request.useful_until
            opening = next_open(request.window, ruling.until, request.zone, CALENDAR,
                                request.country, request.account_id)  # fmt: skip
            assert opening is not None
            assert opening.at == ruling.until, "a deferral leads into an open window"
        if ruling.answer is Answer.SEND:
            opening = next_open(request.window, NOW, request.zone, CALENDAR, request.country,
                                request.account_id)  # fmt: skip
            assert opening is not None
            assert opening.at == NOW
            assert request.useful_until > NOW

    @settings(max_examples=800)
    @given(_requests, _standings, _policies)
    def test_who_is_suppressed_is_never_sent_to(
        self, request: Request, standing: Standing, policy: Policy
    ) -> None:
        """P16; only a wish to get no marketing does not hold for a service notice (P17)."""
        ruling = decide(request, standing, policy, CALENDAR, NOW)
        heeded = standing.suppressed not in (None, "unsubscribed")
        unsubscribed = standing.suppressed == "unsubscribed" and request.kind != "service"
        if heeded or unsubscribed or not standing.active or standing.stopped is not None:
            assert ruling.answer is not Answer.SEND

    @settings(max_examples=800)
    @given(_requests, _standings, _policies)
    def test_service_notices_pass_whatever_holds_for_marketing(
        self, request: Request, standing: Standing, policy: Policy
    ) -> None:
        bare = replace(
            standing, stopped=None, active=True, suppressed=None, cap=None,
            rate_wait=timedelta(0),
        )  # fmt: skip
        asked = replace(request, kind="service", window=ALWAYS, account_id="globex",
                        useful_until=NOW + DAY)  # fmt: skip
        assert decide(asked, bare, policy, CALENDAR, NOW).answer is Answer.SEND

    @settings(max_examples=500)
    @given(_requests, _standings, _policies)
    def test_the_same_question_has_the_same_answer(
        self, request: Request, standing: Standing, policy: Policy
    ) -> None:
        first = decide(request, standing, policy, CALENDAR, NOW)
        assert decide(request, standing, policy, CALENDAR, NOW) == first


@dataclass
class _Asking:
    at: datetime
    who: str
    account: str
    priority: str


_askings = st.lists(
    st.builds(
        _Asking, st.integers(0, 21 * 24 * 60).map(lambda m: NOW + timedelta(minutes=m)),
        st.sampled_from(["ada", "bob", "eve"]), st.sampled_from(["acme", "globex"]), _priorities,
    ),
    min_size=5, max_size=60,
)  # fmt: skip


@settings(max_examples=200)
@given(_askings, _policies)
def test_no_order_of_messages_ever_exceeds_a_budget(askings: list[_Asking], policy: Policy) -> None:
    """P17: each asks when it is due, and again whenever it was deferred to; in every window that
    ends with a message, no more went out than its priority may use."""
    person: dict[str, list[datetime]] = defaultdict(list)
    account: dict[str, list[datetime]] = defaultdict(list)
    queue = sorted(askings, key=lambda each: each.at)
    window = length(policy.budget.per)
    looks = 0
    while queue:
        looks += 1
        each = queue.pop(0)
        ruling = decide(
            replace(REQUEST, priority=each.priority, useful_until=NOW + 60 * DAY), Standing(
                person=tuple(person[each.who]), account=tuple(account[each.account]),
            ), policy, CALENDAR, each.at,
        )  # fmt: skip
        if ruling.answer is Answer.SEND:
            person[each.who].append(each.at)
            account[each.account].append(each.at)
            for limits, sent in (
                (policy.budget.person, person[each.who]),
                (policy.budget.account, account[each.account]),
            ):
                if limits is not None:
                    had = sum(at > each.at - window for at in sent)
                    assert had <= limits.of(each.priority)
        elif ruling.until is not None:
            assert ruling.until > each.at
            queue = sorted([*queue, replace(each, at=ruling.until)], key=lambda e: e.at)
    assert looks < 60 * 60, "deferrals come to an end"


@given(
    st.lists(_past, max_size=8), st.integers(0, 6), st.integers(1, 20 * 24),
)  # fmt: skip
def test_room_is_free_exactly_when_it_says(sent: list[datetime], limit: int, hours: int) -> None:
    window = timedelta(hours=hours)
    found = room(sent, (), limit=limit, window=window, priority="low", now=NOW)
    if found.free_at is None:
        assert limit == 0
        return

    def had(at: datetime) -> int:
        return sum(at - window < each <= at for each in sent)

    assert had(found.free_at) < limit
    assert found.fits is (found.free_at == NOW)
    if not found.fits:
        assert had(found.free_at - timedelta(microseconds=1)) >= limit


def test_the_window_of_a_budget_is_exact() -> None:
    with pytest.raises(ValueError, match="use hours, days or weeks"):
        Budget(per=Span.parse("1 month"))
