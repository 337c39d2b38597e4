"""The words of help desks are read as states and severities."""

from __future__ import annotations

import pytest

from digital_cs.domain.support.ticket import (
    FREE_MAIL,
    SEVERITIES,
    STATUSES,
    read_severity,
    read_status,
)


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("OPEN", "open"), (" On-Hold ", "hold"), ("on_hold", "hold"), ("Resolved", "solved"),
        ("In  Progress", "open"), ("Waiting on customer", "pending"), ("cancelled", "closed"),
        ("", None), ("simmering", None),
    ],
)  # fmt: skip
def test_a_status_is_read_however_it_is_written(word: str, status: str | None) -> None:
    assert read_status(word) == status


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("URGENT", "urgent"), ("medium", "normal"), ("P1", "urgent"), ("Sev-2", "high"),
        ("sev 3", "normal"), ("Critical", "urgent"), ("", None), ("-", None), ("7", None),
    ],
)  # fmt: skip
def test_a_severity_is_read_however_it_is_written(word: str, severity: str | None) -> None:
    assert read_severity(word) == severity


def test_our_own_words_mean_themselves() -> None:
    assert [read_status(word) for word in STATUSES] == list(STATUSES)
    assert [read_severity(word) for word in SEVERITIES] == list(SEVERITIES)


def test_domains_of_free_mail_are_domains_in_small_letters() -> None:
    assert {"gmail.com", "yahoo.co.uk", "qq.com"} <= FREE_MAIL
    assert all("." in domain and domain == domain.casefold() for domain in FREE_MAIL)
