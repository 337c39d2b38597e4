"""The engine's gate in memory: each message of a simulation is decided by the same function."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from digital_cs.domain.account import Account
from digital_cs.domain.programs.enrollment import Plan, SendMessage
from digital_cs.domain.programs.holdout import SALT, is_held, point
from digital_cs.domain.programs.program_graph import Graph
from digital_cs.domain.sending.budget import Coming
from digital_cs.domain.sending.eligibility import SERVICE, Answer, Request, Ruling, Standing, decide
from digital_cs.domain.sending.policy import Policy, length
from digital_cs.domain.simulation.played import Played
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.domain.timing.zone import load_zone

LATE_PLAN = timedelta(hours=1)
"""A message that was planned for longer ago than this keeps no room, as in the engine."""


@dataclass(slots=True)
class Attention:
    """The moments at which marketing reached an account, in all programs: in all, by person."""

    account: list[datetime] = field(default_factory=list)
    person: defaultdict[str, list[datetime]] = field(default_factory=lambda: defaultdict(list))

    def note(self, act: SendMessage, now: datetime) -> None:
        """A message went out."""
        if act.kind != SERVICE:
            self.account.append(now)
            self.person[act.contact_id].append(now)


class Gate:
    """Decides about each message with `eligibility.decide`, and counts what goes out.

    What it knows is what a simulation can know: the budgets of persons and accounts over all
    programs, what the other programs of the account plan, who is held out, caps by day. Made-up
    people have switched off no topic, asked for no pause, and belong to one account; there are
    no tickets, incidents, replies or stops; rates are left out.

    `accounts` is of how many a day's share is a share of; None: nobody knows, so only caps of
    programs hold.
    """

    def __init__(
        self, policy: Policy, calendar: BusinessCalendar, accounts: int | None = None
    ) -> None:
        self.policy = policy
        self._calendar = calendar
        self._accounts = accounts
        self._sent: Counter[tuple[str, date]] = Counter()

    def held_out(self, program: Played, account_id: str) -> float | None:
        """The percent that is held out of a program, if the account is among them (P27)."""
        share = self.policy.holdout if program.holdout is None else program.holdout
        held = program.markets and is_held(point(SALT, program.id, account_id), share)
        return share if held else None

    def ask(
        self, program: Played, act: SendMessage, account: Account, attention: Attention,
        plans: Iterable[Plan], held_out: float | None, now: datetime,
    ) -> Ruling:  # fmt: skip
        """Decide about one message; what may go counts for the cap of its day.

        `plans` are those of the account's other programs.
        """
        graph = program.graph
        horizon = now + length(self.policy.budget.look_ahead)
        coming = [plan for plan in plans if now - LATE_PLAN < plan.at <= horizon]
        standing = Standing(
            suppressed=_quiet_because(account, act.contact_id),
            person=attention.person[act.contact_id], account=attention.account,
            coming_person=[
                Coming(plan.at, plan.priority)
                for plan in coming
                if plan.contact_id == act.contact_id
            ],
            coming_account=[Coming(plan.at, plan.priority) for plan in coming],
            held_out=held_out, sent_today=self._sent[graph.id, now.date()], cap=self.cap(graph),
        )  # fmt: skip
        request = Request(
            program=graph.id, account_id=account.id, contact_id=act.contact_id, email=act.email,
            kind=act.kind, priority=act.priority, useful_until=act.useful_until,
            window=graph.window, zone=load_zone(act.zone), topic=act.topic,
            over_budget=act.over_budget, country=account.country, same_person=graph.same_person,
            at_most_a_day=graph.at_most_a_day, at_most_a_minute=graph.at_most_a_minute,
        )  # fmt: skip
        ruling = decide(request, standing, self.policy, self._calendar, now)
        if ruling.answer is Answer.SEND and not act.attempts:
            self._sent[graph.id, now.date()] += 1
        return ruling

    def cap(self, graph: Graph) -> int | None:
        """How many messages a program may send on one UTC day."""
        share = self.policy.damage.program_a_day
        if graph.at_most_a_day is not None or share is None or self._accounts is None:
            return graph.at_most_a_day
        return max(share.at_least, int(share.share / 100 * self._accounts))


def _quiet_because(account: Account, contact_id: str) -> str | None:
    return next((c.quiet_because for c in account.contacts if c.id == contact_id), None)
