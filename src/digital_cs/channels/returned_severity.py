"""Hard or soft: whether what a server said of a failed delivery is about the address.

A hard bounce takes an address out of all mail, so every doubt makes a bounce soft: soft ones
count up by themselves, a wrong hard one is noticed by nobody.
"""

from __future__ import annotations

import re

from digital_cs.channels.returned_kinds import ReturnedKind

_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_CODE = re.compile(
    r"(?:^|[:;\[(]\s{0,3}|\b(?:said|error|code|returned|replied|response|reply|with)\W{1,3})"
    r"([45][0-7]\d)(?=[\s#-]|$)",
    re.IGNORECASE | re.MULTILINE,
)

# Enhanced status codes (RFC 3463, RFC 5248, Exchange) of class 5 that say: not this address.
_HARD_STATUS = {
    *("1.0", "1.1", "1.2", "1.3", "1.4", "1.6", "1.9", "1.10"),
    *("2.1", "4.4", "4.310"),
}
# And those that say next to nothing, so that words decide.
_VAGUE_STATUS = {"0.0", "2.0", "3.0", "5.0", "5.1"}
_HARD_CODES = {550, 551, 553}

_HARD_WORDS = re.compile(
    r"""
    (?:user|recipient|mailbox|address(?:ee)?|account|id|host|domain)(?:\s+name)?\s+(?:is\s+|was\s+)?
      (?:unknown|not\s+(?:found|known|listed|recogni[sz]ed|valid|exist)|invalid)
    |(?:unknown|invalid|no\s+such|bad|non-?existent|illegal)\s+
      (?:or\s+illegal\s+)?(?:local\s+|destination\s+|e-?mail\s+|virtual\s+|recipient\s+)?
      (?:user|recipient|mailbox|address|account|person|part|host|domain|name|system)
    |does\s*n[o']t\s+(?:actually\s+)?exist|(?:do|did)\s+not\s+exist|doesn't\s+have\s+an?\s+\S{1,80}\s+account
    |no\s+mailbox\s+(?:here\s+)?by\s+that\s+name|no\s+(?:longer|mailbox)\s+(?:valid|exists|active|here)
    |no\s+longer\s+(?:in\s+use|employed|with\s+us|works|available)|not\s+a\s+valid\s+(?:user|mailbox|recip)
    |(?:account|mailbox|address|user|recipient)\s+(?:has\s+been\s+|is\s+|was\s+|that\s.{1,40}\sis\s+)?
      (?:currently\s+)?(?:disabled|deactivated|discontinued|inactive|closed|deleted|removed)
    |mailbox\s+unavailable|unrout(?:e)?able\s+(?:mail\s+)?(?:address|domain)|not\s+our\s+customer
    |invalid\s+(?:final\s+delivery\s+)?(?:user\s*id|mailbox)|recipient\s*not\s*found|null\s*mx
    |recipient\s+address\s+rejected:\s+access\s+denied
    |could\s+not\s+find\s+a\s+gateway|name\s+is\s+not\s+recogni[sz]ed|not\s+listed\s+in
    |not\s+exactly\s+match|final\s+e-?mail\s+delivery\s+point|no\s+matches\s+to\s+nameserver
    |unbekannt|existiert\s+nicht|n'existe\s+pas|inconnu|non\s+recens|no\s+existe|desconocid
    |non\s+esiste|sconosciut|n(?:ã|a)o\s+existe|bestaat\s+niet|onbekend
    """,
    re.IGNORECASE | re.VERBOSE,
)
_SOFT_WORDS = re.compile(
    r"""
    over\s?-?quota|quota\s+(?:\w+\s+)?(?:exceed|violation|full|limit|reach)|(?:disk|mail|exceed\w*)\s+quota
    |diskquota|exceed\w*\s+(?:their|his|the|its|your|my)\s+\w*\s*(?:quota|limit|storage)
    |(?:mail\s?(?:box|folder)|inbox)\s+(?:\S+\s+)?(?:is\s+|was\s+)?(?:full|over|too)|full\s+mailbox
    |mail\s?box\s+(?:space|size|storage)|storage|insufficient|too\s+much\s+mail|over\s+(?:disk\s+)?quota
    |too\s+(?:large|big|many|quickly)|maximum\b.{0,30}\bsize|size\s+(?:limit|exceeds)|at\s+a\s+rate|rate\s?limit
    |gr[ae]y-?\s?list|temporar|try\s+again|timed?[\s-]*out|retry\s+time|expired|too\s+long|queue\s+period
    |connection\s+(?:was\s+|is\s+)?(?:refused|reset|dropped|failed|lost|closed)|(?:not|unable\s+to|can't)\s+(?:connect|responding|reach\w*)
    |unreachable|not\s+reachable|not\s+(?:been\s+)?collected|delivery\s+attempts|did\s+not\s+respond
    |loop|spam|black\s?list|\bblock(?:ed|list|ing)\b|unsolicited|reputation|policy|\bdmarc\b|\bdkim\b|\bspf\b
    |\brelay(?:ing)?\s+(?:denied|not|access|prohibited)|unable\s+to\s+relay|virus|malware|attachment\s+(?:\w+\s+)?(?:not|block|type)
    |not\s+accept(?:ing)?\s+mail|content\s+(?:rejected|filter)|sender\s+(?:\w+\s+)?(?:rejected|denied|refused)
    |service\s+(?:un|not\s+)available|busy|access\s+denied|not\s+(?:authori[sz]ed|permitted|allowed)
    |permission\s+denied|deferred|throttl|quarantin|out\s+of\s+(?:memory|disk)|system\s+(?:error|resources)
    |\bvoll\b|überschritten|\bpleine?\b|\bllen[oa]\b|\bpien[oa]\b|dépasse
    """,
    re.IGNORECASE | re.VERBOSE,
)
_NO_ACCESS_MEANS_NOBODY = re.compile(r"recipient\s+address\s+rejected:\s+access\s+denied", re.I)
_FOR_GOOD = re.compile(r"permanent(?:ly)?\b|fatal", re.IGNORECASE)
_CUT = 4000


def status_in(text: str) -> str | None:
    """The enhanced status code in what a server said; of several, the first that says something."""
    found = [match.group(0) for match in _STATUS.finditer(text[:_CUT])]
    telling = [status for status in found if status.partition(".")[2] not in _VAGUE_STATUS]
    return next(iter(telling or found), None)


def code_in(text: str) -> int | None:
    """The SMTP reply code in what a server said."""
    match = _CODE.search(text[:_CUT])
    return int(match[1]) if match else None


def telling_status(stated: str | None, said: str | None) -> str | None:
    """Of the status a report states and the one in the words it quotes, the one that says more."""
    if said and is_vague(stated):
        return said
    return stated or said


def severity(status: str | None, code: int | None, text: str) -> ReturnedKind | None:
    """`HARD` or `SOFT` for a delivery that was given up; None where nothing tells.

    A code of class 4 is soft. One of class 5 is hard where it is about the address, soft where
    it is about policy, size, content or the way there; where it is vague, the words decide.
    """
    text = text[:_CUT]
    hard, soft = bool(_HARD_WORDS.search(text)), bool(_SOFT_WORDS.search(text))
    if _NO_ACCESS_MEANS_NOBODY.search(text):  # how Exchange Online says that there is no such user
        hard, soft = True, False
    if status is None and code is not None and code < 500:
        return ReturnedKind.SOFT
    if status is not None and not status.startswith("5"):
        return ReturnedKind.SOFT
    detail = status.partition(".")[2] if status else ""
    if detail in _HARD_STATUS:
        return ReturnedKind.SOFT if soft and not hard else ReturnedKind.HARD
    if detail == "4.1" and hard and not soft:
        return ReturnedKind.HARD
    if detail and detail not in _VAGUE_STATUS:
        return ReturnedKind.SOFT
    if soft:
        return ReturnedKind.SOFT
    if hard:
        return ReturnedKind.HARD
    if code is not None:
        return ReturnedKind.HARD if code in _HARD_CODES else ReturnedKind.SOFT
    return ReturnedKind.HARD if status else None


def is_vague(status: str | None) -> bool:
    """Whether words have to say what this status does not."""
    return status is None or status.partition(".")[2] in _VAGUE_STATUS


def severity_of_words(text: str) -> ReturnedKind:
    """`HARD` or `SOFT` by a whole notice, where what it says of one recipient tells nothing."""
    found = severity(status_in(text), code_in(text), text)
    if found is not None:
        return found
    return ReturnedKind.HARD if _FOR_GOOD.search(text[:_CUT]) else ReturnedKind.SOFT
