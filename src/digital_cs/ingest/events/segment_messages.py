"""One message as the SDKs of Segment and its kin write it, read into what comes in here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn
from uuid import uuid4

import msgspec

from digital_cs.domain.account import REAL_YEARS
from digital_cs.ingest.events.incoming import Alias, Group, Identify, Incoming, Kind, Track
from digital_cs.ingest.events.segment_complaints import sentence
from digital_cs.ingest.events.storable import plainly_fit, unfit_json, unfit_word

MOST_MESSAGE_BYTES = 32 * 1024
MOST_LETTERS = 200
AHEAD = timedelta(minutes=5)
"""A clock of a sender may be ahead by this; what is further ahead happened when it was received."""

Id = str | int | float | None
Object = dict[str, Any] | list[Any] | None
"""A list, because PHP writes an empty object as one."""


class MessageError(ValueError):
    """One message cannot be used; the text is a sentence that says why."""


class Context(msgspec.Struct, rename="camel", gc=False):
    """What we read of a message's context."""

    group_id: Id = None
    traits: Object = None


class Call(msgspec.Struct, rename="camel", gc=False):
    """One message: what any of the calls may carry, and what we do not read left out."""

    type: str | None = None
    message_id: Id = None
    user_id: Id = None
    anonymous_id: Id = None
    previous_id: Id = None
    group_id: Id = None
    event: str | None = None
    name: str | None = None
    category: str | None = None
    timestamp: str | None = None
    original_timestamp: str | None = None
    sent_at: str | None = None
    properties: Object = None
    traits: Object = None
    context: Context | list[Any] | None = None


class _Named(msgspec.Struct, rename="camel"):
    message_id: Id = None


_call = msgspec.json.Decoder(Call)
_named = msgspec.json.Decoder(_Named)
_encode = msgspec.json.Encoder().encode


def read_message(
    raw: bytes, now: datetime, kind: str | None, place: int, around: Context | None = None
) -> Incoming:
    """One message from its JSON, the `place`-th of its request. Raises MessageError.

    `kind` is that of the address; None: the message has its own. `around`: the context of its
    whole batch, for what its own leaves out.
    """
    try:
        call = _call.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MessageError(sentence(error)) from None
    read = _READERS.get(kind or call.type or "")
    if read is None:
        _refuse("type", f"send one of {', '.join(_READERS)}")
    id = _word("messageId", call.message_id) or _made_id(call, raw, place, around)
    if around is not None:
        call.context = _within(around, call.context)
    return read(call, id, _moment_of(call, now))


def message_id(raw: bytes) -> str | None:
    """The id that a message gives itself, also where nothing else of it can be used."""
    try:
        return _word("messageId", _named.decode(raw).message_id)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, MessageError):
        return None


def _within(around: Context, own: Context | list[Any] | None) -> Context:
    if not isinstance(own, Context):
        return around
    account = around.group_id if own.group_id in (None, "") else own.group_id
    return Context(account, own.traits or around.traits)


def _made_id(call: Call, raw: bytes, place: int, around: Context | None) -> str:
    """An id for a message without one.

    Where it says when it was, the same request sent again makes the same id. Without a moment, the
    same bytes twice are two things that happened.
    """
    if not (call.timestamp or call.original_timestamp or call.sent_at):
        return uuid4().hex
    digest = hashlib.blake2b(raw, digest_size=16, salt=place.to_bytes(8, "big"))
    if around is not None:  # the same words of two accounts are two things that happened
        digest.update(_encode(around))
    return digest.hexdigest()


def _track(call: Call, id: str, at: datetime | None) -> Track:
    name = _word("event", call.event)
    if name is None:
        _refuse("event", "it is missing, and names what was done")
    return _seen(call, id, at, "track", name, _object("properties", call.properties))


def _page(call: Call, id: str, at: datetime | None) -> Track:
    return _seen(call, id, at, "page", "page", _titled(call))


def _screen(call: Call, id: str, at: datetime | None) -> Track:
    return _seen(call, id, at, "screen", "screen", _titled(call))


def _titled(call: Call) -> dict[str, Any]:
    """The properties, with the name and the category of the page among them."""
    found = _object("properties", call.properties)
    for field, text in (("name", call.name), ("category", call.category)):
        if text is not None:
            found.setdefault(field, text)
    return found


def _seen(
    call: Call, id: str, at: datetime | None, kind: Kind, name: str, properties: dict[str, Any]
) -> Track:
    written = _encode(properties)
    if not plainly_fit(written):
        _keepable("properties", properties)
    user, anonymous, account = _who(call)
    if user is None and anonymous is None and account is None:
        _refuse("userId", "it is missing, and so are anonymousId and context.groupId")
    return Track(id, at, kind, name, user, anonymous, account, worth(properties), written)


def _identify(call: Call, id: str, at: datetime | None) -> Identify:
    traits = _object("traits", call.traits)
    if not traits and isinstance(call.context, Context):
        traits = _object("context.traits", call.context.traits)  # where RudderStack writes them
    _keepable("traits", traits)
    user, anonymous, account = _who(call)
    if user is None and anonymous is None:
        _refuse("userId", "it is missing, and so is anonymousId")
    return Identify(id, at, user, anonymous, account, traits)


def _group(call: Call, id: str, at: datetime | None) -> Group:
    traits = _object("traits", call.traits)
    _keepable("traits", traits)
    account = _word("groupId", call.group_id)
    if account is None:
        _refuse("groupId", "it is missing, and names the account")
    user, anonymous = _word("userId", call.user_id), _word("anonymousId", call.anonymous_id)
    return Group(id, at, user, anonymous, account, traits)


def _alias(call: Call, id: str, at: datetime | None) -> Alias:
    previous, user = _word("previousId", call.previous_id), _word("userId", call.user_id)
    if previous is None or user is None:
        _refuse("previousId" if previous is None else "userId", "it is missing")
    return Alias(id, at, previous, user)


_READERS: dict[str, Callable[[Call, str, datetime | None], Incoming]] = {
    "track": _track, "identify": _identify, "group": _group, "page": _page, "screen": _screen,
    "alias": _alias,
}  # fmt: skip
KINDS = tuple(_READERS)


def _who(call: Call) -> tuple[str | None, str | None, str | None]:
    """User, anonymous and account id."""
    context = call.context
    account = context.group_id if type(context) is Context else None
    return (
        _word("userId", call.user_id), _word("anonymousId", call.anonymous_id),
        _word("context.groupId", account),
    )  # fmt: skip


def _word(field: str, value: Id) -> str | None:
    """An id as text; a number is taken as its digits, and an empty text as none."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        value = str(int(value)) if value == int(value) else repr(value)
    # Nearly all are short ASCII that prints: three quick looks instead of one long search.
    if value.isascii() and value.isprintable() and len(value) <= MOST_LETTERS:
        return value
    if len(value) > MOST_LETTERS:
        _refuse(field, f"it is longer than {MOST_LETTERS} characters")
    problem = unfit_word(value)
    if problem is not None:
        _refuse(field, problem)
    return value


def _object(field: str, value: Object) -> dict[str, Any]:
    if isinstance(value, list):
        if value:
            _refuse(field, "it is a list, and should be an object")
        return {}
    return {} if value is None else value


def _keepable(field: str, found: dict[str, Any]) -> None:
    problem = unfit_json(found)
    if problem is not None:
        _refuse(field, problem)


def worth(properties: dict[str, Any]) -> float | None:
    """What something was worth, where its properties say that with a number."""
    for field in ("revenue", "value"):
        value = properties.get(field)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    return None


def _moment_of(call: Call, now: datetime) -> datetime | None:
    """When it was; None where nothing is said of that, and as `_moment` has it."""
    if text := call.timestamp:
        return _moment("timestamp", text, now)
    if text := call.original_timestamp:
        return _moment("originalTimestamp", text, now)
    if text := call.sent_at:
        return _moment("sentAt", text, now)
    return None


def _moment(field: str, text: str, now: datetime) -> datetime | None:
    """A moment in UTC; None, which is "now", for one that is still to come."""
    try:
        moment = datetime.fromisoformat(text)
        # Without an offset it is UTC, as everywhere in these APIs; a mere day is no moment.
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        moment = None
    if moment is None or len(text) <= len("2026-03-01"):
        _refuse(field, "it is not a moment like 2026-03-01T09:30:00.000Z")
    if moment.year not in REAL_YEARS:
        _refuse(field, f"the year {moment.year} is not a real one")
    return None if moment - now > AHEAD else moment


def _refuse(field: str, problem: str) -> NoReturn:
    raise MessageError(f"{field}: {problem}.")
