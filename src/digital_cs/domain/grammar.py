"""How small things are written in files: spans, clock times, weekdays, names."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from digital_cs.domain.timing.span import Span, Unit


def _span(value: Any) -> Span:
    if isinstance(value, Span):
        return value
    if not isinstance(value, str):
        raise ValueError(f'a span is written like "3 days", not {value!r}')
    return Span.parse(value)


def _clock_time(value: Any) -> time:
    if isinstance(value, time):
        return value
    try:
        hours, minutes = str(value).strip().split(":")
        return time(int(hours), int(minutes))
    except ValueError:
        raise ValueError(f'a time of day is written like "09:30", not {value!r}') from None


SpanField = Annotated[
    Span,
    BeforeValidator(_span),
    PlainSerializer(lambda span: span.words(), return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "description": 'A span: "90 minutes", "3 days", "2 business days", "1 month".',
            "pattern": r"^\d+ (minute|hour|day|business day|week|month|year)s?$",
        }
    ),
]


_EXACT = (Unit.MINUTE, Unit.HOUR, Unit.DAY, Unit.WEEK)


def _exact(span: Span) -> Span:
    if span.unit not in _EXACT:
        raise ValueError(f"'{span}' differs from case to case: use hours, days or weeks here")
    return span


ExactSpan = Annotated[
    SpanField,
    AfterValidator(_exact),
    WithJsonSchema({"type": "string", "pattern": r"^\d+ (minute|hour|day|week)s?$"}),
]
"""A span that is equally long everywhere: in minutes, hours, days or weeks."""


def _percent(value: Any) -> float:
    text = value.strip() if isinstance(value, str) else ""
    try:
        number = float(text.removesuffix("%")) if text.endswith("%") else float(value)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 < number <= 1000 or (isinstance(value, str) and not text.endswith("%")):
        raise ValueError(f'a share is written like "50%", not {value!r}')
    return number


PercentField = Annotated[
    float,
    BeforeValidator(_percent),
    PlainSerializer(lambda value: f"{value:g}%", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?%$", "examples": ["50%"]}),
]
"""A share as people write it; 50.0 is one half."""

ClockTime = Annotated[
    time,
    BeforeValidator(_clock_time),
    PlainSerializer(lambda value: value.strftime("%H:%M"), return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,2}:\d{2}$"}),
]

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Name = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60, description="lower-case-with-dashes")
]
"""Id of a program, step, arm or e-mail."""
