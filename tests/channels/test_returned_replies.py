"""What people write back, without the history they quote."""

from __future__ import annotations

import pytest

from digital_cs.channels.returned import ReturnedKind, read_returned
from tests.channels.returned_samples import OURS, letter

NEW = "Thanks, that helps.\n\nCould we talk on Thursday at 10:30?"

PLAIN_REPLIES = {
    "nothing quoted": f"{NEW}\n",
    "gmail": f"""{NEW}

On Tue, 3 Mar 2026 at 09:12, Customer team <hello@example.org> wrote:

> Hello Ada,
>
> your report is ready.
""",
    "gmail, wrapped": f"""{NEW}

On Tue, Mar 3, 2026 at 9:12 AM Customer team of the Example Company <
hello@example.org> wrote:

> Hello Ada,
> your report is ready.
""",
    "apple": f"""{NEW}

> On 3. Mar 2026, at 09:12, Customer team <hello@example.org> wrote:
>
> Hello Ada,

Sent from my iPhone
""",
    "outlook": f"""{NEW}

________________________________
From: Customer team <hello@example.org>
Sent: Tuesday, March 3, 2026 9:12 AM
To: Ada Lovelace <ada@example.com>
Subject: Your first report

Hello Ada,
your report is ready.
""",
    "outlook for phones": f"""{NEW}

Get Outlook for iOS<https://aka.ms/o0ukef>
________________________________
From: Customer team <hello@example.org>
Sent: Tuesday, March 3, 2026 9:12:00 AM
To: Ada Lovelace <ada@example.com>

Hello Ada
""",
    "outlook, german": f"""{NEW}

Von: Customer team <hello@example.org>
Gesendet: Dienstag, 3. März 2026 09:12
An: Ada Lovelace <ada@example.com>
Betreff: Your first report

Hello Ada
""",
    "old outlook": f"""{NEW}

-----Original Message-----
From: Customer team
Hello Ada
""",
    "german": f"""{NEW}

Am Di., 3. März 2026 um 09:12 Uhr schrieb Customer team <hello@example.org>:

> Hello Ada
""",
    "french": f"""{NEW}

Le mar. 3 mars 2026 à 09:12, Customer team <hello@example.org> a écrit :

> Hello Ada
""",
    "chinese": f"""{NEW}

在 2026年3月3日，Customer team <hello@example.org> 写道：

> Hello Ada
""",
    "a language nobody thought of": f"""{NEW}

2026-03-03 09:12 Customer team <hello@example.org> xyzzy:
> Hello Ada
""",
    "history without marks": f"""{NEW}

On Tue, 3 Mar 2026 at 09:12, Customer team <hello@example.org> wrote:
Hello Ada,
your report is ready.
""",
    "below the history": f"""On Tue, 3 Mar 2026 at 09:12, Customer team <hello@example.org> wrote:
> Hello Ada,
> your report is ready.

{NEW}

--\x20
Ada Lovelace
Analytical Engines Ltd
""",
    "signature": f"""{NEW}

--\x20
Ada Lovelace | +44 20 7946 0000

On Tue, 3 Mar 2026 at 09:12, Customer team <hello@example.org> wrote:
> Hello Ada
""",
}


@pytest.mark.parametrize("style", PLAIN_REPLIES)
def test_a_reply_is_what_was_newly_written(style: str) -> None:
    returned = read_returned(letter(PLAIN_REPLIES[style]))
    assert returned.kind is ReturnedKind.REPLY
    assert returned.text == NEW
    assert returned.original_message_id == OURS
    assert returned.references == (OURS, "<older@example.com>")
    assert returned.sender == "ada@example.com"
    assert returned.subject == "Re: Your first report"


def test_answers_between_the_quoted_lines_are_all_kept() -> None:
    text = (
        "On 3 Mar 2026, Customer team <hello@example.org> wrote:\n"
        "> Did it work?\nYes.\n\n> Shall we talk?\nThursday.\n"
    )
    assert read_returned(letter(text)).text == "Yes.\n\nThursday."


TRIP = "My trip:\n\nFrom: Berlin\nTo: London\nDate: 9 March\n\nShall we meet?"


def test_words_that_only_look_like_a_quotation_stay() -> None:
    text = (
        "Here is what I wrote:\n\nFrom: the old system\nwe export 3 files:\n\n"
        "a) one\nb) two\n\n-- not a signature\nSent: yesterday"
    )
    assert read_returned(letter(text)).text == text
    assert read_returned(letter(TRIP)).text == TRIP


def test_where_everything_is_quoted_everything_is_kept() -> None:
    text = "> Hello Ada,\n> your report is ready."
    assert read_returned(letter(text)).text == text


HTML_REPLIES = {
    "thunderbird": "<html>\n<head>\n<title>x</title><style>p {}</style></head><body>Thanks, that "
    "helps.<br><br>Could we talk on Thursday at 10:30?<div class='moz-cite-prefix'>On 3 March we "
    "wrote:</div><blockquote type='cite'><div>Hello</div><blockquote>Hi</blockquote></blockquote>",
    "a program nobody thought of": "<p>Thanks, that helps.<o:p></o:p></p><p>Could we talk on "
    "Thursday at 10:30?</p><p>03.03.2026, 09:12, &lt;hello@example.org&gt;:</p>"
    "<blockquote>Hi</blockquote>",
    "gmail": "<div dir=ltr><p>Thanks, that helps.</p><p>Could we talk on Thursday at&nbsp;10:30?"
    '</p></div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">'
    "On Tue, 3 Mar 2026 at 09:12 Customer team &lt;hello@example.org&gt; wrote:<br></div>"
    '<blockquote class="gmail_quote">Hello Ada</blockquote></div>',
    "outlook": "<html><head><style>p {margin:0}</style></head><body><p>Thanks, that helps.</p>"
    "<p>Could we talk on Thursday\nat 10:30?</p><div id='appendonsend'></div><hr>"
    "<div id='divRplyFwdMsg'><b>From:</b> Customer team<br></div><div>Hello</div></body></html>",
    "outlook on a desk": "<p class=MsoNormal>Thanks, that helps.</p><!-- x > y --><p>Could we talk "
    "on Thursday at 10:30?</p><div style='border-top:solid #E1E1E1 1.0pt'><p><b>From:</b> Customer "
    "team<br><b>Sent:</b> Tuesday, March 3<br><b>To:</b> Ada<br><b>Subject:</b> Your first report"
    "</p></div><p>Hello Ada</p>",
    "apple": "<body>Thanks, that helps.<br><br>Could we talk on Thursday at 10:30?<br><br>"
    '<blockquote type="cite"><div>On 3 Mar 2026, at 09:12, we wrote:</div>Hello Ada</blockquote>'
    "</body>",
}


@pytest.mark.parametrize("style", HTML_REPLIES)
def test_a_reply_in_html_only_becomes_text(style: str) -> None:
    returned = read_returned(letter(HTML_REPLIES[style], subtype="html"))
    assert returned.kind is ReturnedKind.REPLY
    assert returned.text == NEW


def test_the_text_part_is_preferred_and_files_are_left_alone() -> None:
    raw = b"""\
From: "Ada (at hello@example.org)" <ada@example.com>
Subject: =?utf-8?q?R=C3=A9?= =?utf-8?b?IHBvcnQ=?=
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Gr=FC=DFe
--inner
Content-Type: text/html

<b>no</b>
--inner--
--outer
Content-Type: text/plain
Content-Disposition: attachment; filename=notes.txt

secret
--outer--
"""
    returned = read_returned(raw)
    assert returned.text == "Grüße"
    assert returned.subject == "Ré port"
    assert returned.sender == "ada@example.com"


@pytest.mark.parametrize(
    "raw", [b"", b"\n\n", b"hello", b"\x00\xff\xfe", b"Subject: no sender\n\nhi"]
)
def test_what_cannot_be_read_is_unknown_and_says_why(raw: bytes) -> None:
    returned = read_returned(raw, "bounce@example.org")
    assert returned.kind is ReturnedKind.UNKNOWN
    assert returned.why.endswith(".")
    assert returned.envelope_to == "bounce@example.org"
