"""The wire of a Segment-compatible API: a body unpacked, taken apart, its messages read."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from digital_cs.errors import DigitalCsError
from digital_cs.ingest.events.incoming import Incoming, Track
from digital_cs.ingest.events.segment_complaints import sentence
from digital_cs.ingest.events.segment_messages import (
    MOST_MESSAGE_BYTES,
    Context,
    MessageError,
    message_id,
    read_message,
)
from digital_cs.ingest.events.segment_tracks import is_plain, plain_tracks

MOST_BODY_BYTES = 5 * 1024 * 1024
"""Unpacked. Segment's SDKs stay below 500 KB, RudderStack's Python one stops adding at 4 MB."""
MOST_MESSAGES = 2500
TOO_LARGE = f"The body is larger than {MOST_BODY_BYTES >> 20} MB. Send it in several requests."

GZIP_MAGIC = b"\x1f\x8b"
_ZLIB_GZIP = 31


class WireError(DigitalCsError):
    """The body cannot be read. Send JSON as Segment's HTTP API describes it."""


class TooLargeError(DigitalCsError):
    """The request is too large. Send it in several."""


class Refused(msgspec.Struct, frozen=True):
    """One message that is not kept, and why. `message_id` is None where it has no usable one."""

    index: int
    message_id: str | None
    problem: str


class Envelope(msgspec.Struct):
    """A body taken apart: the key in it, and its messages still as JSON.

    `kind` is that of the address; None: a batch, whose messages have their own. `plain`: all of
    it `is_plain`. `around`: what the context of the whole batch says, if anything that is read.
    """

    write_key: Any
    messages: Sequence[bytes | msgspec.Raw]
    kind: str | None
    plain: bool = False
    around: Context | None = None


class Letters(msgspec.Struct):
    """The messages of an envelope: those that can be used, where each stood, and the others."""

    messages: Sequence[Incoming]
    places: Sequence[int]
    refused: list[Refused]


class _Batch(msgspec.Struct, rename="camel"):
    batch: list[msgspec.Raw]
    write_key: Any = None
    context: msgspec.Raw = msgspec.Raw(b"null")


class _Around(msgspec.Struct):
    context: Context | list[Any] | None


class _Single(msgspec.Struct, rename="camel"):
    write_key: Any = None


_batch = msgspec.json.Decoder(_Batch)
_single = msgspec.json.Decoder(_Single)
_around = msgspec.json.Decoder(_Around)


def unpack(body: bytes, encoding: str = "") -> bytes:
    """The body as it was before it was packed. What begins like gzip is, whatever the headers say.

    Never unpacks more than MOST_BODY_BYTES, whatever a small body claims to hold. Raises WireError
    and TooLargeError.
    """
    if encoding.strip().lower() not in ("", "identity", "gzip", "x-gzip"):
        raise WireError("The Content-Encoding is not known here. Send gzip, or none.")
    if body.startswith(GZIP_MAGIC):
        body = _gunzip(body)
    elif "gzip" in encoding.lower():
        raise WireError("The header says gzip, and the body is none.")
    if len(body) > MOST_BODY_BYTES:
        raise TooLargeError(TOO_LARGE)
    return body


def _gunzip(packed: bytes) -> bytes:
    unpacked = b""
    while packed:  # gzip is one or more members, one after the other
        member = zlib.decompressobj(_ZLIB_GZIP)
        try:
            unpacked += member.decompress(packed, MOST_BODY_BYTES + 1 - len(unpacked))
        except zlib.error:
            raise WireError("The body is not whole gzip.") from None
        if len(unpacked) > MOST_BODY_BYTES:
            raise TooLargeError(TOO_LARGE)
        if not member.eof:
            raise WireError("The body is not whole gzip: its end is missing.")
        packed = member.unused_data
    return unpacked


def take_apart(body: bytes, kind: str | None = None) -> Envelope:
    """The envelope of an unpacked body. Raises WireError and TooLargeError."""
    try:
        if kind is not None:
            return Envelope(_single.decode(body).write_key, [body], kind)
        batch = _batch.decode(body)
        around = _context(bytes(batch.context))
        envelope = Envelope(batch.write_key, batch.batch, None, is_plain(body), around)
    except msgspec.ValidationError:
        raise WireError(_SHAPE if kind is None else "The body is not a JSON object.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        envelope = _take_apart_patiently(body, kind)
    if len(envelope.messages) > MOST_MESSAGES:
        raise TooLargeError(f"There are more than {MOST_MESSAGES} messages. Send fewer at a time.")
    return envelope


def _context(raw: bytes) -> Context | None:
    """What the context of a whole batch says for all of its messages. Raises WireError."""
    try:
        found = _around.decode(b'{"context":%b}' % raw).context
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WireError(f"The context of the batch cannot be used. {sentence(error)}") from None
    if isinstance(found, Context) and (found.group_id not in (None, "") or found.traits):
        return found
    return None


_SHAPE = 'The body is not a JSON object with a list in "batch".'


def _take_apart_patiently(body: bytes, kind: str | None) -> Envelope:
    """The same for a body with something in it that is no JSON, though many writers write it: half
    a surrogate pair, NaN. The message that has it is refused by itself, and not the others."""
    try:
        found = json.loads(body)
    except RecursionError:
        raise WireError("The body is nested too deep.") from None
    except json.JSONDecodeError as error:
        raise WireError(f"The body is not JSON, from character {error.pos} on.") from None
    except ValueError:
        raise WireError("The body is not JSON in UTF-8.") from None
    messages = found.get("batch") if isinstance(found, dict) and kind is None else [found]
    if not isinstance(found, dict) or not isinstance(messages, list):
        raise WireError(_SHAPE if kind is None else "The body is not a JSON object.")
    around = _context(json.dumps(found.get("context")).encode()) if kind is None else None
    written = [json.dumps(each).encode() for each in messages]
    return Envelope(found.get("writeKey"), written, kind, around=around)


def read(envelope: Envelope, now: datetime) -> Letters:
    """Read every message by itself; `now` is the moment of receipt."""
    plain = envelope.plain
    messages = envelope.messages if plain else [*map(bytes, envelope.messages)]
    tracks: Sequence[Track | None] = [None] * len(messages)
    if envelope.kind is None and envelope.around is None:
        tracks = plain_tracks(messages, now, all_plain=plain)
        usual = [*filter(None, tracks)]
        if len(usual) == len(messages) and max(map(len, messages), default=0) <= MOST_MESSAGE_BYTES:
            return Letters(usual, range(len(usual)), [])
    return _read_each(envelope, messages, tracks, now)


def _read_each(
    envelope: Envelope, messages: Sequence[bytes | msgspec.Raw], tracks: Sequence[Track | None],
    now: datetime,
) -> Letters:  # fmt: skip
    kind, around = envelope.kind, envelope.around
    kept: list[Incoming] = []
    places: list[int] = []
    refused: list[Refused] = []
    for place, (raw, track) in enumerate(zip(messages, tracks, strict=True)):
        try:
            if len(raw) > MOST_MESSAGE_BYTES:
                raise MessageError(f"It is larger than {MOST_MESSAGE_BYTES >> 10} KB.")
            kept.append(track or read_message(bytes(raw), now, kind, place, around))
            places.append(place)
        except MessageError as error:
            refused.append(Refused(place, message_id(bytes(raw)), str(error)))
    return Letters(kept, places, refused)
