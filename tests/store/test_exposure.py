"""Who is about to be shown which content: several programs, and those who will not be."""

from __future__ import annotations

from datetime import date
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.content.review_policy import Kind
from digital_cs.domain.programs.enrollment import share_of
from digital_cs.store.content import exposure
from digital_cs.store.content.exposure import Showing
from digital_cs.store.content.links import LINK, PAGE
from digital_cs.store.people import suppressions
from digital_cs.store.people.contacts import ContactRecord, save_contacts
from digital_cs.store.sending import replies
from tests import rig
from tests.store.showing import article, at, block, email, item, keep, stand

Connection = AsyncConnection[Any]


async def test_a_block_is_shown_to_whoever_waits_for_an_email_with_it(
    connection: Connection,
) -> None:
    await rig.publish(connection, rig.drip("welcome", 2, "3 days"), rig.MONDAY)
    ids = await rig.people(connection, 3, rig.MONDAY)
    await keep(
        connection,
        [email("welcome-trial-1"), email("other"), block("help"), block("lost")],
        {"emails/welcome-trial-1.md": ["blocks/help.md"], "emails/other.md": ["blocks/lost.md"]},
    )
    for id, due in zip(ids, (at(5), at(5, 17), at(30)), strict=True):
        await stand(connection, "welcome", id, "wait-2", due)

    found = await exposure.of_items(connection, rig.MONDAY)
    assert set(found) == {"emails/welcome-trial-1.md", "blocks/help.md"}
    shown = found["blocks/help.md"]
    assert (shown.people, shown.accounts, shown.first_on) == (2, 2, date(2026, 3, 5))
    assert shown.through == (Showing("welcome-trial-1", "welcome", date(2026, 3, 5), 2, True),)


async def test_who_has_only_just_come_waits_from_now_on(connection: Connection) -> None:
    steps = [{"id": "w", "wait": "3 days"}, {"send": "x"}]
    await rig.publish(connection, rig.program("a", steps), rig.MONDAY)
    [acme] = await rig.people(connection, 1, rig.MONDAY)
    await keep(connection, [email("x")])
    await stand(connection, "a", acme, "w")
    assert (await exposure.of_items(connection, rig.MONDAY))["emails/x.md"].first_on == date(
        2026, 3, 5
    )


async def test_an_article_is_shown_by_what_links_to_it_and_a_program_by_its_sends(
    connection: Connection,
) -> None:
    await rig.publish(connection, rig.drip("welcome", 1, "3 days"), rig.MONDAY)
    [acme] = await rig.people(connection, 1, rig.MONDAY)
    await keep(
        connection,
        [
            email("welcome-trial-1"), block("help"),
            article("pricing.md", url="https://help.test/pricing#plans"), article("other.md"),
            item("programs/welcome.yaml", Kind.PROGRAM), item("programs/later.yaml", Kind.PROGRAM),
        ],
        {"emails/welcome-trial-1.md": ["blocks/help.md"]},
        {
            "blocks/help.md": ("https://help.test/pricing", LINK),
            "pricing.md": ("https://help.test/pricing", PAGE),
            "other.md": ("https://help.test/pricing", LINK),
        },
    )  # fmt: skip
    await stand(connection, "welcome", acme, "touch-1")

    found = await exposure.of_items(connection, rig.MONDAY)
    assert set(found) == {
        "emails/welcome-trial-1.md", "blocks/help.md", "pricing.md", "programs/welcome.yaml",
    }  # fmt: skip
    assert {each.people for each in found.values()} == {1}


async def test_who_is_paused_held_out_gone_or_not_to_be_written_to_is_not_counted(
    connection: Connection,
) -> None:
    for id in ("welcome", "news"):
        await rig.publish(connection, rig.drip(id, 1, "3 days"), rig.MONDAY)
    ids = await rig.people(connection, 9, rig.MONDAY)
    reads, paused, gone, quiet, inactive, left, held_out, replied, churned = ids
    await keep(connection, [email("welcome-trial-1")])
    for id in ids:
        await stand(connection, "welcome", id, "touch-1")
        await connection.execute(
            "update holdouts set held = %s where account_id = %s", (id == held_out, id)
        )
    assert await reached(connection) == 8
    await ask(connection, "update enrollments set paused = true where account_id = %s", paused)
    await ask(connection, "update enrollments set ended_at = now() where account_id = %s", gone)
    await ask(connection, "update contacts set active = false where id = %s", f"{inactive}-c1")
    await ask(connection, "update memberships set left_at = now() where account_id = %s", left)
    await ask(connection, "update accounts set stage = 'churned' where id = %s", churned)
    async with connection.transaction():
        await suppressions.suppress(
            connection, f"{quiet}-c1", "hard bounce", "test", rig.MONDAY
        )  # fmt: skip
        await replies.open_task(
            connection, "r1", account_id=replied, contact_id=None, program_id=None, step=None,
            visit=None, title="Answer", note="", assign_to="maya", now=rig.MONDAY,
            due_at=rig.MONDAY,
        )  # fmt: skip
    assert await reached(connection) == 1

    await stand(connection, "news", paused, "touch-1")
    assert await reached(connection) == 2
    await ask(connection, "update programs set state = 'paused' where id = %s", "news")
    assert await reached(connection) == 1
    await ask(connection, "update enrollments set paused = true where account_id = %s", reads)
    assert await reached(connection) is None


async def test_a_service_notice_reaches_who_is_unsubscribed_and_who_is_held_out(
    connection: Connection,
) -> None:
    steps = [{"send": "tips"}, {"send": "notice", "kind": "service"}]
    await rig.publish(connection, rig.program("both", steps), rig.MONDAY)
    held_out, quiet = await rig.people(connection, 2, rig.MONDAY)
    await keep(connection, [email("tips"), email("notice")])
    for id in (held_out, quiet):
        await stand(connection, "both", id, "tips")
    await ask(connection, "update holdouts set held = true where account_id = %s", held_out)
    await ask(connection, "update holdouts set held = false where account_id = %s", quiet)
    async with connection.transaction():
        await suppressions.suppress(connection, f"{quiet}-c1", "unsubscribed", "test", rig.MONDAY)

    found = await exposure.of_items(connection, rig.MONDAY)
    assert {item: each.accounts for item, each in found.items()} == {"emails/notice.md": 2}


async def test_roles_decide_who_may_get_it(connection: Connection) -> None:
    await rig.publish(connection, rig.program("a", [{"send": "x"}], to=["admin"]), rig.MONDAY)
    _, admin = ids = await rig.people(connection, 2, rig.MONDAY)
    await keep(connection, [email("x")])
    await save_contacts(
        connection, [ContactRecord("boss", admin, "boss@x.test", roles=("admin",))], rig.MONDAY
    )
    for id in ids:
        await stand(connection, "a", id, "x")
    assert (await exposure.of_items(connection, rig.MONDAY))["emails/x.md"].accounts == 1


async def test_people_and_accounts_are_counted_once_over_programs_and_days(
    connection: Connection,
) -> None:
    """Two programs show one block to one account twice, and one person is in two accounts."""
    for id, name in (("first", "one"), ("second", "two")):
        await rig.publish(connection, rig.program(id, [{"send": name}]), rig.MONDAY)
    acme, globex = await rig.people(connection, 2, rig.MONDAY)
    await connection.execute("update contacts set email = 'ADA@x.test' where id = %s", (
        f"{acme}-c1",))  # fmt: skip
    await connection.execute("update contacts set email = 'ada@x.test' where id = %s", (
        f"{globex}-c1",))  # fmt: skip
    await keep(
        connection, [email("one"), email("two"), block("b")],
        {"emails/one.md": ["blocks/b.md"], "emails/two.md": ["blocks/b.md"]},
    )  # fmt: skip
    await stand(connection, "first", acme, "one", plans_at=at(3), plans_contact=f"{acme}-c1")
    await stand(connection, "second", acme, "two", plans_at=at(4))
    await stand(connection, "second", globex, "two", plans_at=at(4, 12))

    found = await exposure.of_items(connection, rig.MONDAY)
    assert (found["blocks/b.md"].accounts, found["blocks/b.md"].people) == (2, 1)
    assert found["blocks/b.md"].through == (
        Showing("one", "first", date(2026, 3, 3), 1, True),
        Showing("two", "second", date(2026, 3, 4), 2, True),
    )
    assert found["emails/two.md"].first_on == date(2026, 3, 4)


async def test_a_day_is_that_of_the_readers(connection: Connection) -> None:
    """Ten in the evening in UTC is the next morning in Sydney, and the afternoon in New York."""
    window = {"days": "every day", "hours": "09:00-17:00", "holidays": "ignore"}
    wanted = rig.program("a", [{"id": "w", "wait": "1 day"}, {"send": "x"}], send_window=window)
    await rig.publish(connection, wanted, rig.MONDAY)
    ids = await rig.people(connection, 4, rig.MONDAY)
    zones = ("Australia/Sydney", "America/New_York", "Nowhere/Land", None)
    await keep(connection, [email("x")])
    for id, zone in zip(ids, zones, strict=True):
        await stand(connection, "a", id, "w", at(10, 22))
        await connection.execute("update accounts set zone = %s where id = %s", (zone, id))

    found = await exposure.of_items(connection, rig.MONDAY, workspace_zone="Europe/Berlin")
    assert found["emails/x.md"].through == (Showing("x", "a", date(2026, 3, 11), 4, True),)
    await connection.execute("update enrollments set position = position || '{\"due_at\": "
                             "\"2026-03-10T20:00:00+00:00\"}'")  # fmt: skip
    found = await exposure.of_items(connection, rig.MONDAY, workspace_zone="Europe/Berlin")
    assert found["emails/x.md"].through == (
        Showing("x", "a", date(2026, 3, 10), 1, True),  # 16:00 in New York
        Showing("x", "a", date(2026, 3, 11), 3, True),
    )


async def test_now_is_what_the_clock_of_the_readers_shows(connection: Connection) -> None:
    """At 20:00 UTC on Monday it is Tuesday in Sydney and noon in Los Angeles."""
    window = {"days": "every day", "hours": "06:00-17:00", "holidays": "ignore"}
    steps = [
        {"id": "w", "wait": "1 day"}, {"send": "x"},
        {"id": "t", "task": "Call", "assign_to": "csm"}, {"send": "y"},
    ]  # fmt: skip
    wanted = rig.program("a", steps, send_window=window)
    await rig.publish(connection, wanted, rig.MONDAY)
    places = [("w", at(2, 19)), ("x", None), ("t", at(30))]
    ids = await rig.people(connection, 3, rig.MONDAY)
    await connection.execute("update accounts set zone = 'America/Los_Angeles'")
    await keep(connection, [email("x"), email("y")])
    for id, (step, due) in zip(ids, places, strict=True):
        await stand(connection, "a", id, step, due)
    found = await exposure.of_items(connection, at(2, 20), workspace_zone="Australia/Sydney")
    assert found["emails/x.md"].through[0] == Showing("x", "a", date(2026, 3, 2), 2, True)
    assert found["emails/y.md"].through[0].day == date(2026, 3, 2)


async def test_dates_of_accounts_are_followed_one_by_one(connection: Connection) -> None:
    steps: list[dict[str, Any]] = [
        {"id": "w", "wait_until": {"date": "renewal_on", "shift": "30 days before"}},
        {"task": "Call", "assign_to": "csm", "id": "t"},
        {"wait_until": {"date": "renewal_on", "shift": "7 days before"}, "if_no_date": "exit"},
        {"send": "x"},
    ]  # fmt: skip
    await rig.publish(connection, rig.program("renewal", steps), rig.MONDAY)
    soon, later, never = await rig.people(connection, 3, rig.MONDAY)
    await keep(connection, [email("x")])
    for id, day in ((soon, "2026-03-17"), (later, "2026-06-01"), (never, "9999-12-31")):
        await stand(connection, "renewal", id, "t", at(30))
        await connection.execute(
            "update accounts set traits = traits || jsonb_build_object('renewal_on', %s::text)"
            " where id = %s",
            (day, id),
        )
    [through] = (await exposure.of_items(connection, rig.MONDAY))["emails/x.md"].through
    assert (through.day, through.accounts) == (date(2026, 3, 10), 1)


async def test_only_the_arm_that_an_account_is_drawn_into_counts(connection: Connection) -> None:
    """SQL draws as `what_next` does."""
    arms = [{"name": name, "share": share, "do": [{"send": name}]}
            for name, share in (("a", 1), ("b", 3), ("c", 2))]  # fmt: skip
    await rig.publish(
        connection, rig.program("test", [{"id": "draw", "split": arms}]), rig.MONDAY
    )  # fmt: skip
    ids = await rig.people(connection, 60, rig.MONDAY)
    await keep(connection, [email(name) for name in "abc"])
    for id in ids:
        await stand(connection, "test", id, "draw")
    await connection.execute("update holdouts set held = false")
    points = [share_of("test", "draw", id) * 6 for id in ids]
    found = await exposure.of_items(connection, rig.MONDAY)
    assert {item: each.accounts for item, each in found.items()} == {
        "emails/a.md": sum(point < 1 for point in points),
        "emails/b.md": sum(1 <= point < 4 for point in points),
        "emails/c.md": sum(point >= 4 for point in points),
    }
    assert all(each.through[0].sure for each in found.values())


async def test_it_may_be_asked_twice_in_one_transaction_and_of_nobody(
    connection: Connection,
) -> None:
    async with connection.transaction():
        for _ in range(2):
            assert await exposure.of_items(connection, rig.MONDAY) == {}


async def reached(connection: Connection) -> int | None:
    found = (await exposure.of_items(connection, rig.MONDAY)).get("emails/welcome-trial-1.md")
    return found.accounts if found else None


async def ask(connection: Connection, statement: str, value: str) -> None:
    await connection.execute(statement.encode(), (value,))
