"""One e-mail for many contacts: as `render` makes it for each, at a fraction of the cost."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from digital_cs.rendering.compiler import EmailTemplate
from digital_cs.rendering.context import RenderContext
from digital_cs.rendering.link_marks import CUT
from digital_cs.rendering.links import BODY_END, Tracker
from digital_cs.rendering.mass_program import Branch, Fixed, Run, Step, Steps, UnknownStepError
from digital_cs.rendering.plain_text import finish, lay_out
from digital_cs.rendering.render import MAX_SUBJECT, render

Pieces = Sequence[Fixed | str]
"""A body in pieces. One that is `Fixed` is the very same object in other messages, too."""

_MARK = Fixed("")
"""Stands on both sides of an address that may tell of a click."""
_END = Fixed("")
"""Stands before the end of the body."""
_BLOCKS_KEPT = 512


@dataclass(frozen=True, slots=True)
class Personal:
    """A message to one contact. `content_hash` is that of `render`: over what was approved."""

    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: Pieces = field(repr=False)
    content_hash: str


class MassTemplate:
    """Renders one e-mail again and again; not to be shared between threads.

    Whatever it cannot do by itself (loops, sums), and every contact for whom anything fails, is
    left to `render`: so the words, and the complaints, are always those.
    """

    def __init__(self, template: EmailTemplate) -> None:
        self._template = template
        # Most blocks of the plain text are the same for everybody, and many a name comes again.
        self._lay = lru_cache(maxsize=_BLOCKS_KEPT)(lay_out)
        steps = Steps()
        try:
            self._subject = steps.of(template.subject_part)
            self._text = steps.of(template.text_part)
            html = steps.of(template.html_part)
            if _ends(html) != 1:
                raise UnknownStepError
            self._html = _cut(html)
            self.quick = True
        except UnknownStepError:
            self.quick = False
        self._places = steps.places

    def personal(self, context: RenderContext, message_id: str, tracker: Tracker) -> Personal:
        """The message for this contact, its links led by `tracker`. Raises what `render` raises."""
        if self.quick:
            try:
                made = self._quickly(context, message_id, tracker)
            except Exception:  # whatever it is, `render` says it in its own words
                made = None
            if made is not None:
                return made
        rendered = render(self._template, context)
        html: list[Fixed | str] = []
        for place, piece in enumerate(rendered.html_pieces):
            html += (_MARK, piece) if place else (piece,)
        end = max(place for place, each in enumerate(html) if BODY_END in _said(each))
        before, after, rest = _said(html[end]).rpartition(BODY_END)
        html[end : end + 1] = (before, _END, after + rest)
        return _tracked(
            rendered.subject, rendered.text_pieces, html, rendered.content_hash, message_id, tracker
        )

    def _quickly(
        self, context: RenderContext, message_id: str, tracker: Tracker
    ) -> Personal | None:
        """None: `render` has to say what is wrong with it."""
        template, run = self._template, Run(context, self._places)
        subject_out: list[str] = []
        run.text(self._subject, subject_out)
        subject = "".join(subject_out)
        text_out: list[str] = []
        run.text(self._text, text_out)
        text = "".join(text_out)
        html: list[Fixed | str] = []
        run.html(self._html, html)
        whole = "".join([each if type(each) is str else each.text for each in html])  # type: ignore[union-attr]
        marks = 2 * len(html)  # more than there can be, and they count there
        fits = (
            len(subject) <= template.subject_part.limit
            and len(text) <= template.text_part.limit
            and len(whole) + marks <= template.html_part.limit
            and 0 < len(subject := subject.strip()) <= MAX_SUBJECT
        )
        if not fits:
            return None
        pieces = finish(text, self._lay).split(CUT)
        said = "\0".join((subject, "".join(pieces), whole)).encode()
        digest = hashlib.sha256(said).hexdigest()
        return _tracked(subject, pieces, html, digest, message_id, tracker)


def _tracked(
    subject: str, text: Sequence[str], html: list[Fixed | str], digest: str, message_id: str,
    tracker: Tracker,
) -> Personal:  # fmt: skip
    """The same as `links.tracked` makes of a whole message; `html` becomes the message's."""
    marks = [place for place, each in enumerate(html) if each is _MARK]
    spans = list(zip(marks[::2], marks[1::2], strict=True))
    led = tracker.lead(message_id, ["".join(map(_said, html[first:last])) for first, last in spans])
    if not led.more:
        return Personal(subject, "".join(text), html, digest)
    for (first, last), url in zip(spans, led.urls, strict=True):
        if url is not None:
            html[first:last] = (url, *[""] * (last - first - 1))
    html[html.index(_END)] = led.more
    return Personal(subject, led.text(text), html, digest)


def _said(piece: Fixed | str) -> str:
    return piece if isinstance(piece, str) else piece.text


def _ends(steps: Iterable[Step]) -> int:
    """How often the end of the body stands among the steps. No value has a < that is not escaped,
    so that it stands nowhere else."""
    found = 0
    for step in steps:
        if isinstance(step, Fixed):
            found += step.text.count(BODY_END)
        elif isinstance(step, Branch):
            found += sum(_ends(body) for _, body in step.cases) + _ends(step.otherwise)
    return found


def _cut(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps with marks of their own, no longer inside of the text around them."""
    cut: list[Step] = []
    for step in steps:
        if isinstance(step, Branch):
            cases = tuple((test, _cut(body)) for test, body in step.cases)
            cut.append(Branch(cases, _cut(step.otherwise)))
        elif isinstance(step, Fixed):
            for number, piece in enumerate(step.text.split(CUT)):
                before, end, after = piece.partition(BODY_END)
                cut += (_MARK, Fixed(before)) if number else (Fixed(before),)
                if end:
                    cut += (_END, Fixed(end + after))
        else:
            cut.append(step)
    return tuple(cut)
