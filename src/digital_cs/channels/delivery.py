"""What became of one attempt to hand a message over, in the words that the ledger needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_ADDRESS = re.compile(r"[^\s<>@\"',;:()]+@[^\s<>@\"',;:()]+")
_LONGEST_DETAIL = 300


class DeliveryOutcome(StrEnum):
    """Who has the message now, and whether trying again can help."""

    ACCEPTED = "accepted"
    """The server has it."""
    REFUSED_FOR_NOW = "refused_for_now"
    """The server refused this message with 4xx (greylisting, full mailbox): try later."""
    REFUSED_FOR_GOOD = "refused_for_good"
    """The server refused this message or this recipient with 5xx: never try again."""
    FAULT = "fault"
    """Ours or the provider's: it was surely not handed over, and the message is not to blame."""
    UNKNOWN = "unknown"
    """Written to its end, and no answer: it may or may not have been taken."""


class Stage(StrEnum):
    """How far the dialogue had come."""

    ADDRESS = "address"
    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    END_OF_DATA = "end-of-data"


@dataclass(frozen=True, slots=True)
class Delivery:
    """The result of one attempt.

    `code` and `enhanced` ("5.1.1") are the server's, if it answered. `detail` are its words or
    ours, never with an address. `hard_bounce`: this address does not exist, suppress it.
    """

    outcome: DeliveryOutcome
    stage: Stage
    detail: str
    code: int | None = None
    enhanced: str | None = None
    hard_bounce: bool = False


def without_addresses(text: str, *addresses: str) -> str:
    """The text on one line of at most 300 characters, without any e-mail address.

    The local parts of `addresses` go too: "unknown user ada.lovelace" names a person as well.
    """
    if "@" in text:
        text = _ADDRESS.sub("[address]", text)
    for address in addresses:
        local = address.rpartition("@")[0]
        if len(local) >= 3 and local.lower() in text.lower():
            text = re.sub(rf"(?<!\w){re.escape(local)}(?!\w)", "[address]", text, flags=re.I)
    return " ".join(text.split())[:_LONGEST_DETAIL]
