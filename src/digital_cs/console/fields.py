"""What a field of a request may hold, so that nothing reaches Postgres that it cannot keep."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, StringConstraints

from digital_cs.domain.account import REAL_YEARS
from digital_cs.ingest.events.storable import unfit_json, unfit_word


def _word(text: str) -> str:
    problem = unfit_word(text)
    if problem is not None:
        raise ValueError(problem)
    return text


def _real(moment: datetime) -> datetime:
    if moment.year not in REAL_YEARS:
        raise ValueError(f"the year {moment.year} is not a real one")
    return moment


_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _iso_day(value: object) -> object:
    """Pydantic would take numbers for seconds, and moments for days."""
    if not isinstance(value, str) or not _ISO_DAY.fullmatch(value):
        raise ValueError("write the day as in 2026-03-31")
    return value


def _real_day(day: date) -> date:
    if day.year not in REAL_YEARS:
        raise ValueError(f"the year {day.year} is not a real one")
    return day


def _storable(properties: dict[str, Any]) -> dict[str, Any]:
    problem = unfit_json(properties)
    if problem is not None:
        raise ValueError(problem)
    return properties


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

Day = Annotated[date, BeforeValidator(_iso_day), AfterValidator(_real_day)]
"""A day, as in 2026-03-31, in a year that arithmetic survives."""

Properties = Annotated[dict[str, Any], AfterValidator(_storable)]
"""Any JSON object that Postgres can keep."""
