"""`digital-cs content review` and `content digest`: who is asked about what, and what they read."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psycopg
import pytest

from activities.casebook import TeamShelf
from activities.enrollments import CalendarShelf
from digital_cs.catalog.team import load_team
from digital_cs.config import load_settings
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.temporal.review_parts import casebook_of
from tests import rig
from tests.cli.conftest import Cli
from tests.cli.test_content import handbook, imported, item

__all__ = ["handbook", "imported"]

TEAM = """manager: maya
people:
  maya: {name: Maya Okafor, address: maya@lantern.example}
  ops: {name: Operations, address: ops@lantern.example, also: ["#ops"]}
  ben: {name: Ben Oduya, address: ben@lantern.example}
"""


@pytest.fixture
def staffed(imported: Cli, content: Path, database: str) -> Cli:
    """With a team, and a case of what is overdue: late.md, which #ops owns."""
    (content / "team.yaml").write_text(TEAM)

    async def sweep() -> int:
        async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
            book = casebook_of(
                load_settings(content_dir=content), TeamShelf(load_team(content).team),
                CalendarShelf(BusinessCalendar()),
            )  # fmt: skip
            return (await book.sweep(connection, rig.MONDAY)).opened

    assert asyncio.run(sweep()) == 1
    return imported


def cases(cli: Cli, *more: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cli("content", "review", *more, "--json").json
    return found


def test_without_an_item_the_open_cases_are_listed_with_whose_turn_it_is(staffed: Cli) -> None:
    ran = staffed("content", "review")
    assert ran.code == 0
    assert "late" in ran.out
    assert "#ops" in ran.out
    assert ran.out.endswith("1 open case.\n")
    [case] = cases(staffed)
    assert (case["holder"], case["because"], case["rung"]) == ("#ops", "stale", "owner")
    assert cases(staffed, "--reviewer", "ben") == []
    assert len(cases(staffed, "--reviewer", "OPS@lantern.example")) == 1


def test_an_item_alone_shows_its_case_and_its_story(staffed: Cli) -> None:
    ran = staffed("content", "review", "late.md")
    assert "it is the turn of #ops" in ran.out
    assert "It is stale since 2 Mar 2026." in ran.out
    [case] = cases(staffed)
    assert staffed("content", "review", case["id"], "--json").json["story"][0]["did"] == "opened"
    assert "nobody was ever asked about it" in staffed("content", "review", "fresh.md").out


def test_a_review_ends_the_case_with_what_was_checked(staffed: Cli) -> None:
    staffed("content", "review", "late.md", "--edited", "--checked", "prices", "--by", "maya")
    assert cases(staffed) == []
    found = staffed("content", "review", "late.md", "--json").json
    assert found["case"]["ended_as"] == "edited"
    assert found["story"][-1]["words"] == "maya checked prices and changed something."


def test_a_case_can_be_put_off_once_with_a_reason(staffed: Cli) -> None:
    ran = staffed("content", "review", "late.md", "--snooze", "2026-03-16", "--because", "Release.",
                  "--by", "maya")  # fmt: skip
    assert ran.out == (
        f"late ({item(staffed, 'late')['id']}): maya put it off until 16 Mar 2026: Release.\n"
    )
    again = staffed("content", "review", "late.md", "--snooze", "2026-03-20", "--because", "x")
    assert again.code == 2
    assert "It was put off once already, on 2 Mar 2026" in again.err
    assert "put off until 16 Mar 2026" in staffed("content", "review", "late.md").out


def test_a_case_can_be_given_to_somebody_of_the_team(staffed: Cli) -> None:
    ran = staffed("content", "review", "late.md", "--give-to", "ben", "--by", "maya")
    assert "maya gave it to Ben Oduya." in ran.out
    assert cases(staffed)[0]["holder"] == "ben"
    wrong = staffed("content", "review", "late.md", "--give-to", "benn")
    assert wrong.code == 2
    assert "nobody in the team is called 'benn'" in wrong.err
    assert staffed("content", "review", "fresh.md", "--give-to", "ben").code == 4


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--edited", "--checked", "steps"], "Say which item"),
        (["late.md", "--edited"], "A review says whether anything was changed"),
        (["late.md", "--checked", "steps"], "A review says whether anything was changed"),
        (["late.md", "--give-to", "ben", "--snooze", "2026-03-16"], "One answer at a time"),
        (["late.md", "--snooze", "soon"], "'soon' is not a day. Write --snooze 2026-03-12."),
        (["late.md", "--snooze", "2026-03-16"], "Say why it is put off"),
    ],
)
def test_what_cannot_be_meant_is_said_in_a_sentence(
    staffed: Cli, arguments: list[str], sentence: str
) -> None:
    ran = staffed("content", "review", *arguments)
    assert ran.code == 2
    assert sentence in ran.err


def test_the_next_digest_can_be_read_before_it_is_sent(staffed: Cli, database: str) -> None:
    ran = staffed("content", "digest")
    assert "Operations" in ran.out
    assert "2026-03-09 09:00" in ran.out
    shown = staffed("content", "digest", "--to", "#ops")
    assert "To: Operations <ops@lantern.example>, Mon 9 Mar 2026 09:00 UTC" in shown.out
    assert "Subject: To review this week: “late”" in shown.out
    assert "Its review was due on 2 March 2026" in shown.out
    assert staffed("content", "digest", "--to", "ops", "--json").json[0]["waiting"] == 0
    assert staffed("content", "digest", "--to", "ben").out == "Nothing for ben.\n"
    assert staffed("content", "digest", "--to", "zed").code == 4
    with psycopg.connect(database) as connection:
        assert connection.execute("select count(*) from colleague_mails").fetchone() == (0,)


def test_a_preview_opens_no_case(imported: Cli, content: Path, database: str) -> None:
    (content / "team.yaml").write_text(TEAM)
    assert "“late”" in imported("content", "digest", "--to", "ops").out
    assert cases(imported) == []
    assert imported("content", "review").out == (
        "No open case. 1 more item will be asked for when there is room.\n"
    )


def test_what_was_sent_is_listed_with_what_became_of_it(staffed: Cli, database: str) -> None:
    assert staffed("content", "digest", "--sent").out == (
        "No mail to colleagues in the last 30 days.\n"
    )
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "insert into colleague_mails (key, kind, reviewer, subject, state, attempts,"
            " created_at, claimed_at, message_id, detail) values ('digest:x:2026-W09', 'digest',"
            " 'ops@lantern.example', 'To review', 'unknown', 1, %(at)s, %(at)s, '<a@b>', 'Cut.')",
            {"at": rig.MONDAY},
        )
    ran = staffed("content", "digest", "--sent")
    assert "unknown" in ran.out
    assert "Cut." in ran.out
    [mail] = staffed("content", "digest", "--sent", "--to", "#ops", "--json").json
    assert (mail["state"], mail["reviewer"]) == ("unknown", "ops@lantern.example")
    assert staffed("content", "digest", "--sent", "--to", "ben", "--json").json == []
