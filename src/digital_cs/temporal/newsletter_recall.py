"""Calling an issue back, before or after it began to go out, and a corrected one in its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from psycopg import AsyncConnection

from digital_cs.domain.newsletters.issue import GONE_OUT, Reach, State
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.errors import UsageError
from digital_cs.store.broadcasts import broadcasts
from digital_cs.store.newsletters import issue_recalls, issue_texts, issues, newsletters
from digital_cs.store.newsletters.issue_recalls import Reached
from digital_cs.store.newsletters.issues import IssueRow
from digital_cs.store.sending import stops
from digital_cs.store.support import topic_coverage
from digital_cs.temporal.issue_answers import NO_APPROVAL, IssueStateError, locked
from digital_cs.temporal.issue_planning import only_one, sensible_day

if TYPE_CHECKING:
    from digital_cs.temporal.gateway import Gateway

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Recalled:
    """What calling an issue back came to. `waits`: it had not left, and waits to be approved again.

    Else `reached` is how far it came; `again`: it was called back before.
    """

    waits: bool = False
    again: bool = False
    reached: Reached = field(default_factory=Reached)

    @property
    def nobody(self) -> bool:
        """Whether nobody has got it, or may have."""
        return not (self.had or self.reached.unknown or self.reached.in_hand)

    @property
    def had(self) -> int:
        """How many had it already."""
        return self.reached.had


async def recall(gateway: Gateway, id: str, because: str, by: str) -> Recalled:
    """Call an issue back. In its last minutes it waits for another approval; once it began to go
    out nobody more gets it, and its pages are not public any more.

    Raises IssueStateError for one that is not about to leave yet, UsageError without a reason.
    """
    reason = because.strip()
    if not reason:
        raise UsageError("Say why it is called back: it stands in the issue's story.")
    now = gateway.clock.now()
    async with gateway.pool.connection() as connection, connection.transaction():
        row = await locked(connection, id)
        if row.state is State.LEAVING:
            await _keep(connection, row, reason, by, now)
            return Recalled(waits=True)
        if row.state not in GONE_OUT or row.broadcast_id is None:
            raise IssueStateError(
                f"The issue is {row.state}: only what is about to leave, or went out, is called"
                " back."
            )
        again = row.recalled_at is not None
        if not again:
            await _stop(connection, row, reason, by, now)
        found = await issue_recalls.reached(connection, row.broadcast_id)
        if not again:
            await issues.note(connection, id, by, f"Called it back: {reason}", now)
            await issues.note(connection, id, by, found.words(), now)
    return Recalled(again=again, reached=found)


async def _keep(connection: Connection, row: IssueRow, reason: str, by: str, now: datetime) -> None:
    """It has not left: whoever owns it is told what is to be changed, as of any refusal."""
    await issues.change(
        connection, row.id, (State.LEAVING,), state=State.FROZEN, leaves_at=None, **NO_APPROVAL,
        refused_hash=row.texts_hash, refused_by=by, refused_because=reason, refused_at=now,
    )  # fmt: skip
    await issues.note(connection, row.id, by, f"Called it back: {reason}", now)
    await issues.touched(connection, row.id)


async def _stop(connection: Connection, row: IssueRow, reason: str, by: str, now: datetime) -> None:
    """Nobody is claimed for it any more, from this transaction on."""
    assert row.broadcast_id is not None
    await stops.wait_for_claims(connection)
    await broadcasts.cancel(connection, row.broadcast_id, by, now)
    await issues.change(
        connection, row.id, GONE_OUT, recalled_at=now, recalled_by=by, recalled_because=reason
    )
    # Its questions were not answered to everybody, and a corrected issue is to answer them.
    await topic_coverage.uncover_all(connection, row.id)
    await issues.touched(connection, row.id)


async def correct(
    gateway: Gateway, id: str, day: date, reach: Reach, by: str, calendar: BusinessCalendar
) -> str:
    """Plan a corrected issue after one that was called back: with its texts, to be changed, for
    those who missed it or for everybody. Returns its id.

    It is put together, tested and approved as any other. It may go out today: whose hour is past
    gets it at once, or the next morning where it is evening.
    """
    now = gateway.clock.now()
    async with gateway.pool.connection() as connection, connection.transaction():
        row = await locked(connection, id)
        if row.recalled_at is None:
            raise IssueStateError(
                "Only an issue that was called back is corrected by another one. `digital-cs"
                f" newsletter recall {id} --because …` calls it back."
            )
        name = row.newsletter.newsletter
        published = await newsletters.get(connection, name)
        if published is None or published.retired_at is not None:
            raise UsageError(f"{row.newsletter.name} comes out no more: publish it again first.")
        other = await issue_recalls.correction_of(connection, id)
        if other is not None:
            raise UsageError(f"{other} corrects it already: change that one, or skip it first.")
        sensible_day(day, calendar, now, begun=True)
        await only_one(connection, name, day)
        made = await issues.plan_another(connection, row.newsletter, day, now)
        await issues.change(
            connection, made, (State.PLANNED,), subject=row.subject, preview=row.preview,
            corrects=id, corrects_for=reach.value,
        )  # fmt: skip
        await issue_recalls.copy_texts(connection, id, made)
        await issue_texts.say_anew(connection, made)
        await issues.note(connection, made, by, f"Planned, to correct {id} {_FOR[reach]}.", now)
        await issues.note(connection, id, by, f"Planned {made} to correct it {_FOR[reach]}.", now)
    return made


_FOR = {Reach.MISSED: "for those who missed it", Reach.EVERYBODY: "for everybody"}
