"""Settings: a bad one is named, in words of people, and stops the start."""

from __future__ import annotations

import pytest

from digital_cs.config import load_settings
from digital_cs.errors import SettingsError


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SMTP_PORT", "abc", "SMTP_PORT is to be a whole number"),
        ("SMTP_PORT", "0", "SMTP_PORT is to be at least 1"),
        ("SMTP_PORT", "70000", "SMTP_PORT is to be at most 65535"),
        ("CLOCK_SPEED", "fast", "CLOCK_SPEED is to be a number"),
        ("CLOCK_ORIGIN", "soon", "CLOCK_ORIGIN is to be a moment like 2026-01-05T00:00:00+00:00"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT is to be json or text"),
        ("WORKSPACE_ZONE", "Atlantis/Centre",
         "WORKSPACE_ZONE is to be a time zone like Europe/Berlin"),
        ("DATABASE_URL", "localhost/customers",
         "DATABASE_URL is to be like postgresql://user@host/name"),
    ],
)  # fmt: skip
def test_a_bad_setting_is_named_with_what_it_is_to_be(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert str(refused.value) == f"Settings cannot be used: {words}."


def test_all_bad_settings_are_named_at_once_and_no_value_is_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SMTP_PORT", "hunter2")
    monkeypatch.setenv("WRITE_KEYS", "s3cret=s3cret=,=")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    said = str(refused.value)
    assert "SMTP_PORT is" in said
    assert "WRITE_KEYS entry 2 is not NAME=KEY" in said
    assert "hunter2" not in said
    assert "s3cret" not in said
