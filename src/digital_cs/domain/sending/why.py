"""What is known of why a message came, came late or did not come (P19)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from digital_cs.domain.programs.enrollment import MessageState, Verdict
from digital_cs.domain.sending.reason import Reason


class Fate(StrEnum):
    """What has become of a message that a program wanted to send."""

    SENT = "sent"
    HANDING_OVER = "handing_over"
    UNKNOWN = "unknown"
    """Handed over, and whether it arrived is not known."""
    FAILED = "failed"
    SKIPPED = "skipped"
    MERGED = "merged"
    """It waits, or waited, to be part of the next newsletter."""
    WAITING = "waiting"
    LEFT = "left"
    """The account left the program while the message waited."""
    STEP = "step"
    """There was no message: a step that waited, or chose a way."""


@dataclass(frozen=True, slots=True)
class Told:
    """One decision as it was written down; `data_as_of` is when we last heard of the account."""

    at: datetime
    verdict: Verdict
    reason: Reason
    words: str
    version: int
    rule: str | None = None
    policy: int | None = None
    until: datetime | None = None
    data_as_of: datetime | None = None
    contact: str | None = None
    contact_name: str | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the ledger says of the message. `merge` is its state, where it waits for a newsletter.

    `returned` counts what came back, by kind; `clicks` are those of people, `scans` of machines.
    """

    key: str
    state: MessageState
    at: datetime | None = None
    contact: str | None = None
    contact_name: str | None = None
    zone: str | None = None
    zone_source: str | None = None
    policy: int | None = None
    merge: str | None = None
    returned: Mapping[str, int] = field(default_factory=dict)
    clicks: int = 0
    scans: int = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """One visit of a step, with its decisions in order: mostly a message that was to be sent.

    With `broadcast` it is of that: `program` and its name are the broadcast's then, and there is no
    enrollment, version, step or visit. `is_message` is False for steps that send nothing.
    `present`: the enrollment still is at it. `ended_at` and `ended_because` are the end of the
    enrollment, if it came at this step.
    """

    program: str
    program_name: str
    enrollment: str
    version: int
    step: str
    visit: int
    email: str | None
    is_message: bool = True
    kind: str | None = None
    told: tuple[Told, ...] = ()
    ledger: Ledger | None = None
    present: bool = False
    ended_at: datetime | None = None
    ended_because: str | None = None
    broadcast: str | None = None

    @property
    def at(self) -> datetime | None:
        """When something happened to it last."""
        if self.told:
            return self.told[-1].at
        return self.ledger.at if self.ledger else None

    @property
    def fate(self) -> Fate:
        """What became of it: by the ledger where it has a row, else by what was decided last."""
        if not self.is_message:
            return Fate.STEP
        if self.ledger is not None and self.ledger.state is not MessageState.PLANNED:
            if self.ledger.merge is not None:
                return Fate.MERGED
            return _BY_STATE[self.ledger.state]
        last = self.verdict
        if last is not None and last.verdict in _BY_VERDICT:
            return _BY_VERDICT[last.verdict]
        return Fate.WAITING if self.present else Fate.LEFT

    @property
    def verdict(self) -> Told | None:
        """The decision that counts: the last, without what came back afterwards."""
        own = [each for each in self.told if each.verdict is not Verdict.RETURNED]
        return own[-1] if own else None

    @property
    def recipient(self) -> tuple[str | None, str | None]:
        """(id, name) of who was, or was to be, written to; None where nobody was chosen."""
        for each in (self.ledger, *reversed(self.told)):
            if each is not None and each.contact is not None:
                return each.contact, each.contact_name
        return None, None


_BY_STATE: Mapping[MessageState, Fate] = MappingProxyType(
    {
        MessageState.CLAIMED: Fate.HANDING_OVER, MessageState.ACCEPTED: Fate.SENT,
        MessageState.DELIVERED: Fate.SENT, MessageState.BOUNCED: Fate.SENT,
        MessageState.COMPLAINED: Fate.SENT, MessageState.FAILED: Fate.FAILED,
        MessageState.UNKNOWN: Fate.UNKNOWN, MessageState.SKIPPED: Fate.SKIPPED,
    }
)  # fmt: skip
_BY_VERDICT: Mapping[Verdict, Fate] = MappingProxyType(
    {
        Verdict.SENT: Fate.SENT, Verdict.SKIPPED: Fate.SKIPPED, Verdict.FAILED: Fate.FAILED,
        Verdict.UNKNOWN: Fate.UNKNOWN,
    }
)  # fmt: skip
