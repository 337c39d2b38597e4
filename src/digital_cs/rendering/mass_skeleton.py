"""The skeleton of messages that differ in their values only, and how values are put into it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from markupsafe import escape

from digital_cs.rendering.compiler import EmailTemplate
from digital_cs.rendering.context import LinksView, RenderContext
from digital_cs.rendering.filters import MOST_LINK, outgoing
from digital_cs.rendering.links import Tracker
from digital_cs.rendering.mass_frame import Filled, Slots, has_places, most_uses, place
from digital_cs.rendering.mass_html import HtmlBody
from digital_cs.rendering.mass_program import Expression, Read
from digital_cs.rendering.mass_text import TextBody, led_text
from digital_cs.rendering.render import MAX_SUBJECT
from digital_cs.signing import MOST_TOKEN

_HARMLESS = re.compile("[^&<>\"']*").fullmatch

Steps = Iterable[str | Expression]


@dataclass(slots=True)
class Personal:
    """A message to one contact. `content_hash` is that of `render`: over what was approved."""

    subject: str = field(repr=False)
    text: Filled = field(repr=False)
    html: Filled = field(repr=False)
    content_hash: str


class Skeleton:
    """The three parts of an e-mail along one way through its questions."""

    def __init__(
        self, template: EmailTemplate, context: RenderContext, links: LinksView, subject: Steps,
        text: Steps, html: Steps,
    ) -> None:  # fmt: skip
        """What is the same for everybody is read from `context`, that of the first; `links` are
        without the token. Raises `UnknownStepError` if the HTML has not one end of its body, and
        whatever a value does that cannot be."""
        self._context = context
        self._links = links
        self._places: dict[str, int] = {}
        self._reads: list[Read] = []
        head, plain = self._joined(subject), self._joined(text)
        marked = self._joined(html, html=True)
        limits = (
            (head, template.subject_part.limit), (plain, template.text_part.limit),
            (marked, template.html_part.limit),
        )  # fmt: skip
        # As many letters of values fit, wherever they are printed. Who has more is rendered.
        self._room = min((limit - len(part)) // most_uses(part) for part, limit in limits)
        self._subject: Slots | str = Slots(head) if has_places(head) else head.strip()
        values = 1 + len(self._reads)  # the token is the first
        self._text = TextBody(plain, values)
        self._html = HtmlBody(marked, values)
        self._hashed = hashlib.sha256(self._html.begin.encode())

    def _joined(self, steps: Steps, *, html: bool = False) -> str:
        """The text of these steps, with places for what is not the same for everybody."""
        pieces: list[str] = []
        for step in steps:
            if isinstance(step, str):
                pieces.append(step)
            elif step.same:
                value = _printed(step.read(self._context))
                pieces.append(_escaped(value) if html else value)
            elif (base := self._own(step)) is not None:
                pieces.append((_escaped(base) if html else base) + place(0))
            else:
                if step.name not in self._places:
                    self._reads.append(step.read)
                    self._places[step.name] = len(self._reads)
                pieces.append(place(self._places[step.name]))
        return "".join(pieces)

    def _own(self, step: Expression) -> str | None:
        """The link of the recipient that it prints, but for the token, if that is how it is
        printed: a token changes nothing in an address."""
        if step.link is None:
            return None
        base: str = getattr(self._links, step.link)
        known: str = getattr(self._context.links, step.link)
        fits = len(base) + MOST_TOKEN <= MOST_LINK and _printed(step.read(self._context)) == known
        return base if fits else None

    def personal(
        self, context: RenderContext, token: str, message_id: str, tracker: Tracker
    ) -> Personal | None:
        """The message for this contact; None: `render` has to look at it. Raises whatever a value
        does that cannot be."""
        values, escaped = [token], [token]
        for read in self._reads:
            value = read(context)
            # Most are texts that `outgoing` leaves as they are, and without a letter to escape.
            if type(value) is not str or not value.isprintable():
                value = _printed(value)
            values.append(value)
            escaped.append(value if _HARMLESS(value) else str(escape(value)))
        if sum(map(len, escaped)) > self._room:
            return None
        subject = self._subject
        if not isinstance(subject, str):
            subject = subject.filled(values).strip()
        plain = self._text.approved(values)
        if plain is None or not 0 < len(subject) <= MAX_SUBJECT:
            return None
        text, marked = plain
        links = self._html.links(escaped)
        html = self._html.approved(escaped, links)
        # What `render` hashes: the three parts with a zero between them.
        approved = (*html.raw()[1:], b"\0", *text.raw(), b"\0", subject.encode())
        hashed = self._hashed.copy()
        hashed.update(b"".join(approved))
        led = tracker.lead(message_id, links)
        return Personal(
            subject, led_text(text, marked, led), self._html.sent(escaped, links, led),
            hashed.hexdigest(),
        )  # fmt: skip


def _printed(value: object) -> str:
    return str(outgoing(value))


def _escaped(value: str) -> str:
    return str(escape(value))
