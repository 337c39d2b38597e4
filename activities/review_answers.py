"""What people answer about an item and its case: reviewed, put off, given away, retired."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from activities.casebook import Casebook, Connection
from digital_cs.domain.content.content_item import Checked, ContentItem, Review
from digital_cs.domain.content.review_acts import CaseRefusedError, reassigned, snoozed
from digital_cs.domain.content.review_case import Ending, Next, Rules, ended
from digital_cs.domain.links.link_url import LinkUrlError, normal_url
from digital_cs.store.content import library, live_pages, review_cases, reviews
from digital_cs.store.content.review_cases import Kept

_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Standing:
    """A case with the item that it is about."""

    kept: Kept
    item: ContentItem


async def standing(connection: Connection, case_id: str) -> Standing | None:
    """The case of an id with its item; None: there is no such case."""
    kept = await review_cases.get(connection, case_id)
    item = await library.get(connection, kept.case.item_id) if kept else None
    return Standing(kept, item) if kept is not None and item is not None else None


async def reviewed(
    connection: Connection, item: ContentItem, *, changed: bool, checked: tuple[Checked, ...],
    note: str, by: str, now: datetime,
) -> Review:  # fmt: skip
    """Keep a review and end the item's case, whoever was asked. Call it in a transaction."""
    told = Review(item.id, now.date(), by, changed, checked, note, version=item.version)
    await reviews.record(connection, told, now)
    with contextlib.suppress(LinkUrlError):  # without a page there is nothing to compare
        await live_pages.verified(connection, normal_url(item.url or ""), now)
    what = ", ".join(checked)
    words = (
        f"{by} checked {what} and changed something." if changed
        else f"{by} checked {what}: all is still right."
    )  # fmt: skip
    if note:
        words += f" {note}"
    await _end(
        connection, item.id, Ending.EDITED if changed else Ending.STILL_RIGHT, by, words, now
    )
    return told


async def retired(
    connection: Connection, item: ContentItem, because: str, by: str, now: datetime
) -> bool:
    """Take an item out of use and end its case; False if it was. Call it in a transaction."""
    done = await reviews.retire(connection, item.id, because, by, now)
    await _end(connection, item.id, Ending.RETIRED, by, f"{by} retired it: {because}", now)
    return done


async def put_off(
    connection: Connection, casebook: Casebook, case_id: str, until: date, because: str, by: str,
    now: datetime,
) -> Standing:  # fmt: skip
    """Snooze a case. Raises CaseRefusedError. Call it in a transaction."""
    return await _act(
        connection, casebook, case_id,
        lambda at, rules: snoozed(at.kept.case, at.item, until, because, by, rules, now),
    )  # fmt: skip


async def given(
    connection: Connection, casebook: Casebook, case_id: str, to: str, by: str, now: datetime
) -> Standing:
    """Give a case to somebody else. Raises CaseRefusedError. Call it in a transaction."""
    return await _act(
        connection, casebook, case_id,
        lambda at, rules: reassigned(at.kept.case, at.item, to, by, rules, now),
    )  # fmt: skip


async def _act(
    connection: Connection, casebook: Casebook, case_id: str,
    act: Callable[[Standing, Rules], Next],
) -> Standing:  # fmt: skip
    rules = await casebook.rules(connection)
    for _ in range(_ROUNDS):
        at = await standing(connection, case_id)
        if at is None:
            raise CaseRefusedError("There is no such case. `content review` lists those there are.")
        found = act(at, rules)
        if await review_cases.save(connection, at.kept, found):
            return Standing(Kept(found.case, at.kept.revision + 1), at.item)
    raise CaseRefusedError("Somebody else is changing the case all the time. Try again.")


async def _end(
    connection: Connection, item_id: str, how: Ending, by: str, words: str, now: datetime
) -> None:
    for _ in range(_ROUNDS):
        kept = await review_cases.open_case_of(connection, item_id)
        if kept is None or await review_cases.save(
            connection, kept, ended(kept.case, how, by, words, now)
        ):
            return
