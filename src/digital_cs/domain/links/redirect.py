"""What a redirect means for whoever follows the link, and whether that is worth telling."""

from __future__ import annotations

import re
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from digital_cs.domain.links.link_url import site_of


class Redirect(StrEnum):
    """Where a link led, seen from where it should have led."""

    SAME = "same place"
    TEMPORARY = "temporary"
    MOVED = "moved"
    HOME = "home page"
    LOGIN = "login"

    @property
    def worth_telling(self) -> bool:
        """Whether somebody should change the link, or look where it leads."""
        return self in (Redirect.MOVED, Redirect.HOME, Redirect.LOGIN)


_LOGIN = re.compile(
    r"(?:^|[/._-])(?:log[-_]?in|log[-_]?on|sign[-_]?in|sso|saml2?|oauth2?|auth|authorize|"
    r"accounts?/login|session/new|users/sign_in)(?:$|[/._-])"
)
_LOGIN_HOST = re.compile(r"^(?:login|signin|sso|auth|accounts|idp|id)\.")
_HOME = re.compile(r"^/(?:index\.\w+|home|[a-z]{2}(?:[-_][a-z]{2})?)?/?$")


def redirect_of(asked: str, reached: str, *, permanent: bool) -> Redirect:
    """What it means that one address led to another; both in their normal form.

    `permanent`: every redirect on the way said so.
    """
    if _place(asked) == _place(reached):
        return Redirect.SAME
    before, after = urlsplit(asked), urlsplit(reached)
    if _is_login(reached) and not _is_login(asked):
        return Redirect.LOGIN
    if _HOME.match(after.path.lower()) and not after.query:
        was_home = _HOME.match(before.path.lower()) and not before.query
        if not was_home or site_of(asked) != site_of(reached):
            return Redirect.HOME
        return Redirect.SAME  # from one home page to the same site's other, by language mostly
    return Redirect.MOVED if permanent else Redirect.TEMPORARY


def _place(url: str) -> tuple[str, str, str]:
    """The address without what servers correct by themselves: scheme, www, a slash at the end."""
    parts = urlsplit(url)
    host = parts.netloc.removeprefix("www.")
    return host, unquote(parts.path).rstrip("/").lower(), parts.query


def _is_login(url: str) -> bool:
    parts = urlsplit(url)
    return bool(_LOGIN.search(parts.path.lower()) or _LOGIN_HOST.match(parts.hostname or ""))
