"""What follows from one thing that came back: in the ledger, for the address, for the account."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from digital_cs.channels.delivery import without_addresses
from digital_cs.channels.returned import ReturnedKind
from digital_cs.channels.returned_words import one_line
from digital_cs.domain.programs.enrollment import MessageState
from digital_cs.domain.sending.policy import length
from digital_cs.domain.sending.reason import Reason
from digital_cs.errors import UnavailableError
from digital_cs.ingest.mail.returned_shapes import UNSUBSCRIBED, Came, same_address
from digital_cs.store.people import suppressions
from digital_cs.store.sending import policies, replies, returned
from digital_cs.store.sending.locks import stop_claims_for
from digital_cs.store.sending.returned import Origin, Settled

Connection = AsyncConnection[Any]

MOST_DETAIL = 600
REPLY_DUE = timedelta(days=1)
REPLIES_FOR = "csm"
"""The role that replies are for."""

_CHANGE = {ReturnedKind.HARD, ReturnedKind.SOFT, ReturnedKind.COMPLAINT, ReturnedKind.DELIVERED,
           UNSUBSCRIBED}  # fmt: skip
"""What changes the ledger, or whom we write to."""


class NotYetError(UnavailableError):
    """It is about a message that is being handed over at this moment. Send it again in a minute."""


class Consequences:
    """Draws them in one transaction, which is the caller's."""

    def __init__(self, connection: Connection, came: Came, now: datetime) -> None:
        self._connection = connection
        self._came = came
        self._now = now

    async def draw(self) -> Settled:
        origin = await returned.origin(self._connection, self._came.message_ids)
        self._came = self._came.about(origin.address if origin else None)
        if self._came.kind in _CHANGE:
            origin = await self._hold(origin)
        match self._came.kind:
            case ReturnedKind.REPLY:
                return await self._reply(origin)
            case ReturnedKind.HARD | ReturnedKind.SOFT:
                return await self._bounce(origin)
            case ReturnedKind.COMPLAINT:
                return await self._complaint(origin)
            case ReturnedKind.DELIVERED:
                return await self._delivered(origin)
            case ReturnedKind.OUT_OF_OFFICE:
                if origin is not None:
                    words = Reason.OUT_OF_OFFICE.sentence()
                    await returned.note(
                        self._connection, origin.key, Reason.OUT_OF_OFFICE, words, self._now
                    )
                return await self._ended("ignored", self._came.why, origin)
            case ReturnedKind.AUTOMATIC | ReturnedKind.DELAYED:
                return await self._ended("ignored", self._came.why, origin)
            case "unsubscribed":
                return await self._unsubscribed(origin)
        return await self._ended("listed", self._came.why, origin)

    async def _hold(self, origin: Origin | None) -> Origin | None:
        """Keep claims and other bounces away from these people, and look at the message again.

        The locks come before any row of the ledger, as in a claim: none waits for the other.
        """
        accounts = [origin.account_id] if origin else []
        addresses = [self._came.address, origin.address if origin else None]
        await stop_claims_for(
            self._connection, accounts=accounts, addresses=filter(None, addresses)
        )
        return await returned.origin(self._connection, self._came.message_ids) if origin else None

    async def _bounce(self, origin: Origin | None) -> Settled:
        came = self._came
        hard = came.kind == ReturnedKind.HARD
        said = without_addresses(came.said, came.address or "", (origin and origin.address) or "")
        reason = Reason.BOUNCED if hard else Reason.SOFT_BOUNCED
        words = reason.sentence(detail=said or "the server gave no reason.")
        address, doubt = self._believed(origin)
        if origin is not None:
            await self._lead(origin, MessageState.BOUNCED, reason, words)
        if address is None:
            return await self._ended("listed", f"{doubt} {words}", origin)
        if hard:
            await self._suppress(address, "hard bounce", words)
        else:
            words += await self._count_soft(address, origin)
        return await self._ended("applied", words, origin, address)

    async def _complaint(self, origin: Origin | None) -> Settled:
        words = Reason.COMPLAINED.sentence()
        address, doubt = self._believed(origin)
        if origin is not None:
            # Providers black the address out; only its reader can complain of a message.
            address = address or origin.address
            await self._lead(origin, MessageState.COMPLAINED, Reason.COMPLAINED, words)
        if address is None:
            return await self._ended("listed", f"{doubt} {self._came.why}", origin)
        await self._suppress(address, "complaint", self._came.why)
        return await self._ended("applied", words, origin, address)

    async def _delivered(self, origin: Origin | None) -> Settled:
        words = Reason.DELIVERED.sentence()
        if origin is None:
            return await self._ended("ignored", f"{words} It names no message of ours.", origin)
        moved = await self._lead(origin, MessageState.DELIVERED, Reason.DELIVERED, words)
        return await self._ended("applied" if moved else "ignored", words, origin)

    async def _unsubscribed(self, origin: Origin | None) -> Settled:
        address, doubt = self._believed(origin)
        if address is None:
            return await self._ended("listed", f"{doubt} {self._came.why}", origin)
        await self._suppress(address, UNSUBSCRIBED, self._came.why)
        return await self._ended("applied", self._came.why, origin, address)

    async def _reply(self, origin: Origin | None) -> Settled:
        """Nobody guesses what it says, not even of a plain "stop": a person reads it (P18)."""
        came = self._came
        contact, account = await self._person(origin.account_id if origin else None)
        if came.ours and contact is None:  # who answered the customer, with a copy to us
            return await self._ended("ignored", "A colleague wrote it.", origin)
        if origin is not None:  # which somebody else may have answered, to whom it was forwarded
            contact, account = contact or origin.contact_id, origin.account_id
        if account is None:
            why = "Somebody wrote whom nobody knows here, or who is in no account."
            return await self._ended("listed", f"{why} {came.why}", None)
        await replies.open_task(
            self._connection, came.id, account_id=account, contact_id=contact,
            program_id=origin.program_id if origin else None, step=origin.step if origin else None,
            visit=origin.visit if origin else None,
            title=f"Answer: {came.subject or 'a reply without a subject'}",
            note=came.text or "(The reply has no text. See `digital-cs returned show`.)",
            assign_to=REPLIES_FOR, now=self._now, due_at=self._now + REPLY_DUE,
        )  # fmt: skip
        return Settled(
            came.kind, "applied", "A task was opened with its text.",
            origin.key if origin else None, contact, account, came.address, keep_raw=True,
        )  # fmt: skip

    def _believed(self, origin: Origin | None) -> tuple[str | None, str]:
        """The address for which this counts; else why it counts for none.

        Anybody can send us a report about anybody. One by mail is believed where it shows a token
        or Message-ID of ours, and then of that message's reader alone.
        """
        named = self._came.address
        if self._came.signed and named:
            return named, ""
        if origin is None:
            return None, "It names no message of ours, so nothing follows by itself."
        if origin.address is None:
            return None, "The contact it was sent to has no address any more."
        if named is None or same_address(named, origin.address):
            return origin.address, ""
        return None, "It names another address than that of the contact it was sent to."

    async def _lead(self, origin: Origin, state: MessageState, reason: Reason, words: str) -> bool:
        if origin.state == MessageState.CLAIMED:
            raise NotYetError
        return await returned.move_message(
            self._connection, origin.key, state, reason, words, self._now
        )

    async def _suppress(
        self, address: str, reason: str, note: str, expires_at: datetime | None = None
    ) -> None:
        await suppressions.add(
            self._connection, [suppressions.address_subject(address)], reason, self._came.source,
            self._now, note=note, expires_at=expires_at,
        )  # fmt: skip

    async def _count_soft(self, address: str, origin: Origin | None) -> str:
        """Suppress an address that comes back again and again; the words for it."""
        rule = (await policies.current(self._connection)).policy.returned
        since = self._now - length(rule.within)
        key = origin.key if origin else None
        count = await returned.soft_bounces(self._connection, self._came.id, address, key, since)
        if count < rule.soft_bounces:
            return ""
        words = f" It is number {count} within {rule.within.words()}"
        until = self._now + length(rule.quiet_for)
        await self._suppress(address, "soft bounces", f"{words.strip()}.", until)
        return f"{words}: nothing is sent to them until {until:%-d %b %Y}."

    async def _ended(
        self, state: str, detail: str, origin: Origin | None, address: str | None = None
    ) -> Settled:
        came = self._came
        contact, account = (
            (origin.contact_id, origin.account_id) if origin else await self._person()
        )
        return Settled(
            came.kind, state, one_line(detail, MOST_DETAIL), origin.key if origin else None,
            contact, account, address or came.address, came.status, keep_raw=state == "listed",
        )  # fmt: skip

    async def _person(self, account: str | None = None) -> tuple[str | None, str | None]:
        """(contact, account) of the address that it is about."""
        if self._came.address is None:
            return None, None
        found = await returned.person_at(self._connection, self._came.address, account)
        return found or (None, None)
