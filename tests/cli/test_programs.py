"""Programs as files and as published, content checks, and the doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from digital_cs.stack.temporal_server import TemporalServer
from tests.cli.conftest import Cli


@pytest.fixture
def file(content: Path) -> Path:
    return content / "programs" / "welcome.yaml"


def test_a_broken_program_is_told_by_file_and_line_and_not_published(
    company: Cli, file: Path
) -> None:
    file.write_text(file.read_text().replace("send: welcome-trial-1", "send: welcome-trail-1"))

    checked, published = company("program", "check"), company("program", "publish")
    everything = company("check", "--json")

    assert checked.code == published.code == everything.code == 1
    assert "content/programs/welcome.yaml:7:" in checked.out
    assert "welcome-trial-1" in checked.out
    assert "Nothing was published" in published.err
    assert everything.json["errors"] == 1
    assert everything.json["problems"][0]["line"] == 7
    assert company("program", "list", "--json").json[0]["version"] == 1


def test_a_broken_holiday_file_is_told_by_line(alone: Cli, content: Path) -> None:
    (content / "holidays.yaml").write_text("add:\n  DE: [12-24]\n  XX: [12-25]\n")

    done = alone("check")

    assert done.code == 1
    assert "content/holidays.yaml:3:1:" in done.out


def test_clean_content_is_well(alone: Cli, content: Path) -> None:
    assert alone("check").code == 0
    assert "all is well" in alone("check").out
    assert "1 program" in alone("program", "check").out
    nothing = alone("check", "--content", content / "nowhere")
    assert nothing.code == 4


def test_publishing_makes_a_version_only_when_something_changed(company: Cli, file: Path) -> None:
    company("enroll", "welcome", "acme")
    same = company("program", "publish")
    file.write_text(file.read_text().replace("3 days", "5 days") + "# a comment\n")
    dry = company("program", "publish", "--dry-run")
    difference = company("program", "diff", "welcome")
    changed = company("program", "publish", "welcome", "--json")

    assert "unchanged, version 1" in same.out
    assert "version 2 would be published" in dry.out
    assert "5 days" in difference.out
    found = changed.json["programs"][0]
    assert (found["version"], found["new"], found["inside"]) == (2, True, 1)
    assert "5 days" in company("program", "diff", "welcome", "--from", "1", "--to", "2").out
    assert "3 days" in company("program", "show", "welcome", "--version", "1").out


def test_who_matches_at_launch_is_counted_before_anybody_is_enrolled(
    company: Cli, content: Path, file: Path
) -> None:
    text = file.read_text().replace("program: welcome", "program: trials")
    launch = "enter: {when: [{segment: {stage: trial}}], at_launch: enroll}\n"
    (content / "programs" / "trials.yaml").write_text(text + launch)

    dry = company("program", "publish", "--dry-run", "--json")
    asked = company("program", "publish")
    done = company("program", "publish", "--yes")

    assert dry.json["matching_at_launch"] == {"trials": 2}
    assert asked.code == 5
    assert "trials: 2 accounts match already" in asked.err
    assert done.code == 0
    assert "2 accounts matched already: entered" in done.out
    inside = {row["program"]: row["inside"] for row in company("program", "list", "--json").json}
    assert inside == {"trials": 2, "welcome": 0}


def test_a_program_is_shown_in_words_with_who_is_where(company: Cli) -> None:
    company("enroll", "welcome", "acme", "globex")

    done = company("program", "show", "welcome")
    as_json = company("program", "show", "welcome", "--json")
    from_file = company("program", "show", "welcome", "--file")

    assert "Wait 3 days" in done.out
    assert "version 1 of 1, running, 2 accounts inside" in done.out
    assert as_json.json["inside_by_step"] == [{"version": 1, "step": "wait-1", "accounts": 2}]
    assert from_file.out.strip() in done.out


def test_the_schema_is_json_of_a_program(alone: Cli) -> None:
    assert "steps" in alone("program", "schema").json["properties"]


def findings(done: Any) -> dict[str, str]:
    return {finding["part"]: finding["level"] for finding in done.json}


def test_the_doctor_tells_everything_that_is_wrong_and_what_to_do(
    alone: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("SMTP_PORT", "1")

    done = alone("doctor", "--json")
    shown = alone("doctor")

    assert done.code == shown.code == 1
    assert findings(done) == {
        "settings": "OK", "signing key": "FAIL", "database": "FAIL", "temporal": "FAIL",
        "mail": "FAIL", "content": "OK", "time zones": "OK", "state folder": "OK",
        "links": "WARN",
    }  # fmt: skip
    assert "SIGNING_KEY" in shown.out
    assert "Traceback" not in shown.out + shown.err


def test_the_doctor_looks_at_the_real_servers(
    cli: Cli, temporal_server: TemporalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_server.address)
    monkeypatch.setenv("SIGNING_KEY", "a key of our own")
    monkeypatch.setenv("TASK_QUEUE", "nobody-works-here")

    found = findings(cli("doctor", "--json"))

    expected = {"signing key": "OK", "database": "OK", "clock": "OK", "outbox": "OK",
                "temporal": "OK", "search attributes": "OK", "workers": "WARN",
                "broadcasts": "WARN", "mail": "FAIL"}  # fmt: skip
    assert {part: found[part] for part in expected} == expected


def test_the_doctor_misses_a_namespace_and_a_migration(
    alone: Cli, postgres: Any, temporal_server: TemporalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres.createdb("sick"))
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_server.address)
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "nowhere")

    done = alone("doctor", "--json")

    words = {finding["part"]: finding["words"] for finding in done.json}
    assert "digital-cs migrate" in words["database"]
    assert "no namespace 'nowhere'" in words["temporal"]
