"""Every reason that a decision can have, and what each says to people (P19)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Reason(StrEnum):
    """The closed list. A decision has exactly one; `SENTENCES` says what it means."""

    # Sent, or tried
    ACCEPTED = "accepted"
    NO_ANSWER = "no_answer"
    CRASH = "crash"
    HARD_BOUNCE = "hard_bounce"
    REFUSED = "refused"
    REFUSED_FOR_NOW = "refused_for_now"
    FAULT = "fault"
    # What came back
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    SOFT_BOUNCED = "soft_bounced"
    COMPLAINED = "complained"
    OUT_OF_OFFICE = "out_of_office"
    # Not now, or never: time
    STOPPED = "stopped"
    CONTENT_BLOCKED = "content_blocked"
    CONTENT_STALE = "content_stale"
    NO_LONGER_USEFUL = "no_longer_useful"
    NO_WINDOW = "no_window"
    WINDOW = "window"
    CATCH_UP = "catch_up"
    SPREAD_AT_RESUME = "spread_at_resume"
    OVERDUE_AT_RESUME = "overdue_at_resume"
    # Not now, or never: the person and the account
    NOBODY = "nobody"
    SUPPRESSED = "suppressed"
    HELD_OUT = "held_out"
    STAGE = "stage"
    SAME_PERSON = "same_person"
    TOPIC_OFF = "topic_off"
    PAUSE_ASKED = "pause_asked"
    REPLIED = "replied"
    TICKET = "ticket"
    INCIDENT = "incident"
    # Not now, or never: how much
    BUDGET_PERSON = "budget_person"
    BUDGET_ACCOUNT = "budget_account"
    BUDGET_FEWER = "budget_fewer"
    RESERVED = "reserved"
    CAP = "cap"
    RATE = "rate"
    MERGED = "merged"
    NO_NEWSLETTER = "no_newsletter"
    IN_NEWSLETTER = "in_newsletter"
    HAD_IT = "had_it"
    # People
    OPERATOR = "operator"
    LEFT = "left"
    OTHER_CONTACT = "other_contact"
    CANCELLED = "cancelled"
    VERSION = "version"
    # Steps that send nothing
    NO_DATE = "no_date"
    TRUE_SINCE = "true_since"
    HAPPENED = "happened"
    TIMED_OUT = "timed_out"
    UNKNOWN = "unknown"
    UNKNOWN_DEFAULT = "unknown_default"
    BRANCH = "branch"
    SPLIT = "split"
    TASK_DONE = "task_done"
    TASK_EXPIRED = "task_expired"
    DEAD_LETTER = "dead_letter"

    def sentence(self, **figures: object) -> str:
        """The reason for people, with its figures. Raises KeyError if one is missing."""
        return SENTENCES[self].format(**figures)


SENTENCES: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.ACCEPTED: "The mail server took {email}.",
        Reason.NO_ANSWER: "The whole text was written, then the connection was lost before an"
        " answer.",
        Reason.CRASH: "A worker stopped while handing it over; it may or may not have arrived.",
        Reason.HARD_BOUNCE: "The mail server refused it for good{code}: {detail}",
        Reason.REFUSED: "The mail server refused it for good{code}: {detail}",
        Reason.REFUSED_FOR_NOW: "The mail server refused it for now{code}: {detail}",
        Reason.FAULT: "A fault of ours holds it up: {detail}",
        Reason.DELIVERED: "The receiving server has delivered it.",
        Reason.BOUNCED: "It came back, for good: {detail}",
        Reason.SOFT_BOUNCED: "It came back, for now: {detail}",
        Reason.COMPLAINED: "The reader reported it as spam; nothing is sent to them any more.",
        Reason.OUT_OF_OFFICE: "An automatic answer said that the reader is away.",
        Reason.STOPPED: "All sending is stopped: {because}",
        Reason.CONTENT_BLOCKED: "What it says is known to be wrong ({item}): {because}",
        Reason.CONTENT_STALE: "What it shows is stale ({item}, since {day}).",
        Reason.NO_LONGER_USEFUL: "It was only useful until {until}.",
        Reason.NO_WINDOW: "Its send window does not open again while it is useful.",
        Reason.WINDOW: "{why} ({zone}, zone of the {source}).",
        Reason.CATCH_UP: "Overdue after an outage; spread out.",
        Reason.SPREAD_AT_RESUME: "Spread over days at resume.",
        Reason.OVERDUE_AT_RESUME: "It was due on {due}, too long before the resume.",
        Reason.NOBODY: "There is nobody to write to: {why}",
        Reason.SUPPRESSED: "{who} is not written to: {because}.",
        Reason.HELD_OUT: "The account is held out of this program, so that its effect can be"
        " known: {share} of all accounts are.",
        Reason.STAGE: "The account is {stage}.",
        Reason.SAME_PERSON: "The same person already got it for {account} on {day}.",
        Reason.TOPIC_OFF: "{who} has switched off {topic}.",
        Reason.PAUSE_ASKED: "{who} asked for a pause until {day}.",
        Reason.REPLIED: "Somebody of the account wrote back on {day}, and nobody has looked yet.",
        Reason.TICKET: "A ticket of {severity} severity is open since {day}.",
        Reason.INCIDENT: "An incident is open: {title}.",
        Reason.BUDGET_PERSON: "{who} already had {had} in {span}, and {limit} is the most for a"
        " message of {priority} priority.",
        Reason.BUDGET_ACCOUNT: "The account already had {had} in {span}, and {limit} is the most"
        " for a message of {priority} priority.",
        Reason.BUDGET_FEWER: "{who} asked for fewer e-mails, and already had {had} in {span}.",
        Reason.RESERVED: "A message of {priority} priority is due {when} and keeps its place.",
        Reason.CAP: "The program has sent {sent} today, and may not send more without a person"
        " saying so.",
        Reason.RATE: "More is to go out at this minute than {scope} may send.",
        Reason.MERGED: "{because} It waits to be part of the next newsletter.",
        Reason.NO_NEWSLETTER: "No newsletter went out while it was useful.",
        Reason.IN_NEWSLETTER: "It was over the attention budget, and went out as a part of {name}.",
        Reason.HAD_IT: "They had the issue before it was called back, and this one corrects it for"
        " those who missed it.",
        Reason.OPERATOR: "Skipped by hand.",
        Reason.LEFT: "The account left the program: {because}",
        Reason.OTHER_CONTACT: "Somebody else of the account is written to instead.",
        Reason.VERSION: "The program was changed, and this account {did} version {version}.",
        Reason.CANCELLED: "The broadcast was cancelled before it was this one's turn.",
        Reason.NO_DATE: "The account has no {trait} yet.",
        Reason.TRUE_SINCE: "Already true since {day}.",
        Reason.HAPPENED: "It happened: {what}.",
        Reason.TIMED_OUT: "Not within {span}: {what}.",
        Reason.UNKNOWN: "Data is missing to answer: {what}.",
        Reason.UNKNOWN_DEFAULT: "Still not known, so the default: {what}.",
        Reason.BRANCH: "{what}.",
        Reason.SPLIT: "Drawn into {arm}.",
        Reason.TASK_DONE: "Done: {title}.",
        Reason.TASK_EXPIRED: "Not done: {title}.",
        Reason.DEAD_LETTER: "The other system never took it; it is listed as a dead letter.",
    }
)
"""What each reason says; the names in braces are its figures."""
