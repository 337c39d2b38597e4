"""One e-mail for one contact: subject, text and HTML of the message."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from digital_cs.rendering.compiler import EmailTemplate
from digital_cs.rendering.context import RenderContext
from digital_cs.rendering.errors import SubjectError
from digital_cs.rendering.link_marks import CUT
from digital_cs.rendering.plain_text import finish

MAX_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message as it was approved. `content_hash` is over all three parts (P21), the HTML first:
    most of it is the same in many messages, and hashed once for these (`mass_skeleton`).

    The pieces are the two bodies cut at the links that may tell of a click (`links.tracked`):
    text, address, text, address, …, text.
    """

    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    content_hash: str
    text_pieces: Sequence[str] = field(default=(), repr=False, compare=False)
    html_pieces: Sequence[str] = field(default=(), repr=False, compare=False)


def render(template: EmailTemplate, context: RenderContext) -> Rendered:
    """Render `template` for `context`. Pure and quick: everything else was done at load.

    Values are escaped by the kind of part they land in and never read as Markdown or markup.
    Raises a RenderError that names file and line and quotes no value.
    """
    email = template.name
    variables = context.as_variables()
    subject = template.subject_part.render(email, variables).strip()
    if not subject or len(subject) > MAX_SUBJECT:
        size = f"has {len(subject)} characters instead of 1 to {MAX_SUBJECT}"
        raise SubjectError(email, template.file, 1, f"the subject {size}.")
    text_pieces = finish(template.text_part.render(email, variables)).split(CUT)
    html_pieces = template.html_part.render(email, variables).split(CUT)
    text, html = "".join(text_pieces), "".join(html_pieces)
    digest = hashlib.sha256("\0".join((html, text, subject)).encode()).hexdigest()
    return Rendered(subject, text, html, digest, text_pieces, html_pieces)
