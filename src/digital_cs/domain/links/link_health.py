"""How a link is doing: judged look by look, slow to say broken, and when to look again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from digital_cs.domain.links.redirect import Redirect, redirect_of


class Finding(StrEnum):
    """What one look at a link found."""

    OK = "ok"
    NOT_FOUND = "not found"
    GONE = "gone"
    BAD_ANSWER = "bad answer"
    SERVER_ERROR = "server error"
    NO_SERVER = "no such server"
    NO_ANSWER = "no answer"
    TOO_SLOW = "too slow"
    BAD_CERTIFICATE = "bad certificate"
    REDIRECT_LOOP = "redirect loop"
    PRIVATE = "private address"
    RESERVED = "name of examples"
    SCHEME = "not a page"
    ROBOTS = "robots"
    DENIED = "denied"
    BUSY = "busy"

    @property
    def failed(self) -> bool:
        """Whether it speaks for a broken link."""
        return self not in (Finding.OK, Finding.BUSY) and not self.refused

    @property
    def refused(self) -> bool:
        """Whether nobody can say: we may not look, or are not let in."""
        return self in (
            Finding.PRIVATE, Finding.RESERVED, Finding.SCHEME, Finding.ROBOTS, Finding.DENIED,
        )  # fmt: skip


class State(StrEnum):
    """What is known of a link."""

    UNKNOWN = "unknown"
    OK = "ok"
    REDIRECTED = "redirected"
    FAILING = "failing"
    BROKEN = "broken"
    REFUSED = "refused"


DAYS_UNTIL_BROKEN = 3
"""A link is broken once looks have failed on so many different days (UTC), none between them good:
servers are away for a night, and whole sites for a week-end."""

LONGEST_PUT_OFF = timedelta(days=7)
_JITTER = 0.1
_OK = timedelta(days=7)
_REFUSED = timedelta(days=14)
_BROKEN = timedelta(days=3)
_LONG_BROKEN = timedelta(days=14)
_RETRIES = (timedelta(hours=4), timedelta(hours=20), timedelta(days=1))
_FIRST_PUT_OFF = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a link found, at a moment.

    `leads_to`: where it led at last, if not where it says. `wait`: for so long the server asked to
    be left alone. `detail`: a clause for people, like "the server says 404".
    """

    at: datetime
    finding: Finding
    status: int | None = None
    detail: str = ""
    leads_to: str | None = None
    permanent: bool = False
    wait: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """What all looks at a link together say.

    `since`: when that began. `tries` and `days`: failed looks, and days (UTC) with one, since the
    last that did not fail. `put_off`: how often the server asked to come later, in a row.
    """

    state: State = State.UNKNOWN
    finding: Finding | None = None
    since: datetime | None = None
    checked_at: datetime | None = None
    next_check_at: datetime | None = None
    tries: int = 0
    days: int = 0
    failed_on: date | None = None
    put_off: int = 0
    status: int | None = None
    detail: str = ""
    leads_to: str | None = None
    redirect: Redirect | None = None

    @property
    def worth_telling(self) -> bool:
        """Whether a person should do something about the link."""
        told = self.redirect is not None and self.redirect.worth_telling
        return self.state is State.BROKEN or (self.state is State.REDIRECTED and told)


def health_of(url: str, looks: Iterable[Look]) -> Health:
    """What looks at a link say together, the oldest first."""
    health = Health()
    for look in looks:
        health = after(health, look, url)
    return health


def after(health: Health, look: Look, url: str) -> Health:
    """What is known of a link after one look more."""
    at = look.at
    if look.finding is Finding.BUSY:  # says nothing of the link
        put_off = health.put_off + 1
        wait = look.wait or _FIRST_PUT_OFF * 2 ** min(put_off - 1, 7)
        return replace(
            health, checked_at=at, put_off=put_off,
            next_check_at=_later(url, at, min(wait, LONGEST_PUT_OFF), early=False),
        )  # fmt: skip
    redirect = None
    if look.leads_to is not None and not look.finding.failed:
        redirect = redirect_of(url, look.leads_to, permanent=look.permanent)
    tries = days = 0
    failed_on = None
    if look.finding.failed:
        tries, failed_on = health.tries + 1, at.date()
        days = health.days + (health.failed_on != failed_on)
        state = State.BROKEN if days >= DAYS_UNTIL_BROKEN else State.FAILING
        span = _until_next_try(tries, days)
    elif look.finding.refused:
        state, span = State.REFUSED, _REFUSED
    else:
        led_on = redirect not in (None, Redirect.SAME)
        state, span = State.REDIRECTED if led_on else State.OK, _OK
    goes_on = health.tries > 0 if tries else (health.state, health.leads_to) == (
        state, look.leads_to,
    )  # fmt: skip
    return Health(
        state=state, finding=look.finding, since=health.since if goes_on else at, checked_at=at,
        next_check_at=_later(url, at, span), tries=tries, days=days, failed_on=failed_on,
        status=look.status, detail=look.detail, leads_to=look.leads_to, redirect=redirect,
    )  # fmt: skip


def _until_next_try(tries: int, days: int) -> timedelta:
    if days < DAYS_UNTIL_BROKEN:
        return _RETRIES[min(tries, len(_RETRIES)) - 1]
    return _BROKEN if days < DAYS_UNTIL_BROKEN + 4 else _LONG_BROKEN


def _later(url: str, at: datetime, span: timedelta, *, early: bool = True) -> datetime:
    """So much later, give or take a tenth: what was imported at once is not asked for at once for
    ever. The same link at the same moment always gets the same; `early`: it may be less."""
    seed = hashlib.sha256(f"{url} {at.isoformat()}".encode()).digest()
    share = int.from_bytes(seed[:4], "big") / 2**32
    return at + span * (1 + _JITTER * (2 * share - 1 if early else share))


_REDIRECTS = {
    Redirect.MOVED: "Moved for good to {to}: change the link.",
    Redirect.LOGIN: "Leads to a login page, {to}: readers without an account see nothing.",
    Redirect.HOME: "Leads to a home page, {to}: what it was about is probably gone.",
    Redirect.TEMPORARY: "Leads to {to} for now, which is fine.",
}
_REFUSALS = {
    Finding.PRIVATE: "Not looked at: the address is inside a private network.",
    Finding.RESERVED: "Not looked at: the name is kept for examples, and no server has it.",
    Finding.SCHEME: "Not looked at: it is not the address of a page.",
    Finding.ROBOTS: "Not looked at: the site's robots.txt asks us not to.",
    Finding.DENIED: "The site does not let the checker in: look at it yourself.",
}


def health_words(health: Health) -> str:
    """What is known of a link, in a sentence for people."""
    because = health.detail or (health.finding.value if health.finding else "")
    match health.state:
        case State.UNKNOWN if health.put_off:
            return "Not known yet: the server asked us to come later."
        case State.UNKNOWN:
            return "Not looked at yet."
        case State.OK:
            return "Works."
        case State.REDIRECTED if health.redirect in _REDIRECTS:
            return _REDIRECTS[health.redirect].format(to=health.leads_to)
        case State.REFUSED if health.finding in _REFUSALS:
            told = _REFUSALS[health.finding]
            return f"{told} A redirect leads there." if health.leads_to else told
        case State.FAILING:
            left = DAYS_UNTIL_BROKEN - health.days
            return (
                f"Fails since {_day(health.since)}: {because}. It counts as broken once it has"
                f" failed on {left} more {'day' if left == 1 else 'days'}."
            )
    times = "once" if health.tries == 1 else f"{health.tries} times"
    return f"Broken since {_day(health.since)}: {because}, {times} on {health.days} days."


def _day(moment: datetime | None) -> str:
    return f"{moment:%-d %B %Y}" if moment else "an unknown day"
