"""Whatever arrives, the reader of returned mail lives on, and what it says is fit to be stored."""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digital_cs.channels.mail import wire_address
from digital_cs.channels.returned import Returned, ReturnedKind, read_returned
from digital_cs.channels.returned_mime import MOST_BYTES, read_mail
from tests.channels import returned_samples as samples
from tests.channels.test_returned_bounces import BOUNCES, NOTICES, group
from tests.channels.test_returned_replies import HTML_REPLIES, PLAIN_REPLIES

LETTERS = [samples.letter(text) for text in PLAIN_REPLIES.values()]
LETTERS += [samples.letter(text, subtype="html") for text in HTML_REPLIES.values()]
REPORTS = [
    samples.GMAIL_REPORT,
    samples.OUTLOOK_REPORT,
    samples.POSTFIX_REPORT,
    samples.HOTMAIL_COMPLAINT,
    samples.abuse_report("abuse"),
    *(
        f"From: MAILER-DAEMON@mx.example.net\nSubject: failure notice\n\n{text}".encode()
        for text, _ in NOTICES.values()
    ),
]
MAILS = st.sampled_from(LETTERS + REPORTS)


def read(raw: bytes) -> Returned:
    """Read it, and hold the record to what it promises of any mail whatever."""
    returned = read_returned(raw, "bounce@example.org")
    assert not returned.why.startswith("Reading it failed"), returned.why
    assert returned.why
    assert returned.envelope_to == "bounce@example.org"
    for line in (returned.subject, returned.why, *(one.diagnostic for one in returned.failed)):
        assert len(line) <= 500
        assert not any(unicodedata.category(letter) in {"Cc", "Cs", "Zl"} for letter in line)
    assert len(returned.text) <= 20_000
    assert not set(returned.text) & set(map(chr, [*range(9), *range(11, 32), 0x7F, 0x9B, 0x202E]))
    returned.text.encode()
    addresses = [*(one.address for one in returned.failed), *returned.complained_of]
    for address in [*addresses, *filter(None, [returned.sender])]:
        wire_address(address)
    for message_id in returned.references:
        assert message_id.isprintable()
        assert message_id.isascii()
        assert " " not in message_id
    assert len(returned.references) <= 50
    assert len(returned.failed) <= 101
    if returned.original_message_id is not None:
        assert returned.original_message_id == returned.references[0]
    return returned


@given(st.binary(max_size=2000))
@example(b"From: \x00\r\n\r\n")
def test_any_bytes_are_read(raw: bytes) -> None:
    read(raw)


PIECES = st.sampled_from(
    [
        *(b"\n", b"\r", b"\r\n\r\n", b" ", b"\t", b":", b";", b"<", b">", b"@", b'"', b"=", b"--b"),
        *(b"--b--", b"\x00", b"\xff\xfe", b"\x1b[31m", b"=?utf-8?b?4pw=?=", b"=?x?q?=zz?=", b"=?"),
        *(b"From: ", b"To: ", b"Subject: ", b"Content-Type: ", b"Message-ID: ", b"References: "),
        *(b"multipart/report; boundary=b", b"message/rfc822", b"message/delivery-status"),
        *(b"text/html; charset=punycode", b"text/plain; charset=utf-16", b"text/rfc822-headers"),
        *(b"message/feedback-report", b"Content-Transfer-Encoding: base64", b"quoted-printable"),
        *(b"Final-Recipient: rfc822; ", b"Action: failed", b"Status: 5.1.1", b"Diagnostic-Code: "),
        *(b"ada@example.com", b"MAILER-DAEMON@x.example", b"user unknown", b"could not deliver to"),
        *(b"> ", b"-- ", b"On 1 Jan x wrote:", b"<div ", b"</", b"<!--", b"<blockquote>", b"&#x0;"),
    ]
)


@given(st.lists(PIECES, max_size=80).map(b"".join))
def test_any_heap_of_the_words_it_knows_is_read(raw: bytes) -> None:
    read(raw)


@given(MAILS, st.data())
def test_damaged_mails_are_read(raw: bytes, data: st.DataObject) -> None:
    mutable = bytearray(raw)
    for _ in range(data.draw(st.integers(0, 12))):
        at = data.draw(st.integers(0, max(0, len(mutable) - 1)))
        how = data.draw(st.sampled_from(["flip", "drop", "insert", "double", "cut"]))
        length = data.draw(st.integers(1, 40))
        if how == "flip" and mutable:
            mutable[at] ^= data.draw(st.integers(1, 255))
        elif how == "drop":
            del mutable[at : at + length]
        elif how == "insert":
            mutable[at:at] = data.draw(st.one_of(st.binary(max_size=20), PIECES))
        elif how == "double":
            mutable[at:at] = mutable[at : at + length * 20]
        elif how == "cut":
            del mutable[len(mutable) - length :]
    read(bytes(mutable))


@given(MAILS)
def test_the_line_ends_of_a_mail_change_nothing(raw: bytes) -> None:
    assert read(raw.replace(b"\n", b"\r\n")) == read(raw) == read(raw.replace(b"\n", b"\r"))


@pytest.mark.timeout(300)
def test_real_bounces_cut_off_and_garbled_are_read() -> None:
    if not BOUNCES.is_dir():
        pytest.skip(f"no samples at {BOUNCES}: real bounces are not damaged here")
    for path in sorted((BOUNCES / "data").iterdir()):
        raw = path.read_bytes()
        for length in range(0, len(raw), max(1, len(raw) // 12)):
            read(raw[:length])
            read(raw[length:])
            flipped = bytearray(raw)
            for at in range(length % 97, len(raw), 97):
                flipped[at] ^= 1 << (at % 8)
            read(bytes(flipped))


def nested(container: Callable[[int, bytes], bytes], depth: int) -> bytes:
    raw = b"Content-Type: text/plain\n\nuser unknown <ada@example.com>:\n"
    for level in range(depth):
        raw = container(level, raw)
    return b"From: MAILER-DAEMON@x.example\nSubject: failure notice\n" + raw


def in_multipart(level: int, raw: bytes) -> bytes:
    mark = b"b%d" % level
    return b"Content-Type: multipart/mixed; boundary=" + mark + b"\n\n--" + mark + b"\n" + raw


def in_message(level: int, raw: bytes) -> bytes:
    return b"Content-Type: message/rfc822\n\n" + raw


def in_both(level: int, raw: bytes) -> bytes:
    return in_message(level, in_multipart(level, raw))


HEAD = b"From: MAILER-DAEMON@x.example\nSubject: failure notice\n"
MANY = 1_000_000
BOMBS = {
    "multiparts": nested(in_multipart, 15_000),
    "messages": nested(in_message, 20_000),
    "both": nested(in_both, 10_000),
    "parts": HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 100_000,
    "ten megabytes": samples.letter("word " * 2_000_000),
    "one line": HEAD + b"\n" + b"a" * MANY,
    "blank lines": HEAD + b"\n" + b"\n" * MANY,
    "spaces": HEAD + b"\nuser" + b" " * MANY + b"x",
    "tabs behind colons": HEAD + b"\n" + (b":\n" + b"\t" * 200) * 5000,
    "dashes": HEAD + b"\n" + (b"-" * 900 + b"\n") * 1000,
    "one dash line": HEAD + b"\n" + b"-" * MANY,
    "at signs": HEAD + b"\n" + b"a@" * (MANY // 2),
    "addresses": HEAD + b"\ncould not deliver to:\n" + b"<a@b.example>: no\n" * 50_000,
    "different addresses": HEAD
    + b"\ncould not deliver to:\n"
    + b"".join(b"<a%d@b.example>: no such user\n" % number for number in range(30_000)),
    "words": HEAD + b"\n" + b"user mailbox exceed not deliver to address " * 20_000,
    "exceed": HEAD + b"\n" + b"exceed" * 150_000,
    "headers": b"X-A: b\n" * 150_000 + b"\nhi",
    "one header": HEAD + b"X-A: " + b"y" * MANY + b"\n\nhi",
    "folded header": HEAD + b"Subject: a\n" + b" b\n" * 300_000 + b"\nhi",
    "encoded words": b"From: ada@example.com\nSubject: " + b"=?a?q?" * 100_000 + b"\n\nhi",
    "references": b"From: ada@example.com\nReferences: " + b"<a@b> " * 150_000 + b"\n\nhi",
    "addressees": HEAD + b"To: " + b"a@b.example, " * 70_000 + b"\n\nnot delivered",
    "parameters": HEAD + b"Content-Type: multipart/mixed" + b"; a=b" * 100_000 + b"\n\nhi",
    "recipient groups": samples.report("\n".join(group(f"a{n}@b.example") for n in range(9000))),
    "open tags": samples.letter("<a " * 300_000, subtype="html"),
    "open comments": samples.letter("<!-- " * 200_000, subtype="html"),
    "open styles": samples.letter("<style>" * 140_000, subtype="html"),
    "blockquotes": samples.letter("<blockquote>" * 80_000, subtype="html"),
    "classes": samples.letter("<div " + "class=" * 150_000 + ">", subtype="html"),
    "entities": samples.letter("&amp" * 200_000, subtype="html"),
    "quotation marks": samples.letter(">" * MANY),
    "attributions": samples.letter("On 1 2 3 wrote wrote wrote:\n" * 30_000),
    "almost attributions": samples.letter(("On 1 " + "wrote " * 60 + "\n") * 2500),
    "signatures": samples.letter("-- \n" * 200_000),
    "senders": samples.letter("From: a\nSent: b\n" * 50_000),
    "rules": samples.letter("_____\n\n" * 100_000),
    "digits": HEAD + b"\n" + b"5.1." * 200_000,
    "zeros": HEAD + b"\n\x00" + b"\x00" * MANY,
    "base64": HEAD
    + b"Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n"
    + base64.b64encode(b"could not deliver to <ada@example.com>:\n" * 15_000),
    "quoted-printable": HEAD + b"Content-Transfer-Encoding: quoted-printable\n\n" + b"=" * MANY,
    "punycode": HEAD + b"Content-Type: text/plain; charset=punycode\n\n" + b"a-" * 100_000,
    "utf-7": HEAD + b"Content-Type: text/plain; charset=utf-7\n\n" + b"+AGEAYg" * 100_000,
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", BOMBS)
def test_mails_made_to_exhaust_their_reader_are_read_within_limits(name: str) -> None:
    returned = read(BOMBS[name])
    assert len(read_mail(BOMBS[name]).parts) <= 60
    assert len(repr(returned)) < 400_000


def test_what_stands_behind_the_first_megabyte_is_not_looked_at() -> None:
    report = samples.POSTFIX_REPORT
    assert read(report + b"x" * MOST_BYTES) == read(report)
    assert read(b"X-Fill: 1\n" * (MOST_BYTES // 10) + report).kind is ReturnedKind.UNKNOWN


@pytest.mark.parametrize(
    "charset", ["no-such", "utf-8", "utf-16", "hex", "rot13", "idna", "", "\0"]
)
def test_a_wrong_charset_costs_at_most_the_letters_outside_ascii(charset: str) -> None:
    raw = samples.letter("Thanks, Grüße").replace(b"charset=utf-8", b"charset=" + charset.encode())
    returned = read(raw)
    assert returned.kind is ReturnedKind.REPLY
    if charset != "utf-16":
        assert "Thanks" in returned.text


def test_a_diagnostic_cannot_smuggle_lines_or_colours() -> None:
    words = "smtp; 550 5.1.1 \x1b[31mno\x07 such\r user\x00\x85\x9b2J\u202e" + "x" * 2000
    returned = read(samples.report(group(**{"Status": "5.1.1", "Diagnostic-Code": words})))
    (failed,) = returned.failed
    assert failed.kind is ReturnedKind.HARD
    assert failed.diagnostic.startswith("550 5.1.1 [31mno such")


@pytest.mark.parametrize(
    "address",
    ["ada", "@example.com", "ada@", "ada@-.", "a da@", "ada@exa mple..", "<>", "", "a\x00@b\x00"],
)
def test_addresses_that_are_none_are_dropped(address: str) -> None:
    returned = read(samples.report(group(address, Status="5.1.1"), "Something was not delivered."))
    assert returned.failed == ()


def test_message_ids_cannot_smuggle_headers() -> None:
    raw = samples.letter("hi").replace(samples.OURS.encode(), b"<a@b\r\nBcc: eve@example.com>")
    assert read(raw).references == ("<older@example.com>",)


@given(st.text(st.characters(categories=["L", "N", "So"]), max_size=300))
def test_text_of_any_language_comes_back_as_it_was_written(words: str) -> None:
    assert read(samples.letter(f"x\n{words}\nx")).text == f"x\n{words}\nx"
