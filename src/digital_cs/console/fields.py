"""What a field of a request may hold, so that nothing reaches Postgres that it cannot keep."""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, StringConstraints

from digital_cs.domain.account import REAL_YEARS

MOST_DEPTH = 20

_UNFIT_IN_A_WORD = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# All that a text or JSON of Postgres cannot hold; line breaks are welcome.
_UNFIT_IN_A_TEXT = re.compile(r"[\x00\ud800-\udfff]")


def _word(text: str) -> str:
    if _UNFIT_IN_A_WORD.search(text):
        raise ValueError("it has control characters in it, or is not Unicode")
    return text


def _real(moment: datetime) -> datetime:
    if moment.year not in REAL_YEARS:
        raise ValueError(f"the year {moment.year} is not a real one")
    return moment


def _storable(properties: dict[str, Any]) -> dict[str, Any]:
    """JSON that Postgres keeps as it is. Walked without recursion: the depth is the sender's."""
    level: list[Any] = [properties]
    for _ in range(MOST_DEPTH):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below += value.keys()
                below += value.values()
            elif isinstance(value, list):
                below += value
            elif isinstance(value, str) and _UNFIT_IN_A_TEXT.search(value):
                raise ValueError("a text in it has a NUL in it, or is not Unicode")
            elif isinstance(value, float) and not math.isfinite(value):
                raise ValueError("a number in it is not finite")
        if not below:
            return properties
        level = below
    raise ValueError(f"it is nested more than {MOST_DEPTH} levels deep")


Id = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_word)]
"""An id or a name: one line of 1 to 200 characters."""

Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    AfterValidator(_word),
]
"""Words for people: one line of 1 to 500 characters."""

Moment = Annotated[AwareDatetime, AfterValidator(_real)]
"""A moment with a UTC offset, in a year that arithmetic survives."""

Properties = Annotated[dict[str, Any], AfterValidator(_storable)]
"""Any JSON object that Postgres can keep."""
