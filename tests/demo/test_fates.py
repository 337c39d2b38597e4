"""Why messages waited or did not go out, and what readers did: each counted, each in words."""

from __future__ import annotations

import pytest

from digital_cs.demo.fates import count_fates, fates_in_words, readers_in_words
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.sending.reason_words import BECAUSE
from tests.demo.conftest import Scene, day

OF_OTHER_THINGS = {
    Reason.ACCEPTED, Reason.DELIVERED, Reason.BOUNCED, Reason.SOFT_BOUNCED, Reason.COMPLAINED,
    Reason.OUT_OF_OFFICE, Reason.OTHER_CONTACT, Reason.NO_DATE, Reason.TRUE_SINCE, Reason.HAPPENED,
    Reason.TIMED_OUT, Reason.UNKNOWN, Reason.UNKNOWN_DEFAULT, Reason.BRANCH, Reason.SPLIT,
    Reason.TASK_DONE, Reason.TASK_EXPIRED, Reason.DEAD_LETTER, Reason.VERSION,
}  # fmt: skip
"""Reasons of messages that went out, and of steps that send nothing."""


@pytest.fixture
async def enrollment(scene: Scene) -> str:
    await scene.program("welcome-trial", "Welcome to the trial")
    await scene.account("shop", "Corner Shop", ("Ada Byron", "champion"), ("Bo Here", "admin"))
    return await scene.enrollment("welcome-trial", "shop", 1)


def test_every_reason_not_to_send_has_words() -> None:
    """P19: nothing in the summary is unexplained."""
    assert set(Reason) - OF_OTHER_THINGS == set(BECAUSE)


async def test_messages_that_waited_are_counted_by_reason_and_by_their_end(
    scene: Scene, enrollment: str
) -> None:
    for visit, reasons in (
        (1, ["budget_person", "budget_person", "stopped"]), (2, ["budget_person"]), (3, ["window"]),
    ):  # fmt: skip
        for reason in reasons:
            verdict = "held" if reason == "stopped" else "deferred"
            await scene.decision(enrollment, visit, "m", verdict, reason, "Later.", visit=visit)
    await scene.message(enrollment, 2, "m", 1, visit=1)
    await scene.message(enrollment, 3, "m", 1, "skipped", visit=2, reason="budget_person")
    await scene.decision(enrollment, 4, "branch", "held", "unknown", "No data.", visit=4)

    fates = await count_fates(scene.connection)
    assert fates.put_off == {"budget_person": 2, "stopped": 1}
    assert (fates.put_off_once, fates.later_sent, fates.out_of_hours) == (2, 1, 1)
    assert list(fates_in_words(fates)) == [
        "1 message waited for the working hours of the reader.",
        "2 messages were put off for another reason, and 1 of them went out later:",
        "     2  the reader had enough for the week",
        "     1  all sending was stopped",
        "1 message did not go out:",
        "     1  the reader had enough for the week",
    ]


async def test_what_did_not_go_out_is_listed_by_reason_the_largest_first(
    scene: Scene, enrollment: str
) -> None:
    for count, state, reason in (
        (1, "skipped", "topic_off"), (3, "skipped", "held_out"), (2, "failed", "hard_bounce"),
        (4, "accepted", "accepted"), (1, "skipped", "other_contact"),
    ):  # fmt: skip
        for _ in range(count):
            await scene.message(enrollment, 2, "m", 1, state, reason=reason)
    fates = await count_fates(scene.connection)
    assert list(fates.left_out.items()) == [("held_out", 3), ("hard_bounce", 2), ("topic_off", 1)]
    assert next(fates_in_words(fates)) == "6 messages did not go out:"


async def test_a_stop_is_told_with_its_end_and_its_reason(scene: Scene, enrollment: str) -> None:
    await scene.connection.execute(
        "insert into stops (because, by, at, lifted_at, lifted_by)"
        " values ('a wrong price', 'maya', %s, %s, 'maya')",
        (day(1), day(1.5)),
    )
    assert list(fates_in_words(await count_fates(scene.connection))) == [
        "Maya stopped all sending from 3 March 00:00 to 3 March 12:00: a wrong price."
    ]


async def test_what_readers_did_is_told_in_two_lines(scene: Scene, enrollment: str) -> None:
    for human in (True, True, False):
        await scene.connection.execute(
            "insert into clicks (message_key, nth, url, at, human, why)"
            " values ('k', 1, 'u', %s, %s, 'w')", (day(1), human),
        )  # fmt: skip
    for number, kind in enumerate(("hard", "soft", "out_of_office", "reply")):
        await scene.connection.execute(
            "insert into returned_messages (id, received_at, source, kind, state)"
            " values (%s, %s, 'smtp', %s, 'applied')", (str(number), day(1), kind),
        )  # fmt: skip
    await scene.connection.execute("update contacts set fewer = true where id = 'shop-p1'")
    assert list(readers_in_words(await count_fates(scene.connection))) == [
        "Readers followed 2 links (and scanners 1, which count for nothing); 1 asked for fewer"
        " e-mails, 1 wrote back.",
        "2 messages came back as undeliverable, and 1 note of absence, which nobody takes for an"
        " answer.",
    ]


async def test_where_nothing_happened_nothing_is_told(scene: Scene) -> None:
    fates = await count_fates(scene.connection)
    assert [*fates_in_words(fates), *readers_in_words(fates)] == []
