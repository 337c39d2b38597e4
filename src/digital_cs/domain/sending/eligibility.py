"""Whether this person, of this account, gets this message now; if not, when, or why never."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from digital_cs.domain.account import UNSUBSCRIBED
from digital_cs.domain.content.stale_rule import Wait
from digital_cs.domain.sending.budget import Coming, room
from digital_cs.domain.sending.policy import Policy, length
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.domain.timing.send_window import SendWindow, next_open
from digital_cs.domain.timing.zone import to_local

SERVICE = "service"
A_DAY = timedelta(days=1)


class Answer(StrEnum):
    """What is to be done with a message."""

    SEND = "send"
    DEFER = "defer"
    """Later: ask again at `until`, which is inside the window and while it is useful."""
    HOLD = "hold"
    """Wait for something to change, at most until it is no longer useful."""
    MERGE = "merge"
    """Not by itself: it waits to be part of the next newsletter."""
    SKIP = "skip"
    """Never."""


@dataclass(frozen=True, slots=True)
class Request:
    """One message that a program, or a broadcast, wants to send to one person of one account.

    `topic` None is the policy's default. `who` is for the sentences. `at_most_*` are those of
    the program, where it says so itself. `due_at` is when it was to go (None: now). Moments are
    aware; `zone` is the one chosen for the reader.
    """

    program: str
    account_id: str
    contact_id: str
    email: str
    kind: str
    priority: str
    useful_until: datetime
    window: SendWindow
    zone: ZoneInfo
    topic: str | None = None
    over_budget: str = "defer"
    country: str | None = None
    who: str = "The reader"
    same_person: str = "one"
    at_most_a_day: int | None = None
    at_most_a_minute: float | None = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """All that is known, at this moment and under locks, about a person and their account.

    `person` and `account` are the moments at which marketing messages were claimed for them, in
    all programs; `coming_*` what other programs will send them within the look-ahead.
    `suppressed` is the weightiest reason not to write to them, `unwanted` the topics that they
    switched off. `ticket` is the severity and the beginning of the worst open ticket that quiets.
    `content` is what the message shows and waits for, if it does: see `stale_rule.resolve`.
    `got_it_for` names the account for which the same person got the same message, and when.
    `sent_today` and `cap` are of the program's UTC day; `rate_wait` is how long the fastest lane
    is taken, in business time, and `rate_scope` which.
    """

    active: bool = True
    suppressed: str | None = None
    unwanted: frozenset[str] = frozenset()
    quiet_until: datetime | None = None
    fewer: bool = False
    person: Sequence[datetime] = ()
    account: Sequence[datetime] = ()
    coming_person: Sequence[Coming] = ()
    coming_account: Sequence[Coming] = ()
    ticket: tuple[str, datetime] | None = None
    incident: str | None = None
    replied_at: datetime | None = None
    held_out: float | None = None
    got_it_for: tuple[str, datetime] | None = None
    stopped: str | None = None
    content: Wait | None = None
    sent_today: int = 0
    cap: int | None = None
    rate_wait: timedelta = timedelta(0)
    rate_scope: str = ""


@dataclass(frozen=True, slots=True)
class Ruling:
    """The decision: one answer with one reason, in words, and the rule of the policy behind it.

    `until` is set for DEFER and HOLD, and never later than the message is useful.
    """

    answer: Answer
    reason: Reason
    words: str
    rule: str
    until: datetime | None = None


_FOR_GOOD = (Answer.SKIP, Answer.MERGE)

SENDABLE = Ruling(Answer.SEND, Reason.ACCEPTED, "Nothing stands against it.", "send")


def decide(
    request: Request, standing: Standing, policy: Policy, calendar: BusinessCalendar, now: datetime
) -> Ruling:
    """Decide about one message at the aware moment `now`. Pure and total; the result has a reason.

    What is for good comes before what passes, and what a person did before what a number says, so
    that the reason is the one that matters. Service notices heed only what would be wrong for them
    too: the stop switch, wrong content (P25), addresses that are dead or complained, caps, rates.
    """
    case = _Case(request, policy, calendar, now)
    if standing.stopped is not None:
        return case.hold(Reason.STOPPED, "stop", because=standing.stopped)
    if now >= request.useful_until:
        return case.useless()
    service = request.kind == SERVICE
    if not standing.active:
        return case.skip(
            Reason.SUPPRESSED, "contact", who=request.who, because="they are not active"
        )
    suppressed = standing.suppressed
    if suppressed is not None and not (service and suppressed == UNSUBSCRIBED):
        return case.skip(Reason.SUPPRESSED, "suppression", who=request.who, because=suppressed)
    ruling = None if service else _marketing(case, standing)
    if standing.content is not None and (ruling is None or ruling.answer not in _FOR_GOOD):
        return case.wait(standing.content)
    return ruling or _damage(case, standing) or case.now_or_later()


def _marketing(case: _Case, standing: Standing) -> Ruling | None:
    request, policy = case.request, case.policy
    if standing.held_out is not None:
        share = f"{standing.held_out:g}%"
        return case.skip(Reason.HELD_OUT, "holdout", share=share)
    if standing.got_it_for is not None and request.same_person != "each":
        account, at = standing.got_it_for
        return case.skip(Reason.SAME_PERSON, "same_person", account=account, day=case.day(at))
    topic = request.topic or policy.default_topic
    if topic in standing.unwanted:
        known = policy.topics.get(topic)
        title = f"“{known.title}”" if known else f"the topic {topic}"
        return case.skip(Reason.TOPIC_OFF, "preferences", who=request.who, topic=title)
    if standing.replied_at is not None:
        return case.hold(Reason.REPLIED, "quiet.replies", day=case.day(standing.replied_at))
    if standing.ticket is not None:
        severity, since = standing.ticket
        return case.hold(Reason.TICKET, "quiet.severities", severity=severity, day=case.day(since))
    if standing.incident is not None:
        return case.hold(Reason.INCIDENT, "quiet.incidents", title=standing.incident)
    if standing.quiet_until is not None and standing.quiet_until > case.now:
        return case.defer(
            standing.quiet_until, Reason.PAUSE_ASKED, "preferences", who=request.who,
            day=case.day(standing.quiet_until),
        )  # fmt: skip
    return _budget(case, standing)


@dataclass(frozen=True, slots=True)
class _Limit:
    """One budget that the message must fit into."""

    reason: Reason
    rule: str
    at_most: int
    window: timedelta
    sent: Sequence[datetime]
    coming: Sequence[Coming]


def _limits(case: _Case, standing: Standing) -> Iterator[_Limit]:
    budget, priority = case.policy.budget, case.request.priority
    person = standing.person, standing.coming_person
    if standing.fewer:
        fewer = budget.fewer
        yield _Limit(Reason.BUDGET_FEWER, "budget.fewer", fewer.at_most, length(fewer.per), *person)
    if budget.person is not None:
        at_most = budget.person.of(priority)
        yield _Limit(Reason.BUDGET_PERSON, "budget.person", at_most, length(budget.per), *person)
    if budget.account is not None:
        yield _Limit(
            Reason.BUDGET_ACCOUNT, "budget.account", budget.account.of(priority),
            length(budget.per), standing.account, standing.coming_account,
        )  # fmt: skip


def _budget(case: _Case, standing: Standing) -> Ruling | None:
    """What stands in the way longest, of all budgets that the message does not fit into (P17)."""
    rulings = [ruling for limit in _limits(case, standing) if (ruling := _over(case, limit))]
    return max(rulings, key=_weight, default=None)


def _over(case: _Case, limit: _Limit) -> Ruling | None:
    priority = case.request.priority
    found = room(
        limit.sent, limit.coming, limit=limit.at_most, window=limit.window, priority=priority,
        now=case.now,
    )  # fmt: skip
    if found.fits:
        return None
    if found.kept_for is not None and found.free_at is not None:
        return case.defer(
            found.free_at, Reason.RESERVED, "budget.look_ahead",
            priority=found.kept_for.priority, when=case.moment(found.kept_for.at),
        )  # fmt: skip
    return case.over(
        limit.reason, limit.rule, found.free_at, who=case.request.who, limit=limit.at_most,
        had=f"{found.had} {'message' if found.had == 1 else 'messages'}",
        span=_span(limit.window), priority=priority,
    )  # fmt: skip


def _weight(ruling: Ruling) -> tuple[bool, float]:
    never = ruling.until is None
    return never, 0.0 if ruling.until is None else ruling.until.timestamp()


def _damage(case: _Case, standing: Standing) -> Ruling | None:
    if standing.cap is not None and standing.sent_today >= standing.cap:
        midnight = case.now.replace(hour=0, minute=0, second=0, microsecond=0) + A_DAY
        return case.defer(midnight, Reason.CAP, "damage.program_a_day", sent=standing.sent_today)
    if standing.rate_wait > timedelta(0):
        scope = standing.rate_scope
        return case.defer(
            case.now + standing.rate_wait, Reason.RATE, "damage.a_minute", scope=_scope(scope)
        )
    return None


def _scope(scope: str) -> str:
    kind, _, name = scope.partition(":")
    return {"fleet": "the whole fleet", "program": "the program"}.get(kind, f"we to {name}")


class _Case:
    """One request at one moment: makes rulings whose moments are inside the window, or skips."""

    __slots__ = ("calendar", "now", "policy", "request")

    def __init__(
        self, request: Request, policy: Policy, calendar: BusinessCalendar, now: datetime
    ) -> None:
        self.request = request
        self.policy = policy
        self.calendar = calendar
        self.now = now

    def day(self, moment: datetime) -> str:
        """A moment as a day in the reader's zone."""
        return f"{to_local(moment, self.request.zone):%a %-d %b %Y}"

    def moment(self, moment: datetime) -> str:
        """A moment in the reader's zone, to the minute."""
        return f"{to_local(moment, self.request.zone):%a %-d %b %Y %H:%M}"

    def skip(self, reason: Reason, rule: str, **figures: object) -> Ruling:
        """Never."""
        return Ruling(Answer.SKIP, reason, reason.sentence(**figures), rule)

    def useless(self) -> Ruling:
        """Never, for it is too late."""
        until = self.moment(self.request.useful_until)
        return self.skip(Reason.NO_LONGER_USEFUL, "useful_for", until=until)

    def hold(self, reason: Reason, rule: str, **figures: object) -> Ruling:
        """Until something changes, or it is useful no more."""
        until = self.request.useful_until
        if self.now >= until:
            return self.useless()
        return Ruling(Answer.HOLD, reason, reason.sentence(**figures), rule, until)

    def wait(self, content: Wait) -> Ruling:
        """Until what it shows was reviewed, or its author's limit; or never, if that is over."""
        words = content.words(self.moment)
        if content.skip:
            return Ruling(Answer.SKIP, content.reason, words, "content")
        until = min(content.until, self.request.useful_until)
        return Ruling(Answer.HOLD, content.reason, words, "content", until)

    def defer(self, until: datetime, reason: Reason, rule: str, **figures: object) -> Ruling:
        """To the first moment from `until` on that the window is open; else never, and why."""
        words = reason.sentence(**figures)
        opening = self._open(until)
        if opening is None or opening >= self.request.useful_until:
            useful = self.moment(self.request.useful_until)
            words += f" Later than that it is no longer useful ({useful})."
            return Ruling(Answer.SKIP, reason, words, rule)
        words += f" Deferred until {self.moment(opening)}."
        return Ruling(Answer.DEFER, reason, words, rule, opening)

    def over(
        self, reason: Reason, rule: str, free_at: datetime | None, **figures: object
    ) -> Ruling:
        """Over a budget: what the message's own rule says."""
        if self.request.over_budget == "merge":
            words = Reason.MERGED.sentence(because=reason.sentence(**figures))
            return Ruling(Answer.MERGE, Reason.MERGED, words, rule)
        if self.request.over_budget == "drop" or free_at is None:
            return self.skip(reason, rule, **figures)
        return self.defer(free_at, reason, rule, **figures)

    def now_or_later(self) -> Ruling:
        """Nothing stands against it but perhaps the window."""
        opening = self._open(self.now)
        if opening is not None and opening <= self.now:
            return SENDABLE
        if opening is None or opening >= self.request.useful_until:
            return self.skip(Reason.NO_WINDOW, "send_window")
        words = f"Outside the send window. Deferred until {self.moment(opening)}."
        return Ruling(Answer.DEFER, Reason.WINDOW, words, "send_window", opening)

    def _open(self, moment: datetime) -> datetime | None:
        request = self.request
        found = next_open(
            request.window, max(moment, self.now), request.zone, self.calendar, request.country,
            request.account_id,
        )  # fmt: skip
        return found.at if found is not None else None


def _span(window: timedelta) -> str:
    days = window / A_DAY
    return "a week" if days == 7 else f"{days:g} days" if days >= 1 else f"{window}"
