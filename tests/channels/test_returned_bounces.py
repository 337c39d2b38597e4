"""Bounces: whom they name, how gravely, and of which message of ours (P14, P15)."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from digital_cs.channels.returned import Returned, ReturnedKind, read_returned
from tests.channels import returned_samples as samples

ROOT = Path(__file__).resolve().parents[2]
BOUNCES = ROOT.parent / "shared" / "samples" / "bounces"

HARD, SOFT = ReturnedKind.HARD, ReturnedKind.SOFT
DELAYED, DELIVERED = ReturnedKind.DELAYED, ReturnedKind.DELIVERED


def said(returned: Returned) -> dict[str, str]:
    return {failed.address: failed.kind.value for failed in returned.failed}


def group(address: str = "ada@example.com", **fields: str) -> str:
    lines = {"Final-Recipient": f"rfc822; {address}", "Action": "failed", **fields}
    return "\n".join(f"{name.replace('_', '-')}: {value}" for name, value in lines.items()) + "\n"


def test_real_bounces_are_read_as_the_reference_reads_them() -> None:
    # The reference calls "temporary" what a server goes on trying, and "permanent" what it has
    # given up, whatever the reason: a full mailbox is permanent there and soft here.
    if not BOUNCES.is_dir():
        pytest.skip(f"no samples at {BOUNCES}: 117 real bounces stay unread")
    rows = list(csv.DictReader((BOUNCES / "expected.csv").read_text().splitlines()))
    differences: list[str] = []
    wrongly_hard: list[str] = []
    for row in rows:
        returned = read_returned((BOUNCES / "data" / row["file"]).read_bytes())
        delayed = {one.address.casefold() for one in returned.failed if one.kind is DELAYED}
        given_up = {one.address.casefold() for one in returned.failed if one.given_up}
        expected = [set(row[column].casefold().split()) for column in ("temporary", "permanent")]
        if [delayed, given_up] != expected:
            differences.append(f"{row['file']}: {expected}, but read {said(returned)}")
        hard = {one.address.casefold() for one in returned.failed if one.kind is HARD}
        wrongly_hard += [f"{row['file']}: {address}" for address in hard - expected[1]]
    assert not wrongly_hard, wrongly_hard
    assert len(rows) == 117
    assert len(rows) - len(differences) >= 116, "\n".join(differences)


@pytest.mark.parametrize(
    ("raw", "expected", "status"),
    [
        (samples.GMAIL_REPORT, {"ada@example.com": "hard"}, "5.1.1"),
        (samples.OUTLOOK_REPORT, {"ada@example.com": "hard"}, "5.1.10"),
        (samples.POSTFIX_REPORT, {"ada@example.com": "soft", "bea@example.com": "hard"}, "5.2.2"),
    ],
    ids=["gmail", "outlook", "postfix"],
)
def test_reports_of_current_servers_name_recipient_status_and_message(
    raw: bytes, expected: dict[str, str], status: str
) -> None:
    returned = read_returned(raw, samples.TOKEN_ADDRESS)
    assert said(returned) == expected
    assert returned.kind is HARD
    assert returned.failed[0].status == status
    assert returned.original_message_id == samples.OURS
    assert returned.envelope_to == samples.TOKEN_ADDRESS
    assert returned.text == ""


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"Status": "5.1.1"}, HARD),
        ({"Status": "5.1.2", "Diagnostic-Code": "smtp; 550 5.1.2 Bad host"}, HARD),
        ({"Status": "5.2.1", "Diagnostic-Code": "smtp; 550 5.2.1 account is disabled"}, HARD),
        ({"Status": "5.4.4", "Diagnostic-Code": "X-Postfix; Host not found"}, HARD),
        ({"Status": "5.0.0", "Diagnostic-Code": "smtp; 550 5.1.1 No such user"}, HARD),
        ({"Status": "5.0.0", "Diagnostic-Code": "smtp; 550 Unknown user"}, HARD),
        (
            {
                "Status": "5.4.1",
                "Diagnostic-Code": "smtp; 550 5.4.1 Recipient address rejected: Access denied.",
            },
            HARD,
        ),
        ({"Status": "5.2.2", "Diagnostic-Code": "smtp; 552 5.2.2 over quota"}, SOFT),
        ({"Status": "5.0.0", "Diagnostic-Code": "smtp; 550 Mailbox is full"}, SOFT),
        ({"Status": "5.7.1", "Diagnostic-Code": "smtp; 550 5.7.1 unsolicited mail"}, SOFT),
        ({"Status": "5.7.26", "Diagnostic-Code": "smtp; 550 5.7.26 DMARC check failed"}, SOFT),
        ({"Status": "5.0.0", "Diagnostic-Code": "smtp; 554 5.7.1 blocked using a list"}, SOFT),
        ({"Status": "5.1.8", "Diagnostic-Code": "smtp; 550 Sender domain not found"}, SOFT),
        ({"Status": "5.3.4", "Diagnostic-Code": "smtp; 552 message too large"}, SOFT),
        ({"Status": "5.4.1", "Diagnostic-Code": "smtp; no answer from host"}, SOFT),
        ({"Status": "4.4.7", "Diagnostic-Code": "smtp; delivery time expired"}, SOFT),
        ({"Status": "4.7.1", "Diagnostic-Code": "smtp; 451 4.7.1 Greylisted"}, SOFT),
        ({"Status": "4.1.1", "Diagnostic-Code": "smtp; 450 user unknown"}, SOFT),
        ({"Diagnostic-Code": "smtp; 550 user unknown"}, HARD),
        ({"Diagnostic-Code": "smtp; 421 try again"}, SOFT),
        ({"Action": "delayed", "Status": "4.4.1"}, DELAYED),
        ({"Action": "delayed", "Status": "5.1.1"}, DELAYED),
        ({"Action": "Delivered (to mailbox)", "Status": "2.0.0"}, DELIVERED),
        ({"Action": "relayed", "Status": "2.0.0"}, DELIVERED),
        ({"Action": "expanded", "Status": "2.0.0"}, DELIVERED),
    ],
    ids=lambda value: " ".join(value.values()) if isinstance(value, dict) else str(value),
)
def test_only_what_is_about_the_address_is_a_hard_bounce(
    fields: dict[str, str], kind: ReturnedKind
) -> None:
    returned = read_returned(samples.report(group(**fields)))
    assert said(returned) == {"ada@example.com": kind.value}
    assert returned.kind is kind


def test_a_report_on_several_recipients_is_as_grave_as_its_gravest() -> None:
    groups = "\n".join(
        [
            group("ada@example.com", Action="delivered", Status="2.1.5"),
            group("bea@example.com", Action="delayed", Status="4.4.1"),
            group("cleo@example.com", Status="5.2.2"),
        ]
    )
    returned = read_returned(samples.report(groups))
    assert returned.kind is SOFT
    assert [one.given_up for one in returned.failed] == [False, False, True]
    assert [one.address for one in returned.failed] == [
        "ada@example.com",
        "bea@example.com",
        "cleo@example.com",
    ]


@pytest.mark.parametrize(
    ("original", "final", "expected"),
    [
        ("rfc822; ada@example.com", "rfc822; ada@internal.example.net", "ada@example.com"),
        ("rfc822;ada+2Bnews@example.com", "rfc822;a17@example.net", "ada+news@example.com"),
        ("rfc822;ada+2B@example.com", "rfc822;ada+2B@example.com", "ada+2B@example.com"),
        ("rfc822;ada+5Fb@example.com", "rfc822;ada_b@example.com", "ada_b@example.com"),
        ("rfc822;ada+5F@example.com", "rfc822;a17@example.net", "ada+5F@example.com"),
        ("utf-8;j\\x{F8}rn@example.com", "x400;/S=jorn/", "jørn@example.com"),
        ("", "<ada@example.com>", "ada@example.com"),
        ("", "RFC822; <ada@example.com>", "ada@example.com"),
    ],
)
def test_the_address_is_the_one_we_wrote_to(original: str, final: str, expected: str) -> None:
    fields = {"Final-Recipient": final, "Action": "failed", "Status": "5.1.1"}
    if original:
        fields["Original-Recipient"] = original
    groups = "\n".join(f"{name}: {value}" for name, value in fields.items()) + "\n"
    assert said(read_returned(samples.report(groups))) == {expected: "hard"}


def test_a_report_with_a_disclaimer_around_it_is_still_a_bounce() -> None:
    inner = samples.POSTFIX_REPORT.partition(b"Content-Type: multipart/report")[2]
    wrapped = (
        b"From: gateway@example.net\nTo: bounce@example.org\nSubject: FW: something\n"
        b'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="w"\n\n'
        b"--w\nContent-Type: text/plain\n\nHi, I got this, what is it?\n"
        b"--w\nContent-Type: multipart/report" + inner + b"\n--w--\n"
    )
    assert said(read_returned(wrapped)) == {"ada@example.com": "soft", "bea@example.com": "hard"}


def test_a_report_that_a_person_attaches_is_their_reply_and_no_bounce() -> None:
    forwarded = (
        b"From: Bea <bea@example.com>\nTo: hello@example.org\nSubject: what is this?\n"
        b'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="w"\n\n'
        b"--w\nContent-Type: text/plain\n\nMy colleague got this. Is she off your list?\n"
        b"--w\nContent-Type: message/rfc822\n\n" + samples.POSTFIX_REPORT + b"\n--w--\n"
    )
    returned = read_returned(forwarded)
    assert returned.kind is ReturnedKind.REPLY
    assert returned.text == "My colleague got this. Is she off your list?"
    assert returned.failed == ()


NOTICES = {
    "exim": (
        "This message was created automatically by mail delivery software.\n\nA message that you "
        "sent could not be delivered to one or more of its\nrecipients. This is a permanent "
        "error. The following address(es) failed:\n\n  ada@example.com\n    host mx.example.com "
        "[192.0.2.7]\n    SMTP error from remote mail server after RCPT TO:<ada@example.com>:\n"
        "    550 5.1.1 No such user here\n\n------ This is a copy of the message, including all "
        f"the headers. ------\n\nMessage-ID: {samples.OURS}\nTo: ada@example.com\n",
        "hard",
    ),
    "qmail": (
        "Hi. This is the qmail-send program at mx.example.net.\nI'm afraid I wasn't able to "
        "deliver your message to the following addresses.\n\n<ada@example.com>:\n192.0.2.7 "
        "failed after I sent the message.\nRemote host said: 552 Mailbox is over quota\n\n--- "
        f"Below this line is a copy of the message.\n\nMessage-ID: {samples.OURS}\n",
        "soft",
    ),
    "german": (
        "Diese Nachricht wurde automatisch erzeugt.\n\nIhre Nachricht konnte nicht zugestellt "
        "werden:\n\n<ada@example.com>: Empfänger unbekannt\n\n----- Ursprüngliche Nachricht "
        f"-----\nMessage-ID: {samples.OURS}\n",
        "hard",
    ),
    "warning": (
        "A message that you sent has not yet been delivered to one or more of its recipients "
        "after more than 24 hours on the queue.\n\nThe address to which the message has not yet "
        "been delivered is:\n\n  ada@example.com\n\nNo action is required on your part. Delivery "
        "attempts will continue for some time. Eventually the mail delivery software will give "
        f"up.\n\n---- original message headers ----\nMessage-ID: {samples.OURS}\n",
        "delayed",
    ),
}


@pytest.mark.parametrize("name", NOTICES)
def test_notices_in_plain_words_are_read_too(name: str) -> None:
    text, kind = NOTICES[name]
    raw = (
        "Return-Path: <>\nFrom: Mail Delivery System <Mailer-Daemon@mx.example.net>\n"
        f"To: {samples.TOKEN_ADDRESS}\nSubject: Mail delivery failed\n"
        f"Content-Type: text/plain; charset=utf-8\n\n{text}"
    )
    returned = read_returned(raw.encode(), samples.TOKEN_ADDRESS)
    assert said(returned) == {"ada@example.com": kind}
    assert returned.original_message_id == samples.OURS


SHAPES = {
    "brackets behind it": "--The following addresses had errors--\n\nADDRESS [User unknown]",
    "brackets around it": "Delivery has failed:\n\n * [ADDRESS]: 550 User unknown",
    "an X.400 name": "did not reach the following recipient(s):\n\nc=US;dda:SMTP=ADDRESS; on Fri"
    "\n    The recipient name is not recognized",
    "behind a phrase": "Sorry, unable to deliver your message to ADDRESS: no such user",
    "a transcript": "Could not be delivered.\nSent <<< RCPT TO:<ADDRESS>\nReceived >>> 550 5.1.1",
    "with its name": 'could not be delivered to:\n\n"Ada L" <ADDRESS>\nuser unknown',
    "a copy without a mark": "Not delivered:\n<ADDRESS>: user unknown\n\n"
    "Return-Path: <x@example.org>\n\n<bea@example.com>: hello",
    "a copy in raw MIME": "Not delivered:\n<ADDRESS>: user unknown\n"
    "--b\nContent-Type: message/rfc822\n\n<bea@example.com>: hello",
    "whom to ask": "Not delivered:\n\n  ADDRESS\n\n550 No such user. Write to eve@example.net",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_address_is_found_wherever_servers_put_it(shape: str) -> None:
    text = SHAPES[shape].replace("ADDRESS", "ada@example.com")
    raw = f"From: postmaster@mx.example.net\nSubject: Undeliverable\n\n{text}\n"
    assert said(read_returned(raw.encode())) == {"ada@example.com": "hard"}


def test_a_notice_in_html_only_is_read() -> None:
    raw = (
        "From: MAILER-DAEMON@mx.example.net\nSubject: x\nContent-Type: text/html\n\n"
        "<html><p>I wasn't able to deliver your message.<br><br>ada@example.com<br>No such user"
    )
    assert said(read_returned(raw.encode())) == {"ada@example.com": "hard"}


def test_a_returned_message_makes_a_notice_of_what_an_unanswerable_address_writes() -> None:
    raw = (
        'From: no-reply@example.net\nContent-Type: multipart/mixed; boundary="b"\n\n--b\n\n'
        "Could not be delivered to: <ada@example.com>\nAs their mailbox is full.\n--b\n"
        f"Content-Type: message/rfc822\n\nMessage-ID: {samples.OURS}\n\nHello\n--b--\n"
    )
    returned = read_returned(raw.encode())
    assert said(returned) == {"ada@example.com": "soft"}
    assert returned.original_message_id == samples.OURS


def test_addresses_that_did_not_fail_are_left_out_of_a_notice() -> None:
    raw = (
        "From: postmaster@mx.example.net\nTo: hello@example.org\nSubject: Undeliverable mail\n\n"
        "Your message to ada@example.com could not be delivered: user unknown.\n"
        "It was sent by hello@example.org.\n\n"
        "<hello@example.org>: this sender is known\n"
        "Questions? Please write to\n\n  postmaster@mx.example.net\n\n"
        "or to somebody@example.net, who is in today.\n"
    )
    assert said(read_returned(raw.encode())) == {"ada@example.com": "hard"}


def test_a_mailbox_with_a_common_name_can_fail_like_any_other() -> None:
    raw = (
        "From: MAILER-DAEMON@mx.example.net\nSubject: failure notice\n\n"
        "<support@example.com>:\nSorry, no mailbox here by that name.\n"
    )
    assert said(read_returned(raw.encode())) == {"support@example.com": "hard"}


def test_a_notice_that_names_nobody_says_what_happened_to_whom_the_token_knows() -> None:
    raw = (
        "From: MAILER-DAEMON@mx.example.net\nSubject: Mail delivery failed\n\n"
        "Your message could not be delivered. The mailbox is full.\n"
    )
    returned = read_returned(raw.encode(), samples.TOKEN_ADDRESS)
    assert (returned.kind, returned.failed) == (SOFT, ())
    assert returned.envelope_to == samples.TOKEN_ADDRESS


def test_what_a_mail_system_says_and_no_rule_reads_is_kept_back() -> None:
    raw = b"From: MAILER-DAEMON@mx.example.net\nSubject: Statistics\n\nAll quiet today.\n"
    returned = read_returned(raw)
    assert returned.kind is ReturnedKind.UNKNOWN
    assert returned.text == "All quiet today."
