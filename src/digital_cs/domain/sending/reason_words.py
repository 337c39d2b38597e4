"""Reasons in a few words, as the end of "because …": for tables and counts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from digital_cs.domain.sending.reason import Reason

BECAUSE: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.NO_ANSWER: "the mail server did not answer",
        Reason.CRASH: "a worker stopped in the middle of it",
        Reason.HARD_BOUNCE: "the address no longer exists",
        Reason.REFUSED: "the mail server refused it for good",
        Reason.REFUSED_FOR_NOW: "the mail server was too busy",
        Reason.FAULT: "a fault of ours held it up",
        Reason.STOPPED: "all sending was stopped",
        Reason.CONTENT_BLOCKED: "what it says was known to be wrong",
        Reason.CONTENT_STALE: "what it shows waited for a review",
        Reason.STAGE: "the account was on its way out",
        Reason.CANCELLED: "the broadcast was cancelled",
        Reason.NO_LONGER_USEFUL: "it was too late to be of use",
        Reason.NO_WINDOW: "its hours did not come again while it was of use",
        Reason.WINDOW: "its hours had not come",
        Reason.CATCH_UP: "what was overdue went out one after the other",
        Reason.SPREAD_AT_RESUME: "what was overdue after a pause was spread out",
        Reason.OVERDUE_AT_RESUME: "it was overdue for too long after a pause",
        Reason.NOBODY: "there was nobody to write to",
        Reason.SUPPRESSED: "the reader is not written to any more",
        Reason.HELD_OUT: "the account is held out, to see what the program is good for",
        Reason.SAME_PERSON: "the same person had it already, for another account",
        Reason.TOPIC_OFF: "the reader had switched the topic off",
        Reason.PAUSE_ASKED: "the reader had asked for a pause",
        Reason.REPLIED: "somebody wrote back, and nobody had looked yet",
        Reason.TICKET: "a serious ticket was open",
        Reason.INCIDENT: "an incident was open",
        Reason.BUDGET_PERSON: "the reader had enough for the week",
        Reason.BUDGET_ACCOUNT: "the account had enough for the week",
        Reason.BUDGET_FEWER: "the reader had asked for fewer e-mails",
        Reason.RESERVED: "something more important was about to come",
        Reason.CAP: "the program had sent as much as it may on one day",
        Reason.RATE: "more was to go out than the mail server may get in a minute",
        Reason.MERGED: "over budget, and kept for the next newsletter",
        Reason.NO_NEWSLETTER: "over budget, and no newsletter came in time",
        Reason.IN_NEWSLETTER: "over budget, and sent as a part of the newsletter",
        Reason.HAD_IT: "had what it corrects already",
        Reason.OPERATOR: "a colleague skipped it",
        Reason.LEFT: "the account left while it waited",
    }
)
"""Every reason for which a message may wait or not go out, as the end of "because …"."""


def because(reason: str) -> str:
    """The reason with this value, in a few words."""
    return BECAUSE[Reason(reason)]
