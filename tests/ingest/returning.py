"""A message that went out, and mails that come back about it, for tests of what follows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from digital_cs.channels.mail import message_id_for
from digital_cs.ingest.mail.returned import Returns
from digital_cs.store.people.accounts import AccountRecord, save_accounts
from digital_cs.store.people.contacts import ContactRecord, save_contacts
from digital_cs.store.programs.enrollments import enroll
from tests import rig
from tests.activities.house import StoppedClock

DOMAIN = "vendor.test"
ADA = "ada@acme.test"


@dataclass
class Desk:
    """Accounts with people, messages in the ledger, and what takes in what comes back."""

    pool: AsyncConnectionPool[Any]
    connection: AsyncConnection[Any]
    clock: StoppedClock
    returns: Returns
    sent: int = 0

    def later(self, **span: float) -> None:
        self.clock.moment += timedelta(**span)

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        async with self.connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement, values)
            return await cursor.fetchall() if cursor.description else []

    async def person(self, name: str, account: str = "acme", email: str | None = None) -> None:
        await save_accounts(
            self.connection, [AccountRecord(account, account.title(), stage="trial")],
            self.clock.now(),
        )  # fmt: skip
        await save_contacts(
            self.connection,
            [ContactRecord(name, account, email or f"{name}@{account}.test", name.title(),
                           name.title(), ("champion",))],
            self.clock.now(),
        )  # fmt: skip

    async def enrolled(self, account: str = "acme") -> str:
        await rig.publish(self.connection, rig.drip("welcome", 2, "3 days"), self.clock.now())
        await enroll(
            self.connection, "welcome", [account], source="test", now=self.clock.now(),
            again="always",
        )  # fmt: skip
        (row,) = await self.rows("select id from enrollments where account_id = %s", account)
        await self.connection.execute("delete from outbox")
        return str(row["id"])

    async def message(
        self, contact: str = "ada", account: str = "acme", state: str = "accepted"
    ) -> str:
        """A message to a contact in the ledger; returns its Message-ID."""
        self.sent += 1
        known = await self.rows("select id from enrollments where account_id = %s", account)
        enrollment = known[0]["id"] if known else await self.enrolled(account)
        key = f"{enrollment}/{self.sent}/{contact}"
        message_id = message_id_for(key, DOMAIN)
        await self.connection.execute(
            "insert into messages (key, enrollment_id, program_id, version, step, visit,"
            " account_id, contact_id, email, kind, priority, state, due_at, attempts, claimed_at,"
            " message_id) values (%s, %s, 'welcome', 1, 'touch-1', %s, %s, %s, 'welcome-trial-1',"
            " 'marketing', 'normal', %s, %s, 1, %s, %s)",
            (key, enrollment, self.sent, account, contact, state, self.clock.now(),
             self.clock.now(), message_id),
        )  # fmt: skip
        return message_id

    async def state(self, message_id: str) -> str:
        (row,) = await self.rows("select state from messages where message_id = %s", message_id)
        return str(row["state"])

    async def reasons(self, address: str = ADA) -> set[str]:
        rows = await self.rows(
            "select reason from suppression_entries where subject = %s and lifted_at is null",
            f"address:{address}",
        )
        return {row["reason"] for row in rows}

    async def woken(self) -> set[str]:
        rows = await self.rows("delete from outbox returning enrollment_id")
        return {row["enrollment_id"] for row in rows}

    async def came(self) -> list[dict[str, Any]]:
        return await self.rows("select * from returned_messages order by received_at, id")


def token(message_id: str) -> str:
    """The envelope's sender of a message: whom a bounce is sent to."""
    return f"bounce+{message_id.strip('<>')}"


def bounce(
    message_id: str | None = None, address: str = ADA, status: str = "5.1.1",
    said: str = "550 5.1.1 no such user", action: str = "failed",
) -> bytes:  # fmt: skip
    """A delivery status notification (RFC 3464), with the headers of ours where there are any."""
    copy = f"Message-ID: {message_id}\r\nSubject: Welcome\r\n" if message_id else "Subject: x\r\n"
    return (
        "From: MAILER-DAEMON@mx.acme.test\r\nTo: bounce@vendor.test\r\n"
        "Subject: Undelivered Mail Returned to Sender\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nI could not deliver your message.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.acme.test\r\n"
        f"\r\nFinal-Recipient: rfc822; {address}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp; {said}\r\n"
        f"\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n{copy}\r\n--b--\r\n"
    ).encode()


def complaint(message_id: str | None = None, of: str = "") -> bytes:
    """A report of a reader's click on "this is spam" (RFC 5965)."""
    copy = f"Message-ID: {message_id}\r\n" if message_id else ""
    return (
        "From: fbl@mail.example\r\nTo: abuse@vendor.test\r\nSubject: complaint\r\n"
        "MIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nThis is an abuse report.\r\n"
        "--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\n"
        f"User-Agent: Example/1.0\r\nVersion: 1\r\n{of and f'Original-Rcpt-To: {of}'}\r\n"
        f"\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{copy}Subject: Welcome\r\n\r\nHello\r\n"
        "--b--\r\n"
    ).encode()


def reply(
    message_id: str | None = None, sender: str = ADA, text: str = "Who can help me?",
    subject: str = "Re: Welcome", **headers: str,
) -> bytes:  # fmt: skip
    """What a person writes back."""
    lines = [f"From: {sender}", "To: hello@vendor.test", f"Subject: {subject}",
             "Message-ID: <abc@acme.test>", "MIME-Version: 1.0",
             "Content-Type: text/plain"]  # fmt: skip
    if message_id:
        lines.append(f"In-Reply-To: {message_id}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + f"\r\n\r\n{text}\r\n").encode()
