"""`digital-cs topics propose`, `proposals`, `name`, `merge`, `refuse`: what no rule catches."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digital_cs.cli.options import By, Json, actor
from digital_cs.cli.support.topics import say_learned
from digital_cs.cli.support.topics_suggested import rule_facts, rule_words, rule_yaml, topic_yaml

if TYPE_CHECKING:
    from rich.progress import Progress

    from digital_cs.domain.support.topic_suggestion import Suggestion
    from digital_cs.ingest.support.ticket_samples import Sample
    from digital_cs.ingest.support.topic_proposals import Learned, Proposed
    from digital_cs.ingest.support.topics import Sorted
    from digital_cs.store.support.topic_proposals import ProposalView
    from digital_cs.temporal.gateway import Gateway

PROPOSE = "Example: digital-cs topics propose"
PROPOSALS = "Example: digital-cs topics proposals 7 --precision 95"
NAME = 'Example: digital-cs topics name 7 slow-pages --title "Pages load slowly" --owner support'
MERGE = "Example: digital-cs topics merge 7 deliverability"
REFUSE = "Example: digital-cs topics refuse 7"
Number = Annotated[int, typer.Argument(metavar="PROPOSAL", help="Number of the proposal.")]
Precision = Annotated[
    int,
    typer.Option(
        "--precision", min=50, max=100, metavar="PERCENT",
        help="Of what the suggested rule catches, so much must be of the proposal: more makes it"
        " narrower, less makes it broader.",
    ),
]  # fmt: skip


def propose(as_json: Json = False) -> None:
    """Group the tickets that have no topic, by what they say, and keep the groups as proposals.

    First it learns from the tickets that rules and people put into topics, and sorts what is alike.
    A group that was refused stays refused when it comes again, and one that was named takes what is
    new with it. Looks at 90 days. It can be interrupted, and run again at any time: proposals are
    kept at the end, all or none.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.cli.support.topics import sort_soon
    from digital_cs.ingest.support.topic_proposals import TopicProposals
    from digital_cs.ingest.support.topics import TicketSorter

    async def question(gateway: Gateway) -> tuple[Learned | None, Sorted, Proposed]:
        proposals = TopicProposals(gateway.pool, gateway.clock)
        sorter = TicketSorter(gateway.pool, gateway.clock)
        await sort_soon(sorter)
        with output.progress("learning from what is sorted", None) as bar:
            learned = await proposals.learn(partial(_show, bar))
        found = await sort_soon(sorter)
        with output.progress("looking for groups", None) as bar:
            return learned, found, await proposals.propose(partial(_show, bar))

    learned, found, proposed = ask(question)
    if as_json:
        output.emit({"learned": learned, "sorted": found, "proposed": proposed})
        return
    say_learned(learned)
    output.say(
        f"{output.count_of(proposed.read, 'ticket')} without a topic: {proposed.new:,} new groups,"
        f" {proposed.again:,} known ones, {proposed.refused:,} refused before;"
        f" {proposed.alone:,} like no other."
    )
    if proposed.joined:
        output.say(f"{output.count_of(proposed.joined, 'ticket')} joined groups that have a name.")
    if proposed.new or proposed.again:
        output.say("`digital-cs topics proposals` shows them.")


def _show(bar: Progress, what: str, done: int, of: int) -> None:
    bar.update(bar.task_ids[0], description=what, completed=done, total=of)


def proposals(
    proposal: Annotated[
        int | None, typer.Argument(metavar="PROPOSAL", help="Only this one, with samples.",
                                   show_default=False),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Also those that were decided on, or are gone.")
    ] = False,
    precision: Precision = 90,
    as_json: Json = False,
) -> None:  # fmt: skip
    """List proposals, those of most accounts first; or show one with samples and a rule.

    With the rule stands how many tickets of the proposal it catches, and how many others of the
    last 90 days. Publishing sorts by it, so look at these before you keep it.

    Samples leave names out, and are there as long as the texts of tickets are kept.
    """
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.domain.support.topic_proposal import ProposalState
    from digital_cs.store.support import topic_proposals

    if proposal is not None:
        _one(proposal, precision, as_json)
        return
    states = tuple(ProposalState) if every else (ProposalState.OPEN,)

    async def question(gateway: Gateway) -> list[ProposalView]:
        async with gateway.pool.connection() as connection:
            return await topic_proposals.list_proposals(connection, states)

    found = ask(question)
    if as_json:
        output.emit(found)
        return
    if not found:
        output.say("There are no proposals: `digital-cs topics propose` looks for some.")
        return
    output.table(
        [">proposal", ">accounts", ">tickets", "~words", "state"],
        ([e.id, f"{e.accounts:,}", f"{e.tickets:,}", ", ".join(e.words),
          f"{e.state} {e.part_of or ''}".strip()] for e in found),
    )  # fmt: skip


def name(
    proposal: Number,
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="Id of the new topic.")],
    title: Annotated[str, typer.Option("--title", help="What people call it.", show_default=False)],
    owner: Annotated[str, typer.Option("--owner", help="Who answers for it.")] = "support",
    about: Annotated[str, typer.Option("--about", help="What belongs there.")] = "",
    area: Annotated[str | None, typer.Option("--area", help="The product's area.")] = None,
    bug: Annotated[bool, typer.Option("--bug", help="It is a fault of ours.")] = False,
    precision: Precision = 90,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Make a topic of a proposal. Its tickets are of it, and others like them by and by.

    What is printed is for topics.yaml: with the rule that is suggested, or a better one, the topic
    is kept there like the others.
    """
    from pydantic import ValidationError

    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.domain.support.topic import Topic
    from digital_cs.errors import UsageError
    from digital_cs.ingest.support.topic_proposals import TopicProposals

    try:
        wanted = Topic(topic=topic, title=title, owner=owner, about=about, area=area, bug=bug)
    except ValidationError as error:
        where = error.errors()[0]
        raise UsageError(f"This is no {where['loc'][0]}: {where['msg']}.") from None

    async def question(gateway: Gateway) -> tuple[int, Suggestion | None, Learned | None]:
        proposals = TopicProposals(gateway.pool, gateway.clock)
        with output.progress("looking for a rule", None):
            suggested = await proposals.suggest(proposal, precision / 100)
        moved = await proposals.name(proposal, wanted, actor(by))
        return moved, suggested, await _learn(gateway)

    moved, suggested, learned = ask(question)
    if as_json:
        output.emit({"topic": topic, "tickets": moved, "learned": learned, **rule_facts(suggested)})
        return
    output.say(f"{topic}: {output.count_of(moved, 'ticket')} of proposal {proposal}.")
    say_learned(learned)
    output.say(f"\n{rule_words(suggested, precision)}")
    output.say(f"\nFor topics.yaml:\n{topic_yaml(wanted, suggested.rule if suggested else None)}")


def merge(
    proposal: Number,
    into: Annotated[
        str, typer.Argument(metavar="TOPIC|#PROPOSAL", help="A topic, or a proposal as '#8'.")
    ],
    by: By = None,
    as_json: Json = False,
) -> None:
    """Put the tickets of a proposal into a topic, or make it one with another proposal."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.ingest.support.topic_proposals import TopicProposals

    async def question(gateway: Gateway) -> tuple[int, Learned | None]:
        moved = await TopicProposals(gateway.pool, gateway.clock).merge(proposal, into, actor(by))
        return moved, await _learn(gateway) if moved else None

    moved, learned = ask(question)
    if as_json:
        output.emit({"proposal": proposal, "into": into, "tickets": moved, "learned": learned})
        return
    output.say(f"Proposal {proposal} is part of {into}: {output.count_of(moved, 'ticket')} moved.")
    say_learned(learned)


def refuse(proposal: Number, by: By = None, as_json: Json = False) -> None:
    """Say that a proposal is no topic. The same group is not proposed again."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.ingest.support.topic_proposals import TopicProposals

    ask(lambda gateway: TopicProposals(gateway.pool, gateway.clock).refuse(proposal, actor(by)))
    if as_json:
        output.emit({"proposal": proposal, "state": "refused"})
    else:
        output.say(f"Proposal {proposal} is refused, and stays so when its like comes again.")


def _one(id: int, precision: int, as_json: bool) -> None:
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.errors import NotFoundError
    from digital_cs.ingest.support.topic_proposals import TopicProposals
    from digital_cs.store.support import topic_proposals

    async def question(gateway: Gateway) -> tuple[ProposalView, list[Sample], Suggestion | None]:
        async with gateway.pool.connection() as connection:
            found = await topic_proposals.get(connection, id)
        if found is None:
            raise NotFoundError(f"There is no proposal {id}. `digital-cs topics proposals`.")
        proposals = TopicProposals(gateway.pool, gateway.clock)
        with output.progress("looking for a rule", None):
            suggested = await proposals.suggest(id, precision / 100)
        return found, await proposals.samples(id), suggested

    found, samples, suggested = ask(question)
    if as_json:
        output.emit({"proposal": found, "samples": samples, **rule_facts(suggested)})
        return
    into = f" into {found.part_of}" if found.part_of else ""
    output.say(
        f"Proposal {found.id}, {found.state}{into}: {output.count_of(found.tickets, 'ticket')} of"
        f" {output.count_of(found.accounts, 'account')}, first seen"
        f" {output.when(found.first_seen_at)}.\nWords: {', '.join(found.words)}."
    )
    if suggested is None and not samples:
        output.say("The texts of its tickets are not kept any more: there is nothing to show.")
        return
    output.say(rule_words(suggested, precision))
    if suggested is not None:
        output.say(rule_yaml(suggested.rule))
    for each in samples:
        output.say(f"\n{each.ticket}\n{each.text}")


async def _learn(gateway: Gateway) -> Any:
    from digital_cs.cli.support.topics import sort_soon
    from digital_cs.ingest.support.topic_proposals import TopicProposals
    from digital_cs.ingest.support.topics import TicketSorter

    learned = await TopicProposals(gateway.pool, gateway.clock).learn()
    await sort_soon(TicketSorter(gateway.pool, gateway.clock))
    return learned
