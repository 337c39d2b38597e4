"""How commands find the engine, and what they say when they do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from digital_cs.cli.connection import find_settings
from digital_cs.stack.lock import StateLock
from digital_cs.stack.running import RunningStack, write_running
from tests.cli.conftest import Cli


def test_without_a_database_the_command_says_what_to_start(alone: Cli) -> None:
    done = alone("account", "list")

    assert done.code == 3
    assert "DATABASE_URL is not set" in done.err
    assert "digital-cs up" in done.err
    assert "Traceback" not in done.err


def test_a_database_that_does_not_answer_is_told_in_a_sentence(
    alone: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hidden@127.0.0.1:1/none")

    done = alone("account", "list", "--json")

    assert (done.code, done.out) == (3, "")
    assert "The database does not answer" in done.err
    assert "hidden" not in done.err


def test_a_database_that_is_not_migrated_is_not_used(
    alone: Cli, postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres.createdb("never-migrated"))

    done = alone("account", "list")

    assert done.code == 3
    assert "digital-cs migrate" in done.err


def test_a_database_one_migration_ahead_is_not_used(
    cli: Cli, rows: Callable[..., list[Any]]
) -> None:
    rows("update alembic_version set version_num = '9999'")

    for command in (("account", "list"), ("migrate",), ("worker",)):
        done = cli(*command)
        assert done.code == 3, command
        assert "newer release" in done.err


def test_migrate_brings_an_empty_database_up_and_may_be_repeated(
    alone: Cli, postgres: Any, temporal_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres.createdb("to-migrate"))
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_server.address)

    first, again = alone("migrate", "--json"), alone("migrate")

    assert first.code == again.code == 0
    assert first.json["before"] is None
    assert first.json["search_attributes_added"] == []
    assert "already" in again.out


def test_migrate_does_its_half_when_temporal_is_away(
    alone: Cli, postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres.createdb("half-migrated"))
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")

    done = alone("migrate", "--json")

    assert done.code == 0
    assert done.json["after"] is not None
    assert done.json["search_attributes_added"] is None
    assert "127.0.0.1:1" in done.err


def a_stack(state: Path, **more: Any) -> RunningStack:
    return RunningStack(
        pid=1, database_url="postgresql:///of-the-stack", temporal_address="127.0.0.1:7",
        temporal_namespace="default", smtp_host="127.0.0.1", smtp_port=2525, **more,
    )  # fmt: skip


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder on which a stack runs: its lock is held, its places are published."""
    import os

    state = tmp_path / "state"
    state.mkdir()
    monkeypatch.setenv("STATE_DIR", str(state))
    write_running(state, a_stack(state).model_copy(update={"pid": os.getpid()}))
    return state


def test_commands_find_the_running_stack_of_their_state_folder(running: Path) -> None:
    with StateLock(running):
        found = find_settings()
    after = find_settings()

    assert found.settings.database_url is not None
    assert found.settings.database_url.get_secret_value() == "postgresql:///of-the-stack"
    assert (found.settings.smtp_host, found.settings.smtp_port) == ("127.0.0.1", 2525)
    assert "database_url" in found.from_stack
    assert after.settings.database_url is None
    assert after.from_stack == frozenset()


def test_what_the_environment_names_wins_with_all_that_belongs_to_it(
    running: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_HOST", "mail.example.com")
    monkeypatch.setenv("DATABASE_URL", "postgresql:///mine")

    with StateLock(running):
        found = find_settings()

    assert found.settings.database_url is not None
    assert found.settings.database_url.get_secret_value() == "postgresql:///mine"
    assert (found.settings.smtp_host, found.settings.smtp_port) == ("mail.example.com", 25)
    assert found.settings.temporal_address == "127.0.0.1:7"
    assert found.from_stack == {"temporal_address", "temporal_namespace"}


def test_up_refuses_to_mix_its_own_servers_with_others(
    alone: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql:///mine")

    done = alone("up")

    assert done.code == 2
    assert "DATABASE_URL is set" in done.err


def test_a_second_up_on_the_same_folder_is_refused(alone: Cli, running: Path) -> None:
    with StateLock(running):
        done = alone("up")

    assert done.code == 1
    assert str(running) in done.err
    assert "Traceback" not in done.err


def test_settings_are_masked_where_they_are_secret_and_say_where_they_are_from(
    alone: Cli, running: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "key"
    secret.write_text("very-secret")
    monkeypatch.setenv("SIGNING_KEY_FILE", str(secret))
    monkeypatch.setenv("SMTP_PASSWORD", "hush")

    with StateLock(running):
        done, shown = alone("settings", "--json"), alone("settings")

    found = {row["name"]: row for row in done.json}
    assert {"name", "value", "default", "source", "help"} == set(found["STATE_DIR"])
    assert found["DATABASE_URL"]["source"] == "running stack"
    assert found["SIGNING_KEY"]["source"] == "file"
    assert found["SMTP_PASSWORD"]["source"] == "environment"
    assert found["RELAY_RATE"]["source"] == "default"
    for text in (done.out, shown.out):
        assert "very-secret" not in text
        assert "hush" not in text
        assert "of-the-stack" not in text


def test_a_bad_setting_is_named(alone: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_PORT", "many")

    settings, doctor = alone("settings"), alone("doctor", "--json")

    assert settings.code == 2
    assert "SMTP_PORT" in settings.err
    assert doctor.code == 1
    assert [finding["part"] for finding in doctor.json] == ["settings"]
    assert "SMTP_PORT" in doctor.json[0]["words"]
