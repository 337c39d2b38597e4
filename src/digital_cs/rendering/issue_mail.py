"""Mail about an issue to colleagues: what is asked of them, and the tests that they look at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from html import escape

from digital_cs.domain.newsletters.issue_words import Told
from digital_cs.domain.newsletters.newsletter import Newsletter
from digital_cs.rendering.colleague_mail import Letter, letter, literal
from digital_cs.rendering.context import LinksView, ProgramView, SenderView
from digital_cs.rendering.issue_text import with_merged
from digital_cs.rendering.library import EmailLibrary
from digital_cs.rendering.made_up import made_up
from digital_cs.rendering.render import Rendered, render

_LINKS = LinksView("https://example.com/u", "https://example.com/p", "https://example.com")
"""Of a test, which is nobody's: they lead nowhere."""
# Where a mailbox takes the line after the subject from: it is to be that of the issue.
_BEGIN = re.compile(r'<body\b[^>]*>(?:\s*<div style="display:none.*?</div>)?', re.S)
_STRIP = (
    '<div style="padding:12px 16px;background-color:#fff4d6;color:#1c2430;text-align:center;'
    "font:15px/1.5 -apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif\">{}</div>"
)


@dataclass(frozen=True, slots=True)
class Link:
    """The page of an issue for one colleague, what its button says, and its last day."""

    url: str
    button: str
    until: date


def asking(words: Told, newsletter: Newsletter, link: Link | None) -> Letter:
    """What a colleague is told of an issue, with a button where a page asks something of them."""
    said = [literal(line) for line in words.lines if line]
    in_terminal = ["In a terminal:", f"```\n{words.command}\n```"] if words.command else []
    footer = f"You get this because {newsletter.name} names you."
    html = text = [*said, *in_terminal]
    if link is not None:
        html = [*said, f'[{literal(link.button)}]({link.url} "button")', *in_terminal]
        text = [*said, f"{literal(link.button)}:\n{link.url}", *in_terminal]
        footer += (
            f" The link is yours: what is answered there is kept under your name. It is good until"
            f" {link.until:%-d %B %Y}."
        )
    return letter(
        words.subject, words.lines[0], html="\n\n".join(html), text="\n\n".join(text),
        footer=literal(footer),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Example:
    """A variant as a reader gets it whom nobody knows, and the hash of all that it is made of."""

    shown: Rendered
    source_hash: str


def example(
    library: EmailLibrary, newsletter: Newsletter, source: str, sender: SenderView
) -> Example | None:
    """A variant with values that are made up; None if its text cannot be used."""
    template, _ = library.compile_text(newsletter.newsletter, with_merged(source, ""))
    if template is None:
        return None
    program = ProgramView(newsletter.name, newsletter.newsletter)
    values = made_up(template.tags, program=program, links=_LINKS, sender=sender)
    return Example(render(template, values), template.source_hash)


def test(shown: Rendered, about: str, link: Link | None) -> Letter:
    """A variant as a reader gets it, with a strip above it that says what it is."""
    said = "Robin Example stands for each reader, who is addressed by their own name."
    strip, above = f"{escape(about)}. {said}", f"{about}.\n{said}"
    if link is not None:
        strip += f'<br><a href="{escape(link.url)}" style="color:#1f5fd1">{link.button}</a>'
        above += f"\n\n{link.button}:\n{link.url}"
    begin = _BEGIN.search(shown.html)
    at = begin.end() if begin is not None else 0
    html = shown.html[:at] + _STRIP.format(strip) + shown.html[at:]
    return Letter(f"[{about}] {shown.subject}", f"{above}\n\n{'-' * 24}\n\n{shown.text}", html)
