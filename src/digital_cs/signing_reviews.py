"""Signed tokens for the buttons of a reviewer's mail: which case, and who was asked."""

from __future__ import annotations

from dataclasses import dataclass

from digital_cs.signing import Seal

_MOST_TOKEN = 400
_BETWEEN = "|"


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom a link was made for: the case, and `signing.person_id` of who was asked."""

    case_id: str
    reviewer: str


class ReviewSigner:
    """Signs with the first key and accepts any, so that keys can be rotated.

    Its tokens are good for nothing else, and those of other links are not good for this.
    """

    def __init__(self, *keys: str) -> None:
        self._seal = Seal("review", keys, _MOST_TOKEN)

    def sign(self, asked: Asked) -> str:
        """A token, safe in a path. Raises ValueError for ids that `read` would not give back."""
        if _BETWEEN in asked.case_id or _BETWEEN in asked.reviewer:
            raise ValueError("an id has a character that parts them")
        return self._seal.close(f"{asked.case_id}{_BETWEEN}{asked.reviewer}")

    def read(self, token: str) -> Asked | None:
        """Whom a token was made for, or None when it is not ours."""
        case_id, between, reviewer = (self._seal.open(token) or "").partition(_BETWEEN)
        return Asked(case_id, reviewer) if between else None
