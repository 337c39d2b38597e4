"""Links of reviewers: they name a case and whose they are, and only we can write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.signing import Signer, person_id
from digital_cs.signing_reviews import Asked, ReviewSigner

SIGNER = ReviewSigner("a key")
ASKED = Asked("r-0123456789ab", person_id("Ann@lantern.example"))


@given(st.text(st.characters(exclude_characters="|", exclude_categories=["Cs"]), max_size=40))
def test_what_was_signed_is_read_again(case_id: str) -> None:
    asked = Asked(case_id, ASKED.reviewer)
    assert SIGNER.read(SIGNER.sign(asked)) == asked


def test_a_token_names_nobody_and_fits_a_mail() -> None:
    token = SIGNER.sign(ASKED)
    assert person_id("ann@LANTERN.example") == ASKED.reviewer
    assert "ann" not in token.lower()
    assert len(token) < 100


def test_an_old_key_is_still_read_and_a_strange_one_never() -> None:
    assert ReviewSigner("new key", "a key").read(SIGNER.sign(ASKED)) == ASKED
    assert ReviewSigner("new key").read(SIGNER.sign(ASKED)) is None


@given(st.data())
def test_a_token_with_any_character_changed_is_none(data: st.DataObject) -> None:
    token = SIGNER.sign(ASKED)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda each: each != token[place]))
    assert SIGNER.read(f"{token[:place]}{other}{token[place + 1 :]}") is None


def test_tokens_of_other_links_are_good_for_nothing_here() -> None:
    assert SIGNER.read(Signer("a key").sign_contact("r-1|abc")) is None
    assert Signer("a key").contact_of(SIGNER.sign(ASKED)) is None


@pytest.mark.parametrize("asked", [Asked("r|1", "x"), Asked("r-1", "x|y")])
def test_an_id_that_could_not_be_read_again_is_not_signed(asked: Asked) -> None:
    with pytest.raises(ValueError, match="parts them"):
        SIGNER.sign(asked)
