"""What people answer who are asked about an issue: yes, or a change; bound to what they saw."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.newsletters.issue import BEFORE_IT_LEAVES, State
from digital_cs.errors import DigitalCsError, NotFoundError, UsageError
from digital_cs.store.newsletters import issue_items, issue_texts, issues
from digital_cs.store.newsletters.issue_texts import SectionText
from digital_cs.store.newsletters.issues import IssueRow

Connection = AsyncConnection[Any]

NO_APPROVAL = dict.fromkeys(("approved_hash", "approved_by", "approved_at"))
NO_REFUSAL = dict.fromkeys(("refused_hash", "refused_by", "refused_because", "refused_at"))


class IssueStateError(DigitalCsError, ValueError):
    """The issue is too far for that. `digital-cs newsletter show` says how far it is."""


class IssueChangedError(IssueStateError):
    """It says something else than what was looked at. Look again, and answer about that."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody looked at before they answered: the beginning of the hash of the texts, and,
    where it was shown, the day of sending."""

    hash: str
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """The issue after somebody said yes. `gone`: titles of what it shows and must not show any
    more; then it is not approved, but put together anew."""

    issue: IssueRow
    gone: tuple[str, ...] = ()

    @property
    def refusal(self) -> str:
        """Why it is not approved, for people; "" if it is."""
        if not self.gone:
            return ""
        titles = ", ".join(f"“{title}”" for title in self.gone)
        return (
            f"It shows what is not to be shown any more: {titles}. It is put together anew in a"
            " moment; look at that, then approve it."
        )


async def approve(
    connection: Connection, id: str, by: str, now: datetime, seen: Seen | None = None
) -> Approval:
    """Approve exactly what was put together; a later change takes it back (P21). Call it in a
    transaction, and let it be committed though it was refused.

    Raises IssueChangedError when it is not what was seen any more, IssueStateError in other states.
    """
    row = await put_together(connection, id, seen)
    if row.approved:
        return Approval(row)
    gone = await issue_items.not_showable(connection, id, row.send_on)
    if gone:
        titles = ", ".join(f"“{title}”" for title in gone)
        words = f"Not approved, for this is not to be shown any more: {titles}."
        await _change(connection, row, by, words, now, frozen_hash=None)
    else:
        await _change(
            connection, row, by, "Approved it.", now, approved_hash=row.texts_hash, approved_by=by,
            approved_at=now, **NO_REFUSAL,
        )  # fmt: skip
    return Approval(await locked(connection, id), tuple(gone))


async def put_together_anew(connection: Connection, id: str, by: str, now: datetime) -> None:
    """Have an issue put together anew, unless it is about to be. If it then says what was approved,
    it is approved still. Call it in a transaction."""
    row = await locked(connection, id)
    if row.state is State.FROZEN and row.put_together:
        words = "Had it put together anew."
        await _change(connection, row, by, words, now, frozen_hash=None)


async def want_change(
    connection: Connection, id: str, because: str, by: str, now: datetime, seen: Seen | None = None
) -> IssueRow:
    """Refuse what was put together, and say why: whoever owns it is told, and it is not approved
    until it says something else, or somebody changes their mind. Call it in a transaction.

    Raises like `approve`, and UsageError without a reason.
    """
    row = await put_together(connection, id, seen)
    reason = _reason(because)
    if row.refused and (row.refused_by, row.refused_because) == (by, reason):
        return row
    void = " The approval is void." if row.approved else ""
    await _change(
        connection, row, by, f"Wants a change: {reason}{void}", now, refused_hash=row.texts_hash,
        refused_by=by, refused_because=reason, refused_at=now, **NO_APPROVAL,
    )  # fmt: skip
    return await locked(connection, id)


async def sign(
    connection: Connection, id: str, section: str, by: str, now: datetime, seen: str | None = None
) -> SectionText:
    """Agree to a section; `seen` is the beginning of the hash of the text that was read. A later
    change takes it back. Call it in a transaction.

    Raises IssueChangedError when it says something else by now, IssueStateError in other states.
    """
    text = await _written(connection, id, section, seen)
    if not text.signed:
        await issue_texts.sign(connection, id, section, text.text_hash, by, now)
        await issues.note(connection, id, by, f"Signed off the section {section}.", now)
        await issues.touched(connection, id)
    return (await issue_texts.texts(connection, id))[section]


async def want_section_change(
    connection: Connection, id: str, section: str, because: str, by: str, now: datetime,
    seen: str | None = None,
) -> SectionText:  # fmt: skip
    """Do not agree to a section, and say why: its owner is told. Call it in a transaction.

    Raises like `sign`, and UsageError without a reason.
    """
    text = await _written(connection, id, section, seen)
    reason = _reason(because)
    if not (text.refused and (text.refused_by, text.refused_because) == (by, reason)):
        await issue_texts.refuse(connection, id, section, text.text_hash, reason, by, now)
        words = f"Wants a change of the section {section}: {reason}"
        await issues.note(connection, id, by, words, now)
        await issues.touched(connection, id)
    return (await issue_texts.texts(connection, id))[section]


async def locked(connection: Connection, id: str) -> IssueRow:
    """The issue of an id, locked until the transaction ends. Raises NotFoundError."""
    row = await issues.get(connection, id, lock=True)
    if row is None:
        raise NotFoundError(
            f"There is no issue '{id}'. `digital-cs newsletter issues` names those that there are."
        )
    return row


async def still_open(connection: Connection, id: str, what: str) -> IssueRow:
    """The issue, locked, if it can still `what`. Raises IssueStateError."""
    row = await locked(connection, id)
    if row.state is State.LEAVING:
        raise IssueStateError(
            f"The issue is about to leave: call it back first, then it can {what}."
        )
    if row.state not in BEFORE_IT_LEAVES:
        raise IssueStateError(f"The issue is {row.state}: it cannot {what} any more.")
    return row


async def put_together(connection: Connection, id: str, seen: Seen | None) -> IssueRow:
    """The issue, locked, if it is put together and says what was seen. Raises IssueStateError."""
    row = await locked(connection, id)
    if row.state is not State.FROZEN:
        raise IssueStateError(f"The issue is {row.state}: {_ANSWER_WHEN[row.state]}")
    if not row.put_together:
        raise IssueStateError(
            "Somebody changed the issue after it was put together. It is put together anew in a"
            " moment; look at it, then answer."
        )
    if seen is not None and not _same(row.texts_hash, seen.hash):
        raise IssueChangedError(
            "The issue was put together anew since you looked at it: look again, and answer about"
            " what it says now."
        )
    if seen is not None and seen.day is not None and seen.day != row.send_on:
        raise IssueChangedError(
            f"The issue was moved since you looked at it: it goes out on {row.send_on:%A %-d %B}"
            " now."
        )
    return row


_ANSWER_WHEN = {
    State.PLANNED: "it has not begun yet.",
    State.OPEN: "its sections are being written. It can be approved once it is put together.",
    State.LEAVING: "it is approved, and about to leave.",
    State.SENDING: "it is being sent.", State.SENT: "it was sent.", State.DONE: "it was sent.",
    State.SKIPPED: "somebody left it out.",
}  # fmt: skip


async def _written(connection: Connection, id: str, section: str, seen: str | None) -> SectionText:
    await still_open(connection, id, "be signed off")
    text = (await issue_texts.texts(connection, id)).get(section)
    if text is None:
        raise UsageError(f"Nothing is written yet for '{section}', so there is nothing to sign.")
    if seen is not None and not _same(text.text_hash, seen):
        raise IssueChangedError(
            f"The section '{section}' was changed since you read it: read it again, and answer"
            " about what it says now."
        )
    return text


async def _change(
    connection: Connection, row: IssueRow, by: str, words: str, now: datetime, **to: Any
) -> None:
    await issues.change(connection, row.id, (row.state,), **to)
    await issues.note(connection, row.id, by, words, now)
    await issues.touched(connection, row.id)


def _same(hash: str | None, seen: str) -> bool:
    """Whether a hash begins as the one that was seen, of which something must be told."""
    return hash is not None and bool(seen) and hash.startswith(seen)


def _reason(because: str) -> str:
    reason = because.strip()
    if not reason:
        raise UsageError("Say what has to change, so that somebody can do it.")
    return reason
