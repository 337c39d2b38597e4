"""Mails that come back, written for the tests in the forms that servers and people use."""

from __future__ import annotations

TOKEN_ADDRESS = "bounce+4f1d@mail.example.org"
OURS = "<4f1d2c3b@mail.example.org>"

_COPY = f"""\
From: Customer team <hello@example.org>
To: ada@example.com
Subject: Your first report
Message-ID: {OURS}
Date: Tue, 03 Mar 2026 08:12:00 +0000
"""


def report(
    groups: str,
    notice: str = "Delivery has failed.\n",
    *,
    sender: str = "Mail Delivery System <MAILER-DAEMON@mx.example.net>",
    subject: str = "Delivery Status Notification (Failure)",
) -> bytes:
    """A delivery status report (RFC 3464) with these recipient groups and our headers in it."""
    return f"""\
Return-Path: <>
From: {sender}
To: {TOKEN_ADDRESS}
Subject: {subject}
Message-ID: <report-1@mx.example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_b1"

--=_b1
Content-Type: text/plain; charset=utf-8

{notice}
--=_b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
Arrival-Date: Tue, 03 Mar 2026 08:12:03 +0000

{groups}
--=_b1
Content-Type: text/rfc822-headers

{_COPY}
--=_b1--
""".encode()


GMAIL_REPORT = f"""\
Return-Path: <>
From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
To: {TOKEN_ADDRESS}
Auto-Submitted: auto-replied
Subject: Delivery Status Notification (Failure)
References: {OURS}
In-Reply-To: {OURS}
X-Failed-Recipients: ada@example.com
Message-ID: <65e42c1a.050a0220.9f1c2.0001.GMR@mx.google.com>
MIME-Version: 1.0
Content-Type: multipart/report; boundary="000000000000a1"; report-type=delivery-status

--000000000000a1
Content-Type: multipart/related; boundary="000000000000b2"

--000000000000b2
Content-Type: multipart/alternative; boundary="000000000000c3"

--000000000000c3
Content-Type: text/plain; charset="UTF-8"


** Address not found **

Your message wasn't delivered to ada@example.com because the address couldn't be found, or is \
unable to receive mail.

The response from the remote server was:
550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking \
the recipient's email address for typos or unnecessary spaces. - gsmtp

--000000000000c3
Content-Type: text/html; charset="UTF-8"

<html><body><h1>Address not found</h1></body></html>
--000000000000c3--
--000000000000b2--
--000000000000a1
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.com
Arrival-Date: Tue, 03 Mar 2026 00:12:03 -0800 (PST)
X-Original-Message-ID: {OURS}

Final-Recipient: rfc822; ada@example.com
Action: failed
Status: 5.1.1
Remote-MTA: dns; gmail-smtp-in.l.google.com. (2a00:1450:4010:c0e::1a, the server for the domain.)
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist. Please
 550-5.1.1 try double-checking the recipient's email address for typos or
 550 5.1.1 unnecessary spaces. - gsmtp
Last-Attempt-Date: Tue, 03 Mar 2026 00:12:04 -0800 (PST)

--000000000000a1
Content-Type: message/rfc822

{_COPY}
Hello Ada
--000000000000a1--
""".encode()

OUTLOOK_REPORT = f"""\
From: Microsoft Outlook
 <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@contoso.example>
To: {TOKEN_ADDRESS}
Date: Tue, 3 Mar 2026 08:12:05 +0000
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="f0a1b2c3-0000"
X-MS-Exchange-Message-Is-Ndr:
Content-Language: en-US
Message-ID: <e2a0@AM0PR01.eurprd01.prod.exchangelabs.example>
In-Reply-To: {OURS}
References: {OURS}
Thread-Topic: Your first report
Subject: Undeliverable: Your first report
Auto-Submitted: auto-replied

--f0a1b2c3-0000
Content-Type: multipart/alternative; differences=Content-Type;
\tboundary="f0a1b2c3-0001"

--f0a1b2c3-0001
Content-Type: text/plain; charset="us-ascii"
Content-Transfer-Encoding: quoted-printable

Delivery has failed to these recipients or groups:

ada@example.com<mailto:ada@example.com>
The email address you entered couldn't be found.

Diagnostic information for administrators:
Generating server: AM0PR01.eurprd01.prod.exchangelabs.example

ada@example.com
Remote server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP =
address lookup'

--f0a1b2c3-0001
Content-Type: text/html; charset="us-ascii"

<html><body>Delivery has failed</body></html>
--f0a1b2c3-0001--

--f0a1b2c3-0000
Content-Type: message/delivery-status

Reporting-MTA: dns;AM0PR01.eurprd01.prod.exchangelabs.example
Received-From-MTA: dns;mail.example.org
Arrival-Date: Tue, 3 Mar 2026 08:12:03 +0000

Final-Recipient: rfc822;ada@example.com
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP
 address lookup

--f0a1b2c3-0000
Content-Type: message/rfc822

{_COPY}
Hello Ada
--f0a1b2c3-0000--
""".encode()

POSTFIX_REPORT = f"""\
Return-Path: <>
Date: Tue,  3 Mar 2026 09:12:05 +0100 (CET)
From: MAILER-DAEMON@mail.example.org (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: {TOKEN_ADDRESS}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4F1D.1772525525/mail.example.org"
Message-Id: <20260303081205.4F1D@mail.example.org>

This is a MIME-encapsulated message.

--4F1D.1772525525/mail.example.org
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mail.example.org.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

<ada@example.com>: host mx.example.com[192.0.2.7] said: 552 5.2.2 <ada@example.com>: Recipient
    address rejected: Mailbox is full (in reply to RCPT TO command)

<bea@example.com>: host mx.example.com[192.0.2.7] said: 550 5.1.1 <bea@example.com>: Recipient
    address rejected: User unknown in virtual mailbox table (in reply to RCPT TO command)

--4F1D.1772525525/mail.example.org
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.org
X-Postfix-Queue-ID: 4F1D
X-Postfix-Sender: rfc822; {TOKEN_ADDRESS}
Arrival-Date: Tue,  3 Mar 2026 09:12:03 +0100 (CET)

Final-Recipient: rfc822; ada@example.com
Original-Recipient: rfc822;ada@example.com
Action: failed
Status: 5.2.2
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; 552 5.2.2 <ada@example.com>: Recipient address rejected: Mailbox is full

Final-Recipient: rfc822; bea@example.com
Original-Recipient: rfc822;bea@example.com
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.example.com
Diagnostic-Code: smtp; 550 5.1.1 <bea@example.com>: Recipient address rejected: User unknown in
    virtual mailbox table

--4F1D.1772525525/mail.example.org
Content-Description: Undelivered Message
Content-Type: message/rfc822

Return-Path: <{TOKEN_ADDRESS}>
{_COPY}
Hello
--4F1D.1772525525/mail.example.org--
""".encode()

ABUSE_REPORT = f"""\
From: <abuse-reports@provider.example>
To: fbl@example.org
Subject: FW: Your first report
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report;
     boundary="part1_13d.2e68ed54_boundary"

--part1_13d.2e68ed54_boundary
Content-Type: text/plain; charset="US-ASCII"
Content-Transfer-Encoding: 7bit

This is an email abuse report for an email message received from IP
192.0.2.1 on Tue, 3 Mar 2026 08:12:06 +0000.

--part1_13d.2e68ed54_boundary
Content-Type: message/feedback-report

Feedback-Type: FEEDBACK
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <{TOKEN_ADDRESS}>
Original-Rcpt-To: <ada@example.com>
Received-Date: Tue, 3 Mar 2026 08:12:06 +0000
Source-IP: 192.0.2.1
Reported-Domain: example.org

--part1_13d.2e68ed54_boundary
Content-Type: message/rfc822
Content-Disposition: inline

{_COPY}
Hello Ada
--part1_13d.2e68ed54_boundary--
"""


def abuse_report(feedback_type: str) -> bytes:
    """A feedback report (RFC 5965) of this type on our message to Ada."""
    return ABUSE_REPORT.replace("FEEDBACK\n", f"{feedback_type}\n").encode()


HOTMAIL_COMPLAINT = f"""\
From: <staff@hotmail.com>
To: fbl@example.org
Subject: complaint about message from 192.0.2.1
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="hm1"

--hm1
Content-Type: message/rfc822

X-HmXmrOriginalRecipient: ada@example.com
X-Reporter-IP: 192.0.2.9
{_COPY}
Hello Ada
--hm1--
""".encode()


def letter(
    text: str,
    *,
    subject: str = "Re: Your first report",
    sender: str = "Ada Lovelace <ada@example.com>",
    headers: str = "",
    subtype: str = "plain",
) -> bytes:
    """A mail in one part, in answer to ours."""
    return f"""\
Return-Path: <ada@example.com>
From: {sender}
To: Customer team <hello@example.org>
Subject: {subject}
Message-ID: <reply-1@example.com>
In-Reply-To: {OURS}
References: <older@example.com> {OURS}
{headers}Content-Type: text/{subtype}; charset=utf-8
MIME-Version: 1.0

{text}""".encode()
