"""The policy of content: what makes it stale, who is asked to look, and what waits for them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Signals(_Part):
    """How much each signal weighs against an item; from 1 on, together, it is stale (P24)."""


class Reviews(_Part):
    """When reviewers are told, and who is asked after them (P26)."""


class WhenStale(_Part):
    """What becomes of a message that shows stale content, where its author says nothing (P25)."""


class ContentPolicy(_Part):
    """How content is kept true: the part `content` of content/policy.yaml."""

    signals: Signals = Signals()
    reviews: Reviews = Reviews()
    stale: WhenStale = WhenStale()
