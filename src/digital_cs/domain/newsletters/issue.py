"""An issue of a newsletter: how far it is, and the things that are done about it, each once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    """How far an issue has come."""

    PLANNED = "planned"
    OPEN = "open"
    """Its sections are being written."""
    FROZEN = "frozen"
    """Put together, and tested; it waits for its approval and its day."""
    LEAVING = "leaving"
    """Approved and due: for some minutes it can be called back."""
    SENDING = "sending"
    SENT = "sent"
    DONE = "done"
    """Sent, and its report is made."""
    SKIPPED = "skipped"
    """Somebody said that there is none this time."""


BEFORE_IT_LEAVES = (State.PLANNED, State.OPEN, State.FROZEN)
OVER = (State.DONE, State.SKIPPED)
GONE_OUT = (State.SENDING, State.SENT, State.DONE)
"""Before that, an issue is nobody's business but of those who write it."""


class Reach(StrEnum):
    """Whom an issue is for that corrects another one."""

    MISSED = "missed"
    """Those who did not get that one."""
    EVERYBODY = "everybody"


class Do(StrEnum):
    """Something that is to be done now. Each is done once for what it is about."""

    OPEN = "open"
    TELL = "tell the owner of a section"
    REMIND = "remind the owner of a section"
    ESCALATE = "ask somebody else for a section"
    ASK_SIGN_OFF = "ask an expert"
    REMIND_SIGN_OFF = "remind an expert"
    SAY_NOT_READY = "say what keeps it from being frozen"
    REOPEN = "let it be written again, for it was moved to a day that is far"
    FREEZE = "put it together, and send the test"
    ASK_APPROVAL = "ask for the approval"
    REMIND_APPROVAL = "remind the approver"
    ESCALATE_APPROVAL = "ask somebody else for the approval"
    ASK_CHANGE = "tell of a change that somebody wants"
    REMIND_CHANGE = "remind of a change that somebody wants"
    HOLD = "say that it is held"
    POSTPONE = "move it to a day that is still to come"
    LEAVE = "begin to send, after the minutes of recall"
    SAY_LEAVING = "say that it leaves, and how to call it back"
    SEND = "send"
    CLOSE = "all of it was sent"
    REPORT = "make the report"


@dataclass(frozen=True, slots=True)
class SectionFacts:
    """How far a section is. `text_hash` is None while nothing is written.

    `signed_hash` is the text that the expert agreed to; `refused_at` is when they wanted a change
    of the text that there is now.
    """

    section: str
    text_hash: str | None = None
    signed_hash: str | None = None
    written_at: datetime | None = None
    refused_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Issue:
    """What is known of an issue.

    `content_hash` is of what is written for it now, `frozen_hash` of what was when it was put
    together last. `texts_hash` is of what came of that: every variant, word for word as readers get
    it; to this the approval is bound (P21), by `approved_hash`. `refused_at` is when somebody
    wanted a change of just these texts, `asked_at` when somebody was asked to approve them. `done`
    are the things that were done, see `Step.key`.
    `leaves_at` is set while it is leaving.
    """

    state: State
    sections: tuple[SectionFacts, ...] = ()
    content_hash: str | None = None
    frozen_hash: str | None = None
    texts_hash: str | None = None
    approved_hash: str | None = None
    refused_at: datetime | None = None
    leaves_at: datetime | None = None
    all_sent: bool = False
    sent_at: datetime | None = None
    done: frozenset[str] = field(default_factory=frozenset)
    asked_at: datetime | None = None

    @property
    def approved(self) -> bool:
        """Whether exactly that is approved which would go out."""
        return (
            self.approved_hash is not None
            and self.approved_hash == self.texts_hash
            and self.frozen_hash == self.content_hash
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, about a section or the whole. `about` is the text that it is about, so that
    a new text is asked about anew."""

    do: Do
    section: str = ""
    about: str = ""

    @property
    def key(self) -> str:
        """By which it is known that it was done."""
        return "/".join((self.do.name.lower(), self.section, self.about))


@dataclass(frozen=True, slots=True)
class Next:
    """What is to be done now, in order; then rest until `until`, or (None) until somebody acts."""

    steps: tuple[Step, ...] = ()
    until: datetime | None = None
