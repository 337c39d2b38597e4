"""Parts that the pages about an issue share: sections, forms, moments, and what happened since."""

from __future__ import annotations

from datetime import datetime
from html import escape

from digital_cs.console.issue_views import IssueView
from digital_cs.console.signed_pages import MOST_WORDS


def subject(view: IssueView) -> str:
    """What readers see of it in a mailbox."""
    shown = view.texts[0].subject if view.texts else view.row.subject
    preview = f"<br>{escape(view.row.preview)}" if view.row.preview else ""
    return f"<p>Subject: <strong>{escape(shown)}</strong>{preview}</p>"


def section(title: str, *lines: str) -> str:
    """A heading of the source with plain lines."""
    said = "\n".join(f"<p>{escape(line)}</p>" for line in lines)
    return f"<section>\n<h2>{title}</h2>\n{said}\n</section>"


def form(title: str, base: str, act: str, label: str, seen: dict[str, str]) -> str:
    """One button, bound to what the page shows, which is `seen`."""
    return (
        f'<section>\n<h2>{title}</h2>\n<form method="post" action="{base}/{act}">\n'
        f'{_hidden(seen)}<button type="submit">{label}</button>\n</form>\n</section>'
    )


def reason(
    title: str, base: str, act: str, label: str, seen: dict[str, str], written: str,
    *, needed: bool = True,
) -> str:  # fmt: skip
    """A form that asks why; its button is the quiet one where a yes stands above it."""
    must, quiet = (" required", ' class="quiet"') if needed else ("", "")
    words = "In your words" if needed else "Why, if there is time to say it"
    return f"""<section>
<h2>{title}</h2>
<form method="post" action="{base}/{act}">
{_hidden(seen)}<label class="field" for="because">{words}</label>
<textarea id="because" name="because" rows="3" maxlength="{MOST_WORDS}"{must}>{escape(written)}\
</textarea>
<button type="submit"{quiet}>{label}</button>
</form>
</section>"""


def _hidden(seen: dict[str, str]) -> str:
    return "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">\n'
        for name, value in seen.items()
    )


def progress(view: IssueView) -> str:
    """How many have it, in a sentence."""
    found = view.progress
    if found is None or not found.recipients:
        return "Nobody has got it yet."
    people = count(found.sent, "person", "people")
    have = "has" if found.sent == 1 else "have"
    left = f", and {found.left:,} still wait for it" if found.left else ""
    return f"{people} {have} got it{left}."


def since(view: IssueView) -> str:
    """What happened after the mail was written; "" where nothing did."""
    if not view.since:
        return ""
    lines = "\n".join(
        f"<li>{moment(view, note.at)}, {escape(note.who)}: {escape(note.words)}</li>"
        for note in view.since
    )
    asked = moment(view, view.invitation.asked_at)
    return (
        f"<section>\n<h2>What happened since</h2>\n<p>You were written to on {asked}.</p>\n"
        f"<ul>\n{lines}\n</ul>\n</section>"
    )


def moment(view: IssueView, at: datetime | None) -> str:
    """A moment by the clock of the workspace."""
    return f"{at.astimezone(view.zone):%A %-d %B, %-H:%M %Z}" if at is not None else ""


def count(number: int, one: str, many: str = "") -> str:
    """So many of something."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
