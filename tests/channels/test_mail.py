"""A message's bytes, held against the standard library's parser."""

from __future__ import annotations

import email
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digital_cs.channels.mail import (
    MailError,
    OutgoingMail,
    message_id_for,
    to_bytes,
    wire_address,
)

MAIL = OutgoingMail(
    message_id=message_id_for("enrollment-1/welcome/2/contact-7", "mail.example.org"),
    mail_from="Customer team <hello@example.org>",
    envelope_from="bounces@example.org",
    to="ada@example.com",
    to_name="Ada Lovelace",
    subject="Welcome",
    text="Hello Ada,\n\nwelcome.\n",
    html="<p>Hello Ada,</p>\n<p>welcome.</p>\n",
    date=datetime(2026, 3, 2, 9, 0, tzinfo=timezone(timedelta(hours=1))),
    unsubscribe_url="https://example.org/u/abc.def-_~?x=1",
)

# Everything but lone surrogates (not Unicode text), and for headers without control characters.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
HEADER_TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=200)


def parsed(mail: OutgoingMail) -> EmailMessage:
    message = email.message_from_bytes(to_bytes(mail), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    assert part is not None
    assert part.get_content_charset() == "utf-8"
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def with_crlf(text: str) -> str:
    return re.sub("\r\n|\r|\n", "\r\n", text)


def without_last_break(text: str) -> str:
    return text.removesuffix("\r\n")


@given(subject=HEADER_TEXTS, name=HEADER_TEXTS)
@example(subject="=?utf-8?q?not_encoded?=", name='Smith, "Jo" \\ (CEO) =?utf-8?q?x?=')
@example(subject="x" * 200, name="y" * 200)
@example(subject=" two  spaces ", name="a.b@c <d@e>")
def test_the_parser_reads_back_the_same_subject_and_name(subject: str, name: str) -> None:
    mail = replace(MAIL, subject=subject, to_name=name)
    message = parsed(mail)
    assert message["Subject"] == subject
    assert not message.defects
    # The modern parser puts a blank between the encoded words of a name; the older one is right.
    to = email.message_from_bytes(to_bytes(mail))["To"]
    encoded_name, address = parseaddr(to)
    assert address == MAIL.to
    assert str(make_header(decode_header(encoded_name))) == " ".join(name.split())


@given(text=TEXTS, html=TEXTS)
@example(text="", html="")
@example(text=".\n..\n.\r\n", html="--=_\n")
@example(text="日本語だけの本文です。" * 40, html="ends in a blank ")
@example(text="one line of " + "very " * 400 + "long text", html="a\rb\nc\r\nd\t\n")
def test_the_parser_reads_back_the_same_bodies(text: str, html: str) -> None:
    message = parsed(replace(MAIL, text=text, html=html))
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert without_last_break(body(message, "plain")) == without_last_break(with_crlf(text))
    assert without_last_break(body(message, "html")) == without_last_break(with_crlf(html))


@given(subject=HEADER_TEXTS, name=HEADER_TEXTS, text=TEXTS, html=TEXTS)
def test_the_bytes_are_ascii_lines_within_the_limits(
    subject: str, name: str, text: str, html: str
) -> None:
    data = to_bytes(replace(MAIL, subject=subject, to_name=name, text=text, html=html))
    assert data.isascii()
    assert b"\0" not in data
    assert data.endswith(b"\r\n")
    lines = data.split(b"\r\n")
    assert max(map(len, lines)) <= 78
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    for line in lines:
        if line.startswith((b"Subject:", b"To:", b" =?")) and b"=?" in line:
            assert len(line) <= 76


def test_the_headers_are_those_that_mail_providers_ask_for() -> None:
    message = parsed(replace(MAIL, reply_to="Help <help@example.org>"))
    assert message["Message-ID"] == MAIL.message_id
    assert message["Date"].datetime == MAIL.date
    assert message["From"] == "Customer team <hello@example.org>"
    assert message["Reply-To"] == "Help <help@example.org>"
    assert message["List-Unsubscribe"] == f"<{MAIL.unsubscribe_url}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["MIME-Version"] == "1.0"


def test_a_service_notice_has_no_unsubscribe_headers() -> None:
    message = parsed(replace(MAIL, unsubscribe_url=None))
    assert "List-Unsubscribe" not in message
    assert "List-Unsubscribe-Post" not in message


def test_extra_headers_are_written_and_encoded() -> None:
    extras = (("X-Program", "welcome"), ("X-A-Rather-Long-Header-Name", "Grüße " * 20 + "!"))
    message = parsed(replace(MAIL, headers=extras))
    assert message["X-Program"] == "welcome"
    assert message["X-A-Rather-Long-Header-Name"] == extras[1][1]


def test_an_international_domain_is_written_in_ascii() -> None:
    data = to_bytes(replace(MAIL, to="ada@bücher.example"))
    assert b"ada@xn--bcher-kva.example" in data
    assert data.isascii()


def test_an_international_local_part_is_written_as_utf8() -> None:
    assert "<zoë@example.com>".encode() in to_bytes(replace(MAIL, to="zoë@example.com"))


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\0", "\x0b", "\x85", "\u2028"])
@pytest.mark.parametrize("field", ["subject", "to_name", "mail_from", "reply_to", "to"])
def test_a_header_cannot_be_injected(field: str, break_: str) -> None:
    value = f"hello{break_}Bcc: everybody@example.com"
    with pytest.raises(MailError):
        to_bytes(replace(MAIL, **{field: value}))  # type: ignore[arg-type]


@given(break_=st.sampled_from(["\r\n", "\n", "\r"]), before=st.text(), after=st.text())
def test_no_text_around_a_line_break_makes_it_pass(break_: str, before: str, after: str) -> None:
    for field in ("subject", "to_name", "to", "message_id", "unsubscribe_url"):
        with pytest.raises(MailError):
            to_bytes(replace(MAIL, **{field: before + break_ + after}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [("X-A", "b\r\nBcc: c@d.example"), ("X-A: b\r\nBcc", "c"), ("Bcc", "c@d.example"), ("", "x")],
)
def test_an_extra_header_cannot_inject_or_replace_another(name: str, value: str) -> None:
    with pytest.raises(MailError):
        to_bytes(replace(MAIL, headers=((name, value),)))


@pytest.mark.parametrize(
    "changes",
    [
        {"message_id": "no-brackets@example.org"},
        {"unsubscribe_url": "https://example.org/>evil"},
        {"unsubscribe_url": "https://example.org/" + "x" * 1000},
        {"date": datetime(2026, 3, 2, 9, 0)},
        {"text": "lone \ud800 surrogate"},
        {"subject": "lone \ud800 surrogate"},
        {"mail_from": "nobody"},
        {"mail_from": "Zoë <zoë@example.org>"},
    ],
)
def test_what_cannot_be_a_message_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(MailError):
        to_bytes(replace(MAIL, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "address", ["", "ada", "@example.org", "ada@", "a b@example.org", "ada@exa mple.org",
                "ada@example.org>", "ada@-x-", "ada@" + "ü" * 80 + ".org", "a@b\r\n", '"a"@b.org']
)  # fmt: skip
def test_what_is_no_plain_address_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(MailError) as caught:
        wire_address(address)
    assert not address or address not in str(caught.value)


def test_the_message_id_derives_from_the_ledger_key_p13() -> None:
    first = message_id_for("enrollment-1/welcome/2/contact-7", "mail.example.org")
    assert first == message_id_for("enrollment-1/welcome/2/contact-7", "mail.example.org")
    assert first != message_id_for("enrollment-1/welcome/3/contact-7", "mail.example.org")
    assert re.fullmatch(r"<[0-9a-f]{40}@mail\.example\.org>", first)


def test_the_same_message_is_the_same_bytes() -> None:
    assert to_bytes(MAIL) == to_bytes(replace(MAIL, date=MAIL.date.astimezone(MAIL.date.tzinfo)))
    assert to_bytes(MAIL) != to_bytes(replace(MAIL, date=MAIL.date.astimezone(UTC)))
