"""The wire of Segment's API as its SDKs write it, and as nobody should."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.ingest.events.incoming import Alias, Group, Identify, Incoming, Track
from digital_cs.ingest.events.segment_messages import MOST_MESSAGE_BYTES
from digital_cs.ingest.events.segment_wire import (
    MOST_BODY_BYTES,
    MOST_MESSAGES,
    Letters,
    TooLargeError,
    WireError,
    read,
    take_apart,
    unpack,
)
from tests.rig import ROOT

SAMPLES = ROOT.parent / "shared" / "samples" / "segment-captures"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
TRACK: dict[str, Any] = {"type": "track", "messageId": "m-1", "userId": "ann", "event": "Exported"}


def batch(*messages: Any) -> Letters:
    return read(take_apart(json.dumps({"batch": messages}).encode()), NOW)


def one(message: dict[str, Any]) -> Incoming:
    letters = batch(message)
    assert letters.refused == []
    return letters.messages[0]


def track(**fields: Any) -> Track:
    found = one({**TRACK, **fields})
    assert isinstance(found, Track)
    return found


def problem(message: Any) -> str:
    letters = batch(message)
    assert letters.messages == []
    assert letters.refused[0].problem.endswith(".")
    return letters.refused[0].problem


@pytest.mark.parametrize(
    "name", ["segment-python", "segment-python-gzip", "segment-node", "rudder-python"]
)
def test_what_real_sdks_sent_is_read_to_the_last_message(name: str) -> None:
    path = SAMPLES / f"{name}.jsonl"
    if not path.exists():
        pytest.skip(f"no recordings of SDKs in {SAMPLES}")
    for line in path.read_text(encoding="utf-8").splitlines():
        sent = json.loads(line)["body"]
        letters = read(take_apart(unpack(gzip.compress(json.dumps(sent).encode()))), NOW)
        assert letters.refused == []
        for message, found in zip(sent["batch"], letters.messages, strict=True):
            assert found.id == message["messageId"]
            assert found.at == datetime.fromisoformat(message["timestamp"])
            match found:
                case Identify():
                    kept = message.get("traits") or message["context"]["traits"]
                    assert (found.user_id, found.traits) == (message["userId"], kept)
                case Group():
                    assert (found.account_id, found.traits) == (
                        message["groupId"], message["traits"],
                    )  # fmt: skip
                case Alias():
                    assert (found.previous_id, found.user_id) == ("anon-9", "user-1")
                case Track():
                    assert found.name == message.get("event", message["type"])
                    assert found.user_id == message.get("userId")
                    assert found.anonymous_id == message.get("anonymousId")
                    assert found.account_id == message["context"].get("groupId")
                    assert json.loads(found.properties).items() >= message["properties"].items()


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-03-01T09:30:00Z", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-01T09:30:00+00:00", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-01T09:30:00.250Z", datetime(2026, 3, 1, 9, 30, 0, 250_000, tzinfo=UTC)),
        ("2026-03-01T09:30:00.000+00:00", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-01T09:30:00.123456789Z", datetime(2026, 3, 1, 9, 30, 0, 123_456, tzinfo=UTC)),
        ("2026-03-01T09:30:00+05:30", datetime(2026, 3, 1, 4, 0, tzinfo=UTC)),
        ("2026-03-01 09:30:00-0800", datetime(2026, 3, 1, 17, 30, tzinfo=UTC)),
        ("2026-03-01T09:30:00", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-02T09:05:00Z", NOW + timedelta(minutes=5)),
        ("2026-03-02T09:05:00.001Z", None),  # a clock that is ahead: the moment of receipt
        ("2999-01-01T00:00:00Z", None),
        ("", None),
        (None, None),
    ],
)
def test_a_moment_is_read_in_every_way_in_which_it_is_written(
    written: str | None, at: datetime | None
) -> None:
    assert track(timestamp=written).at == at


@pytest.mark.parametrize(
    "written",
    ["yesterday", "2026-03-01", "01-03-2026 09:30:00", "2026-13-01T00:00:00Z", 1772357400, True,
     "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1601-01-01T00:00:00Z", ["x"]],
)  # fmt: skip
def test_a_moment_that_cannot_be_read_refuses_the_message(written: object) -> None:
    assert problem({**TRACK, "timestamp": written}).startswith("timestamp: ")


def test_the_moment_is_the_timestamp_else_the_original_one_else_when_it_was_sent() -> None:
    moments = {
        field: f"2026-03-01T0{hour}:00:00Z"
        for hour, field in enumerate(("timestamp", "originalTimestamp", "sentAt"))
    }
    for hour, field in enumerate(list(moments)):
        found = track(**moments)
        assert found.at is not None
        assert found.at.hour == hour
        del moments[field]


def test_ids_may_be_numbers_null_or_empty_and_the_account_stands_in_the_context() -> None:
    found = track(
        userId=12, anonymousId=None, messageId=7.5, context={"groupId": "acme", "ip": "::1"}
    )
    assert (found.user_id, found.anonymous_id, found.account_id) == ("12", None, "acme")
    assert found.id == "7.5"
    assert track(userId="", anonymousId="a-1").user_id is None
    assert track(userId=None, context={"groupId": 3.0}).account_id == "3"


def around(context: Any, *messages: Any) -> Letters:
    body = json.dumps({"batch": messages, "context": context}).encode()
    return read(take_apart(body), NOW)


def test_the_context_of_a_batch_counts_where_a_message_has_none_of_its_own() -> None:
    own = {**TRACK, "context": {"groupId": "globex"}}
    none_of_account: list[Any] = [{"ip": "::1"}, {"groupId": ""}, []]
    others = [{**TRACK, "context": each} for each in none_of_account]
    identify = {"type": "identify", "userId": "ann"}
    letters = around({"groupId": "acme", "traits": {"plan": "pro"}}, TRACK, own, *others, identify)

    *events, told = letters.messages
    found = [each.account_id for each in events if isinstance(each, Track)]
    assert found == ["acme", "globex", "acme", "acme", "acme"]
    assert isinstance(told, Identify)
    assert (told.account_id, told.traits) == ("acme", {"plan": "pro"})


@pytest.mark.parametrize("context", [None, [], {}, {"library": {"name": "analytics-java"}}])
def test_a_context_of_a_batch_that_says_nothing_of_an_account_changes_nothing(context: Any) -> None:
    assert around(context, TRACK, 7).messages == batch(TRACK, 7).messages


def test_the_same_words_under_the_contexts_of_two_batches_are_two_events() -> None:
    told = {"type": "track", "event": "E", "timestamp": "2026-03-01T09:30:00Z"}
    ids = [around({"groupId": each}, told).messages[0].id for each in ("acme", "globex", "acme")]

    assert ids[0] == ids[2] != ids[1]


@pytest.mark.parametrize(
    ("context", "says"),
    [(b'"x"', "context: it is text"), (b'{"groupId":{}}', "context.groupId: it is an object"),
     (b'{"groupId":NaN}', "not JSON that can be kept"), (b'{"groupId":"\\ud800"}', "kept")],
)  # fmt: skip
def test_a_context_of_a_batch_that_cannot_be_used_is_told_in_a_sentence(
    context: bytes, says: str
) -> None:
    with pytest.raises(WireError, match=r"^The context of the batch .*\.$") as caught:
        take_apart(b'{"batch":[],"context":' + context + b"}")
    assert says in str(caught.value)


def test_empty_objects_may_be_written_as_php_writes_them() -> None:
    assert track(properties=[], context=[]).properties == b"{}"
    assert problem({**TRACK, "properties": [1]}) == (
        "properties: it is a list, and should be an object."
    )


def test_a_page_and_a_screen_keep_their_name_and_category_among_their_properties() -> None:
    page = track(type="page", name="Docs", category="Help", properties={"name": "own", "n": 1})
    screen = track(type="screen", name="Home")

    assert (page.kind, page.name) == ("page", "page")
    assert json.loads(page.properties) == {"name": "own", "n": 1, "category": "Help"}
    assert (screen.kind, screen.name, screen.properties) == ("screen", "screen", b'{"name":"Home"}')


@pytest.mark.parametrize(
    ("properties", "value"),
    [({"revenue": 12}, 12.0), ({"value": 1.5}, 1.5), ({"revenue": "12", "value": 3}, 3.0),
     ({"revenue": True}, None), ({"total": 3}, None), ({}, None)],
)  # fmt: skip
def test_what_it_was_worth_is_kept_where_it_is_a_number(
    properties: dict[str, Any], value: float | None
) -> None:
    assert track(properties=properties).value == value


def test_rudderstacks_identify_has_its_traits_in_the_context() -> None:
    found = one({"type": "identify", "userId": "ann", "context": {"traits": {"plan": "pro"}}})

    assert isinstance(found, Identify)
    assert found.traits == {"plan": "pro"}


def test_a_message_without_an_id_is_known_again_by_its_bytes_if_it_says_when_it_was() -> None:
    dated = {**TRACK, "messageId": None, "timestamp": "2026-03-01T09:30:00Z"}
    first, again = batch(dated, dated), batch(dated, dated)
    ids = [found.id for found in first.messages]

    assert len(set(ids)) == 2, "the same thing twice in one request happened twice"
    assert [found.id for found in again.messages] == ids, "a request sent again is the same"
    undated = {**TRACK, "messageId": None}
    assert batch(undated).messages[0].id != batch(undated).messages[0].id


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"type": "track", "userId": "a"}, "event: it is missing"),
        ({"type": "track", "event": "E"}, "userId: it is missing, and so are"),
        ({"type": "identify"}, "userId: it is missing"),
        ({"type": "group", "userId": "a"}, "groupId: it is missing"),
        ({"type": "alias", "userId": "a"}, "previousId: it is missing"),
        ({"type": "alias", "previousId": "a"}, "userId: it is missing"),
        ({"type": "charge"}, "type: send one of track, identify"),
        ({**TRACK, "userId": True}, "userId: it is true or false, and should be a number or text."),
        ({**TRACK, "event": {"a": 1}}, "event: it is an object, and should be text."),
        ({**TRACK, "event": "x" * 201}, "event: it is longer than 200 characters."),
        ({**TRACK, "userId": 10**300}, "userId: it is longer than 200 characters."),
        ({**TRACK, "userId": "a\x00b"}, "userId: it has control characters"),
        ({**TRACK, "messageId": "a\nb"}, "messageId: it has control characters"),
        ({**TRACK, "properties": {"a": ["\x00"]}}, "properties: a text in it has a NUL"),
        ({**TRACK, "properties": {"\x00": 1}}, "properties: a text in it has a NUL"),
        ({**TRACK, "properties": {"n": 10**400}}, "properties: a number in it has more than"),
        ({**TRACK, "properties": {"n": float("inf")}}, "It is not JSON that can be kept: "),
        ({**TRACK, "properties": {"s": "\ud83d"}}, "It is not JSON that can be kept: "),
        ({**TRACK, "properties": {"s": "x" * MOST_MESSAGE_BYTES}}, "It is larger than 32 KB."),
        ({"type": "group", "groupId": "g", "traits": {"a": "\x00"}}, "traits: a text in it has"),
        ("text", "message: it is text, and should be an object."),
        (None, "message: it is null, and should be an object."),
    ],
)
def test_one_bad_message_is_named_and_does_not_lose_the_others(message: Any, says: str) -> None:
    letters = batch(TRACK, message, {**TRACK, "messageId": "m-3"})

    assert [found.id for found in letters.messages] == ["m-1", "m-3"]
    assert letters.places == [0, 2]
    (refused,) = letters.refused
    assert refused.index == 1
    assert refused.problem.startswith(says)
    assert refused.problem.endswith(".")


def raw_batch(*messages: bytes) -> Letters:
    return read(take_apart(b'{"batch":[' + b",".join(messages) + b"]}"), NOW)


@pytest.mark.parametrize(
    "properties",
    [b'{"n":1e999}', b'{"n":' + b"9" * 5000 + b"}", b'{"s":"\xff"}', b"[" * 300 + b"]" * 300,
     b'{"a":' * 30 + b"1" + b"}" * 30, b'{"s":"\\ud800"}', b'{"n":NaN}', b'{"n":-Infinity}'],
)  # fmt: skip
def test_json_that_no_writer_should_write_refuses_its_own_message_alone(properties: bytes) -> None:
    good = json.dumps(TRACK).encode()
    letters = raw_batch(good, good[:-1] + b',"properties":' + properties + b"}", good)

    assert letters.places == [0, 2] or properties.count(b"\xff") == 1
    assert [refused.index for refused in letters.refused] == [1]
    assert letters.refused[0].message_id in ("m-1", None)


def test_numbers_are_kept_as_postgres_can_hold_them_and_the_last_of_two_keys_wins() -> None:
    (found,) = raw_batch(
        b'{"type":"track","event":"E","userId":"a","properties":'
        b'{"a":1e-99999,"b":0.' + b"1" * 20_000 + b',"c":1,"c":2}}'
    ).messages

    assert isinstance(found, Track)
    assert found.properties == b'{"a":0.0,"b":0.1111111111111111,"c":2}'


@pytest.mark.parametrize(
    ("body", "says"),
    [(b"", "from character 0 on"), (b"{", "from character 1 on"), (b"[]", 'list in "batch"'),
     (b"{}", 'list in "batch"'), (b'{"batch":{}}', 'list in "batch"'), (b'"x"', 'list in "batch"'),
     (b'{"batch":[}', "from character"), (b"\xff\xfe{}", "not JSON"), (b'{"batch":[NaN],}', "JSON"),
     (b'{"batch":' + b"[" * 100_000, "nested too deep"), (b"9" * 5000, 'list in "batch"')],
)  # fmt: skip
def test_a_body_that_is_no_batch_is_told_in_a_sentence(body: bytes, says: str) -> None:
    with pytest.raises(WireError, match=r"\.$") as caught:
        take_apart(body)
    assert says in str(caught.value)


def test_too_many_messages_are_refused_as_a_whole() -> None:
    with pytest.raises(TooLargeError, match=f"more than {MOST_MESSAGES} messages"):
        batch(*[TRACK] * (MOST_MESSAGES + 1))
    assert len(batch(*[TRACK] * MOST_MESSAGES).messages) == MOST_MESSAGES
    assert batch().messages == []


def test_gzip_is_unpacked_whatever_the_headers_say() -> None:
    packed = gzip.compress(b"one", mtime=0) + gzip.compress(b" two", mtime=0)
    for encoding in ("gzip", "GZIP", "x-gzip", "", "identity"):
        assert unpack(packed, encoding) == b"one two"
    assert unpack(b"plain") == b"plain"


@pytest.mark.parametrize(
    ("body", "encoding", "says"),
    [(b"plain", "gzip", "says gzip, and the body is none"), (b"", "gzip", "the body is none"),
     (gzip.compress(b"x" * 99, mtime=0)[:-3], "gzip", "its end is missing"),
     (b"\x1f\x8bnonsense", "", "not whole gzip"),
     (gzip.compress(b"x", mtime=0) + b"tail", "", "not whole"),
     (b"x", "br", "not known here")],
)  # fmt: skip
def test_what_does_not_unpack_is_told_in_a_sentence(body: bytes, encoding: str, says: str) -> None:
    with pytest.raises(WireError, match=says):
        unpack(body, encoding)


def test_a_small_body_that_unpacks_to_a_huge_one_is_too_large() -> None:
    bomb = gzip.compress(b"0" * MOST_BODY_BYTES + b"0", mtime=0)
    assert len(bomb) < 10_000
    for body in (bomb, gzip.compress(b"0" * 1_000_000, mtime=0) * 6):
        with pytest.raises(TooLargeError, match="larger than 5 MB"):
            unpack(body, "gzip")
    assert unpack(gzip.compress(bomb, mtime=0), "gzip") == bomb, (
        "one layer is unpacked, and no more"
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["type", "messageId", "userId", "anonymousId", "groupId", "previousId", "event", "name",
          "timestamp", "context", "traits", "properties", "category"]  # fmt: skip


@given(
    st.lists(
        st.dictionaries(st.sampled_from(FIELDS), JSON)
        | st.fixed_dictionaries(
            {"type": st.sampled_from(["track", "identify", "group", "alias", "page"])},
            optional=dict.fromkeys(FIELDS[1:], JSON),
        )
        | JSON,
        max_size=5,
    )
)
def test_whatever_is_sent_each_message_is_either_read_or_refused(messages: list[Any]) -> None:
    letters = batch(*messages)

    places = [*letters.places, *(refused.index for refused in letters.refused)]
    assert sorted(places) == list(range(len(messages)))
    for found in letters.messages:
        assert 0 < len(found.id) <= 200
        if isinstance(found, Track):
            assert json.loads(found.properties) is not None


@given(st.binary(max_size=200) | st.binary(max_size=80).map(base64.b85encode))
def test_whatever_bytes_are_sent_they_are_read_or_refused(body: bytes) -> None:
    for kind in (None, "track"):
        for encoding in ("", "gzip"):
            with contextlib.suppress(WireError):  # anything else is a fault
                read(take_apart(unpack(body, encoding), kind), NOW)
