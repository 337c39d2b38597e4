"""Deciding about a set of recipients, by the same policy and with the same reasons as one touch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from digital_cs.domain.account import LEAVING_STAGES
from digital_cs.domain.content.stale_rule import Wait
from digital_cs.domain.programs.enrollment import MessageState, Verdict
from digital_cs.domain.sending.broadcast import HELD_FOR, Broadcast
from digital_cs.domain.sending.eligibility import (
    SENDABLE,
    SERVICE,
    Answer,
    Request,
    Ruling,
    Standing,
    decide,
)
from digital_cs.domain.sending.policy import Policy
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.domain.timing.send_window import SendWindow
from digital_cs.domain.timing.zone import load_zone
from digital_cs.store.broadcasts.broadcast_claims import PutOff
from digital_cs.store.broadcasts.broadcast_standing import PLAIN, Recipient, Set


@dataclass(slots=True)
class Decided:
    """Who of a set may be written to now, and who not, and why."""

    sendable: list[Recipient] = field(default_factory=list)
    put_off: list[PutOff] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Deciding:
    """What is the same for all of a set. `topic` is that of the message; `waits` are the variants
    whose content is not fit to be shown any more, each with what it waited for."""

    broadcast: Broadcast
    window: SendWindow
    topic: str | None
    policy: Policy
    calendar: BusinessCalendar
    now: datetime
    waits: Mapping[str, Wait] = field(default_factory=dict)
    _open: set[tuple[str, str | None]] = field(default_factory=set)
    """Zones, with a country, in which somebody of whom nothing is known may be sent to now."""

    def decide(self, found: Set) -> Decided:
        """Decide about each, in order: who is sent to counts for those after them (P17)."""
        decided = Decided()
        people: Counter[str] = Counter()
        accounts: Counter[str] = Counter()
        marketing = self.broadcast.plan.kind != SERVICE
        for each in found.recipients:
            standing = found.standings[each.key]
            if marketing and (people[each.person] or accounts[each.account_id]):
                standing = replace(
                    standing,
                    person=[*standing.person, *[self.now] * people[each.person]],
                    account=[*standing.account, *[self.now] * accounts[each.account_id]],
                )
            ruling = self._ruling(each, standing)
            if ruling.answer is Answer.SEND:
                decided.sendable.append(each)
                people[each.person] += 1
                accounts[each.account_id] += 1
            else:
                decided.put_off.append(self._put_off(each, ruling))
        decided.put_off += [
            PutOff(
                key, MessageState.SKIPPED, Verdict.SKIPPED, Reason.NOBODY,
                "The contact is not there, or has no address any more.", None, None,
            )
            for key in found.gone
        ]  # fmt: skip
        return decided

    def _ruling(self, each: Recipient, standing: Standing) -> Ruling:
        if each.stage in LEAVING_STAGES:
            words = Reason.STAGE.sentence(stage=each.stage)
            return Ruling(Answer.SKIP, Reason.STAGE, words, "stage")
        wait = self.waits.get(each.variant)
        # Of most people nothing is known that could stand against it, and then nothing is decided
        # but whether the window is open: the same for all in one place who have no freeze.
        plain = (
            standing is PLAIN and wait is None and self.now < each.useful_until
            and not any(each.account_id == freeze.account_id for freeze in self.calendar.freezes)
        )  # fmt: skip
        if plain and (each.zone, each.country) in self._open:
            return SENDABLE
        ruling = self._asked(each, standing if wait is None else replace(standing, content=wait))
        if plain and ruling is SENDABLE:
            self._open.add((each.zone, each.country))
        return ruling

    def _asked(self, each: Recipient, standing: Standing) -> Ruling:
        plan = self.broadcast.plan
        request = Request(
            program=self.broadcast.id, account_id=each.account_id, contact_id=each.contact_id,
            email=plan.email or self.broadcast.id, kind=plan.kind.value,
            priority=plan.priority.value, useful_until=each.useful_until, window=self.window,
            zone=load_zone(each.zone), topic=self.topic, over_budget=plan.over_budget,
            country=each.country, who=each.full_name or "The reader", due_at=each.due_at,
        )  # fmt: skip
        return decide(request, standing, self.policy, self.calendar, self.now)

    def _put_off(self, each: Recipient, ruling: Ruling) -> PutOff:
        """Later, or never. What was told already is not told again at every look."""
        if ruling.answer is Answer.DEFER:
            state, verdict, until = MessageState.PLANNED, Verdict.DEFERRED, ruling.until
        elif ruling.answer is Answer.HOLD:
            state, verdict = MessageState.PLANNED, Verdict.HELD
            until = min(self.now + HELD_FOR, each.useful_until)
        else:
            state, verdict, until = MessageState.SKIPPED, Verdict.SKIPPED, None
        tell = state is MessageState.SKIPPED or each.told != ruling.reason
        return PutOff(
            each.key, state, verdict, ruling.reason, ruling.words, ruling.rule, until, tell
        )
