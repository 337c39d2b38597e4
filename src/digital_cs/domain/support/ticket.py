"""Support tickets: their states and severities, read from the words that help desks use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, get_args

Status = Literal["new", "open", "pending", "hold", "solved", "closed", "deleted"]
"""Where a ticket stands. `deleted`: the help desk erased it, and so did we but for its id."""

Severity = Literal["low", "normal", "high", "urgent"]

STATUSES: tuple[Status, ...] = get_args(Status)
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""From the least to the most serious."""

OPEN: tuple[Status, ...] = ("new", "open", "pending", "hold")
OVER: tuple[Status, ...] = ("solved", "closed")

_STATUS_WORDS: Mapping[str, Status] = {
    "on hold": "hold", "paused": "hold", "blocked": "hold",
    "waiting": "pending", "awaiting": "pending", "waiting on customer": "pending",
    "waiting for customer": "pending", "awaiting customer": "pending",
    "waiting on contact": "pending", "awaiting reply": "pending", "pending reply": "pending",
    "in progress": "open", "active": "open", "assigned": "open", "reopened": "open",
    "re opened": "open", "escalated": "open", "unresolved": "open", "waiting on us": "open",
    "created": "new", "unassigned": "new", "submitted": "new",
    "resolved": "solved", "done": "solved", "answered": "solved", "complete": "solved",
    "completed": "solved", "fixed": "solved",
    "archived": "closed", "cancelled": "closed", "canceled": "closed", "rejected": "closed",
    "removed": "deleted", "trashed": "deleted", "spam": "deleted",
}  # fmt: skip

_SEVERITY_WORDS: Mapping[str, Severity] = {
    "lowest": "low", "minor": "low", "trivial": "low", "p4": "low", "p5": "low", "sev4": "low",
    "medium": "normal", "moderate": "normal", "standard": "normal", "default": "normal",
    "p3": "normal", "sev3": "normal",
    "major": "high", "important": "high", "p2": "high", "sev2": "high",
    "critical": "urgent", "highest": "urgent", "blocker": "urgent", "emergency": "urgent",
    "p1": "urgent", "p0": "urgent", "sev1": "urgent", "sev0": "urgent",
}  # fmt: skip


def read_status(word: str) -> Status | None:
    """The status that a help desk means by this word; None for a word that nobody has heard of."""
    tidy = _tidy(word)
    return tidy if tidy in STATUSES else _STATUS_WORDS.get(tidy)


def read_severity(word: str) -> Severity | None:
    """The severity that a help desk means by this word; None as with a status."""
    tidy = _tidy(word)
    if tidy in SEVERITIES:
        return tidy
    return _SEVERITY_WORDS.get(tidy) or _SEVERITY_WORDS.get(tidy.replace(" ", ""))


def _tidy(word: str) -> str:
    return re.sub(r"[\s_-]+", " ", word).strip().casefold()


_FREE_MAIL = """
    163.com 126.com aim.com aol.com att.net bellsouth.net bk.ru bluewin.ch bol.com.br btinternet.com
    charter.net comcast.net cox.net daum.net duck.com earthlink.net fastmail.com fastmail.fm
    foxmail.com free.fr freenet.de gmail.com gmx.at gmx.ch gmx.com gmx.de gmx.net googlemail.com
    hanmail.net hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.es hotmail.fr hotmail.it
    hushmail.com icloud.com inbox.ru laposte.net libero.it list.ru live.co.uk live.com live.de
    live.fr live.nl mac.com mail.com mail.ru mailbox.org me.com msn.com naver.com ntlworld.com
    online.de orange.fr outlook.com outlook.de outlook.es outlook.fr outlook.it pm.me posteo.de
    proton.me protonmail.ch protonmail.com qq.com rediffmail.com rocketmail.com rogers.com
    sbcglobal.net seznam.cz sfr.fr shaw.ca sina.com sky.com sympatico.ca t-online.de talktalk.net
    terra.com.br tiscali.it tutanota.com tuta.io uol.com.br verizon.net virgilio.it virginmedia.com
    wanadoo.fr web.de wp.pl yahoo.ca yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.br
    yahoo.de yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru ymail.com ziggo.nl zoho.com
"""
FREE_MAIL = frozenset(_FREE_MAIL.split())
"""Domains where anybody has an address: they say nothing about whose account a person is in."""
