"""How large an e-mail gets: mailboxes cut off what is longer, footer and all."""

from __future__ import annotations

from digital_cs.domain.problem import Problem
from digital_cs.rendering.compiler import EmailTemplate
from digital_cs.rendering.context import LinksView, ProgramView, SenderView
from digital_cs.rendering.errors import OutputTooLargeError, RenderError
from digital_cs.rendering.made_up import made_up
from digital_cs.rendering.render import Rendered, render

MOST_BYTES = 100_000
"""Of the HTML as it is sent. Gmail shows about 102 kB and hides the rest behind a link."""

# As long as real ones: a signed address of a recipient has some 120 letters.
_LINK = "https://mail.example.com/u/" + "x" * 120
_LINKS = LinksView(_LINK, _LINK, "https://app.example.com")
_SENDER = SenderView("Robin of Example", "Example Ltd, 1 Example Street, 12345 Example")


def size_of(message: Rendered) -> int:
    """The bytes of a message's HTML."""
    return len(message.html.encode())


def size_problem(template: EmailTemplate) -> Problem | None:
    """The complaint about an e-mail that is too large for a made-up contact."""
    context = made_up(
        template.tags, program=ProgramView("Example", "example"), links=_LINKS, sender=_SENDER
    )
    try:
        size = size_of(render(template, context))
    except OutputTooLargeError as fault:
        message = f"It cannot be sent at all: {fault.reason}"
    except RenderError:
        return None  # made-up values do not suit every e-mail; real ones are checked when it goes
    else:
        if size <= MOST_BYTES:
            return None
        limit = f"mailboxes cut off what is over {MOST_BYTES:,}"
        message = f"As HTML it has {size:,} bytes, and {limit}."
    advice = "Say less, or lead to a page that says the rest."
    return Problem(template.file, 1, 1, "too-large", message, advice)
