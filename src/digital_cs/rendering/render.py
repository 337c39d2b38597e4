"""One e-mail for one contact: subject, text and HTML of the message."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from digital_cs.rendering.compiler import EmailTemplate
from digital_cs.rendering.context import RenderContext
from digital_cs.rendering.errors import SubjectError
from digital_cs.rendering.plain_text import finish

MAX_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message as the recipient gets it. `content_hash` is over all three parts (P21)."""

    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    content_hash: str


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
    text = finish(template.text_part.render(email, variables))
    html = template.html_part.render(email, variables)
    digest = hashlib.sha256("\0".join((subject, text, html)).encode()).hexdigest()
    return Rendered(subject, text, html, digest)
