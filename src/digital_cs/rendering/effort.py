"""How much work a rendering may become: loops that print nothing are bounded here, not by size."""

from __future__ import annotations

from collections.abc import Sequence

from digital_cs.domain.problem import Problem
from digital_cs.rendering.filters import MAX_LOOP
from digital_cs.rendering.tags import Line, TagTable

MOST_TAGS = 500_000
"""Tags that one part may come by if every list is as long as it may be: under a second."""


def effort_problem(lines: Sequence[Line], table: TagTable) -> Problem | None:
    """The complaint about a document, blocks in, that could take too long; at the loop's line."""
    rounds = total = 1
    for line in lines:
        for tag in table.found_in(line.text):
            if tag.word == "endfor":
                rounds = max(rounds // MAX_LOOP, 1)
            total += rounds
            if tag.word == "for":
                rounds *= MAX_LOOP
            if total > MOST_TAGS:
                message = (
                    f"With lists of {MAX_LOOP} items this is work for over {MOST_TAGS:,} tags."
                )
                return tag.problem(
                    "too-much-work", message, "Use fewer loops, or say less in them."
                )
    return None
