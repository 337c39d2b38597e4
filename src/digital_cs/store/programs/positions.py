"""A position as it is kept in the row of its enrollment."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from digital_cs.domain.programs.enrollment import Position


def position_to_json(position: Position) -> dict[str, Any]:
    """A position as it is kept; absent fields are left out."""
    kept: dict[str, Any] = {
        "step": position.step,
        "visit": position.visit,
        "entered_at": position.entered_at.isoformat(),
    }
    for name in ("due_at", "held_since", "not_before", "rests_until"):
        moment = getattr(position, name)
        if moment is not None:
            kept[name] = moment.isoformat()
    if position.noted is not None:
        kept["noted"] = position.noted
    return kept


def position_from_json(kept: dict[str, Any]) -> Position:
    """The inverse of `position_to_json`."""

    def moment(name: str) -> datetime | None:
        return datetime.fromisoformat(kept[name]) if name in kept else None

    return Position(
        step=kept["step"], visit=kept["visit"],
        entered_at=datetime.fromisoformat(kept["entered_at"]), due_at=moment("due_at"),
        held_since=moment("held_since"), not_before=moment("not_before"), noted=kept.get("noted"),
        rests_until=moment("rests_until"),
    )  # fmt: skip
