"""What stands on the pages about an issue: how far it is, and what can be answered."""

from __future__ import annotations

from html import escape

from digital_cs.console import issue_approval
from digital_cs.console.issue_approval import ANEW, APPROVE, CHANGE
from digital_cs.console.issue_parts import form, moment, progress, reason, since, subject
from digital_cs.console.issue_views import IssueView
from digital_cs.domain.newsletters.issue import BEFORE_IT_LEAVES, State
from digital_cs.domain.newsletters.issue_words import Asks, day_words
from digital_cs.domain.source import length_words

SIGN, RECALL = "sign", "recall"
ACTS = {
    Asks.APPROVE: (APPROVE, CHANGE, ANEW), Asks.SIGN: (SIGN, CHANGE), Asks.RECALL: (RECALL,),
}  # fmt: skip
"""What can be done by a link that was made for something."""


def title(view: IssueView) -> str:
    """The heading, which says how far it is."""
    row = view.row
    name = f"{row.newsletter.name}, {day_words(row.send_on)}"
    if view.invitation.section:
        return f"{_section_state(view)}: {heading_of(view)} of {name}"
    match row.state:
        case State.PLANNED | State.OPEN:
            found = "Being written"
        case State.FROZEN if not row.put_together:
            found = "Being put together anew"
        case State.FROZEN if view.outdated:
            found = "Not to be approved as it is"
        case State.FROZEN if row.approved:
            found = "Approved"
        case State.FROZEN:
            found = "To change" if row.refused else "To approve"
        case State.LEAVING:
            found = f"Leaves in {_left(view)}"
        case _ if row.recalled_at is not None:
            found = "Called back"
        case State.SENDING:
            found = "Being sent"
        case State.SENT | State.DONE:
            found = "Sent"
        case State.SKIPPED:
            found = "Left out"
    return f"{found}: {name}"


def body(view: IssueView, base: str, written: str = "") -> str:
    """The page below its heading. `base` is the address of the page itself, and `written` what
    was written into a reason before."""
    match Asks(view.invitation.act):
        case Asks.SIGN:
            return _sign(view, base, written)
        case Asks.RECALL:
            return _recall(view, base, written)
        case Asks.APPROVE:
            return issue_approval.body(view, base, written)


def heading_of(view: IssueView) -> str:
    """The section that a link is about, as people know it."""
    name = view.invitation.section
    titles = (s.title for s in view.row.newsletter.sections if s.section == name)
    return f"“{next(titles, '') or name}”"


def _section_state(view: IssueView) -> str:
    if view.section is None:
        return "Taken back"
    if view.section.signed:
        return "Signed off"
    return "To change" if view.section.refused else "To sign off"


def _sign(view: IssueView, base: str, written: str) -> str:
    text, row = view.section, view.row
    if text is None:
        return f"<p>Nothing is written for it any more.</p>\n{since(view)}"
    said = [f"{text.written_by} wrote it on {moment(view, text.written_at)}."]
    if text.signed:
        said.append(f"{text.signed_by} signed exactly this off on {moment(view, text.signed_at)}.")
    elif text.refused:
        said.append(f"{text.refused_by} wants a change: “{text.refused_because}”")
    if view.other_than_asked:
        said.append("It says something else than when you were written to. This is the new text.")
    open_ = row.state in BEFORE_IT_LEAVES
    if not open_:
        said.append(_too_far(row.state))
    parts = [*(f"<p>{escape(each)}</p>" for each in said), _written(text.text), since(view)]
    if open_:
        seen = {"seen": text.text_hash}
        if not text.signed:
            parts.append(form("Your answer", base, SIGN, "That is right", seen))
        about = "Take that back, and say what is wrong" if text.signed else "Or say what is wrong"
        parts.append(reason(about, base, CHANGE, "Ask for a change", seen, written))
    return "\n".join(filter(None, parts))


def _too_far(state: State) -> str:
    """Why nothing can be signed off any more."""
    match state:
        case State.LEAVING:
            return "The issue is about to leave, so nothing can be signed off any more."
        case State.SKIPPED:
            return "The issue is left out, so nothing is to be signed off."
    return "The issue went out, so nothing can be signed off any more."


def _written(text: str) -> str:
    filled = ""
    if "{{" in text or "{%" in text:
        filled = "<p>What stands in braces is filled in for each reader.</p>\n"
    return (
        f'<section>\n<h2>What it says</h2>\n{filled}<pre class="text" tabindex="0">'
        f"{escape(text.strip())}</pre>\n</section>"
    )


def _recall(view: IssueView, base: str, written: str) -> str:
    row, label = view.row, "Call it back"
    match row.state:
        case State.LEAVING:
            left, at = _left(view), moment(view, row.leaves_at)
            said = f"It leaves in {left}, on {at}. Until then nobody has got it."
        case _ if row.recalled_at is not None:
            at = moment(view, row.recalled_at)
            said = f"{row.recalled_by} called it back on {at}: {row.recalled_because}"
            said, label = f"{said} {progress(view)}", ""
        case State.SENDING:
            said = (
                f"The minutes are over. {progress(view)} Nobody more gets it once it is called"
                " back, and its pages are not public any more."
            )
        case State.SENT | State.DONE:
            said = (
                f"All of it was sent. {progress(view)} To call it back only takes its pages from"
                " where anybody can read them."
            )
        case _:
            said, label = "It is not on its way, so there is nothing to call back.", ""
            if row.refused:
                said = f"It does not leave: {row.refused_by} wants a change. {row.refused_because}"
    parts = [subject(view), f"<p>{escape(said)}</p>"]
    if label:
        parts.append(reason(label, base, RECALL, label, {}, written, needed=False))
    return "\n".join(filter(None, [*parts, since(view)]))


def _left(view: IssueView) -> str:
    """How long it can still be called back."""
    leaves_at = view.row.leaves_at
    return length_words(leaves_at - view.now) if leaves_at is not None else "a moment"
