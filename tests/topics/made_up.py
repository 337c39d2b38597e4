"""Questions that customers of a made-up product ask, many of a kind, each worded differently."""

from __future__ import annotations

from itertools import product

_OPENINGS = ("", "Hello, ", "Sorry, ", "I wonder, ", "Quick one: ", "Since today ")
_CLOSINGS = ("", " please", " again", " in our workspace", " for my team", " thanks")

ASKED = {
    "exports": (
        "how do I export a report to a file",
        "the export of my report never finishes",
        "can reports be exported every month",
        "where does the exported file go",
    ),
    "passwords": (
        "my password is not accepted",
        "how can I reset the password I forgot",
        "the link to reset my password has expired",
        "logging in fails after a password reset",
    ),
    "invoices": (
        "the invoice shows the wrong amount",
        "where do I find the invoice of last month",
        "can the invoice name our tax number",
        "we were charged twice on one invoice",
    ),
    "calendars": (
        "my calendar does not sync with meetings",
        "how do I connect a second calendar",
        "meetings appear twice in the calendar",
        "calendar invitations are sent in the wrong zone",
    ),
}


def asked(topic: str) -> list[str]:
    """144 questions of one topic."""
    return [f"{a}{q}{z}" for q, a, z in product(ASKED[topic], _OPENINGS, _CLOSINGS)]


def labelled() -> list[tuple[str, str]]:
    """All of them, each with its topic."""
    return [(text, topic) for topic in ASKED for text in asked(topic)]
