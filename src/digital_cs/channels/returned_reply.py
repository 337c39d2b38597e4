"""What a person newly wrote in a reply: without the history it quotes, and without signature."""

from __future__ import annotations

import re

from digital_cs.channels.returned_mime import Mail, Part
from digital_cs.channels.returned_words import LONGEST_TEXT, text_of_html, without_controls

_MOST_LINES = 5000
_LONGEST_LINE = 10_000

_WROTE = (
    r"wrote|writes|schrieb(?:en)?|a\s+écrit|escribi[oóö]|escreveu|ha\s+scritto|schreef|heeft\s+.{1,60}\s+geschreven"
    r"|skrev|kirjoitti|napisał(?:\(a\))?|pisze|napsal(?:\(a\))?|írta|yazdı|пишет|написал(?:\(а\))?|έγραψε|写道|のメール"
)
# Gmail, Apple Mail and Thunderbird: "On Tue, 3 Mar 2026 at 09:12, Ada <ada@...> wrote:"
_ATTRIBUTION = re.compile(rf"(?:\b|\s)(?:{_WROTE})[^:\uff1a]{{0,80}}[:\uff1a]$", re.IGNORECASE)
_DIGIT = re.compile(r"\d")
_ATTRIBUTION_START = re.compile(
    r"^\s*(?:on|am|le|el|em|il(?:\s+giorno)?|op|den|w\s+dniu|dne|на|в|στις|\d{1,4}[./-]\d)\b",
    re.IGNORECASE,
)
_HISTORY = re.compile(
    r"""^\s*(?:-{2,}\s*(?:original\s+(?:message|appointment)|ursprüngliche\s+nachricht|originalnachricht|message\s+d['’]origine
    |mensaje\s+original|messaggio\s+originale|oorspronkelijk\s+bericht|mensagem\s+original|original(?:meddelande|nachricht)
    |oprindelig\s+meddelelse|forwarded\s+message|weitergeleitete\s+nachricht|пересылаемое\s+сообщение)\s*-*
    |begin\s+forwarded\s+message:?|anfang\s+der\s+weitergeleiteten\s+(?:nachricht|e-mail):?)\s*$""",
    re.IGNORECASE | re.VERBOSE,
)
_FROM = re.compile(
    r"^[\s*]*+(?:from|von|de|van|da|från|fra|od|lähettäjä|от|发件人|差出人)\s*[:\uff1a]\*?\s*\S",
    re.IGNORECASE,
)
_SENT = re.compile(
    r"""^[\s*]*+(?:sent|gesendet|envoyé|enviado|inviato|verzonden|skickat|sendt|wysłano|lähetetty|отправлено
    |发送时间|送信日時)\s*(?:el|le)?\s*[:\uff1a]""",
    re.IGNORECASE | re.VERBOSE,
)
_DATE_OR_TO = re.compile(
    r"""^[\s*]*+(?:date|datum|data|fecha|дата|to|an|à|para|a|aan|till|til|do|кому|收件人|宛先)\s*[:\uff1a]""",
    re.IGNORECASE | re.VERBOSE,
)
_SUBJECT = re.compile(
    r"^[\s*]*+(?:subject|betreff|objet|asunto|oggetto|onderwerp|assunto|ämne|emne|temat|aihe|тема|主题|件名)"
    r"\s*[:\uff1a]",
    re.IGNORECASE,
)
_HEADER_MARKS = (_FROM, _SENT, _DATE_OR_TO, _SUBJECT)
_RULE = re.compile(r"^\s*(?:_{5,}|-{5,}|\*{5,})\s*$")
_SIGNATURE = re.compile(r"^--[ \t]?$|^__$")
_SENT_FROM = re.compile(
    r"""^\s*(?:sent\s+(?:from|via|with)\s+\S.{0,60}|get\s+outlook\s+for\s+\w+.{0,60}|von\s+mein\w+\s+\S.{0,40}\s*gesendet\.?
    |gesendet\s+(?:von|mit|über)\s+\S.{0,60}|diese\s+nachricht\s+wurde\s+von\s+mein.{0,60}|envoyé\s+(?:de(?:puis)?|à\s+partir)\s+\S.{0,60}
    |enviado\s+(?:desde|do|a\s+partir)\s+\S.{0,60}|inviato\s+da\s+\S.{0,60}|verzonden\s+(?:vanaf|met|via)\s+\S.{0,60}
    |outlook\s+für\s+\w+\s+(?:holen|beziehen|herunterladen).{0,60}|skickat\s+från\s+\S.{0,60})\s*$""",
    re.IGNORECASE | re.VERBOSE,
)


def text_of_mail(mail: Mail) -> str:
    """What the mail itself says, as text with `\\n` line ends: its plain part, else its HTML."""
    parts = _readable(mail, "text/plain")
    text = without_controls("\n".join(part.text() for part in parts))
    if text.strip():
        return text
    source = "\n".join(part.text() for part in _readable(mail, "text/html"))
    return without_controls(text_of_html(source))


def reply_text(mail: Mail) -> str:
    """What was newly written, at most 20,000 characters.

    Where nothing would be left, nothing is cut: a person reads it, and finds the rest tedious
    rather than missing.
    """
    text = without_controls("\n".join(part.text() for part in _readable(mail, "text/plain")))
    if not text.strip():
        source = "\n".join(part.text() for part in _readable(mail, "text/html"))
        text = without_controls(text_of_html(source, quoted=False))
        if not text.strip(">\n "):
            text = without_controls(text_of_html(source))
    return new_text(text)


def new_text(text: str) -> str:
    """The text without quoted history and signature, as the usual mail programs mark them."""
    lines = [line[:_LONGEST_LINE].rstrip() for line in text.split("\n")[:_MOST_LINES]]
    kept = _without_signature(_without_history(lines))
    found = _tidy(kept)
    return (found or _tidy(lines))[:LONGEST_TEXT].rstrip()


def _readable(mail: Mail, content_type: str) -> list[Part]:
    """The mail's own parts of this type that are there to be read, not files or other messages."""
    parts = [part for part in mail.parts if not part.enclosed and not part.attached]
    return [part for part in parts if part.content_type == content_type][:10]


def _without_history(lines: list[str]) -> list[str]:
    kept: list[str] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        if line.lstrip().startswith(">"):
            number += 1
            continue
        length = _attribution(lines, number)
        if length:
            after = _next_written(lines, number + length)
            marked = after is None or lines[after].lstrip().startswith(">")
            if not marked and _tidy(kept):
                return kept  # history without quotation marks goes on to the end
            number += length
            continue
        if _begins_history(lines, number) and _tidy(kept):
            return kept
        kept.append(line)
        number += 1
    return kept


def _attribution(lines: list[str], number: int) -> int:
    """How many lines the words "On this day she wrote:" take up here; 0 if it is something else."""
    if not lines[number].strip():
        return 0
    for length in (1, 2, 3):
        block = lines[number : number + length]
        if len(block) < length or not block[-1].strip() or block[-1].lstrip().startswith(">"):
            return 0
        if length > 1 and not (_DIGIT.search(block[0]) or _ATTRIBUTION_START.match(block[0])):
            return 0
        words = " ".join(part.strip() for part in block)
        if words.endswith((":", "\uff1a")):
            after = _next_written(lines, number + length)
            quoted = after is not None and lines[after].lstrip().startswith(">")
            if len(words) > 400 or not _DIGIT.search(words):
                return 0
            if _ATTRIBUTION.search(words):
                return length if quoted or _ATTRIBUTION_START.match(words) else 0
            return length if quoted and "@" in words else 0
    return 0


def _next_written(lines: list[str], number: int) -> int | None:
    return next(
        (at for at in range(number, min(len(lines), number + 4)) if lines[at].strip()), None
    )


def _begins_history(lines: list[str], number: int) -> bool:
    """Whether the message that is answered begins here without any mark on its lines (Outlook)."""
    if _HISTORY.match(lines[number]):
        return True
    at = number
    if _RULE.match(lines[number]):
        following = _next_written(lines, number + 1)
        if following is None:
            return False
        at = following
    if not any(mark.match(lines[at]) for mark in _HEADER_MARKS):
        return False
    block = lines[at : at + 6]
    marks = [mark for line in block for mark in _HEADER_MARKS if mark.match(line)]
    if _FROM not in marks:
        return False
    writer = next(line for line in block if _FROM.match(line))
    # A trip, too, has a from, a to and a date.
    return len(marks) > 2 and ("@" in writer or _SENT in marks or _SUBJECT in marks)


def _without_signature(lines: list[str]) -> list[str]:
    for number, line in enumerate(lines):
        if _SIGNATURE.match(line) and _tidy(lines[:number]):
            lines = lines[:number]
            break
    while lines and (not lines[-1].strip() or _SENT_FROM.match(lines[-1])):
        lines = lines[:-1]
    return lines


def _tidy(lines: list[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
