"""An event that customers can attend: what it is, when, and where to say that one comes."""

from __future__ import annotations

from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from digital_cs.domain.grammar import Name
from digital_cs.domain.timing.zone import UnknownZoneError, load_zone, to_utc


class Event(BaseModel):
    """An event of content/events.yaml. `at` is the wall time in its own zone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: Name = Field(description="Its id.")
    title: str = Field(min_length=1, max_length=120, description="What it is called.")
    at: datetime = Field(description="Local time, without an offset: 2026-12-10 16:00.")
    zone: str = Field(description="The zone of that time, like Europe/Berlin.")
    about: str = Field("", max_length=400, description="What it is good for, in a sentence.")
    url: str | None = Field(None, description="Where to say that one comes.")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.at.tzinfo is not None:
            raise ValueError("'at' is a local time, like 2026-12-10 16:00, without an offset")
        try:
            load_zone(self.zone)
        except UnknownZoneError as error:
            raise ValueError(str(error)) from None
        if self.url is not None and not self.url.startswith(("https://", "http://")):
            raise ValueError("'url' begins with https://")
        return self

    @property
    def starts_at(self) -> datetime:
        """The moment at which it begins (UTC)."""
        return to_utc(self.at, ZoneInfo(self.zone))

    def when(self) -> str:
        """The day and time in its own zone, for people."""
        place = self.zone.rsplit("/", 1)[-1].replace("_", " ")
        return f"{self.at:%A %-d %B, %H:%M} ({place} time)"


class Events(BaseModel):
    """All of content/events.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    events: tuple[Event, ...] = ()

    def between(self, begin: datetime, end: datetime) -> list[Event]:
        """Those that begin from one moment to before another, in order."""
        found = [each for each in self.events if begin <= each.starts_at < end]
        return sorted(found, key=lambda each: (each.starts_at, each.event))
