"""Links in mail about an issue: they name an act, an issue and a person, and only we write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.signing import Signer, person_id
from digital_cs.signing_issues import Invitation, IssueSigner
from digital_cs.signing_reviews import Asked, ReviewSigner

KEY, OTHER = "a key of this test", "another key"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
MAYA = person_id("Maya@lantern.example")
ASKED = Invitation(
    "approve", "lantern-letter/2026-12-01", "", MAYA, "0123456789ab", NOW, NOW + timedelta(days=14)
)
WORDS = st.text(st.characters(exclude_characters="|", exclude_categories=["Cs"]), max_size=30)


@given(
    st.builds(Invitation, act=WORDS, issue=WORDS, section=WORDS, person=WORDS, mark=WORDS,
              asked_at=st.just(NOW), until=st.just(NOW))
)  # fmt: skip
def test_what_was_signed_is_read_back(invitation: Invitation) -> None:
    try:
        token = IssueSigner(KEY).sign(invitation)
    except ValueError:
        return  # too long for a link
    assert IssueSigner(KEY).read(token) == invitation
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


def test_a_usual_link_fits_into_a_mailbox_and_names_nobody() -> None:
    token = IssueSigner(KEY).sign(ASKED)
    assert len(token) < 220
    assert person_id("maya@LANTERN.example") == MAYA
    assert "maya" not in MAYA


def test_old_keys_are_accepted_and_others_not() -> None:
    token = IssueSigner(OTHER).sign(ASKED)
    assert IssueSigner(KEY, OTHER).read(token) == ASKED
    assert IssueSigner(KEY).read(token) is None


@given(st.integers(0, 300), st.integers(1, 127))
def test_whatever_is_changed_in_a_token_it_is_not_ours_any_more(place: int, by: int) -> None:
    token = IssueSigner(KEY).sign(ASKED)
    at = place % len(token)
    changed = f"{token[:at]}{chr((ord(token[at]) + by) % 128)}{token[at + 1 :]}"
    assert IssueSigner(KEY).read(changed) is None or changed == token


@pytest.mark.parametrize(
    "token",
    ["", ".", "a.b", "ü", "x" * 601, Signer(KEY).sign_contact("a|b|c|d|e|1|2"),
     ReviewSigner(KEY).sign(Asked("r-1", MAYA)), IssueSigner(KEY).sign(ASKED) + "="],
)  # fmt: skip
def test_what_is_not_ours_is_refused(token: str) -> None:
    assert IssueSigner(KEY).read(token) is None


def test_a_link_of_an_issue_is_good_for_nothing_else() -> None:
    token = IssueSigner(KEY).sign(ASKED)
    assert Signer(KEY).contact_of(token) is None
    assert ReviewSigner(KEY).read(token) is None


@pytest.mark.parametrize("words", [{"issue": "a|b"}, {"section": "|"}, {"issue": "x" * 600}])
def test_what_could_not_be_read_back_is_not_signed(words: dict[str, str]) -> None:
    told = {name: getattr(ASKED, name) for name in Invitation.__slots__}
    with pytest.raises(ValueError, match=r"parts them|too long"):
        IssueSigner(KEY).sign(Invitation(**{**told, **words}))
