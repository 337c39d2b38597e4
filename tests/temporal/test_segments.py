"""Segments as people ask for them: published together, used, explained, and not deleted in use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.clock import FastClock
from digital_cs.domain.rules.condition import Verdict
from digital_cs.domain.rules.segment import Segment
from digital_cs.errors import NotFoundError, UsageError
from digital_cs.ingest.rules.entries import Entries
from digital_cs.store.database import pool
from digital_cs.store.people.accounts import AccountRecord, save_accounts
from digital_cs.store.rules import changes
from digital_cs.store.rules.segments import keep
from digital_cs.temporal.gateway import Gateway
from digital_cs.temporal.segments import (
    PublishedSegment,
    delete_segment,
    explain,
    preview,
    publish_segments,
)
from tests import rig

PRO: dict[str, Any] = {"trait": "plan", "is": "pro"}


def a_segment(name: str, when: dict[str, Any], **more: Any) -> Segment:
    return Segment.model_validate({"segment": name, "name": name, "owner": "m", **more,
                                   "when": when})  # fmt: skip


PROS = a_segment("pros", PRO)
HAPPY_PROS = a_segment("happy-pros", {"all": [{"segment": "pros"}, {"stage": "active"}]})


@pytest.fixture
async def gateway(database: str) -> AsyncIterator[Gateway]:
    async with pool.opened(database, 4) as opened:
        clock = FastClock(rig.MONDAY, datetime.now(UTC), 1.0)
        yield Gateway(opened, clock, Entries(opened, clock, "UTC"))


@pytest.fixture
async def people(connection: AsyncConnection[Any]) -> None:
    """Two with the plan pro, one of them active; one on another; one of whom it is not known."""
    await save_accounts(
        connection,
        [
            AccountRecord("ann", "Ann's", stage="active", traits={"plan": "pro"}),
            AccountRecord("ben", "Ben's", stage="trial", traits={"plan": "pro"}),
            AccountRecord("cleo", "Cleo's", stage="active", traits={"plan": "free"}),
            AccountRecord("dora", "Dora's", stage="active"),
        ],
        rig.MONDAY,
    )


async def members(gateway: Gateway, name: str) -> list[str]:
    async with gateway.pool.connection() as connection:
        cursor = await connection.execute(
            "select account_id from segment_members where segment_id = %s order by 1", (name,)
        )
        return [row[0] for row in await cursor.fetchall()]


async def becomes(gateway: Gateway, account: str, **facts: Any) -> None:
    """An account changes, and the keeper looks."""
    async with gateway.pool.connection() as connection, connection.transaction():
        saved = await save_accounts(connection, [AccountRecord(account, **facts)], rig.MONDAY)
        await changes.tell(connection, saved)
    await gateway.membership.look()


def a_program(**parts: Any) -> Any:
    return rig.program("welcome", [{"wait": "3 days"}], **parts)


@pytest.mark.usefixtures("people")
class TestPublishing:
    async def test_members_are_known_at_once_also_of_what_rests_on_another(
        self, gateway: Gateway
    ) -> None:
        assert await publish_segments(gateway, [HAPPY_PROS, PROS]) == [
            PublishedSegment("happy-pros", 1, True, True, 0, 1),
            PublishedSegment("pros", 1, True, True, 0, 2),
        ]
        assert await members(gateway, "happy-pros") == ["ann"]

    async def test_the_same_again_is_no_version_and_another_owner_looks_at_nobody(
        self, gateway: Gateway
    ) -> None:
        await publish_segments(gateway, [PROS])
        again = await publish_segments(gateway, [PROS])
        other = await publish_segments(gateway, [a_segment("pros", PRO, backup="j")])
        assert (again[0].version, again[0].new) == (1, False)
        assert (other[0].version, other[0].new, other[0].members) == (2, True, 2)

    async def test_a_dry_run_counts_and_changes_nothing(self, gateway: Gateway) -> None:
        (done,) = await publish_segments(gateway, [PROS], dry_run=True)
        assert (done.new, done.members) == (True, 2)
        with pytest.raises(NotFoundError, match="None is published yet"):
            await explain(gateway, "pros", "ann")

    async def test_another_rule_replaces_members_and_those_of_what_rests_on_it(
        self, gateway: Gateway
    ) -> None:
        """Not known by the new rule is not a member: nothing was ever known of it by that rule."""
        await publish_segments(gateway, [PROS, HAPPY_PROS])
        (done,) = await publish_segments(
            gateway, [a_segment("pros", {"trait": "plan", "is": "free"})]
        )
        assert (done.before, done.members) == (2, 1)
        assert await members(gateway, "pros") == ["cleo"]
        assert await members(gateway, "happy-pros") == ["cleo"]

    async def test_another_rule_is_no_reason_to_enter_a_program_p20(
        self, gateway: Gateway, connection: AsyncConnection[Any]
    ) -> None:
        await publish_segments(gateway, [a_segment("pros", {"trait": "plan", "is": "none"})])
        await gateway.publish([a_program(enter={"when": [{"segment": "pros"}]})])
        await publish_segments(gateway, [PROS])
        await gateway.membership.turn()
        await gateway.membership.look()
        cursor = await connection.execute("select count(*) from enrollments")
        assert await cursor.fetchone() == (0,)

        await becomes(gateway, "cleo", traits={"plan": "pro"})
        cursor = await connection.execute("select account_id from enrollments")
        assert await cursor.fetchall() == [("cleo",)]

    async def test_a_circle_is_refused_with_the_way_round(self, gateway: Gateway) -> None:
        await publish_segments(gateway, [PROS, HAPPY_PROS])
        circle = a_segment("pros", {"segment": "happy-pros"})
        with pytest.raises(UsageError, match="happy-pros -> pros -> happy-pros"):
            await publish_segments(gateway, [circle])
        assert await members(gateway, "happy-pros") == ["ann"]

    async def test_a_segment_that_is_not_published_cannot_be_named(self, gateway: Gateway) -> None:
        with pytest.raises(UsageError, match=r"happy-pros names the segment pros, which is not"):
            await publish_segments(gateway, [HAPPY_PROS])
        wait = {"wait_for": {"segment": "pros"}, "for_up_to": "3 days", "if_not": [{"end": "no"}]}
        with pytest.raises(UsageError, match="segment publish pros` first"):
            await gateway.publish([rig.program("welcome", [wait])])

    async def test_who_matches_is_counted_with_segments_that_would_be_published(
        self, gateway: Gateway
    ) -> None:
        program = a_program(enter={"when": [{"segment": "pros"}]})
        assert await gateway.count_matching(program, [PROS]) == 2
        await publish_segments(gateway, [PROS])
        (done,) = await gateway.publish(
            [a_program(enter={"when": [{"segment": "pros"}], "at_launch": "enroll"})]
        )
        assert (done.matching, done.inside) == (2, 2)


@pytest.mark.usefixtures("people")
class TestDeleting:
    async def test_what_nobody_uses_is_forgotten_and_may_come_back(self, gateway: Gateway) -> None:
        await publish_segments(gateway, [PROS])
        await delete_segment(gateway, "pros")
        assert await members(gateway, "pros") == []
        with pytest.raises(NotFoundError, match="no published segment 'pros'"):
            await delete_segment(gateway, "pros")
        (again,) = await publish_segments(gateway, [PROS])
        assert (again.version, again.members) == (1, 2)

    async def test_what_is_used_is_refused_and_who_uses_it_is_named(
        self, gateway: Gateway, connection: AsyncConnection[Any]
    ) -> None:
        await publish_segments(gateway, [PROS, HAPPY_PROS])
        await gateway.publish([a_program(enter={"when": [{"segment": "pros"}]})])
        await keep(connection, "trigger:drop", {"when": {"segment": "pros"}}, rig.MONDAY)
        with pytest.raises(UsageError) as refused:
            await delete_segment(gateway, "pros")
        assert "the program welcome, the segment happy-pros and the trigger drop" in str(
            refused.value
        )
        assert "only replaced" in str(refused.value)

    async def test_a_newsletter_and_a_broadcast_on_its_way_use_what_their_readers_are_chosen_by(
        self, gateway: Gateway, connection: AsyncConnection[Any]
    ) -> None:
        """Without it they would go out to nobody. One whose readers are found needs it no more."""
        await publish_segments(gateway, [PROS])
        letter = {"sections": [{"suggestions": [{"to": {"not": {"segment": "pros"}}}]}]}
        await connection.execute(
            "insert into newsletters (id, version, content_hash, spec, published_at)"
            " values ('letter', 1, '', %s, now())",
            (Jsonb(letter),),
        )
        await connection.execute(
            "insert into newsletter_issues (id, newsletter_id, spec, day, send_on, state, subject,"
            " preview, created_at) select state, 'letter', %s, current_date + n, current_date,"
            " state, '', '', now() from (values (1, 'open'), (2, 'done')) v(n, state)",
            (Jsonb(letter),),
        )
        await connection.execute(
            "insert into broadcasts (id, name, owner, spec, state, created_at, changed_at,"
            " changed_by) values ('news', '', '', %s, 'running', now(), now(), '')",
            (Jsonb({"audience": {"segment": "pros"}}),),
        )
        steps = (
            ("broadcast news and the newsletter letter", "update broadcasts set frozen_at = now()"),
            ("by the newsletter letter:", "update newsletters set retired_at = now()"),
            ("by the newsletter letter:", "update newsletter_issues set state = 'done'"),
        )
        for users, then in steps:
            with pytest.raises(UsageError, match=users):
                await delete_segment(gateway, "pros")
            await connection.execute(then)
        await delete_segment(gateway, "pros")

    async def test_an_old_version_counts_while_somebody_is_inside(
        self, gateway: Gateway, connection: AsyncConnection[Any]
    ) -> None:
        await publish_segments(gateway, [PROS])
        exits = [{"when": {"segment": "pros"}, "because": "bought"}]
        await gateway.publish([a_program(exits=exits)])
        await gateway.enroll("welcome", ["cleo"])
        await gateway.publish([a_program()])
        with pytest.raises(UsageError, match="used by the program welcome"):
            await delete_segment(gateway, "pros")
        await connection.execute("update enrollments set ended_at = now()")
        await delete_segment(gateway, "pros")

    async def test_a_program_whose_segment_is_gone_is_not_opened_again(
        self, gateway: Gateway
    ) -> None:
        await publish_segments(gateway, [PROS])
        await gateway.publish([a_program(enter={"when": [{"segment": "pros"}]})])
        await gateway.stop_all("welcome", "because")
        await delete_segment(gateway, "pros")
        with pytest.raises(UsageError, match="names the segment pros, which is not published"):
            await gateway.open_program("welcome")

    async def test_other_entries_that_are_published_while_it_is_closed_let_no_crowd_in_p20(
        self, gateway: Gateway, connection: AsyncConnection[Any]
    ) -> None:
        await gateway.publish([a_program()])
        await gateway.stop_entering("welcome")
        (done,) = await gateway.publish([a_program(enter={"when": [{"segment": PRO}]})])
        assert done.matching == 2
        await gateway.open_program("welcome")
        await gateway.membership.turn()
        cursor = await connection.execute("select count(*) from enrollments")
        assert await cursor.fetchone() == (0,)

    async def test_who_came_to_match_while_it_was_closed_enters_at_the_opening(
        self, gateway: Gateway, connection: AsyncConnection[Any]
    ) -> None:
        await gateway.publish([a_program(enter={"when": [{"segment": PRO}]})])
        await gateway.stop_entering("welcome")
        await becomes(gateway, "cleo", traits={"plan": "pro"})
        await gateway.membership.turn()
        await gateway.open_program("welcome")
        await gateway.membership.turn()
        cursor = await connection.execute("select account_id from enrollments")
        assert await cursor.fetchall() == [("cleo",)]


@pytest.mark.usefixtures("people")
class TestAnswers:
    async def test_every_condition_is_explained_with_what_is_found_and_how_old_that_is(
        self, gateway: Gateway, connection: AsyncConnection[Any]
    ) -> None:
        await rig.usage_complete(connection, date(2026, 2, 27))
        rule = {"any": [{"quiet_for": "14 days"}, {"not": PRO}, {"segment": "pros"}]}
        await publish_segments(gateway, [PROS, a_segment("odd", rule)])

        found = await explain(gateway, "odd", "cleo")
        assert (found.verdict, found.since is not None) == (Verdict.YES, True)
        assert [(a.depth, a.words, a.verdict.value, a.figure, a.data) for a in found.answers] == [
            (0, "one of these", "yes", None, None),
            (1, "quiet for 14 days", "unknown", "never seen", "usage"),
            (1, "not", "yes", None, None),
            (2, "plan is pro", "no", "free", "account"),
            (1, "in segment pros", "no", "not a member", "account"),
        ]
        assert found.answers[1].as_of == datetime(2026, 2, 28, tzinfo=UTC)
        assert found.answers[3].as_of == rig.MONDAY
        with pytest.raises(NotFoundError, match="no account 'nobody'"):
            await explain(gateway, "odd", "nobody")

    async def test_a_segment_is_as_old_as_the_oldest_data_on_which_its_own_rule_rests(
        self, gateway: Gateway, connection: AsyncConnection[Any]
    ) -> None:
        """P19: also where it rests on another one; what we keep ourselves is never late."""
        await rig.usage_complete(connection, date(2026, 2, 27))
        quiet = a_segment("quiet", {"any": [PRO, {"quiet_for": "14 days"}]})
        below = a_segment("below", {"all": [{"segment": "quiet"}, {"program": "welcome"}]})
        over = a_segment("over", {"any": [{"segment": "below"}, {"program": "welcome"}]})
        await publish_segments(gateway, [quiet, below, over])

        _, named, ours = (await explain(gateway, "over", "cleo")).answers
        assert (named.words, named.data) == ("in segment below", "usage")
        assert named.as_of == datetime(2026, 2, 28, tzinfo=UTC)
        assert (ours.data, ours.as_of) == ("ours", None)

    async def test_when_time_may_change_it_and_what_happened_are_told(
        self, gateway: Gateway
    ) -> None:
        await publish_segments(
            gateway, [a_segment("ending", {"date": "ends_on", "within": "7 days"})]
        )
        await becomes(gateway, "ann", traits={"ends_on": "2026-03-05"})
        found = await explain(gateway, "ending", "ann")
        assert found.flips == datetime(2026, 3, 6, tzinfo=UTC)
        assert [(c.kind, c.because) for c in found.history] == [
            ("entered", "Changed: trait:ends_on.")
        ]
        assert found.since is not None
        assert found.at - found.since < timedelta(minutes=1)

    async def test_a_preview_counts_shows_a_few_and_says_what_it_costs(
        self, gateway: Gateway
    ) -> None:
        seen = await preview(gateway, PROS.when, 1)
        assert (seen.accounts, seen.matching, seen.unknown) == (4, 2, 1)
        assert len(seen.sample) == 1
        assert seen.sample == (await preview(gateway, PROS.when, 1)).sample
        assert seen.rows > 0
        assert seen.seconds >= 0
        assert (await preview(gateway, PROS.when, 0)).sample == ()
