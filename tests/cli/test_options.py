"""Options that commands share."""

from __future__ import annotations

import os

import pytest

from digital_cs.cli.options import actor
from digital_cs.errors import UsageError


def test_who_acts_is_who_was_named_or_the_user_of_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOGNAME", "maya")
    assert (actor("jonas"), actor(None)) == ("jonas", "maya")


def test_a_container_without_a_name_for_its_user_is_told_what_to_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 2_000_000_123)
    with pytest.raises(UsageError, match="--by"):
        actor(None)
    assert actor("jonas") == "jonas"
