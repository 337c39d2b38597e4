"""What a mail that came back can be, and the record of what was read in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ReturnedKind(StrEnum):
    """What came back. Of one address only `HARD`, `SOFT`, `DELAYED` and `DELIVERED` are said."""

    HARD = "hard"
    """Given up, because of the address: there is no such mailbox or domain."""
    SOFT = "soft"
    """Given up, for a reason that says nothing about the address: full, refused, unreachable."""
    DELAYED = "delayed"
    """The server goes on trying: no bounce."""
    DELIVERED = "delivered"
    """A delivery status report that tells of success."""
    COMPLAINT = "complaint"
    OUT_OF_OFFICE = "out_of_office"
    AUTOMATIC = "automatic"
    """Written by a machine, but none of the above: acknowledgements, receipts, list software."""
    REPLY = "reply"
    """Written by a person."""
    UNKNOWN = "unknown"
    """Not readable by any rule: a person has to look at it."""


@dataclass(frozen=True, slots=True)
class Failed:
    """What a server says of one recipient.

    `status` is the enhanced status code of RFC 3463 ("5.1.1"), `code` the SMTP reply code.
    `diagnostic` is the server's reason: one line of at most 500 characters without control
    characters. It often repeats the address (see `delivery.without_addresses`).
    """

    address: str
    kind: ReturnedKind
    status: str | None = None
    code: int | None = None
    diagnostic: str = ""

    @property
    def given_up(self) -> bool:
        """Whether this message will not arrive any more, for whatever reason."""
        return self.kind in {ReturnedKind.HARD, ReturnedKind.SOFT}


@dataclass(frozen=True, slots=True)
class Returned:
    """What was read in one mail that came back.

    Of a bounce, `failed` has an entry for each address that the mail names, and `kind` is the
    gravest of theirs. A bounce may name none: then `failed` is empty and `kind` alone says what
    happened, to whom the envelope's token knows. Of a complaint, `complained_of` are the
    addresses that the report names; most providers leave them out.

    `original_message_id` is the best guess at the Message-ID of ours (with angle brackets) that
    this mail answers; `references` has all candidates, best first. `text` is what a person or an
    autoresponder wrote, without quoted history and signature, at most 20,000 characters; it is
    empty for reports of servers. `why` is one sentence on the rule by which it was read so; it
    names nobody.
    """

    kind: ReturnedKind
    why: str
    failed: tuple[Failed, ...] = ()
    complained_of: tuple[str, ...] = ()
    original_message_id: str | None = None
    references: tuple[str, ...] = ()
    sender: str | None = None
    envelope_to: str | None = None
    subject: str = ""
    text: str = ""


GRAVEST_FIRST = (
    ReturnedKind.HARD,
    ReturnedKind.SOFT,
    ReturnedKind.DELAYED,
    ReturnedKind.DELIVERED,
)


def gravest(failed: tuple[Failed, ...]) -> ReturnedKind:
    """The kind of a whole report, by what it says of its recipients; `failed` is not empty."""
    return min((one.kind for one in failed), key=GRAVEST_FIRST.index)
