"""What kept rules tell their followers: who entered and who left, and why so many at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection, DataError, ProgrammingError
from pydantic import ValidationError

from digital_cs.store.rules.segment_members import Move

FAULTS = (DataError, ProgrammingError, ValidationError)
"""What a rule itself may break by, as against a database that is away."""


@dataclass(frozen=True, slots=True)
class Moved:
    """Accounts that entered or left one rule at a moment, in order of account.

    `crowd`: they moved because the rule is new or another one, not because anything happened to
    them.
    """

    rule_id: str
    moves: tuple[Move, ...]
    now: datetime
    crowd: bool = False


Follower = Callable[[AsyncConnection[Any], Moved], Awaitable[None]]
"""Does what follows, in the transaction in which they moved. Is told of every rule."""
