"""The settings of a demo, and the folder it empties."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digital_cs.clock import FastClock
from digital_cs.config import load_settings
from digital_cs.demo.folder import empty_folder
from digital_cs.demo.surroundings import demo_settings, environment
from digital_cs.errors import UsageError
from digital_cs.stack.lock import StateLock, StateLockedError
from digital_cs.stack.running import RunningStack

ORIGIN = datetime(2026, 3, 2, tzinfo=UTC)
CLOCK = FastClock(ORIGIN, ORIGIN + timedelta(days=200), 86_400.0, ORIGIN + timedelta(days=90))
RUNNING = RunningStack(
    pid=1, database_url="postgresql://postgres@/digital_cs?host=/tmp/x",
    temporal_address="127.0.0.1:17233", temporal_namespace="default",
)  # fmt: skip


def test_a_child_reads_back_exactly_the_settings_of_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = demo_settings(tmp_path, tmp_path / "content", RUNNING, 2525, 8088, 2526, CLOCK)
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings
    assert load_settings().clock() == CLOCK


def test_a_demo_takes_nothing_over_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_text("hunter2")
    monkeypatch.setenv("TEMPORAL_PROFILE", "production")
    monkeypatch.setenv("SMTP_USER", "somebody")
    monkeypatch.setenv("SMTP_PASSWORD_FILE", str(tmp_path / "password"))
    settings = demo_settings(tmp_path, tmp_path / "content", RUNNING, 2525, 8088, 2526, CLOCK)
    assert (settings.temporal_profile, settings.smtp_user, settings.smtp_password) == (None,) * 3
    passed_on = environment(settings)
    assert passed_on["TEMPORAL_PROFILE"] == passed_on["SMTP_PASSWORD_FILE"] == ""


def test_a_demo_asks_no_server_of_others(tmp_path: Path) -> None:
    settings = demo_settings(tmp_path, tmp_path / "content", RUNNING, 2525, 8088, 2526, CLOCK)
    assert settings.content_links == "off"


def test_a_folder_is_emptied_of_what_a_demo_left(tmp_path: Path) -> None:
    state = tmp_path / "demo"
    empty_folder(state)
    (state / "mail").mkdir()
    (state / "mail" / "1.eml").write_text("old")
    (state / "stack.json").write_text("{}")
    empty_folder(state)
    assert {path.name for path in state.iterdir()} <= {"lock"}


def test_a_folder_with_something_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "thesis.txt").write_text("the only copy")
    with pytest.raises(UsageError, match=r"thesis\.txt"):
        empty_folder(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"mail", "thesis.txt"}


def test_the_folder_of_a_running_demo_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    with StateLock(tmp_path), pytest.raises(StateLockedError, match="already in use"):
        empty_folder(tmp_path)
    assert (tmp_path / "mail").exists()
