"""Signed tokens for the links of mail about an issue: what is asked, of whom, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from digital_cs.signing import Seal

_MOST_TOKEN = 600
_BETWEEN = "|"
_FIELDS = 7


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a link was made for, and nothing else: one act on one issue, by one person.

    `person` is `signing.person_id` of who was asked; `section` is "" for the whole of the issue.
    `mark` is the beginning of the hash of what the mail was about, so that the page can tell
    whether it says something else by now. The moments are aware, of the business clock, in whole
    seconds: when it was asked, and until when the link is good.
    """

    act: str
    issue: str
    section: str
    person: str
    mark: str
    asked_at: datetime
    until: datetime


class IssueSigner:
    """Signs with the first key and accepts any, so that keys can be rotated.

    Its tokens are good for nothing else, and those of other links are not good for this.
    """

    def __init__(self, *keys: str) -> None:
        self._seal = Seal("issue", keys, _MOST_TOKEN)

    def sign(self, invitation: Invitation) -> str:
        """A token, safe in a path. Raises ValueError for what `read` would not give back."""
        told = (invitation.act, invitation.issue, invitation.section, invitation.person,
                invitation.mark)  # fmt: skip
        if any(_BETWEEN in each for each in told):
            raise ValueError("a word has the character that parts them")
        moments = (int(each.timestamp()) for each in (invitation.asked_at, invitation.until))
        token = self._seal.close(_BETWEEN.join((*told, *map(str, moments))))
        if len(token) > _MOST_TOKEN:
            raise ValueError("an id is too long for a link")
        return token

    def read(self, token: str) -> Invitation | None:
        """What a token was made for, or None when it is not ours. Whether it is too old by now is
        for the caller to see, who can say so."""
        told = (self._seal.open(token) or "").split(_BETWEEN)
        if len(told) != _FIELDS:
            return None
        asked_at, until = (datetime.fromtimestamp(int(each), UTC) for each in told[5:])
        return Invitation(told[0], told[1], told[2], told[3], told[4], asked_at, until)
