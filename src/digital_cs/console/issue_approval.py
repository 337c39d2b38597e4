"""The page of who approves an issue: what would go out, to whom, when, and their answer."""

from __future__ import annotations

from html import escape

from digital_cs.console.issue_parts import (
    count,
    form,
    moment,
    progress,
    reason,
    section,
    since,
    subject,
)
from digital_cs.console.issue_views import IssueView, TextView
from digital_cs.domain.newsletters.issue import Reach, State
from digital_cs.domain.newsletters.issue_words import at_once, at_once_words, day_words
from digital_cs.domain.newsletters.newsletter import Audience, Filler

APPROVE, CHANGE, ANEW = "approve", "change", "anew"

_SOON = "It is put together anew in a moment; look again then."
_BEFORE = "It has to be put together anew before it can be approved."


def body(view: IssueView, base: str, written: str) -> str:
    """The page below its heading; as `issue_sheets.body`."""
    row = view.row
    parts = [subject(view), *(f"<p>{escape(each)}</p>" for each in _status(view))]
    if row.state is State.FROZEN:
        parts += [_what(view, base), _fresh(view), section("Who gets it", *_who(view))]
        parts.append(section("When it goes out", *_when(view)))
    parts.append(since(view))
    if row.state is State.FROZEN and row.put_together and view.outdated:
        parts.append(form("Your answer", base, ANEW, "Put it together anew", {}))
    if view.to_answer:
        seen = {"seen": row.texts_hash or "", "day": row.send_on.isoformat()}
        if not row.approved:
            parts.append(form("Your answer", base, APPROVE, "Approve exactly this", seen))
        about = "Take the approval back, and say what has to change" if row.approved else (
            "Or say what has to change"
        )  # fmt: skip
        parts.append(reason(about, base, CHANGE, "Ask for a change", seen, written))
    return "\n".join(filter(None, parts))


def _status(view: IssueView) -> list[str]:
    """How far it is, in a sentence or two."""
    row = view.row
    if row.state is State.FROZEN:
        return _frozen(view)
    match row.state:
        case State.PLANNED | State.OPEN:
            when = moment(view, view.plan.freeze_at)
            return [f"It is put together on {when}, and you are asked then."]
        case State.LEAVING:
            return [f"{row.approved_by} approved it. It leaves at {moment(view, row.leaves_at)};"
                    " the mail that says so has the link to call it back."]  # fmt: skip
        case State.SENDING:
            return [progress(view)]
        case State.SENT | State.DONE:
            return [f"It was sent. {progress(view)}"]
    return ["Somebody left it out, and it is not sent."]


def _frozen(view: IssueView) -> list[str]:
    row = view.row
    if not row.put_together:
        return [f"Somebody changed it after it was put together. {_SOON}"]
    if view.gone:
        return [f"It shows what is not to be shown any more. {_BEFORE}"]
    if view.comes_out_otherwise:
        return [f"A block or the layout was changed after it was put together. {_BEFORE}"]
    if row.approved:
        return [f"{row.approved_by} approved exactly this on {moment(view, row.approved_at)}."]
    said = []
    if row.refused:
        said.append(
            f"{row.refused_by} wants a change: “{row.refused_because}” Who writes it was told."
            " If nothing has to change after all, approve it."
        )
    elif row.approved_hash is not None:
        said.append(
            f"{row.approved_by} approved what it said on {moment(view, row.approved_at)}. It says"
            " something else now, so that approval is void."
        )
    if view.other_than_asked:
        said.append(
            "It says something else than when you were written to. This is what it says now; what"
            " happened since stands below."
        )
    return said


def _when(view: IssueView) -> list[str]:
    row, plan = view.row, view.plan
    letter = row.newsletter
    if view.moved_to is not None:
        return [f"Its day has begun in some places. Approved now, it goes out on"
                f" {day_words(view.moved_to)}, the next day that everybody has whole."]  # fmt: skip
    if at_once(plan, view.now):
        return [f"{at_once_words(letter)} Until it leaves it can still be called back. What nobody"
                " approves is not sent."]  # fmt: skip
    first, last = moment(view, plan.first_at), moment(view, plan.last_at)
    minutes = f"after {letter.recall} in which it can still be called back"
    if view.now < plan.approve_by:
        due = moment(view, plan.approve_by)
        answer = f"Please answer by {due}: what nobody approves is not sent. Then it leaves,"
    else:
        answer = "What nobody approves is not sent. Approved now, it leaves"
    return [
        f"On {day_words(row.send_on)}, at {letter.at:%-H:%M} where each reader is: the first one"
        f" on {first}, the last one on {last}.",
        f"{answer} {minutes}.",
    ]


def _who(view: IssueView) -> list[str]:
    letter = view.row.newsletter
    missed = view.row.corrects_for == Reach.MISSED
    return [
        f"{count(view.accounts, 'account')} ({letter.audience.segment.words()}), and of each"
        f" {_roles(letter.audience)}.",
        "Those who left, switched it off or had enough mail this week are left out when it is"
        " sent." + " So are those who had the issue that it corrects." * missed,
    ]


def _roles(audience: Audience) -> str:
    if audience.to == ("everybody",):
        return "everybody"
    said = ["any active person" if role == "any" else f"the {role}" for role in audience.to]
    return ", else ".join(said)


def _what(view: IssueView, base: str) -> str:
    """Every text with its reach, and the odd ones out."""
    of = len(view.texts)
    parts = [_text(view, each, number, of, base) for number, each in enumerate(view.texts, 1)]
    if any(s.filler is Filler.MERGED for s in view.row.newsletter.sections):
        parts.append("<p>Messages that waited for it are added to the letters of their readers when"
                     " it is sent.</p>")  # fmt: skip
    odd = sum(each.odd for each in view.texts)
    if odd:
        shown = "\n".join(
            f"<li>{escape(account)}: {escape('; '.join(wish))}</li>" for account, wish in view.odd
        )
        more = odd - len(view.odd)
        rest = f"\n<li>and {count(more, 'account')} more</li>" if more > 0 else ""
        whose = "its" if odd == 1 else "their"
        parts.append(
            f"<p>Odd ones out: {count(odd, 'account')} would be shown more, with a text of"
            f" {whose} own.</p>\n"
            f"<ul>\n{shown}{rest}\n</ul>"
        )
    texts = "One text" if of == 1 else f"{of} texts"
    return f"<section>\n<h2>What goes out: {texts}</h2>\n{''.join(parts)}\n</section>"


def _text(view: IssueView, text: TextView, number: int, of: int, base: str) -> str:
    own = f"Of its own it shows: {'; '.join(text.shows)}." if text.shows else (
        "It shows nothing that others do not get." if of > 1 else ""
    )  # fmt: skip
    odd = f" {count(text.odd, 'account')} of these would be shown more." if text.odd else ""
    name = f"Text {number} of {of}" if of > 1 else "Read it"
    told = f"<p>{escape(own + odd)}</p>\n" if own or odd else ""
    see = f'<a href="{base}/text/{escape(text.name)}">See it as a reader does</a>'
    return f"""<details>
<summary>{name}: {count(text.accounts, "account")}</summary>
{told}<pre class="text" tabindex="0">{escape(text.text)}</pre>
<ul class="links"><li>{see}</li></ul>
</details>
"""


def _fresh(view: IssueView) -> str:
    if not view.gone:
        return section("Is it fresh?", "All that it shows from the library is fresh.")
    items = "\n".join(f"<li>{escape(each)}</li>" for each in view.gone)
    return (
        "<section>\n<h2>What it must not show any more</h2>\n"
        f"<p>Stale, blocked or retired since it was put together:</p>\n<ul>\n{items}\n</ul>\n"
        "</section>"
    )
