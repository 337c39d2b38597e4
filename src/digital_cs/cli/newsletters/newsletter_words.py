"""How issues of newsletters are told in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from digital_cs.cli import output
from digital_cs.domain.newsletters.issue import State
from digital_cs.domain.newsletters.issue_plan import IssuePlan
from digital_cs.domain.newsletters.issue_words import MARK
from digital_cs.domain.newsletters.newsletter import Filler
from digital_cs.store.newsletters.issue_texts import SectionText
from digital_cs.store.newsletters.issues import IssueRow
from digital_cs.temporal.newsletter_recall import Recalled

FILLED_BY = {
    Filler.COMING_UP: "by itself: feature notes since the last issue",
    Filler.WORTH_KNOWING: "by itself, for each account: what it does not use",
    Filler.TOP_QUESTIONS: "by itself, for each account: what support was asked most",
    Filler.EVENTS: "by itself: events until the next issue",
    Filler.MERGED: "by itself, for each reader: messages that were over the attention budget",
}


def facts_of(row: IssueRow) -> dict[str, object]:
    """An issue for machines."""
    return {
        "issue": row.id, "newsletter": row.newsletter.newsletter, "send_on": row.send_on,
        "extra": row.extra, "state": row.standing, "subject": row.subject,
        "preview": row.preview, "approved_by": row.approved_by if row.approved else None,
        "approved_at": row.approved_at if row.approved else None,
        "refused_by": row.refused_by if row.refused else None,
        "refused_because": row.refused_because if row.refused else None,
        "text": row.texts_hash[:MARK] if row.texts_hash else None, "frozen_at": row.frozen_at,
        "leaves_at": row.leaves_at, "broadcast": row.broadcast_id, "sent_at": row.sent_at,
        "recalled_at": row.recalled_at, "recalled_by": row.recalled_by,
        "recalled_because": row.recalled_because, "corrects": row.corrects,
        "corrects_for": row.corrects_for,
    }  # fmt: skip


def recalled_facts(found: Recalled) -> dict[str, object]:
    """What calling an issue back came to, for machines."""
    return {
        "nobody_got_it": found.nobody, "had_it": found.had, "unknown": found.reached.unknown,
        "being_handed_over": found.reached.in_hand, "do_not_get_it": found.reached.missed,
    }  # fmt: skip


def recalled_words(issue: str, found: Recalled) -> str:
    """The same for people, and what they can do now."""
    if found.waits:
        return "Called back. Nobody has got it; approve it again when it is right."
    first = "It was called back before." if found.again else "Called back."
    return (
        f"{first} {found.reached.words()} Its pages are not public any more. A corrected one goes"
        " out, today if you like, with"
        f" `digital-cs newsletter extra {issue.partition('/')[0]} DAY --corrects {issue} --to"
        " missed`, or `--to everybody`."
    )


def due_next(
    row: IssueRow, plan: IssuePlan, zone: str, written: Mapping[str, SectionText], now: datetime
) -> str:
    """What has to happen next, and until when; `written` is what the sections say."""

    def at(moment: datetime | None) -> str:
        return output.stamp(moment, zone)

    recalled = row.recalled_at is not None
    match row.state:
        case State.PLANNED:
            return f"opens {at(plan.opens_at)}"
        case State.OPEN if _unwritten(row, written):
            return f"to be written by {at(plan.sections_by)}"
        case State.OPEN if _unsigned(row, written):
            return f"to be signed off by {at(plan.sign_off_by)}"
        case State.OPEN:
            return f"put together {at(plan.freeze_at)}"
        case State.FROZEN if row.approved:
            return f"approved, leaves {at(plan.leaves_at)}"
        case State.FROZEN if row.refused:
            return f"to be changed, as {row.refused_by} says, and approved by {at(plan.approve_by)}"
        case State.FROZEN if row.frozen_at is not None and row.frozen_at > plan.approve_by:
            return "to be approved, as soon as can be"
        case State.FROZEN if now >= plan.held_at:
            return f"held: it was to be approved by {at(plan.approve_by)}"
        case State.FROZEN:
            return f"to be approved by {at(plan.approve_by)}"
        case State.LEAVING:
            return f"leaves {at(row.leaves_at)}; can be called back"
        case State.SENDING:
            return "recalled; the rest is being stopped" if recalled else "being sent"
        case State.SENT:
            return f"{'recalled' if recalled else 'sent'}; its report comes"
        case State.DONE:
            return f"{'recalled' if recalled else 'sent'}, with a report"
        case State.SKIPPED:
            return "left out"


def _unwritten(row: IssueRow, written: Mapping[str, SectionText]) -> bool:
    return any(s.required and s.section not in written and s.filler is Filler.TEXT
               for s in row.newsletter.sections)  # fmt: skip


def _unsigned(row: IssueRow, written: Mapping[str, SectionText]) -> bool:
    return any(s.sign_off and s.section in written and not written[s.section].signed
               for s in row.newsletter.sections)  # fmt: skip


def section_lines(row: IssueRow, written: Mapping[str, SectionText]) -> list[list[str]]:
    """The sections of an issue, each with who fills it and how far it is."""
    lines = []
    for section in row.newsletter.sections:
        name = section.section
        if section.filler is not Filler.TEXT:
            lines.append([name, section.title, FILLED_BY[section.filler]])
            continue
        text = written.get(name)
        owner = row.newsletter.owner_of(name)
        if text is None:
            needed = "must be written" if section.required else "may be written"
            lines.append([name, section.title, f"{needed} by {owner}"])
            continue
        said = f"written by {text.written_by}"
        if section.sign_off is not None:
            said += (
                f", signed off by {text.signed_by}"
                if text.signed
                else f", to be changed: {text.refused_because} ({text.refused_by})"
                if text.refused
                else f", waits for {section.sign_off} to sign off"
            )
        lines.append([name, section.title, said])
    return lines
