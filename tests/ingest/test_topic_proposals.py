"""What no rule catches is grouped, known again, named, merged and refused; and learned from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from digital_cs.domain.support.topic import Topic
from digital_cs.domain.support.topic_proposal import ProposalState
from digital_cs.errors import NotFoundError, UsageError
from digital_cs.ingest.support.topic_proposals import TopicProposals
from digital_cs.store.database import pool
from digital_cs.store.support import tickets, topic_proposals
from digital_cs.store.support.topic_proposals import ProposalView
from digital_cs.topics.model import TopicModel
from tests.activities.house import StoppedClock
from tests.ingest.topic_desk import THEMES, TopicDesk, topic

SLOW, COUPON = THEMES["slow"], THEMES["coupon"]
OTHERS = [*THEMES["export"], *THEMES["font"], *THEMES["key"]]
"""Likeness shows against what else is asked."""


@pytest.fixture
async def desk(database: str) -> AsyncIterator[TopicDesk]:
    async with pool.opened(database, 4) as opened:
        found = TopicDesk(opened, StoppedClock())
        await found.accounts(*(f"a{number}" for number in range(8)))
        await found.publish(topic("spam", "spam folder"), topic("billing", "invoice"))
        await ask(found, [*COUPON, *OTHERS])
        yield found


@pytest.fixture
def proposals(desk: TopicDesk) -> TopicProposals:
    return TopicProposals(desk.pool, desk.clock)


async def ask(desk: TopicDesk, texts: list[str], **parts: object) -> list[str]:
    found = [await desk.asks(f"a{at % 8}", text, **parts) for at, text in enumerate(texts)]
    await desk.sorter.soon()
    return found


async def open_ones(desk: TopicDesk) -> list[ProposalView]:
    async with desk.pool.connection() as connection:
        return await topic_proposals.list_proposals(connection, [ProposalState.OPEN])


async def about(desk: TopicDesk, word: str) -> ProposalView:
    (found,) = [each for each in await open_ones(desk) if word in " ".join(each.words)]
    return found


async def test_groups_of_what_no_rule_catches_are_proposed_and_known_again(
    desk: TopicDesk, proposals: TopicProposals
) -> None:
    await ask(desk, [*SLOW, "An invoice", "It is in the spam folder"])
    first = await proposals.propose()
    assert (first.read, first.again) == (40, 0)
    assert first.new == len(await open_ones(desk)) >= 3
    slow = await about(desk, "slow")
    assert (slow.tickets, slow.accounts, slow.state) == (8, 8, "open")
    assert len(await proposals.samples(slow.id)) == 5

    await ask(desk, ["Dashboard pages loading slowly for us"])
    again = await proposals.propose()
    assert (again.new, again.again) == (0, first.new)
    assert (await about(desk, "slow")).id == slow.id
    assert (await about(desk, "slow")).tickets == 9


async def test_a_refused_group_stays_refused_also_when_all_its_tickets_are_new(
    desk: TopicDesk, proposals: TopicProposals
) -> None:
    await ask(desk, SLOW)
    await proposals.propose()
    await proposals.refuse((await about(desk, "slow")).id, "ana")
    assert (await proposals.propose()).refused == 1
    async with desk.pool.connection() as connection:
        await tickets.forget_texts(connection, desk.clock.now(), 0)
    await ask(desk, [*SLOW, *COUPON, *OTHERS])
    found = await proposals.propose()
    assert (found.read, found.new, found.refused) == (40, 0, 1)
    assert not any("slowly" in each.words for each in await open_ones(desk))


async def test_a_named_group_is_a_topic_that_new_tickets_join(
    desk: TopicDesk, proposals: TopicProposals
) -> None:
    ids = await ask(desk, SLOW)
    await proposals.propose()
    slow = await about(desk, "slow")
    wanted = Topic(topic="slow-pages", title="Pages load slowly", owner="support")
    assert await proposals.name(slow.id, wanted, "ana") == 8
    assert {await desk.topic_of(id) for id in ids} == {"slow-pages"}
    why = await desk.why(ids[0])
    assert why is not None
    assert why[0] == "proposal"

    new = await ask(desk, ["Pages of the dashboard load slowly", "Dashboard pages load slowly"])
    joined = await proposals.propose()
    assert joined.new == 0
    assert joined.joined in (0, 2)  # two alone are no group
    await ask(desk, SLOW)
    assert (await proposals.propose()).joined >= 8
    assert await desk.topic_of(new[0]) in (None, "slow-pages")
    with pytest.raises(UsageError, match="was named already"):
        await proposals.refuse(slow.id, "ana")


async def test_a_rule_takes_tickets_out_of_a_named_group_and_a_person_beats_it(
    desk: TopicDesk, proposals: TopicProposals
) -> None:
    ids = await ask(desk, SLOW)
    await desk.sorter.give(ids[0], "billing", "ana")
    await proposals.propose()
    slow = await about(desk, "slow")
    await proposals.name(slow.id, Topic(topic="slow-pages", title="Slow", owner="me"), "ana")
    assert await desk.topic_of(ids[0]) == "billing"
    await desk.publish(topic("spam", "spam folder"), topic("dash", "slow dashboard"))
    assert [await desk.topic_of(id) for id in ids[4:6]] == ["slow-pages", "dash"]
    assert await desk.topic_of(ids[0]) == "billing"


async def test_proposals_are_merged_into_topics_and_into_each_other(
    desk: TopicDesk, proposals: TopicProposals
) -> None:
    slow_ids = await ask(desk, SLOW)
    await proposals.propose()
    slow, coupon = await about(desk, "slow"), await about(desk, "coupon")
    assert await proposals.merge(slow.id, f"#{coupon.id}", "ana") == 0
    assert (await about(desk, "coupon")).tickets == 16
    assert await proposals.merge(coupon.id, "billing", "ana") == 16
    assert {await desk.topic_of(id) for id in slow_ids} == {"billing"}
    more = await ask(desk, SLOW)
    assert (await proposals.propose()).joined == 8
    assert await desk.topic_of(more[0]) == "billing"
    with pytest.raises(UsageError, match="was merged already"):
        await proposals.merge(slow.id, "spam", "ana")
    with pytest.raises(NotFoundError, match="no proposal 99"):
        await proposals.merge(99, "spam", "ana")


async def test_what_cannot_be_merged_is_said(desk: TopicDesk, proposals: TopicProposals) -> None:
    await ask(desk, SLOW)
    await proposals.propose()
    slow = await about(desk, "slow")
    with pytest.raises(UsageError, match="into itself"):
        await proposals.merge(slow.id, f"#{slow.id}", "ana")
    with pytest.raises(NotFoundError, match="no topic 'nonsense'"):
        await proposals.merge(slow.id, "nonsense", "ana")
    with pytest.raises(UsageError, match="'#x' is no proposal"):
        await proposals.merge(slow.id, "#x", "ana")
    with pytest.raises(UsageError, match=r"There is a topic 'spam' already.*topics merge"):
        await proposals.name(slow.id, topic("spam"), "ana")


async def test_a_group_that_does_not_come_again_is_gone_and_may_come_back(
    desk: TopicDesk, proposals: TopicProposals
) -> None:
    await ask(desk, SLOW)
    await proposals.propose()
    slow = await about(desk, "slow")
    desk.clock.moment += timedelta(days=120)
    assert (await proposals.propose()).gone >= 3
    assert await open_ones(desk) == []
    await ask(desk, [*SLOW, *COUPON, *OTHERS])
    assert (await proposals.propose()).again >= 3
    assert (await about(desk, "slow")).id == slow.id


async def test_a_rule_is_suggested_that_catches_the_group_and_little_else(
    desk: TopicDesk, proposals: TopicProposals
) -> None:
    ids = await ask(desk, SLOW, tags=("perf", "web"))
    await ask(desk, ["An invoice"] * 6, tags=("web",))
    await proposals.propose()
    slow = await about(desk, "slow")
    found = await proposals.suggest(slow.id)
    assert found is not None
    assert (found.rule.any.tags, found.caught, found.group, found.others) == (("perf",), 8, 8, {})
    await desk.publish(Topic(topic="slow", title="Slow", owner="me", rules=(found.rule,)))
    assert {await desk.topic_of(id) for id in ids} == {"slow"}


async def test_a_suggested_rule_tells_what_else_it_would_catch_and_can_be_narrowed(
    desk: TopicDesk, proposals: TopicProposals
) -> None:
    await ask(desk, SLOW)
    await ask(desk, ["An invoice for slowly loading dashboard pages"] * 2)
    await proposals.propose()
    slow = await about(desk, "slow")
    broad = await proposals.suggest(slow.id, 0.5)
    assert broad is not None
    assert (broad.caught, broad.group, broad.others) == (8, 8, {"billing": 2})
    narrow = await proposals.suggest(slow.id, 1.0)
    assert narrow is not None
    assert narrow.others == {}
    assert 3 <= narrow.caught < 8


async def test_a_suggested_rule_tells_of_other_proposals(
    desk: TopicDesk, proposals: TopicProposals
) -> None:
    await ask(desk, SLOW)
    await proposals.propose()
    slow, coupon = await about(desk, "slow"), await about(desk, "coupon")
    await desk.do(
        "update tickets set subject = 'Coupons on dashboard pages load slowly'"
        " where id = (select min(ticket) from topic_proposal_members where proposal = %s)",
        coupon.id,
    )
    found = await proposals.suggest(slow.id, 0.5)
    assert found is not None
    assert found.others == {f"#{coupon.id}": 1}


async def test_what_is_like_sorted_tickets_is_sorted_with_words_and_how_sure(
    desk: TopicDesk, proposals: TopicProposals
) -> None:
    await desk.publish(*(topic(name, tags=[name]) for name in THEMES))
    for name, texts in list(THEMES.items())[:7]:
        await ask(desk, texts, tags=(name,))
    assert await proposals.learn() is None
    for name, texts in list(THEMES.items())[7:]:
        await ask(desk, texts, tags=(name,))
    id, stranger = await ask(
        desk, ["The API key of our server is refused", "Zebras graze on the savanna"]
    )
    assert await desk.topic_of(id) is None

    learned = await proposals.learn()
    assert learned is not None
    assert (learned.tickets, len(learned.topics)) == (64, 8)
    assert learned.look_again == 34
    await desk.sorter.soon()
    assert await desk.topic_of(id) == "key"
    why = await desk.why(id)
    assert why is not None
    assert why[0] == "learned"
    assert {*why[2]} <= {"the", "api", "key", "of", "our", "server", "is", "refused"}
    assert await desk.topic_of(stranger) is None
    found = await desk.sorter.explain(id)
    assert found.held is not None
    assert (found.nearest, found.held.model is not None) == ("key", True)
    assert 0.5 < (found.held.assigned.sure or 0) <= 1
    assert (await desk.sorter.explain(stranger)).nearest is not None


@pytest.mark.parametrize("fault", ["unreadable", "broken"])
async def test_a_model_that_fails_leaves_rules_and_what_it_said_before(
    desk: TopicDesk, proposals: TopicProposals, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    await desk.publish(*(topic(name, tags=[name]) for name in THEMES))
    for name, texts in THEMES.items():
        await ask(desk, texts, tags=(name,))
    (id,) = await ask(desk, ["The API key of our server is refused"])
    assert await proposals.learn() is not None
    await desk.sorter.soon()
    assert await desk.topic_of(id) == "key"

    if fault == "unreadable":
        await desk.do("update topic_models set id = id + 1, content = 'of another release'")
    else:
        monkeypatch.setattr(TopicModel, "assign_all", _out_of_memory)
    await desk.do("update tickets set topic_due = true")
    (new,) = await ask(desk, ["Where is the API key"], tags=("font",))
    assert (await desk.topic_of(id), await desk.topic_of(new)) == ("key", "font")
    assert await desk.rows("select count(*) from tickets where topic_due") == [(0,)]


def _out_of_memory(model: TopicModel, texts: list[str]) -> None:
    raise MemoryError


async def test_no_name_reaches_what_is_kept_of_a_group(
    desk: TopicDesk, proposals: TopicProposals
) -> None:
    await desk.do(
        "insert into contacts (id, email, full_name, first_name, created_at, updated_at)"
        " values ('zaphod', 'zaphod@a1.test', 'Zaphod Beeblebrox', 'Zaphod', now(), now())"
    )
    await ask(
        desk, [f"{text}. Zaphod Beeblebrox, A1 Ltd" for text in SLOW],
        requester_email="zaphod@a1.test",
    )  # fmt: skip
    await proposals.propose()
    slow = await about(desk, "slow")
    await proposals.name(slow.id, Topic(topic="slow", title="Slow", owner="me"), "ana")
    kept = str(await desk.rows("select * from topic_proposals, ticket_topics")).lower()
    assert "beeblebrox" not in kept
    assert "zaphod" not in kept
    told = str(await proposals.samples(slow.id)) + str(await proposals.suggest(slow.id))
    assert "zaphod" not in told.lower()
