"""What machines write in people's place: an absence is not a reply, nor is an acknowledgement."""

from __future__ import annotations

import pytest

from digital_cs.channels.returned import ReturnedKind, read_returned
from tests.channels.returned_samples import OURS, letter

ABSENCES = {
    "exchange": (
        "Automatic reply: Your first report",
        "Auto-Submitted: auto-generated\nX-Auto-Response-Suppress: All\nX-MS-Has-Attach:\n",
        "I am away until 9 March.",
    ),
    "exchange, german": (
        "Automatische Antwort: Your first report",
        "X-Auto-Response-Suppress: All\n",
        "Ich bin vom 3. bis 9. März nicht im Büro.",
    ),
    "exchange, french": (
        "=?utf-8?q?R=C3=A9ponse_automatique_=3A?= Your first report",
        "",
        "Je suis absente jusqu'au 9 mars.",
    ),
    "german": (
        "Abwesenheitsnotiz",
        "Auto-Submitted: auto-replied (vacation)\nPrecedence: bulk\n",
        "Ich bin im Urlaub.",
    ),
    "spanish": ("Respuesta automática: Your first report", "", "Estoy de vacaciones."),
    "dutch": ("Automatisch antwoord: Your first report", "", "Ik ben afwezig."),
    "vacation program": (
        "Re: Your first report",
        "Auto-Submitted: auto-replied\n",
        "I will be back on Monday.",
    ),
    "old header": ("Re: Your first report", "X-Autoreply: yes\n", "Out of the office."),
    "precedence": (
        "Re: Your first report (vacation)",
        "Precedence: auto_reply\n",
        "On holiday until May.",
    ),
    "bulk": ("Ada is on vacation", "Precedence: bulk\n", "See you in May."),
    "cannot receive": (
        "Out of Office AutoReply: Your first report",
        "",
        "I will not receive your mail, it is not delivered to my phone. I'm away.",
    ),
}


@pytest.mark.parametrize("name", ABSENCES)
def test_an_absence_is_not_a_reply_nor_a_bounce(name: str) -> None:
    subject, headers, text = ABSENCES[name]
    raw = letter(text, subject=subject, headers=headers)
    returned = read_returned(raw.replace(b"Return-Path: <ada@example.com>", b"Return-Path: <>"))
    assert returned.kind is ReturnedKind.OUT_OF_OFFICE
    assert returned.failed == ()
    assert returned.text == text
    assert returned.original_message_id == OURS


AUTOMATIC = {
    "ticket": (
        "[#48213] Your first report",
        "Auto-Submitted: auto-replied\n",
        "We have received your request. A colleague will answer soon.",
    ),
    "ticket under an automatic subject": (
        "Automatic reply: [Ticket 48213] Your first report",
        "",
        "Thank you for contacting us.",
    ),
    "generated": ("Backup finished", "Auto-Submitted: auto-generated\n", "All well."),
    "challenge": ("Please confirm your message", "", "Click to be let through."),
    "bulk": ("March offers", "Precedence: bulk\n", "20% off."),
}


@pytest.mark.parametrize("name", AUTOMATIC)
def test_what_other_machines_write_is_neither_reply_nor_absence(name: str) -> None:
    subject, headers, text = AUTOMATIC[name]
    returned = read_returned(letter(text, subject=subject, headers=headers))
    assert returned.kind is ReturnedKind.AUTOMATIC


def test_a_newsletter_that_answers_nothing_is_automatic() -> None:
    raw = letter("News.", headers="List-Id: News <news.example.com>\n")
    raw = raw.replace(b"In-Reply-To", b"X-A").replace(b"References", b"X-B")
    assert read_returned(raw).kind is ReturnedKind.AUTOMATIC


PEOPLE = {
    "suppressing answers is no proof": ("Re: report", "X-Auto-Response-Suppress: All\n", "Yes!"),
    "a person says so": ("Re: report", "Auto-Submitted: no\n", "Yes!"),
    "through a group": ("Re: report", "List-Id: <team.example.com>\nPrecedence: list\n", "Yes!"),
    "speaks of vacation": ("Re: report", "", "I am on vacation next week, call me before."),
    "answers an absence": ("Re: Automatic reply: Your first report", "", "Still there?"),
    "announces an absence": ("Out of office next week, can we move?", "", "Or Thursday?"),
    "quotes a bounce": ("Re: Undeliverable: report", "", "ada@example.com: user unknown, why?"),
    "quotes an absence": ("Re: report", "", "Yes!\n\n> I am out of the office."),
}


@pytest.mark.parametrize("name", PEOPLE)
def test_what_people_write_stays_a_reply(name: str) -> None:
    subject, headers, text = PEOPLE[name]
    returned = read_returned(letter(text, subject=subject, headers=headers))
    assert returned.kind is ReturnedKind.REPLY
    assert returned.failed == ()
    assert returned.text == text.partition("\n")[0]


def test_the_person_behind_the_postmasters_address_can_reply() -> None:
    sender = "Postmaster of Example <postmaster@example.com>"
    returned = read_returned(letter("Your mail could not be delivered? Odd.", sender=sender))
    assert returned.kind is ReturnedKind.REPLY


def test_an_address_that_takes_no_answers_is_no_person() -> None:
    returned = read_returned(letter("Confirmed.", sender="Booking <no-reply@example.com>"))
    assert returned.kind is ReturnedKind.AUTOMATIC


def test_a_calendars_answer_to_an_invitation_is_no_reply() -> None:
    raw = letter("BEGIN:VCALENDAR\nMETHOD:REPLY\n", subject="Accepted: AMA")
    raw = raw.replace(b"text/plain;", b"text/calendar; method=REPLY;")
    assert read_returned(raw).kind is ReturnedKind.AUTOMATIC
