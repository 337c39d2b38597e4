"""Complaints, and the notes of mail programs: neither is a bounce, unless a server refused."""

from __future__ import annotations

import pytest

from digital_cs.channels.returned import ReturnedKind, read_returned
from tests.channels import returned_samples as samples


@pytest.mark.parametrize("feedback_type", ["abuse", "fraud", "virus", "other", "opt-out"])
def test_feedback_reports_are_complaints_of_the_message_they_return(feedback_type: str) -> None:
    returned = read_returned(samples.abuse_report(feedback_type))
    assert returned.kind is ReturnedKind.COMPLAINT
    assert returned.complained_of == ("ada@example.com",)
    assert returned.original_message_id == samples.OURS
    assert returned.failed == ()


@pytest.mark.parametrize("feedback_type", ["not-spam", "auth-failure"])
def test_feedback_that_complains_of_nothing_is_no_complaint(feedback_type: str) -> None:
    assert read_returned(samples.abuse_report(feedback_type)).kind is ReturnedKind.AUTOMATIC


def test_a_complaint_whose_address_is_blacked_out_still_names_the_message() -> None:
    raw = samples.abuse_report("abuse").replace(b"<ada@example.com>", b"[redacted]")
    returned = read_returned(raw)
    assert returned.kind is ReturnedKind.COMPLAINT
    assert returned.complained_of == ()
    assert returned.original_message_id == samples.OURS


def test_hotmails_junk_reports_are_complaints() -> None:
    returned = read_returned(samples.HOTMAIL_COMPLAINT)
    assert returned.kind is ReturnedKind.COMPLAINT
    assert returned.complained_of == ("ada@example.com",)
    assert returned.original_message_id == samples.OURS


@pytest.mark.parametrize(
    ("disposition", "words", "kind"),
    [
        (
            "automatic-action/MDN-sent-automatically; deleted",
            "rejected: Quota exceeded",
            ReturnedKind.SOFT,
        ),
        (
            "automatic-action/MDN-sent-automatically; deleted",
            "rejected: no such user",
            ReturnedKind.HARD,
        ),
        ("manual-action/MDN-sent-manually; displayed", "was read", ReturnedKind.AUTOMATIC),
        ("manual-action/MDN-sent-manually; deleted", "was deleted", ReturnedKind.AUTOMATIC),
    ],
)
def test_a_disposition_note_is_a_bounce_only_where_a_server_refused(
    disposition: str, words: str, kind: ReturnedKind
) -> None:
    raw = f"""\
From: Mail Delivery Subsystem <postmaster@example.com>
Subject: Note
Auto-Submitted: auto-replied
Content-Type: multipart/report; report-type=disposition-notification; boundary=n

--n
Content-Type: text/plain

Your message to <ada@example.com> was automatically {words}
--n
Content-Type: message/disposition-notification

Final-Recipient: rfc822; ada@example.com
Original-Message-ID: {samples.OURS}
Disposition: {disposition}
--n--
"""
    if kind is ReturnedKind.AUTOMATIC:
        raw = raw.replace("Mail Delivery Subsystem <postmaster@", "Ada <ada@")
        raw = raw.replace("Auto-Submitted: auto-replied\n", "")
    returned = read_returned(raw.encode())
    assert returned.kind is kind
    assert returned.original_message_id == samples.OURS
