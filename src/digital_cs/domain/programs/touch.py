"""Whether the message of a send step goes out now, later, or never: the "what next" of a touch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from digital_cs.domain.account import Account, Contact
from digital_cs.domain.programs.enrollment import (
    UNSETTLED,
    Facts,
    Merge,
    MessageFact,
    MessageState,
    Plan,
    Position,
    SendMessage,
    SkipMessage,
    TellOwner,
    Trail,
    Verdict,
    share_of,
)
from digital_cs.domain.programs.program_graph import Graph, Node, SendNode
from digital_cs.domain.sending.eligibility import SERVICE, Answer, Ruling
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.timing.send_window import ChosenZone, Opening, next_open, resolve_zone

ANYBODY = "any"
WAITS_FOR_CONTENT = (Reason.CONTENT_BLOCKED, Reason.CONTENT_STALE)
"""Reasons of a hold that ends when somebody has reviewed what the message shows (P25)."""
_HELD_FOR_CONTENT = tuple(f"{Verdict.HELD}:{reason}:" for reason in WAITS_FOR_CONTENT)
ABOUT_CONTENT = "content"
"""The kind of the alert that tells the owner of a program of such holds."""
MOST_RESENDS = 3
"""A service message whose fate is unknown is sent again this often, with the same Message-ID."""

_ASKED_AGAIN = tuple(
    f"{Verdict.DEFERRED}:{reason}:"
    for reason in (
        Reason.CAP, Reason.BUDGET_PERSON, Reason.BUDGET_ACCOUNT, Reason.BUDGET_FEWER,
        Reason.RESERVED, Reason.PAUSE_ASKED,
    )
)  # fmt: skip
"""What was put off for these is decided anew when something wakes it early: a person may have said
that it may go. A place in the queue of a rate, or among what is spread out, is kept."""


@dataclass(frozen=True, slots=True)
class SendDecision:
    """Exactly one: settled (go on), act (send now), exit, or rest until `wake_at`."""

    position: Position
    settled: bool = False
    act: SendMessage | None = None
    exit_because: str | None = None
    wake_at: datetime | None = None
    label: str = ""
    plan: Plan | None = None


def choose_recipient(
    contacts: Iterable[Contact], roles: tuple[str, ...], kind: str = "marketing",
    topic: str | None = None, now: datetime | None = None,
) -> Contact | None:  # fmt: skip
    """The first contact that may be written to, by the fallback chain of roles (P1).

    Who does not want the topic, or asked for a pause, only where there is nobody else: the
    decision says then what becomes of the message.
    """
    able = [contact for contact in contacts if contact.may_get(kind)]
    willing = [each for each in able if now is None or each.wants(kind, topic, now)]
    for group in (willing, able):
        for role in roles:
            for contact in group:
                if role == ANYBODY or role in contact.roles:
                    return contact
    return None


QUIET = {
    "": "not active", "unsubscribed": "unsubscribed", "hard bounce": "with an address that is dead",
    "soft bounces": "with an address that keeps refusing", "complaint": "who complained",
    "manual": "suppressed by hand", "no address": "without an address",
}  # fmt: skip
"""Reasons not to write to somebody, as one says it of several."""


def why_nobody(contacts: tuple[Contact, ...], roles: tuple[str, ...]) -> str:
    """In words, why there is nobody to write to."""
    if not contacts:
        return "The account has no contacts."
    fitting = [c for c in contacts if ANYBODY in roles or set(c.roles) & set(roles)]
    if not fitting:
        return f"No contact has a role of {', '.join(roles)}."
    found = Counter(QUIET.get(c.quiet_because or "", c.quiet_because) for c in fitting)
    reasons = ", ".join(f"{count} {words}" for words, count in sorted(found.items(), key=str))
    return f"Nobody who fits may be written to: {reasons}."


def decide_send(
    graph: Graph, node: SendNode, position: Position, facts: Facts, now: datetime, trail: Trail
) -> SendDecision:
    """Decide about one message at the moment `now`. Pure; decisions go to the trail."""
    fact = facts.messages.get(position.visit)
    if fact is not None and _is_settled(fact, node):
        return SendDecision(position, settled=True)
    if fact is not None and fact.retry_at is not None and now < fact.retry_at and _may_be_out(fact):
        return SendDecision(position, wake_at=fact.retry_at, label=f"learn: send {node.email}")
    topic = _topic(node, facts)
    contact = _recipient(facts.account, node, fact, topic, now)
    chosen = _zone(graph, facts, contact)
    due = position.due_at
    again = (position.noted or "").startswith(_ASKED_AGAIN)
    ready = now if again else max(now, position.not_before or now)
    opening = _opening(graph, facts, chosen, ready)
    if due is None:
        # Being held is our waiting, not the reader's: usefulness starts when somebody is there.
        since = position.entered_at if position.held_since is None else now
        first = opening if since == ready else _opening(graph, facts, chosen, since)
        due = first.at if first is not None else since
        position = replace(position, due_at=due)
    asked = facts.controls.not_before
    # Who spreads a backlog over days at resume has said that it is still worth sending (P10).
    useful_until = facts.after(due if asked is None else max(due, asked), node.useful_for)

    never = _reason_to_skip(facts, position, useful_until, now)
    if never is not None:
        return _skip(node, position, trail, *never, fact)
    if contact is None:
        return _hold_for_somebody(node, position, facts, now, trail, fact)
    if position.held_since is not None:
        position = replace(position, held_since=None)
    if fact is not None and fact.retry_at is not None and now < fact.retry_at:
        wake = min(fact.retry_at, useful_until)
        if fact.held_because is not None:
            position = trail.note(
                position, Verdict.HELD, Reason.FAULT, fact.held_because, fact.contact_id
            )
        return SendDecision(position, wake_at=wake, label=f"try again: send {node.email}")
    if asked is not None and now < asked and asked > (position.not_before or now):
        position = trail.note(
            replace(position, not_before=asked), Verdict.DEFERRED, Reason.SPREAD_AT_RESUME,
            "Spread over days at resume.", contact.id,
        )  # fmt: skip
        opening = _opening(graph, facts, chosen, asked)
    if opening is None or opening.at >= useful_until:
        words = "Its send window does not open again while it is useful."
        return _skip(node, position, trail, Reason.NO_WINDOW, words, fact)
    ruling = facts.rulings.get(position.visit)
    if ruling is not None and ruling.answer is not Answer.SEND:
        merge = Merge(topic, useful_until) if ruling.answer is Answer.MERGE else None
        return _ruled(graph, node, position, ruling, contact, merge, trail, fact)
    label = f"wait to send {node.email}"
    plan = _plan(node, contact.id, max(now, opening.at))
    # What waits for a review asks again at once, each time that something was reviewed.
    if fact is None and not (position.noted or "").startswith(_HELD_FOR_CONTENT):
        later = _after_outage(position, due, facts, opening.at, useful_until, now)
        spread = _opening(graph, facts, chosen, later) if later > now else None
        if spread is not None and spread.at < useful_until:
            position = trail.note(
                replace(position, not_before=spread.at), Verdict.DEFERRED, Reason.CATCH_UP,
                "Overdue after an outage; spread out.", contact.id,
            )  # fmt: skip
            return SendDecision(position, wake_at=spread.at, label=label, plan=plan)
    if opening.at > now:
        if opening.reasons:
            words = f"{_sentence(opening.reasons)} ({chosen.name}, zone of the {chosen.source})."
            position = replace(position, not_before=opening.at)
            position = trail.note(position, Verdict.DEFERRED, Reason.WINDOW, words, contact.id)
        return SendDecision(position, wake_at=opening.at, label=label, plan=plan)
    act = SendMessage(
        step=node.id, visit=position.visit, email=node.email, contact_id=contact.id,
        priority=node.priority, kind=node.kind, due_at=due, useful_until=useful_until,
        zone=chosen.name, zone_source=chosen.source, attempts=fact.attempts if fact else 0,
        topic=topic, over_budget=node.over_budget,
        waited=(position.noted or "").startswith(f"{Verdict.DEFERRED}:{Reason.RATE}:"),
    )  # fmt: skip
    return SendDecision(position, act=act)


def _is_settled(fact: MessageFact, node: SendNode) -> bool:
    """Unknown is settled for marketing; a service message is sent again by rule (P14)."""
    if fact.state is MessageState.UNKNOWN and node.kind == "service":
        return fact.attempts >= MOST_RESENDS
    return fact.state not in UNSETTLED


def _may_be_out(fact: MessageFact) -> bool:
    """What was claimed may be out already: it stays in the ledger as what it is (P14)."""
    return fact.state in (MessageState.CLAIMED, MessageState.UNKNOWN)


def _topic(node: SendNode, facts: Facts) -> str | None:
    """What a message is about: the step or its program says so, else the e-mail itself."""
    return node.topic or facts.topics.get(node.email)


def _recipient(
    account: Account, node: SendNode, fact: MessageFact | None, topic: str | None, now: datetime
) -> Contact | None:
    """The contact that a try already names is kept while it may be written to."""
    if fact is not None and fact.contact_id is not None:
        for contact in account.contacts:
            if contact.id == fact.contact_id and contact.may_get(node.kind):
                return contact
    return choose_recipient(account.contacts, node.to, node.kind, topic, now)


def _zone(graph: Graph, facts: Facts, contact: Contact | None) -> ChosenZone:
    return resolve_zone(
        graph.window.zone_rule, contact.zone if contact else None, facts.account.zone,
        facts.workspace_zone,
    )  # fmt: skip


def _opening(graph: Graph, facts: Facts, chosen: ChosenZone, moment: datetime) -> Opening | None:
    account = facts.account
    return next_open(graph.window, moment, chosen.zone, facts.calendar, account.country, account.id)


def _reason_to_skip(
    facts: Facts, position: Position, useful_until: datetime, now: datetime
) -> tuple[Reason, str] | None:
    due = position.due_at
    if facts.controls.skip_visit == position.visit:
        return Reason.OPERATOR, "Skipped by hand."
    before = facts.controls.skip_due_before
    if before is not None and due is not None and due < before:
        return (
            Reason.OVERDUE_AT_RESUME,
            f"It was due on {due:%-d %B %Y}, too long before the resume.",
        )
    if now >= useful_until:
        words = f"It was only useful until {useful_until:%-d %B %Y %H:%M} UTC."
        return Reason.NO_LONGER_USEFUL, _before(position) + words
    return None


def _before(position: Position) -> str:
    """What kept it until then, so that the reason is not only that time went by."""
    verdict, _, rest = (position.noted or "").partition(":")
    return f"{rest.partition(':')[2]} " if verdict in (Verdict.HELD, Verdict.DEFERRED) else ""


def plan(graph: Graph, node: Node, facts: Facts, at: datetime) -> Plan | None:
    """The message that a wait until `at` leads to, if it leads straight to one (P17)."""
    coming = graph.nodes.get(node.next)
    if not isinstance(coming, SendNode):
        return None
    topic = _topic(coming, facts)
    contact = choose_recipient(facts.account.contacts, coming.to, coming.kind, topic, at)
    return _plan(coming, contact.id, at) if contact is not None else None


def _plan(node: SendNode, contact_id: str, at: datetime) -> Plan | None:
    if node.kind == SERVICE:  # it takes no room
        return None
    return Plan(at, node.priority, contact_id, node.email)


def _ruled(
    graph: Graph, node: SendNode, position: Position, ruling: Ruling, contact: Contact,
    merge: Merge | None, trail: Trail, fact: MessageFact | None,
) -> SendDecision:  # fmt: skip
    """Do as was decided at the moment of sending, where that was not to send."""
    match ruling.answer:
        case Answer.SKIP | Answer.MERGE:
            return _skip(
                node, position, trail, ruling.reason, ruling.words, fact, contact.id, ruling.rule,
                merge,
            )  # fmt: skip
        case Answer.DEFER:
            position = trail.note(
                replace(position, not_before=ruling.until), Verdict.DEFERRED, ruling.reason,
                ruling.words, contact.id, rule=ruling.rule, until=ruling.until,
            )  # fmt: skip
            coming = _plan(node, contact.id, ruling.until) if ruling.until else None
            label = f"wait to send {node.email}"
            return SendDecision(position, wake_at=ruling.until, label=label, plan=coming)
    noted = trail.note(
        position, Verdict.HELD, ruling.reason, ruling.words, contact.id, rule=ruling.rule
    )
    if noted != position and ruling.reason in WAITS_FOR_CONTENT:
        trail.effects.append(TellOwner(position.step, ABOUT_CONTENT, graph.owner, ruling.words))
    position = noted
    return SendDecision(position, wake_at=ruling.until, label=f"hold: {ruling.reason}")


def _skip(
    node: SendNode, position: Position, trail: Trail, reason: Reason, words: str,
    fact: MessageFact | None, contact_id: str | None = None, rule: str | None = None,
    merge: Merge | None = None,
) -> SendDecision:  # fmt: skip
    contact_id = fact.contact_id if fact else contact_id
    if fact is None or not _may_be_out(fact):
        due = position.due_at or position.entered_at
        trail.effects.append(
            SkipMessage(
                step=position.step, visit=position.visit, email=node.email, reason=reason,
                words=words, due_at=due, kind=node.kind, priority=node.priority,
                contact_id=contact_id, merge=merge,
            )
        )  # fmt: skip
    position = trail.note(position, Verdict.SKIPPED, reason, words, contact_id, rule=rule)
    return SendDecision(position, settled=True)


def withdraw(node: SendNode, position: Position, facts: Facts, trail: Trail, because: str) -> None:
    """The account leaves while its message waits for another try: say that it will not go out."""
    fact = facts.messages.get(position.visit)
    if fact is not None and fact.state is MessageState.PLANNED:
        _skip(node, position, trail, Reason.LEFT, because, fact)


def _hold_for_somebody(
    node: SendNode, position: Position, facts: Facts, now: datetime, trail: Trail,
    fact: MessageFact | None,
) -> SendDecision:  # fmt: skip
    since = position.held_since or now
    limit = facts.after(since, node.hold_for)
    words = why_nobody(facts.account.contacts, node.to)
    if now < limit:
        position = trail.note(
            replace(position, held_since=since, due_at=None), Verdict.HELD, Reason.NOBODY, words
        )
        return SendDecision(position, wake_at=limit, label="hold: nobody to write to")
    if node.then_exit:
        return SendDecision(position, exit_because=f"Nobody to write to. {words}")
    return _skip(node, position, trail, Reason.NOBODY, words, fact)


def _after_outage(
    position: Position, due: datetime, facts: Facts, opens_at: datetime, useful_until: datetime,
    now: datetime,
) -> datetime:  # fmt: skip
    """A moment for a touch that an outage made late, so that not all go at once (P8); else `now`.

    The room grows with the lateness, as the backlog does: a short hiccup delays nothing by hours.
    """
    late = now - max(due, position.not_before or due)
    if late <= facts.grace or not facts.spread:
        return now
    room = min(facts.spread, late, (useful_until - opens_at) * 0.8)
    return opens_at + room * share_of(facts.enrollment_id, str(position.visit))


def _sentence(reasons: tuple[str, ...]) -> str:
    text = ", ".join(reasons)
    return text[:1].upper() + text[1:]
