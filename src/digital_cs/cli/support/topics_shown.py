"""`digital-cs topics list`, `show` and `explain`: what is in force, and why a ticket is where."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from digital_cs.cli.options import Json
from digital_cs.cli.support.topics import TicketId, TopicId

if TYPE_CHECKING:
    from digital_cs.domain.support.topic import Topic, TopicRule
    from digital_cs.ingest.support.topics import Explained
    from digital_cs.temporal.gateway import Gateway

LIST = "Example: digital-cs topics list"
SHOW = "Example: digital-cs topics show billing"
EXPLAIN = "Example: digital-cs topics explain zendesk:5158"


def list_(as_json: Json = False) -> None:
    """List the topics in force, with how many tickets are of each and who says so."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.domain.support.topic import By
    from digital_cs.store.support import ticket_topics, topic_coverage, topics

    async def question(gateway: Gateway) -> tuple[Any, ...]:
        async with gateway.pool.connection() as connection:
            return (
                await topics.current(connection),
                await topics.in_force(connection),
                await ticket_topics.counts(connection),
                await topic_coverage.last_covered(connection, gateway.clock.now().date()),
                await ticket_topics.due(connection),
            )

    published, in_force, counts, covered, due = ask(question)
    by_topic: dict[str | None, Counter[str]] = {}
    for (topic, by), count in counts.items():
        by_topic.setdefault(topic, Counter())[by] += count
    ours = {each.topic for each in in_force.topics}
    if as_json:
        output.emit({
            "version": published.version, "published_at": published.published_at,
            "sorted_at": published.assigned_at, "waiting": due,
            "topics": [
                {**each.model_dump(mode="json"), "tickets": by_topic.get(each.topic, {}),
                 "covered_on": covered.get(each.topic)} for each in in_force.topics
            ],
            "not_ours": {t: c for t, c in by_topic.items() if t is not None and t not in ours},
        })  # fmt: skip
        return
    if not in_force:
        output.say("There are no topics yet: `digital-cs topics publish` puts those of the file"
                   " in force.")  # fmt: skip
        return
    output.table(
        ["topic", "~title", "owner", *(f">{by.value}" for by in By), "covered"],
        (
            [each.topic, each.title + (" (a bug)" if each.bug else ""), each.owner,
             *(f"{by_topic.get(each.topic, Counter())[by]:,}" for by in By),
             covered.get(each.topic)]
            for each in in_force.topics
        ),
    )  # fmt: skip
    strange = sorted(topic for topic in by_topic if topic and topic not in ours)
    if strange:
        output.say(f"\nOnly help desks or former versions call topics: {', '.join(strange)}.")
    if published.version:
        left = "" if published.assigned_at else " Not all tickets are sorted by it yet."
        since = output.when(published.published_at)
        output.say(f"\nVersion {published.version}, since {since}.{left}")
    if due:
        output.say(f"{output.count_of(due, 'ticket')} not looked at yet.")


def show(topic: TopicId, as_json: Json = False) -> None:
    """Show a topic: its rules in words, its tickets, and when it was covered."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.errors import NotFoundError
    from digital_cs.store.support import ticket_topics, topic_coverage, topics

    async def question(gateway: Gateway) -> tuple[Any, ...]:
        async with gateway.pool.connection() as connection:
            in_force = await topics.in_force(connection)
            named = {each.topic.topic: each for each in await topics.named(connection)}
            counts = await ticket_topics.counts(connection)
            covered = await topic_coverage.of_topic(connection, topic)
        found = next((each for each in in_force.topics if each.topic == topic), None)
        if found is None:
            raise NotFoundError(f"There is no topic '{topic}'. `digital-cs topics list`.")
        by = {by: count for (name, by), count in counts.items() if name == topic}
        return found, named.get(topic), by, covered

    found, named, by, covered = ask(question)
    if as_json:
        output.emit({"topic": found.model_dump(mode="json"), "named": named is not None,
                     "tickets": by, "covered": covered})  # fmt: skip
        return
    output.say("\n".join(_topic_lines(found)))
    if named is not None:
        output.say(f"Named by {named.named_by} on {output.when(named.named_at)} out of proposal"
                   f" {named.proposal}.")  # fmt: skip
    told = ", ".join(f"{count:,} by {name}" for name, count in by.items())
    output.say(f"Tickets: {told or 'none'}.")
    for each in covered:
        note = f": {each.note}" if each.note else ""
        output.say(f"Covered on {each.covered_on:%-d %b %Y}, {each.by}{note}.")


def explain(ticket: TicketId, as_json: Json = False) -> None:
    """Say why a ticket is of its topic: which rule and which words; or why of none."""
    from digital_cs.cli import output
    from digital_cs.cli.connection import ask
    from digital_cs.cli.support.topics import ticket_id
    from digital_cs.ingest.support.topics import TicketSorter

    async def question(gateway: Gateway) -> Explained:
        sorter = TicketSorter(gateway.pool, gateway.clock)
        return await sorter.explain(await ticket_id(gateway, ticket))

    found = ask(question)
    if as_json:
        output.emit(found)
    else:
        output.say("\n".join(_why(found)))


def _why(found: Explained) -> list[str]:
    from digital_cs.cli.output import when
    from digital_cs.cli.support.topics import assigned_words
    from digital_cs.domain.support.topic import SURE_ENOUGH

    lines = []
    if found.held is not None:
        told = assigned_words(found.held.assigned, found.held.version)
        topic = found.held.assigned.topic or "no topic"
        lines.append(f"{found.ticket} is of {topic}: {told} ({when(found.held.at)}).")
    elif found.topic is not None:
        lines.append(f"{found.ticket} is of {found.topic}: its help desk says so.")
    else:
        lines.append(f"{found.ticket} is of no topic.")
    if found.waiting:
        lines.append("Its words changed since, or no topics were in force: it is looked at soon.")
    if not found.text_kept:
        lines.append("Its text is not kept any more, so that only its tags can be looked at.")
    others = [each for each in found.rules if found.held is None or each.topic != found.topic]
    for each in others:
        lines.append(
            f"Rule {each.rule} of {each.topic} holds too: {', '.join(each.words)}"
            f" ({each.weight} words)."
        )
    if not found.rules:
        lines.append("No rule holds.")
    if found.nearest is not None and found.held is None:
        lines.append(
            f"It is most like {found.nearest}, {found.sure or 0:.0%} sure; {SURE_ENOUGH:.0%} is"
            " asked for."
        )
    return lines


def _topic_lines(topic: Topic) -> list[str]:
    area = f", area {topic.area}" if topic.area else ""
    lines = [f"{topic.title} ({topic.topic}){': a bug' if topic.bug else ''}"]
    lines += [topic.about] if topic.about else []
    lines.append(f"Owner {topic.owner}{area}.")
    if topic.known_as:
        lines.append(f"Help desks call it {', '.join(topic.known_as)}.")
    lines += [f"Rule {at}: {_rule_words(rule)}." for at, rule in enumerate(topic.rules, 1)]
    return lines


def _rule_words(rule: TopicRule) -> str:
    parts = []
    for title, terms in (("any of ", rule.any), ("all of ", rule.all), ("none of ", rule.none)):
        words = ", ".join(term.words for term in terms.each())
        parts += [f"{title}{words}"] if words else []
    return "; ".join(parts)
