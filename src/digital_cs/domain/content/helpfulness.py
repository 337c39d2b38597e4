"""What readers say of content: whether so many votes against it are enough to believe them."""

from __future__ import annotations

from digital_cs.domain.content.rising import wilson

FEWEST = 5
"""With fewer votes nothing is said."""
TOO_MANY = 0.3
"""From this share of readers on whom it did not help, it is worth a look."""
_SURE = 1.645  # in 19 of 20 cases the true share is above the lower bound


def speaks_against(not_helpful: int, votes: int) -> bool:
    """Whether surely more than `TOO_MANY` of the readers were not helped."""
    return votes >= FEWEST and wilson(not_helpful, votes, _SURE)[0] > TOO_MANY
