"""Whether a machine wrote a mail: absences told apart from other automatic answers.

Headers decide (RFC 3834 and its older cousins); a subject alone does so only in the fixed
forms that mail programs put there themselves. Suppressing answers (`X-Auto-Response-Suppress`)
proves nothing: Exchange adds it to what people write, too.
"""

from __future__ import annotations

import re

from digital_cs.channels.returned_kinds import ReturnedKind
from digital_cs.channels.returned_mime import Headers, Mail

_REPLY_HEADERS = {
    *("x-autoreply", "x-autorespond", "x-autoresponder", "x-autoresponse", "x-auto-reply"),
    *("x-mail-autoreply", "x-mail-autorespond", "x-autoreply-from", "x-vacation"),
    *("x-auto-reply-from", "x-ms-exchange-inbox-rules-loop", "x-out-of-office"),
}
_ABSENT_SUBJECT = re.compile(
    r"""^\s*(?:auto(?:matic)?[\s-]?(?:reply|response|answer)|out[\s-]of[\s-](?:the[\s-])?office|autoreply
    |automatische\s+antwort|abwesenheits\w*|abwesend|réponse\s+automatique|absence\s+du\s+bureau
    |(?:message\s+d['’])absence|respuesta\s+autom[aá]tica|fuera\s+de\s+(?:la\s+)?oficina|ausente\b
    |risposta\s+automatica|fuori\s+(?:sede|ufficio)|automatisch\s+antwoord|afwezig\w*|niet\s+aanwezig
    |resposta\s+autom[aá]tica|fora\s+do\s+escrit[oó]rio|auto(?:matisk[ta]?\s+)?svar|autosvar|fr[aå]nvaro
    |frav[aæ]r\w*|ikke\s+til\s+stede|automaattinen\s+vastaus|poissa|odpowied[zź]\s+automatyczna
    |autoodpowied[zź]|automatick[aá]\s+odpov|automatikus\s+v[aá]lasz|r[aă]spuns\s+automat|otomatik\s+yan[iı]t
    |αυτόματη\s+απάντηση|автоответ|автоматический\s+ответ|[aā]rpus\s+biroja(?:\s+\w+){0,3}|autom[aā]tisk[aā]\s+atbilde|automatinis\s+atsakymas|自動応答|自動返信|不在|自动答复|自动回复|자동\s*회신)
    (?:\s*[\w-]+)?\s*(?:[:\uff1a\[(]|$)""",
    re.IGNORECASE | re.VERBOSE,
)
_ABSENT_WORDS = re.compile(
    r"""out\s+of\s+(?:the\s+)?office|vacation|on\s+(?:annual\s+|parental\s+|maternity\s+|sick\s+)?leave
    |away\s+(?:from|until|on)|holiday|not\s+in\s+the\s+office|limited\s+access\s+to\s+(?:my\s+)?e?-?mail
    |(?:i\s+am|i'm|will\s+be)\s+(?:currently\s+)?(?:away|absent|travel\w+|out\b)|back\s+(?:in\s+the\s+office|on)
    |no\s+longer\s+(?:with|work)|abwesen|urlaub|nicht\s+im\s+(?:büro|haus|hause)|elternzeit|wieder\s+erreichbar
    |absen[ct]e?|congé|vacances|de\s+retour|bureau\s+ferm|vacaciones|ausente|fuera\s+de|de\s+vuelta
    |in\s+ferie|assente|ferie|fuori\s+(?:sede|ufficio)|afwezig|vakantie|niet\s+aanwezig|f[eé]rias|semester
    |fr[aå]nvaro|ferie|lomalla|urlop|nieobecn|dovolen|отпуск|不在|休暇|休假""",
    re.IGNORECASE | re.VERBOSE,
)
_ACKNOWLEDGED = re.compile(
    r"""ticket|case\s*(?:\#|number|id|no)|request\s*(?:\#|number|id|received|has\s+been)|\[\#?[A-Z]*-?\d{3,}\]
    |we(?:'ve|\s+have)\s+received|has\s+been\s+(?:received|created|registered)|thank\s+you\s+for\s+(?:contact|your\s+(?:e?-?mail|message|request))
    |eingangsbest|vorgang|anfrage\s+(?:erhalten|ist)|bien\s+re[cç]u|accus[eé]\s+de\s+r|gracias\s+por\s+contactar
    |hemos\s+recibido|grazie\s+per\s+(?:aver|il)|bedankt\s+voor""",
    re.IGNORECASE | re.VERBOSE,
)
_CHALLENGE = re.compile(
    r"(?:please\s+)?(?:confirm|verify)\s+(?:your\s+)?(?:message|e-?mail|address)|boxtrapper|spamarrest"
    r"|verification\s+required|requires\s+verification",
    re.IGNORECASE,
)
_READ = 2000


def has_absent_subject(mail: Mail) -> bool:
    """Whether the subject is one that mail programs put over absence notes."""
    return bool(_ABSENT_SUBJECT.match(mail.headers.words("subject")))


def automatic_kind(mail: Mail, text: str) -> tuple[ReturnedKind, str] | None:
    """`OUT_OF_OFFICE` or `AUTOMATIC` with the reason in a sentence, or None for a person's mail.

    `text` is what the mail says, without the history it quotes.
    """
    headers, subject = mail.headers, mail.headers.words("subject")
    if has_absent_subject(mail):
        if _ACKNOWLEDGED.search(subject) or _acknowledges(text):
            return ReturnedKind.AUTOMATIC, "Its subject calls it an automatic answer."
        return ReturnedKind.OUT_OF_OFFICE, "Its subject is that of an absence note."
    absent = bool(_ABSENT_WORDS.search(f"{subject}\n{text[:_READ]}"))
    if answered := _answers_by_itself(headers):
        if absent and not _ACKNOWLEDGED.search(subject):
            return ReturnedKind.OUT_OF_OFFICE, f"{answered}, and it speaks of an absence."
        if _ACKNOWLEDGED.search(f"{subject}\n{text[:_READ]}") or _CHALLENGE.search(subject):
            return ReturnedKind.AUTOMATIC, f"{answered}, and it acknowledges a message."
        return ReturnedKind.OUT_OF_OFFICE, f"{answered}."
    if generated := _generated(headers):
        if absent and "bulk" in generated and _ABSENT_WORDS.search(subject):
            return ReturnedKind.OUT_OF_OFFICE, f"{generated}, and it speaks of an absence."
        return ReturnedKind.AUTOMATIC, f"{generated}."
    if any(
        part.parameters.get("method", "").lower() == "reply" for part in mail.of_type("/calendar")
    ):
        return ReturnedKind.AUTOMATIC, "It is a calendar's answer to an invitation."
    if mail.of_type("/disposition-notification"):
        return ReturnedKind.AUTOMATIC, "It is a receipt: a mail program says what became of a mail."
    if _CHALLENGE.match(subject):
        return ReturnedKind.AUTOMATIC, "Its subject asks the sender to confirm, as filters do."
    return None


def _acknowledges(text: str) -> bool:
    return bool(_ACKNOWLEDGED.search(text[:_READ])) and not _ABSENT_WORDS.search(text[:_READ])


def _answers_by_itself(headers: Headers) -> str | None:
    """The sentence on the header that says this is an automatic answer, without its stop."""
    submitted = headers.get("auto-submitted").strip().lower()
    if submitted.startswith("auto-replied"):
        return "Its header Auto-Submitted says that it answers automatically"
    for name in headers.names():
        if name in _REPLY_HEADERS and headers.get(name).strip().lower() not in {"no", "false"}:
            return f"Its header {name.title()} says that it answers automatically"
    for name in ("precedence", "x-precedence"):
        if headers.get(name).strip().lower().replace("-", "_") in {"auto_reply", "autoreply"}:
            return f"Its header {name.title()} says that it answers automatically"
    if "autoresponder" in headers.get("x-post-messageclass").lower():
        return "Its header X-Post-Messageclass says that it answers automatically"
    return None


def _generated(headers: Headers) -> str | None:
    """The sentence on the header that says no person wrote this, without its stop."""
    submitted = headers.get("auto-submitted").strip().lower()
    if submitted and not submitted.startswith("no"):
        return "Its header Auto-Submitted says that a machine sent it"
    answers = "in-reply-to" in headers or "references" in headers
    for name in ("precedence", "x-precedence"):
        value = headers.get(name).strip().lower()
        if value in {"bulk", "junk"} or (value == "list" and not answers):
            return f"Its header {name.title()} says {value}"
    if answers:  # a group's address in between adds the headers of a list to what people write
        return None
    for name in ("list-id", "list-unsubscribe", "feedback-id", "x-fc-machinegenerated"):
        if name in headers:
            return f"It has the header {name.title()}, which people's own mail does not have"
    return None
