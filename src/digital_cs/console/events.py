"""Product events over the API: taken in one by one, so that a bad one never loses the others."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from digital_cs.console.errors import problems_of
from digital_cs.console.fields import Id, Moment, Properties
from digital_cs.store.product.events import EventRecord
from digital_cs.temporal.gateway import Gateway

MOST_EVENTS = 1000
SOURCE = "api"


class ProductEvent(BaseModel):
    """Something that happened in the product. The id makes a repeat harmless."""

    model_config = ConfigDict(extra="forbid")

    id: Id
    account: Id
    name: Id
    at: Moment
    contact: Id | None = None
    properties: Properties = Field(default_factory=dict)

    def record(self) -> EventRecord:
        """The event as the intake takes it."""
        return EventRecord(
            id=self.id, account_id=self.account, name=self.name, at=self.at,
            contact_id=self.contact, properties=self.properties,
        )  # fmt: skip


class Events(BaseModel):
    """Events of any accounts, each an object as `ProductEvent` describes."""

    model_config = ConfigDict(extra="forbid")

    events: Annotated[list[Any], Field(min_length=1, max_length=MOST_EVENTS)]


class Result(BaseModel):
    """What became of one event.

    kept: now or by an earlier call. unknown_account: not kept; send it again when the account is
    known. refused: not kept, `problem` says why. `id` is null where the event has no usable one.
    """

    id: str | None
    result: Literal["kept", "unknown_account", "refused"]
    problem: str | None = None


class Taken(BaseModel):
    """What became of all: a result for each event, in the order in which they came."""

    new: int
    known_already: int
    enrolled: int
    results: list[Result]


_ID: TypeAdapter[str] = TypeAdapter(Id)


def router(gateway: Gateway) -> APIRouter:
    """The routes, under the prefix of the API."""
    routes = APIRouter(tags=["events"])

    @routes.post("/events")
    async def take(sent: Events) -> Taken:
        """Keep product events, each once, with all that follows: milestones, wakes, entries."""
        read = [_read(event) for event in sent.events]
        once: dict[str, EventRecord] = {}
        for event in read:
            if isinstance(event, ProductEvent):
                once.setdefault(event.id, event.record())
        done = await gateway.intake.record_events([*once.values()], SOURCE)
        unknown, too_old = set(done.unknown_accounts), set(done.too_old)
        results = [
            event if isinstance(event, Result) else _result(event, once[event.id], unknown, too_old)
            for event in read
        ]
        kept = sum(each.result == "kept" for each in results)
        problems = [each.problem for each in results if each.problem is not None]
        await gateway.intake.note_events(SOURCE, kept, _newest(read, results), problems)
        return Taken(
            new=done.new, known_already=kept - done.new, enrolled=done.enrolled, results=results
        )

    return routes


def _read(event: Any) -> ProductEvent | Result:
    try:
        return ProductEvent.model_validate(event)
    except ValidationError as error:
        found = problems_of(error.errors(include_url=False, include_input=False))
        problem = " ".join(f"{each['at']}: {each['problem']}" for each in found[:3])
        return Result(id=_id_of(event), result="refused", problem=problem)


def _newest(read: list[ProductEvent | Result], results: list[Result]) -> datetime | None:
    """The moment of the newest event that is kept."""
    told = zip(read, results, strict=True)
    kept = (event.at for event, became in told
            if isinstance(event, ProductEvent) and became.result == "kept")  # fmt: skip
    return max(kept, default=None)


def _id_of(event: Any) -> str | None:
    try:
        return _ID.validate_python(event.get("id") if isinstance(event, dict) else None)
    except ValidationError:
        return None


def _result(event: ProductEvent, sent: EventRecord, unknown: set[str], too_old: set[str]) -> Result:
    """`sent` is the first event with this id in the call, which is the one that counts."""
    if event.id in too_old:
        problem = f"Events of {sent.day} are not taken: it is too long ago, or they were dropped."
        return Result(id=event.id, result="refused", problem=f"at: {problem}")
    if sent.account_id not in unknown:
        return Result(id=event.id, result="kept")
    return Result(
        id=event.id, result="unknown_account", problem=f"There is no account '{sent.account_id}'."
    )
