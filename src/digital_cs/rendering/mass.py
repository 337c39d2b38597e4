"""One e-mail for many contacts: as `render` makes it for each, at a fraction of the cost."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from digital_cs.rendering.compiler import EmailTemplate
from digital_cs.rendering.context import RenderContext
from digital_cs.rendering.link_marks import CUT
from digital_cs.rendering.links import BODY_END, Tracker
from digital_cs.rendering.mass_program import Body, UnknownStepError, steps_of
from digital_cs.rendering.mass_skeleton import Fixed, Pieces, Skeleton
from digital_cs.rendering.render import MAX_SUBJECT, render

_SKELETONS_KEPT = 64


@dataclass(frozen=True, slots=True)
class Personal:
    """A message to one contact. `content_hash` is that of `render`: over what was approved."""

    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: Pieces = field(repr=False)
    content_hash: str


class MassTemplate:
    """Renders one e-mail again and again; not to be shared between threads.

    All messages for which the template's questions are answered alike share a skeleton, and only
    values are put into it. Whatever cannot be done so (loops, sums), and every contact for whom
    anything fails, is left to `render`: so the words, and the complaints, are always those.
    """

    def __init__(self, template: EmailTemplate) -> None:
        self._template = template
        self._skeletons: dict[tuple[int, ...], Skeleton] = {}
        self._parts: tuple[Body, ...] = ()
        try:
            parts = (template.subject_part, template.text_part, template.html_part)
            self._parts = tuple(steps_of(part) for part in parts)
        except UnknownStepError:
            pass

    @property
    def quick(self) -> bool:
        """Whether messages are made of a skeleton."""
        return bool(self._parts)

    def personal(self, context: RenderContext, message_id: str, tracker: Tracker) -> Personal:
        """The message for this contact, its links led by `tracker`. Raises what `render` raises."""
        if self._parts:
            try:
                made = self._quickly(context, message_id, tracker)
            except Exception:  # whatever it is, `render` says it in its own words
                made = None
            if made is not None:
                return made
        rendered = render(self._template, context)
        html = rendered.html_pieces
        end = max(place for place, piece in enumerate(html) if BODY_END in piece)
        before, _, after = html[end].rpartition(BODY_END)
        pieces: list[Fixed | str] = [*html[:end], before, "", BODY_END + after, *html[end + 1 :]]
        marked = [place if place < end else place + 2 for place in range(1, len(html), 2)]
        led = tracker.lead(message_id, html[1::2])
        if not led.more:
            return Personal(rendered.subject, rendered.text, pieces, rendered.content_hash)
        for place, url in zip(marked, led.urls, strict=True):
            if url is not None:
                pieces[place] = url
        pieces[end + 1] = led.more
        text = led.text(rendered.text_pieces)
        return Personal(rendered.subject, text, pieces, rendered.content_hash)

    def _quickly(
        self, context: RenderContext, message_id: str, tracker: Tracker
    ) -> Personal | None:
        """None: `render` has to say what is wrong with it."""
        template = self._template
        skeleton = self._skeleton(context)
        values = skeleton.values(context)
        subject = skeleton.subject(values)
        raw = skeleton.raw_text(values)
        said = skeleton.html(values)
        whole = "".join(said)
        fits = (
            len(subject) <= template.subject_part.limit
            and len(raw) <= template.text_part.limit
            and len(whole) + skeleton.cuts <= template.html_part.limit
            and 0 < len(subject := subject.strip()) <= MAX_SUBJECT
        )
        if not fits:
            return None
        text = skeleton.text(raw, values).split(CUT)
        approved = "\0".join((subject, "".join(text), whole)).encode()
        content_hash = hashlib.sha256(approved).hexdigest()
        led = tracker.lead(message_id, skeleton.addresses(said))
        return Personal(subject, led.text(text), skeleton.led(said, led), content_hash)

    def _skeleton(self, context: RenderContext) -> Skeleton:
        way: list[int] = []
        for part in self._parts:
            part.take(context, way)
        known = tuple(way)
        found = self._skeletons.get(known)
        if found is None:
            taken = iter(way)
            found = Skeleton(*([*part.along(taken)] for part in self._parts))
            if len(self._skeletons) == _SKELETONS_KEPT:
                self._skeletons.clear()
            self._skeletons[known] = found
        return found
