"""Reasons are a closed list, and each has its sentence (P19)."""

from __future__ import annotations

import string

import pytest

from digital_cs.domain.sending.reason import SENTENCES, Reason


def figures_of(reason: Reason) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(SENTENCES[reason]) if name}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_sentence_for_people(reason: Reason) -> None:
    words = reason.sentence(**dict.fromkeys(figures_of(reason), "Something"))
    assert words[0].isupper()
    assert words.strip() == words
    assert words.endswith((".", "Something"))


def test_no_sentence_is_said_for_two_reasons_but_refusals_of_a_server() -> None:
    said = [sentence for reason, sentence in SENTENCES.items() if reason is not Reason.HARD_BOUNCE]
    assert len(said) == len(set(said))


def test_there_is_a_sentence_for_nothing_else() -> None:
    assert set(SENTENCES) == set(Reason)
