"""The page on which recipients choose: what they say holds at once, and only their POST says it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode

import httpx2
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection

from digital_cs.console.recipient_texts import WORDS
from digital_cs.console.recipient_words import language_for
from digital_cs.domain.sending.policy import Policy, Topic
from digital_cs.store.people import preferences
from digital_cs.store.people.preferences import Preferences
from digital_cs.store.sending import policies
from tests import rig
from tests.console.client import SIGNER, Face
from tests.console.test_unsubscribe import bad_tokens
from tests.store.touching import ACME, ADA, claim, enrolled, rows

Connection = AsyncConnection[Any]
PAGE = f"/p/{SIGNER.sign_contact(ADA)}"
TOPICS = ("newsletter", "events", "tips", "product")
SUBJECT = f"address:{ACME}@{rig.MAIL_DOMAIN}"
KEPT = ("preferences", "suppression_entries", "suppressions", "contacts", "outbox")


def form(does: str, topics: tuple[str, ...] = TOPICS, *, fewer: bool = False) -> dict[str, Any]:
    """What a browser sends when this button is pressed, with these boxes checked."""
    boxes = {"topic": list(topics), "of-topic": list(TOPICS), "of-fewer": "fewer", "do": does}
    return boxes | ({"fewer": "fewer"} if fewer else {})


async def read(connection: Connection) -> Preferences:
    found = await preferences.read(connection, ADA, rig.MONDAY)
    assert found is not None
    return found


async def kept(connection: Connection) -> list[Any]:
    return [await rows(connection, table) for table in KEPT]


async def press(api: Face, *words: Any, **more: Any) -> str:
    """Press a button, follow to the page that comes, and give its text."""
    answer = await api.stranger.post(PAGE, data=form(*words, **more))
    assert answer.status_code == 303
    page = await api.stranger.get(str(httpx2.URL(PAGE).join(answer.headers["location"])))
    assert page.status_code == 200
    return page.text


def checked(page: str) -> set[str]:
    return set(re.findall(r'value="([^"]+)" checked', page))


async def test_looking_changes_nothing_however_often(
    api: Face, connection: Connection, accounts: list[str]
) -> None:
    await enrolled(connection)
    before = await kept(connection)

    for query in ("", "?done=off", "?do=off", "?done=on&do=pause", "?done=made-up"):
        assert (await api.stranger.get(PAGE + query)).status_code == 200
        assert (await api.stranger.head(PAGE + query)).status_code == 200

    assert await kept(connection) == before


async def test_a_page_shows_what_was_chosen_and_no_address(
    api: Face, connection: Connection, accounts: list[str]
) -> None:
    assert checked((await api.stranger.get(PAGE)).text) == set(TOPICS)

    page = await press(api, "save", ("newsletter", "tips"), fewer=True)

    assert checked(page) == {"newsletter", "tips", "fewer"}
    assert 'role="status">Your choice is saved.' in page
    assert (await read(connection)).topics == {"events": False, "product": False}
    assert rig.MAIL_DOMAIN not in page


async def test_a_topic_that_came_after_the_page_was_opened_is_not_refused(
    api: Face, connection: Connection, accounts: list[str]
) -> None:
    policy = Policy(topics={**Policy().topics, "beta": Topic(title="<Beta> & more")})
    async with connection.transaction():
        await policies.publish(connection, policy, rig.MONDAY)

    page = await press(api, "save", ("newsletter",))

    assert checked(page) == {"newsletter", "beta"}
    assert "&lt;Beta&gt; &amp; more" in page


async def test_a_topic_that_nobody_knows_is_not_kept(
    api: Face, connection: Connection, accounts: list[str]
) -> None:
    await api.stranger.post(PAGE, data={"do": "save", "of-topic": ["x" * 999, "tips", "tips"]})

    assert (await read(connection)).topics == {"tips": False}


async def test_a_pause_begins_ends_and_is_told_with_its_day(
    api: Face, connection: Connection, accounts: list[str]
) -> None:
    page = await press(api, "pause", ("tips",))
    assert "You have paused: no e‑mails until 1 April 2026." in page
    assert checked(page) == {"tips"}, "what was checked is kept, too"
    assert (await read(connection)).quiet_until == rig.MONDAY + timedelta(days=30)

    page = await press(api, "resume", ("tips",))
    assert "The pause is over." in page
    assert "Pause for 30 days" in page
    assert (await read(connection)).quiet_until is None


async def test_all_off_is_in_effect_with_the_next_claim_and_so_is_on_again_p16(
    api: Face, connection: Connection, accounts: list[str]
) -> None:
    loaded = await enrolled(connection)

    page = await press(api, "off")
    assert 'role="status">You are unsubscribed.' in page
    assert "Get e‑mails again" in page
    assert await claim(connection, revision=loaded.revision) is None

    page = await press(api, "on")
    assert "Welcome back." in page
    assert await claim(connection, revision=loaded.revision) == 1


async def test_on_again_lifts_only_what_they_said_themselves(
    api: Face, connection: Connection, accounts: list[str]
) -> None:
    await api.gateway.suppressions.add(SUBJECT, source="operator", note="asked by phone")
    page = (await api.stranger.get(PAGE)).text
    assert "nothing is sent to your address, for another reason" in page
    assert "asked by phone" not in page

    await press(api, "off")
    page = await press(api, "on")

    assert "Welcome back" not in page
    assert "for another reason" in page
    (entry,) = [e for e in await rows(connection, "suppression_entries") if not e["lifted_at"]]
    assert entry["reason"] == "manual"


async def test_a_made_up_link_does_not_say_what_is_not_so(
    api: Face, connection: Connection, accounts: list[str]
) -> None:
    for done in ("off", "paused"):
        assert 'role="status"' not in (await api.stranger.get(f"{PAGE}?done={done}")).text


async def test_while_the_database_is_away_nobody_is_told_that_it_is_done(
    api_without_database: Face, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digital_cs.console.recipients.PATIENCE", 0.3)

    for answer in (
        await api_without_database.stranger.get(PAGE),
        await api_without_database.stranger.post(PAGE, data=form("off")),
    ):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert "nothing has been changed" in answer.text


async def test_whose_link_it_is_cannot_be_told_from_the_answer(
    api: Face, accounts: list[str]
) -> None:
    """One and the same page for a token of nobody, a forged one, and one of another key."""
    unknown = SIGNER.sign_contact("nobody")
    forged = SIGNER.sign_contact(ADA)[:-1] + "_"
    for path in ("/p", "/u"):
        answers = [
            await ask(f"{path}/{token}")
            for token in (unknown, forged, "x")
            for ask in (api.stranger.get, api.stranger.post)
        ]
        assert {each.status_code for each in answers} == {404}
        assert len({each.text for each in answers}) == 1
        assert len({tuple(sorted(each.headers.items())) for each in answers}) == 1


@pytest.mark.parametrize("language", sorted(WORDS))
async def test_every_page_speaks_the_language_of_its_reader(
    api: Face, connection: Connection, accounts: list[str], language: str
) -> None:
    await connection.execute(
        "update contacts set language = upper(%s) || '-XX' where id = %s", (language, ADA)
    )
    words, link = WORDS[language], PAGE.replace("/p/", "/u/")
    other = {"Accept-Language": "de" if language == "en" else "en"}

    asks = await api.stranger.get(link, headers=other)
    pages = [asks, await api.stranger.get(PAGE, headers=other)]
    pages.append(await api.stranger.post(link, headers=other))
    pages.append(await api.stranger.get(f"{PAGE}?done=off", headers=other))
    pages.append(await api.stranger.get("/u/x", headers={"Accept-Language": f"{language};q=0.3"}))

    for page in pages:
        assert f'<html lang="{language}">' in page.text
        assert not re.search(r"[{}]", re.sub(r"<style>.*?</style>", "", page.text, flags=re.S))
    assert words.unsubscribe in asks.text
    assert words.choose_instead in asks.text
    assert words.unknown_title in pages[-1].text


@pytest.mark.parametrize(
    ("stated", "accepted", "language"),
    [
        (None, None, "en"), ("pt_BR", None, "pt"), ("pl", "de-AT,de;q=0.9", "de"),
        ("", "xx, nl;q=0.5, it;q=0.7", "it"), (None, "fr;q=0, es", "es"), ("German", "*", "en"),
        (None, "q=;;,,\x00-de", "en"),
    ],
)  # fmt: skip
def test_a_language_is_chosen_as_stated_else_as_the_browser_asks_else_english(
    stated: str | None, accepted: str | None, language: str
) -> None:
    assert language_for(stated, accepted, WORDS).language == language


def test_every_language_says_everything() -> None:
    for words in WORDS.values():
        assert len(set(words.months)) == 12
        assert set(words.notices) == set(WORDS["en"].notices)
        assert "{date}" in words.paused
        for name in words.known_topics or Policy().topics:
            assert name in Policy().topics


@pytest.fixture
async def untouched(
    api: Face, connection: Connection, accounts: list[str]
) -> AsyncIterator[list[Any]]:
    """All that is kept; at the end it has to be the same."""
    before = await kept(connection)
    yield before
    assert await kept(connection) == before


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(token=bad_tokens(), does=st.sampled_from(["save", "off", "on", "pause"]))
@example(token="\x00", does="off")
async def test_a_bad_token_changes_nothing_and_is_never_a_fault(
    api: Face, untouched: list[Any], token: str, does: str
) -> None:
    path = f"/p/{quote(token, safe='')}"

    assert (await api.stranger.post(path, data=form(does))).status_code == 404
    assert (await api.stranger.get(path)).status_code == 404


FIELDS = st.sampled_from(["do", "topic", "of-topic", "of-fewer", "fewer", "List-Unsubscribe"])
VALUES = st.sampled_from(["save", "pause", "resume", "tips", "events", "fewer"]) | st.text(
    st.characters(codec="utf-8"), max_size=30
)
BODIES = st.binary(max_size=300) | st.lists(st.tuples(FIELDS, VALUES), max_size=12).map(
    lambda pairs: urlencode(pairs).encode()
)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    body=BODIES,
    kind=st.sampled_from(["application/x-www-form-urlencoded", "multipart/form-data", "x", ""]),
    done=st.text(max_size=20),
    accepted=st.text(st.characters(codec="latin-1", exclude_categories=["C"]), max_size=40),
)
@example(body=b"do=save&of-topic=tips&topic=%00%ff", kind="", done="", accepted="")
@example(body=b"&".join([b"a=b"] * 5000), kind="", done="", accepted="")
@example(body=b"do=%00", kind="", done="\x00", accepted="de;q=9")
async def test_whatever_a_form_holds_it_is_no_fault_and_changes_no_other_thing(
    api: Face, connection: Connection, accounts: list[str],
    body: bytes, kind: str, done: str, accepted: str,
) -> None:  # fmt: skip
    headers = {"Content-Type": kind, "Accept-Language": accepted.encode("latin-1")}

    answer = await api.stranger.post(PAGE, content=body, headers=headers)
    page = await api.stranger.get(PAGE, params={"done": done}, headers=headers)

    assert answer.status_code == 303
    assert page.status_code == 200
    assert {row["contact_id"] for row in await rows(connection, "preferences")} <= {ADA}
    assert {row["topic"] for row in await rows(connection, "preferences")} <= set(TOPICS)
    others = "select count(*) from contacts where id <> %s and (fewer or quiet_until is not null)"
    assert await (await connection.execute(others, (ADA,))).fetchone() == (0,)
