"""Whom a mail system's notice in plain words names as not reached, in the shapes that servers use.

There are as many shapes as servers, yet they say it in few ways: the address stands in a line
of its own, or right behind a phrase. So no server is looked for by name. What can stand in the
same places, the sender's own address or the postmaster's, is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from digital_cs.channels.returned_kinds import Failed, ReturnedKind
from digital_cs.channels.returned_mime import Mail
from digital_cs.channels.returned_severity import (
    code_in,
    severity,
    severity_of_words,
    status_in,
)
from digital_cs.channels.returned_words import ADDRESS, address_of, one_line, valid_address

_MOST_TEXT = 32 * 1024
_MOST_FOUND = 100
_LONGEST_LINE = 1000

_SYSTEM_LOCAL_PART = re.compile(
    r"(?:mailer-?daemon|postmaster|mdaemon|mail\.?delivery|ndr|imss|e500_smtp|.*anti-?virus.*|inetgw)",
    re.IGNORECASE,
)
_SYSTEM_NAME = re.compile(
    r"mail(?:er)?[\s-]*(?:delivery|daemon|administrator|system)|delivery\s+(?:sub)?system"
    r"|system\s+administrator|postmaster|jetmail|lsmtp",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"""^\s*(?:\[postmaster\]\s*)?(?:
    un(?:delivered|deliverable)|returned?(?:ed)?\s+mail|(?:mail\s+)?delivery\s+(?:status|failure|failed|problem
    |report|has\s+failed|notification|delayed|unsuccessful|incomplete)|failure\s+(?:notice|delivery)|failed\s+mail
    |mail(?:\s+system)?\s+error|mail\s+(?:could\s+)?not\s+(?:be\s+)?deliver|mail\s+delivery|mail\s+failed
    |message\s+(?:delivery|delayed|undeliverable|could\s+not)|delayed\s+mail|non-?\s?(?:delivery|remis)
    |permanent\s+delivery|warning:\s+(?:message|mail|could)|your\s+message\s+to\s+\S+\s+could\s+not
    |unzustellbar|nicht\s+zustellbar|non\s+remis|message\s+non\s+d|no\s+se\s+puede\s+entregar
    |automatically\s+rejected\s+mail|onbestelbaar|mancato\s+recapito|impossibile\s+recapitare
    |rejected\s+mail|(?:rück|zurück)gewiesen|mail\s+delivery\s+warning|n(?:ão|ao)\s+entregue
    |.{1,200}[:(]\s*(?:non\s+remis|undeliverable|not\s+delivered|delivery\s+failed|non\s+distribué)\)?\s*$)""",
    re.IGNORECASE | re.VERBOSE,
)
_ANSWER = re.compile(r"\s*(?:re|aw|sv|antw|fwd?|wg|tr|rv)\s*:", re.IGNORECASE)
_FAILURE = re.compile(
    r"""(?:n[o']t|nicht|unable\s+to|failed\s+to|cannot|failed|problems?\s+with|never)\W.{0,80}?
      (?:deliver|reach|receive|send|sent|collected|found|known|exist|match|zugestellt|établi)
    |deliver\w*\b.{0,80}?\b(?:fail|abort|delay|postpone|problem|error|notification|not\s+possible)
    |undeliver|returned\s+to\s+(?:you|sender)|mail(?:box|folder)\s+is\s+full|unknown\s+user|user\s+unknown
    |returned\s+because|failed\s+(?:recipient|address)|invalid\s+(?:final|recipient|address|mailbox)
    |no\s+such\s+user|was\s+rejected|automatically\s+rejected|permanent\s+(?:fatal\s+)?error|fehlgeschlagen
    |non\s+remis|pas\s+pu\s+[eê]tre|no\s+(?:pudo|ha\s+podido)|no\s+entregad|error\s+was\s+detected
    |error\s+has\s+occurred|encountered\s+(?:an\s+error|delivery)|konnte\s+nicht|following\s+address""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
_DELAYED = re.compile(
    r"""not\s+yet\s+been\s+delivered|(?:has\s+been|is|been)\s+(?:delayed|postponed|deferred)|still\s+(?:being\s+)?
    (?:retried|trying)|attempts?\s+will\s+continue|will\s+(?:be\s+retried|continue\s+to|keep\s+trying|try\s+again)
    |warning\s+(?:message\s+)?only|you\s+do\s+not\s+need\s+to\s+resend|wird\s+weiter\s+versucht""",
    re.IGNORECASE | re.VERBOSE,
)
_ENDED = re.compile(
    r"\bgiven\s+up|giving\s+up|not\s+going\s+to\s+try|could\s+not\s+be\s+delivered\s+after", re.I
)

# From here on the notice repeats the message it is about.
_ORIGINAL = re.compile(
    r"""(?:[\s>|]*+-{2,}+(?=.*\b(?:original|returned\s+mail|returned\s+message|copy|below|headers?|unsent|source
      |message\s+text|forwarded|mensaje|ursprüngliche|nachricht)\b)(?!.*\b(?:fail|error|transcript|not\s+deliver)).*
    |(?:received:\s+(?:from|by)|return-path:|content-type:\s*(?:message|text)/rfc822).*
    |[\s*]*original\s+message\s+(?:follows|headers?|details|as\s+received|attached).*
    |\s*(?:below|included|here|following)\s+(?:this\s+line\s+)?is\s+a\s+copy.*
    |\s*message\s+headers?\s+follow.*|\s*old\s+message:.*|\s*your\s+message\s+reads.*
    |.{0,20}\blines\s+of\s+your\s+original\s+message.*|\s*a\s+copy\s+of\s+(?:the|your)\s+original.*)""",
    re.IGNORECASE | re.VERBOSE,
)

_OPEN, _CLOSE = r"[<\[(\"'«]*", r"[>\])\"'»]*"
_IN_A_LINE = re.compile(
    rf"""^[\s>*•·|-]*+(?:(?:recipient|failed|original|final)?\s*(?:e-?mail\s+)?address(?:es)?:\s*)?
    (?:"[^"\n]{{0,100}}"\s+)?{_OPEN}(?P<address>{ADDRESS}){_CLOSE}
    (?:\s*$|\s*[:;,.(<\[]|\s+\.\.\.|\s+-\s|\s+on\s+\w{{3}},|=20)""",
    re.VERBOSE,
)
# qmail's and Postfix's way of naming a recipient, kept by all who translate the words around it.
_QMAIL_LINE = re.compile(rf"^<{ADDRESS}>(?: \(expanded from <{ADDRESS}>\))?:", re.MULTILINE)
_BEHIND_A_PHRASE = re.compile(
    rf"""(?:undeliverable\s+to|attempts|unknown\s+user|delivery\s+userid|undeliverable\s+address
      |(?:(?:failed|intended|final|following)\s+)?recipient(?:\(s\))?(?:\s+address)?|error-for
      |(?<!sender\s)(?<!from\s)address(?:ed)?(?:\s+was)?(?:\s+(?:to|failed))?|generated\s+from|expanded\s+from
      |mailbox(?:\s+is\s+full)?|rcpt\s+to|smtp|your\s+(?:message|e?-?mail)\s+to|not\s+reach
      |deliver(?:ed)?(?:\s+(?:your|the)\s+\S+|\s+\S*mail|\s+message)?\s+to|user|account
      |(?:quota\s+\w+|gateway)\s+for|empfänger|destinataire|destinatario)
    [\s:=,]{{1,6}}{_OPEN}(?:smtp:)?(?P<address>{ADDRESS})""",
    re.IGNORECASE | re.VERBOSE,
)
_MADE_FROM = re.compile(
    rf"(?:expanded|generated)\s+from:?\s{{1,3}}{_OPEN}(?P<address>{ADDRESS})", re.IGNORECASE
)
_ECHOED_TO = re.compile(
    rf"^[ \t]*to:[ \t]*{_OPEN}(?P<address>{ADDRESS}){_CLOSE}[ \t]*$", re.I | re.MULTILINE
)
_BARE_NAME = re.compile(
    r"(?:recipient|address|deliver)[^:]{0,200}:[ \t]{0,9}\n(?:[ \t]{0,9}\n)?"
    r"[ \t]{1,20}([A-Za-z0-9][\w.-]{1,60})[ \t]{0,9}$",
    re.MULTILINE,
)
_NO_REPLY = re.compile(r"(?:do[._-]?)?not?[._-]?reply\b", re.IGNORECASE)
_ONLY_DAEMON = re.compile(r"mailer-daemon@", re.IGNORECASE)
_RULES = re.compile(r"[-=*_#]{4,}")
_POSTMASTER = re.compile(r"(?:postmaster|mailer-daemon|abuse)@", re.IGNORECASE)


def from_mail_system(mail: Mail) -> bool:
    """Whether the mail says of itself that a mail system wrote it (not what it says)."""
    sender = mail.headers.words("from")
    local = (address_of(sender) or sender).strip("<> ").partition("@")[0]
    if "x-failed-recipients" in mail.headers or local.lower().startswith("mailer-daemon"):
        return True
    if mail.parameters.get("report-type", "").lower() == "delivery-status":
        return True
    if _ANSWER.match(mail.headers.words("subject")) and "in-reply-to" in mail.headers:
        return False  # the people behind postmaster@ write, too
    return bool(_SYSTEM_LOCAL_PART.fullmatch(local) or _SYSTEM_NAME.search(sender))


def from_nobody(mail: Mail) -> bool:
    """Whether the sender's address is one that takes no answers."""
    return bool(_NO_REPLY.match(address_of(mail.headers.get("from")) or ""))


def is_notice(mail: Mail, notice: str) -> bool:
    """Whether this is a mail system's word on a delivery, whoever it names."""
    returned = any(part.is_returned for part in mail.parts)
    if from_mail_system(mail) or (returned and from_nobody(mail)):
        return bool(_FAILURE.search(notice) or _QMAIL_LINE.search(notice))
    return bool(_SUBJECT.search(mail.headers.words("subject")) and _FAILURE.search(notice))


def split_notice(text: str) -> tuple[str, str]:
    """The notice, and the copy of the returned message below it."""
    text = text[:_MOST_TEXT]
    position = 0
    for line in text.split("\n"):
        if _ORIGINAL.match(line[:_LONGEST_LINE]):
            return text[:position], text[position:]
        position += len(line) + 1
    return text, ""


def recipients_of_notice(mail: Mail, notice: str, own: Iterable[str]) -> tuple[Failed, ...]:
    """The recipients that a notice names as not reached (or not yet), each once.

    `own` are addresses that cannot have failed: the one that this mail was sent to, the sender.
    """
    left_out = {address.casefold() for address in own}
    places = _places(mail, notice, left_out)
    delayed, whole = is_delay(mail, notice), severity_of_words(notice)
    found: dict[str, Failed] = {}
    for number, (start, address) in enumerate(places):
        later = (place for place, other in places[number + 1 :] if other != address)
        said = notice[start + len(address) : next(later, start + 1500)][:1500]
        spoken = said.replace(address, " ")  # its own words must not count as the server's
        status, code = status_in(spoken), code_in(spoken)
        kind = severity(status, code, spoken)
        words = _readable(said if kind else notice)
        kind = ReturnedKind.DELAYED if delayed else kind or whole
        found.setdefault(address.casefold(), Failed(address, kind, status, code, words))
    return tuple(found.values())


def _readable(said: str) -> str:
    return one_line(_RULES.sub(" ", said).strip(" \n<>[]():;,.*\"'"))


def is_delay(mail: Mail, notice: str) -> bool:
    """Whether the notice says that the server goes on trying."""
    text = f"{mail.headers.words('subject')}\n{notice}"
    return bool(_DELAYED.search(text)) and not _ENDED.search(text)


def _places(mail: Mail, notice: str, left_out: set[str]) -> list[tuple[int, str]]:
    """Where which address is named, in the order of the text."""
    places: dict[int, str] = {}

    def add(position: int, text: str) -> None:
        address = valid_address(text)
        known = address is None or address.casefold() in left_out or _POSTMASTER.match(address)
        if address is not None and not known and len(places) < _MOST_FOUND:
            places.setdefault(position, address)

    position = 0
    for line in notice.split("\n")[:2000]:
        if match := _IN_A_LINE.match(line[:_LONGEST_LINE]):
            add(position + match.start("address"), match["address"])
        position += len(line) + 1
    for match in _MADE_FROM.finditer(notice) if places else _BEHIND_A_PHRASE.finditer(notice):
        add(match.start("address"), match["address"])
    if not places:
        for value in mail.headers.all("x-failed-recipients"):
            for text in value.split(",")[:_MOST_FOUND]:
                add(len(places), text)
    if not places:
        for match in _ECHOED_TO.finditer(notice):
            add(match.start("address"), match["address"])
    if not places and (sender := address_of(mail.headers.get("from"))):
        # AOL names its users without its domain. The daemon's own name stands in for it.
        for match in _BARE_NAME.finditer(notice) if _ONLY_DAEMON.match(sender) else ():
            add(match.start(1), f"{match[1]}@{sender.rpartition('@')[2].lower()}")
    return sorted(places.items())
