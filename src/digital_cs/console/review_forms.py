"""What stands on the page of a reviewer: the item, why it is asked for, and one form an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from html import escape

from digital_cs.console.signed_pages import MOST_WORDS
from digital_cs.domain.content.content_item import Checked

REVIEW, SNOOZE, REASSIGN, RETIRE = "review", "snooze", "reassign", "retire"
STILL_RIGHT, EDITED = "still-right", "edited"
ACTS = (STILL_RIGHT, EDITED, SNOOZE, REASSIGN, RETIRE)

_CHECKED = {
    Checked.STEPS: "The steps lead where they say",
    Checked.SCREENSHOTS: "The screenshots show today's product",
    Checked.LINKS: "The links work",
    Checked.PRICES: "Prices and limits are right",
    Checked.WORDING: "The wording is ours, and says it well",
}
_OTHERS = {
    SNOOZE: "Put it off", REASSIGN: "Give it to somebody else", RETIRE: "Retire it",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that the page tells of a case; plain texts. `said`: what was filled in before."""

    title: str
    kind: str
    place: str
    link: str | None
    why: Sequence[str]
    readers: str
    used_in: Sequence[str]
    turn: str
    latest_snooze: date
    first_snooze: date
    may_snooze: bool
    team: Sequence[tuple[str, str]]
    said: dict[str, list[str]] = field(default_factory=dict)

    def filled(self, name: str) -> str:
        """What was written into a field before, for an attribute or a text."""
        return escape(self.said.get(name, [""])[0])


def body(sheet: Sheet, base: str, act: str) -> str:
    """The page below its title, with the form of one answer; `base`: the address of the case."""
    place = escape(sheet.place)
    if sheet.link is not None:
        place = f'<a href="{escape(sheet.link)}" rel="noreferrer">{place}</a>'
    parts = [
        f"<p>{escape(sheet.kind)}, {place}</p>",
        _list("Why it is asked for", sheet.why),
        f"<section>\n<h2>Who is about to read it</h2>\n<p>{escape(sheet.readers)}</p>\n</section>",
    ]
    if sheet.used_in:
        parts.append(_list("What shows it", sheet.used_in))
    if sheet.turn:
        parts.append(f"<p>{escape(sheet.turn)}</p>")
    parts += [_form(sheet, base, act), _others(sheet, base, act)]
    return "\n".join(parts)


def _list(title: str, lines: Sequence[str]) -> str:
    shown = "\n".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<section>\n<h2>{title}</h2>\n<ul>\n{shown}\n</ul>\n</section>"


def _form(sheet: Sheet, base: str, act: str) -> str:
    match act:
        case "snooze":
            fields, label = _snooze(sheet), "Put it off"
        case "reassign":
            fields, label = _reassign(sheet), "Give it away"
        case "retire":
            fields, label = _retire(sheet), "Retire it"
        case _:
            fields, label = _review(sheet, act), "That is my review"
            act = REVIEW
    title = {REVIEW: "Your review"}.get(act, _OTHERS.get(act, ""))
    return f"""<section>
<h2>{title}</h2>
<form method="post" action="{base}/{act}">
{fields}
<button type="submit">{label}</button>
</form>
</section>"""


def _review(sheet: Sheet, act: str) -> str:
    ticked = sheet.said.get("checked", [])
    boxes = "\n".join(
        f'<label><input type="checkbox" name="checked" value="{each}"'
        f"{' checked' if each in ticked else ''}><span>{words}</span></label>"
        for each, words in _CHECKED.items()
    )
    chosen = sheet.filled("changed") or {STILL_RIGHT: "no", EDITED: "yes"}.get(act, "")
    radios = "\n".join(
        f'<label><input type="radio" name="changed" value="{value}" required'
        f"{' checked' if value == chosen else ''}><span>{words}</span></label>"
        for value, words in (("no", "All is still right"), ("yes", "I changed something"))
    )
    return f"""<fieldset>
<legend>What I checked</legend>
{boxes}
</fieldset>
<fieldset>
<legend>What I found</legend>
{radios}
</fieldset>
{_text("note", "What the next one should know", sheet, needed=False)}"""


def _snooze(sheet: Sheet) -> str:
    if not sheet.may_snooze:
        return (
            "<p>It was put off once already, and that is possible only once. Review it, give it"
            " to somebody else, or retire it.</p>"
        )
    until = sheet.filled("until") or sheet.latest_snooze.isoformat()
    return f"""<p>Once, until {sheet.latest_snooze:%-d %b %Y} at the latest.</p>
<label class="field" for="until">Until</label>
<input type="date" id="until" name="until" required value="{until}"
 min="{sheet.first_snooze.isoformat()}" max="{sheet.latest_snooze.isoformat()}">
{_text("because", "Why", sheet)}"""


def _reassign(sheet: Sheet) -> str:
    chosen = sheet.filled("to")
    options = "\n".join(
        f'<option value="{escape(name)}"{" selected" if escape(name) == chosen else ""}>'
        f"{escape(shown)}</option>"
        for name, shown in sheet.team
    )
    address = sheet.filled("address")
    return f"""<p>It begins anew with them: they are told in their next weekly mail.</p>
<label class="field" for="to">Somebody of the team</label>
<select id="to" name="to">
<option value="">Nobody of them</option>
{options}
</select>
<label class="field" for="address">Or an e-mail address</label>
<input type="email" id="address" name="address" maxlength="254" value="{address}">"""


def _retire(sheet: Sheet) -> str:
    return f"""<p>It counts as out of use from now on, and nobody is asked about it again. Its file
 stays where it is.</p>
{_text("because", "Why", sheet)}"""


def _text(name: str, label: str, sheet: Sheet, *, needed: bool = True) -> str:
    must = " required" if needed else ""
    return (
        f'<label class="field" for="{name}">{label}</label>\n<textarea id="{name}" name="{name}"'
        f' rows="3" maxlength="{MOST_WORDS}"{must}>{sheet.filled(name)}</textarea>'
    )


def _others(sheet: Sheet, base: str, act: str) -> str:
    links = [] if act in (STILL_RIGHT, EDITED, REVIEW, "") else [(REVIEW, "Review it")]
    links += [each for each in _OTHERS.items() if each[0] != act]
    if not sheet.may_snooze:
        links = [each for each in links if each[0] != SNOOZE]
    shown = "\n".join(
        f'<li><a href="{base}{"" if name == REVIEW else f"/{name}"}">{label}</a></li>'
        for name, label in links
    )
    return f'<section>\n<h2>Or</h2>\n<ul class="links">\n{shown}\n</ul>\n</section>'
