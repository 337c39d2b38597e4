"""Sends the mail to reviewers: one digest a reviewer and week, and at once what cannot wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from psycopg_pool import AsyncConnectionPool

from activities.casebook import Casebook, Connection, View
from activities.colleagues import ColleagueMail, Colleagues
from activities.digest_drafts import AT_ONCE, DIGEST, Draft, letter, urgent, weekly
from digital_cs.domain.content.digest import USEFUL_FOR, next_morning
from digital_cs.domain.content.evidence import Evidence
from digital_cs.domain.content.review_acts import refused_for_good, told
from digital_cs.domain.content.review_case import what_next
from digital_cs.signing_reviews import ReviewSigner
from digital_cs.store.content import colleague_mails, evidence, library, review_cases
from digital_cs.store.content.colleague_mails import MailState
from digital_cs.store.content.review_cases import Kept

_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Sent:
    """How many mails were handed over, and when it is to be looked again."""

    mails: int
    next_at: datetime


class Digests:
    """Whoever was told is noted in the transaction that settles the mail."""

    def __init__(
        self, *, pool: AsyncConnectionPool[Any], casebook: Casebook, colleagues: Colleagues,
        signer: ReviewSigner, public_url: str,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._casebook = casebook
        self._colleagues = colleagues
        self._signer = signer
        self._public_url = public_url

    async def send_due(self, now: datetime) -> Sent:
        """Send what is due. May run twice: each mail is claimed by its key before it goes."""
        async with self._pool.connection() as connection:
            await self.settle_lost(connection, now)
            await colleague_mails.expire(connection, now - USEFUL_FOR, now)
            view = await self._moved_on(connection, now)
            digests = weekly(view)
            drafts = [*digests, *urgent(view, digests)]
            told_of = await evidence.of_items(
                connection, [kept.case.item_id for draft in drafts for kept in draft.cases]
            )
        mails = 0
        for draft in drafts:
            mails += await self._send(draft, view, told_of) is not None
        async with self._pool.connection() as connection:
            retry = await colleague_mails.next_retry(connection)
        rules = view.rules
        moments = [
            next_morning(now, rules.policy.digest, zone, rules.calendar) for zone in view.zones()
        ]
        if retry is not None:
            moments.append(max(retry, now + timedelta(minutes=1)))
        return Sent(mails, min(moments))

    async def settle_lost(self, connection: Connection, now: datetime) -> int:
        """Mails whose worker died are unknown, and those they tell of count as told (P14)."""
        async with connection.transaction():
            lost = await colleague_mails.give_up(connection, now)
            for mail in lost:
                if mail.kind in (DIGEST, AT_ONCE):
                    await self._note(connection, mail.kind, mail.about, MailState.UNKNOWN, now)
        return len(lost)

    async def _send(
        self, draft: Draft, view: View, told_of: Mapping[str, Sequence[Evidence]]
    ) -> MailState | None:
        about = tuple(kept.case.id for kept in draft.cases)
        address = view.holder(draft.cases[0].case).address or draft.reviewer
        says = letter(draft, view, told_of, self._signer, self._public_url)
        mail = ColleagueMail(draft.key, draft.kind, address, draft.name, says, about)

        async def settled(connection: Connection, state: MailState) -> None:
            await self._note(connection, draft.kind, about, state, view.now)

        return await self._colleagues.send(mail, view.now, settled)

    async def _note(
        self, connection: Connection, kind: str, about: Sequence[str], state: MailState,
        now: datetime,
    ) -> None:  # fmt: skip
        """Whoever may have read it was told; who cannot be written to is passed over."""
        if state in (MailState.PLANNED, MailState.CLAIMED):
            return
        rules = await self._casebook.rules(connection)
        for case_id in about:
            for _ in range(_ROUNDS):
                kept = await review_cases.get(connection, case_id)
                item = await library.get(connection, kept.case.item_id) if kept else None
                if kept is None or item is None:
                    break
                if state is MailState.FAILED:
                    found = refused_for_good(kept.case, item, rules, now)
                else:
                    found = told(kept.case, item, rules, now, at_once=kind == AT_ONCE)
                if await review_cases.save(connection, kept, found):
                    break

    async def _moved_on(self, connection: Connection, now: datetime) -> View:
        """Everything as it stands at the moment, whether or not its workflow was there yet."""
        view = await self._casebook.view(connection, now)
        await self._casebook.sweep(connection, now, view)
        view = replace(view, cases=tuple(await review_cases.open_cases(connection)))
        cases = []
        for kept in view.cases:
            found = what_next(kept.case, view.items[kept.case.item_id], view.rules, now)
            moved = kept
            if found.case != kept.case:
                async with connection.transaction():
                    if not await review_cases.save(connection, kept, found):
                        continue  # somebody acts on it at this moment: the next mail knows
                moved = Kept(found.case, kept.revision + 1)
            if moved.case.ended_at is None:
                cases.append(moved)
        return replace(view, cases=tuple(cases))
