"""Digests: one mail a reviewer and week of what needs their look; at once what cannot wait."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from psycopg_pool import AsyncConnectionPool

from activities.casebook import Casebook, Connection, View
from activities.colleagues import ColleagueMail, Colleagues
from activities.review_words import readers, reasons
from digital_cs.domain.digest import USEFUL_FOR, due_week, next_morning, ranked
from digital_cs.domain.evidence import Evidence
from digital_cs.domain.review_acts import refused_for_good, told
from digital_cs.domain.review_case import ReviewCase, Rung, what_next
from digital_cs.domain.team import Person
from digital_cs.rendering import review_mail
from digital_cs.rendering.colleague_mail import Letter
from digital_cs.rendering.review_mail import AskedItem
from digital_cs.signing_reviews import Asked, ReviewSigner, reviewer_id
from digital_cs.store import colleague_mails, evidence, library, review_cases
from digital_cs.store.colleague_mails import MailState
from digital_cs.store.review_cases import Kept

DIGEST, AT_ONCE = "digest", "at-once"

_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Sent:
    """How many mails were handed over, and when it is to be looked again."""

    mails: int
    next_at: datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail as it would go out now, to a reviewer (an address): its cases, and what waits."""

    kind: str
    key: str
    reviewer: str
    name: str
    cases: tuple[Kept, ...]
    waiting: int


class Digests:
    """Composes and sends. Whoever was told is noted in the transaction that settles the mail."""

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
            drafts = [*self.weekly(view), *self.urgent(view)]
            told_of = await evidence.of_items(
                connection, [kept.case.item_id for draft in drafts for kept in draft.cases]
            )
        mails = 0
        for draft in drafts:
            state = await self._send(draft, view, told_of)
            mails += state is not None
        async with self._pool.connection() as connection:
            retry = await colleague_mails.next_retry(connection)
        moments = [self._morning(view, zone) for zone in self._zones(view)]
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

    def weekly(self, view: View) -> list[Draft]:
        """The digests whose week has come, one for each reviewer with anything in line."""
        drafts = []
        for reviewer, cases in _by_reviewer(view).items():
            person = _person(cases[0].case, view)
            zone = person.zone or view.rules.zone
            policy = view.rules.policy.digest
            due = due_week(view.now, policy, zone, view.rules.calendar)
            if due is None:
                continue
            week, moment = due
            # A late one tells what it would have told: what came up since is for the next.
            then = [kept for kept in cases if _was_in_line(kept.case, view, moment)]
            if then:
                drafts.append(self.draft(view, reviewer, then, f"{DIGEST}:{reviewer}:{week}"))
        return drafts

    def draft(self, view: View, reviewer: str, cases: Sequence[Kept], key: str) -> Draft:
        """A reviewer's digest as it would be now: the first of what is in line."""
        shown = _first(view, cases)
        waiting = len(view.candidates.get(reviewer, ()))
        name = _person(cases[0].case, view).name
        return Draft(DIGEST, key, reviewer, name, shown, waiting + len(cases) - len(shown))

    def urgent(self, view: View) -> list[Draft]:
        """The mails outside the digest: once a case, of those who were not told lately."""
        found: dict[str, list[Kept]] = defaultdict(list)
        in_digest = {kept.case.id for draft in self.weekly(view) for kept in draft.cases}
        for kept in view.cases:
            case = kept.case
            if (
                case.reviewer is not None and case.at_once_at is None
                and case.snoozed_until is None and case.id not in in_digest
                and not _lately(case, view.now) and view.urgent(case.item_id)
            ):  # fmt: skip
                found[case.reviewer].append(kept)
        drafts = []
        for reviewer, cases in found.items():
            shown = _first(view, cases)
            name = _person(cases[0].case, view).name
            key = f"{AT_ONCE}:{reviewer}:{view.now:%Y-%m-%d}"
            drafts.append(Draft(AT_ONCE, key, reviewer, name, shown, len(cases) - len(shown)))
        return drafts

    def letter(self, draft: Draft, view: View, told_of: Mapping[str, Sequence[Evidence]]) -> Letter:
        """What a draft says."""
        items = [self._asked(kept, draft, view, told_of) for kept in draft.cases]
        seen = view.exposure.get(draft.cases[0].case.item_id)
        make = review_mail.digest if draft.kind == DIGEST else review_mail.at_once
        return make(draft.name, items, draft.waiting, seen.people if seen else 0)

    async def _send(
        self, draft: Draft, view: View, told_of: Mapping[str, Sequence[Evidence]]
    ) -> MailState | None:
        about = tuple(kept.case.id for kept in draft.cases)
        mail = ColleagueMail(
            draft.key, draft.kind, _address(draft, view), draft.name,
            self.letter(draft, view, told_of), about,
        )  # fmt: skip

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
            if found.case != kept.case:
                async with connection.transaction():
                    if not await review_cases.save(connection, kept, found):
                        continue  # somebody acts on it at this moment: the next mail knows
                moved = Kept(found.case, kept.revision + 1)
            else:
                moved = kept
            if moved.case.ended_at is None:
                cases.append(moved)
        return replace(view, cases=tuple(cases))

    def _asked(
        self, kept: Kept, draft: Draft, view: View, told_of: Mapping[str, Sequence[Evidence]]
    ) -> AskedItem:
        item = view.items[kept.case.item_id]
        token = self._signer.sign(Asked(kept.case.id, reviewer_id(draft.reviewer)))
        return AskedItem(
            item.title, item.kind.value.replace("_", " ").capitalize(), item.url or item.locator,
            reasons(item, told_of.get(item.id, ()), view.now.date()),
            readers(view.exposure.get(item.id)), _so_far(kept.case, view),
            f"{self._public_url}/r/{token}",
        )  # fmt: skip

    def _zones(self, view: View) -> set[str]:
        people = view.rules.team.people.values()
        return {view.rules.zone, *(each.zone for each in people if each.zone)}

    def _morning(self, view: View, zone: str) -> datetime:
        rules = view.rules
        return next_morning(view.now, rules.policy.digest, zone, rules.calendar)


def _by_reviewer(view: View) -> dict[str, list[Kept]]:
    found: dict[str, list[Kept]] = defaultdict(list)
    for kept in view.cases:
        if kept.case.reviewer is not None and kept.case.in_line is not None:
            found[kept.case.reviewer].append(kept)
    return found


def _was_in_line(case: ReviewCase, view: View, moment: datetime) -> bool:
    """Whether a case that is in line was so at the moment of a digest, or on that day."""
    if case.opened_at.date() > moment.date():
        return False
    then = what_next(case, view.items[case.item_id], view.rules, moment)
    return then.case.in_line is not None


def _first(view: View, cases: Sequence[Kept]) -> tuple[Kept, ...]:
    by_item = {kept.case.item_id: kept for kept in cases}
    order = ranked(view.weight(item) for item in by_item)
    return tuple(by_item[each.item] for each in order[: view.rules.policy.digest.at_most])


def _person(case: ReviewCase, view: View) -> Person:
    return view.rules.team.find(case.holder) or Person(name=case.holder or "")


def _address(draft: Draft, view: View) -> str:
    return _person(draft.cases[0].case, view).address or draft.reviewer


def _lately(case: ReviewCase, now: datetime) -> bool:
    last = case.reminded_at or case.told_at
    return last is not None and now - last < USEFUL_FOR


def _so_far(case: ReviewCase, view: View) -> str:
    """What happened before, for who is asked now."""
    if case.told_at is not None:
        return f"You were told of it on {case.told_at:%-d %b %Y}."
    if case.snoozed_at is not None:
        return f"It was put off on {case.snoozed_at:%-d %b %Y}, and that time is over."
    owner = view.rules.team.find(case.assigned or case.owner)
    whom = owner.name if owner is not None else (case.owner or "nobody")
    match case.rung:
        case Rung.BACKUP:
            return f"You are asked as the backup: {whom} was asked before you, or cannot be."
        case Rung.MANAGER:
            return f"You are asked last: {whom} and the backup did not answer, or cannot be asked."
    return "It was given to you." if case.assigned else ""
