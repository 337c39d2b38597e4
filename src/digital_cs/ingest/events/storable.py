"""What JSON a jsonb of Postgres keeps as it is, and what a text and a moment may hold."""

from __future__ import annotations

import math
import re
from typing import Any

MOST_DEPTH = 20
MOST_BITS = 1000
"""An integer of more has no float8: a rule that compares it as a number would break."""
FEW_BYTES = 300
"""JSON of fewer bytes holds no integer of so many bits."""

# All that a text or JSON of Postgres cannot hold; line breaks are welcome.
_UNFIT_IN_A_TEXT = re.compile(r"[\x00\ud800-\udfff]")
_UNFIT_IN_A_WORD = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def plainly_fit(written: bytes) -> bool:
    """Whether the JSON of an object can be kept for certain; False: `unfit_json` has to look.

    Nearly every object is small and plain, and this takes a tenth of the time. No text of so few
    bytes holds a number that is too long; what is not finite is written as null.
    """
    return (
        len(written) < FEW_BYTES
        and written.count(b"{") + written.count(b"[") <= MOST_DEPTH
        and b"\\u0000" not in written
        and b"null" not in written
    )


def unfit_json(found: dict[str, Any]) -> str | None:
    """Why this cannot be kept, as the end of a sentence ("it is ..."); None when it can.

    Walked without recursion: the depth is the sender's.
    """
    level: list[Any] = [found]
    for _ in range(MOST_DEPTH):
        below: list[Any] = []
        for value in level:
            if isinstance(value, str):
                if _UNFIT_IN_A_TEXT.search(value):
                    return "a text in it has a NUL in it, or is not Unicode"
            elif isinstance(value, dict):
                below += value.keys()
                below += value.values()
            elif isinstance(value, list):
                below += value
            elif isinstance(value, float):
                if not math.isfinite(value):
                    return "a number in it is not finite"
            elif isinstance(value, int) and value.bit_length() > MOST_BITS:
                return "a number in it has more than 300 digits"
        if not below:
            return None
        level = below
    return f"it is nested more than {MOST_DEPTH} levels deep"


def unfit_word(text: str) -> str | None:
    """Why this is no id or name of one line, as the end of a sentence; None when it is one."""
    if _UNFIT_IN_A_WORD.search(text):
        return "it has control characters in it, or is not Unicode"
    return None
