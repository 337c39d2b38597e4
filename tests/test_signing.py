"""Tokens of links: nobody else makes them, and they outlive the key that they were made with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.config import load_settings
from digital_cs.signing import Signer

IDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=200)
SIGNER = Signer("a key")


@given(IDS)
def test_a_token_gives_back_its_contact_and_fits_into_a_url(id: str) -> None:
    token = SIGNER.sign_contact(id)

    assert SIGNER.contact_of(token) == id
    assert all(part.replace("-", "").replace("_", "").isalnum() for part in token.split("."))


@given(IDS, st.text() | st.text("abcdefABCDEF0123456789-_.", max_size=60))
def test_what_was_not_signed_names_nobody(id: str, made_up: str) -> None:
    token = SIGNER.sign_contact(id)
    for forged in (made_up, token + made_up, made_up + token, token[: len(made_up) % len(token)]):
        if forged != token:
            assert SIGNER.contact_of(forged) is None


@given(IDS, st.data())
def test_no_other_spelling_of_a_token_is_taken(id: str, data: st.DataObject) -> None:
    """Base64 has several for the same bytes, and its readers skip what does not belong."""
    token = SIGNER.sign_contact(id)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda each: each != token[at]))

    assert SIGNER.contact_of(token[:at] + other + token[at + 1 :]) is None
    assert SIGNER.contact_of(token[:at] + other + token[at:]) is None


def test_tokens_say_nothing_of_each_other_and_have_256_bits_of_a_signature() -> None:
    signatures = {SIGNER.sign_contact(f"c{n}").split(".")[1] for n in range(100)}

    assert len(signatures) == 100
    assert all(len(each) == 43 for each in signatures)


def test_links_of_earlier_keys_go_on_working_and_new_ones_carry_the_new_key() -> None:
    old, new = Signer("first"), Signer("third", "second", "first")
    token = old.sign_contact("ada")

    assert new.contact_of(token) == "ada"
    assert new.contact_of(Signer("second").sign_contact("ada")) == "ada"
    assert new.sign_contact("ada") == Signer("third").sign_contact("ada") != token
    assert old.contact_of(new.sign_contact("ada")) is None


@pytest.mark.parametrize(
    ("given", "keys"),
    [("", ["now"]), ("before", ["now", "before"]), (" b , ,a,", ["now", "b", "a"])],
)
def test_earlier_keys_are_set_with_commas_between_them(given: str, keys: list[str]) -> None:
    settings = load_settings(signing_key="now", signing_keys_old=given)

    assert settings.link_keys() == keys
    assert "before" not in repr(settings)
