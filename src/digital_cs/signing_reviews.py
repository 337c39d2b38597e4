"""Signed tokens for the buttons of a reviewer's mail: which case, and who was asked."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from itsdangerous.encoding import base64_decode, base64_encode

from digital_cs.signing import Mac

_MOST_TOKEN = 400
_BETWEEN = "|"


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom a link was made for: the case, and `reviewer_id` of who was asked."""

    case_id: str
    reviewer: str


def reviewer_id(address: str) -> str:
    """Tells reviewers apart in a link, which proxies log, without naming anybody."""
    return hashlib.sha256(address.casefold().encode()).hexdigest()[:12]


class ReviewSigner:
    """Signs with the first key and accepts any, so that keys can be rotated.

    Its tokens are good for nothing else, and those of other links are not good for this.
    """

    def __init__(self, *keys: str) -> None:
        self._macs = [Mac(key, "review") for key in keys]

    def sign(self, asked: Asked) -> str:
        """A token, safe in a path. Raises ValueError for ids that `read` would not give back."""
        if _BETWEEN in asked.case_id or _BETWEEN in asked.reviewer:
            raise ValueError("an id has a character that parts them")
        payload = f"{asked.case_id}{_BETWEEN}{asked.reviewer}"
        return self._macs[0].sign(base64_encode(payload)).decode()

    def read(self, token: str) -> Asked | None:
        """Whom a token was made for, or None when it is not ours: compared as a whole, for one
        token could be spelt in several ways."""
        if len(token) > _MOST_TOKEN or not token.isascii():
            return None
        payload = token.partition(".")[0].encode()
        found = [hmac.compare_digest(mac.sign(payload), token.encode()) for mac in self._macs]
        if not any(found):
            return None
        case_id, between, reviewer = base64_decode(payload).decode().partition(_BETWEEN)
        return Asked(case_id, reviewer) if between else None
