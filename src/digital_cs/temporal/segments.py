"""What people may ask about segments: to publish and to delete them, who would belong, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg import AsyncConnection

from digital_cs.catalog.segments import segment_to_json
from digital_cs.domain.rules import condition as ast
from digital_cs.domain.rules.condition import Verdict, next_flip
from digital_cs.domain.rules.reads import reads, triggers_named
from digital_cs.domain.rules.segment import Segment, cycle, segments_named
from digital_cs.errors import NotFoundError, UsageError
from digital_cs.ingest.rules.entries import EVER
from digital_cs.store.product import data_ages, milestone_definitions, milestones
from digital_cs.store.programs import facts
from digital_cs.store.rules import segment_members, segment_preview, segments, triggers
from digital_cs.store.rules.condition_sql import compile_condition
from digital_cs.store.rules.segment_members import Change
from digital_cs.store.rules.segment_preview import Preview
from digital_cs.store.rules.segments import SegmentRow

if TYPE_CHECKING:
    from digital_cs.temporal.gateway import Gateway

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class PublishedSegment:
    """What publishing a segment did. `before` and `members` are how many belong."""

    segment: str
    version: int
    new: bool
    first: bool
    before: int
    members: int


async def publish_segments(
    gateway: Gateway, wanted: Sequence[Segment], *, dry_run: bool = False,
    coming: Collection[str] = (),
) -> list[PublishedSegment]:  # fmt: skip
    """Publish segments, together; what has not changed stays at its version.

    Who belongs is known at once, and by all that rests on these segments as well. It is no reason
    for anybody to enter a program (P20): only who comes to belong later does. `dry_run` only says
    what would change. Raises UsageError for a circle, and for a name of no segment, or of no
    trigger that runs or is `coming`: will be published next, as it may rest on these segments.
    """
    async with gateway.pool.connection() as connection:
        async with connection.transaction(force_rollback=dry_run):
            done = await publish_with(connection, gateway, wanted, coming)
            spoken = await milestone_definitions.refresh(connection, gateway.clock.now())
        if not dry_run:
            await milestones.catch_up_again(connection, spoken.caught_up)
    return done


async def publish_with(
    connection: Connection, gateway: Gateway, wanted: Sequence[Segment],
    coming: Collection[str] = (),
) -> list[PublishedSegment]:  # fmt: skip
    """The same in the caller's transaction, without the milestones that they speak of."""
    if not wanted:
        return []
    await _check(connection, wanted, coming)
    now, ids = gateway.clock.now(), [each.segment for each in wanted]
    before = {row.id: row for row in await segments.list_segments(connection, ids, retired=True)}
    kept = [
        await segments.keep(connection, each.segment, segment_to_json(each), now) for each in wanted
    ]
    anew = [each.id for each in kept if each.asks_anew]
    await gateway.membership.settle(connection, anew, "The rule of a segment was changed.")
    after = {row.id: row for row in await segments.list_segments(connection, ids)}
    return [
        PublishedSegment(
            each.id, each.version, each.new, each.id not in before,
            before[each.id].members if each.id in before else 0, after[each.id].members,
        )
        for each in kept
    ]  # fmt: skip


async def _check(
    connection: Connection, wanted: Sequence[Segment], coming: Collection[str]
) -> None:
    rests_on = {
        row.id: {key[8:] for key in row.reads if key.startswith("segment:")}
        for row in await segments.list_segments(connection)
    }
    for each in wanted:
        rests_on[each.segment] = set(segments_named(each.when))
    way = cycle(rests_on)
    if way is not None:
        raise UsageError(
            f"The segments rest on each other in a circle: {' -> '.join(way)}."
            " Take one of these names out of a rule."
        )
    for each in wanted:
        absent = sorted(segments_named(each.when) - rests_on.keys())
        if absent:
            raise UsageError(
                f"The segment {each.segment} names the segment {absent[0]}, which is not published:"
                " publish both."
            )
        silent = await triggers.missing(connection, triggers_named([each.when]) - set(coming))
        if silent:
            raise UsageError(
                f"The segment {each.segment} names the trigger {silent[0]}, which is not published:"
                f" `digital-cs trigger publish {silent[0]}` does that."
            )


async def delete_segment(gateway: Gateway, name: str) -> None:
    """Forget a segment and its members. Raises UsageError while somebody reads it."""
    async with gateway.pool.connection() as connection, connection.transaction():
        await published(connection, name)
        readers = await segments.used_by(connection, name)
        if readers:
            raise UsageError(
                f"The segment {name} is used by {_listed(readers)}: it cannot be deleted, only"
                " replaced by another rule of that name. Publish those without it first."
            )
        await segments.retire(connection, [name], gateway.clock.now())


async def published(connection: Connection, name: str) -> SegmentRow:
    """The published segment of this name. Raises NotFoundError, and says what there is."""
    rows = await segments.list_segments(connection)
    for row in rows:
        if row.id == name:
            return row
    names = ", ".join(row.id for row in rows)
    there = f"Published are: {names}." if rows else "None is published yet."
    raise NotFoundError(f"There is no published segment '{name}'. {there}")


async def preview(gateway: Gateway, condition: Any, sample: int) -> Preview:
    """How many accounts match a condition now, some of them, and what it costs to find out."""
    compiled = compile_condition(condition)
    values = compiled.values(gateway.clock.now(), await gateway.entries.calendar())
    async with gateway.pool.connection() as connection:
        return await segment_preview.preview(connection, compiled.query, values, sample)


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of an explanation: a condition, or what joins the deeper ones that follow.

    `figure` is what was found, `data` which data that is, and `as_of` how far that is known. Of a
    segment it is the oldest data on which its own rule rests.
    """

    depth: int
    words: str
    verdict: Verdict
    figure: str | None = None
    data: str | None = None
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an account belongs or does not, at a moment.

    `since` is since when it is a kept member, which unknown answers do not change (P9); `flips`
    the next moment at which time alone may change a verdict.
    """

    segment: str
    account: str
    at: datetime
    verdict: Verdict
    since: datetime | None
    flips: datetime | None
    answers: tuple[Answer, ...]
    history: tuple[Change, ...]


async def explain(gateway: Gateway, name: str, account_id: str) -> Explanation:
    """Every condition of a published segment, with what it finds of an account.

    Raises NotFoundError for an unknown segment or account.
    """
    now, calendar = gateway.clock.now(), await gateway.entries.calendar()
    async with gateway.pool.connection() as connection:
        await published(connection, name)
        rows = await segments.list_segments(connection)
        rules = {row.id: Segment.model_validate(row.spec).when for row in rows}
        rule = rules[name]
        page = await facts.facts_page(
            connection, now, calendar, reads=reads([rule]), ids=[account_id]
        )
        if not page:
            raise NotFoundError(f"There is no account '{account_id}'. Check the id.")
        ages = await data_ages.of(connection, account_id)
        since = (await segment_members.memberships(connection, account_id, name)).get(name)
        history = await segment_members.history(connection, account_id, name)
    account = page[0]
    answers = tuple(_answers(rule, account, now, ages, rules, 0))
    return Explanation(
        name, account_id, now, rule.verdict(account, EVER, now), since[0] if since else None,
        next_flip(rule, account, now), answers, tuple(history),
    )  # fmt: skip


def _answers(
    rule: Any, account: Any, now: datetime, ages: data_ages.Ages, rules: Mapping[str, Any],
    depth: int,
) -> Iterator[Answer]:  # fmt: skip
    verdict = rule.verdict(account, EVER, now)
    if isinstance(rule, ast.AllOf | ast.AnyOf | ast.Not):
        word, inner = _group(rule)
        yield Answer(depth, word, verdict)
        for part in inner:
            yield from _answers(part, account, now, ages, rules, depth + 1)
        return
    data, as_of = ages.oldest(_all_below(rule, rules))
    yield Answer(depth, rule.words(), verdict, rule.figure(account, now), data, as_of)


def _all_below(leaf: Any, rules: Mapping[str, Any]) -> Iterator[Any]:
    """A condition, or in place of one that names a segment, all on which that rests."""
    if not isinstance(leaf, ast.SegmentIs):
        yield leaf
        return
    for each in ast.leaves(rules[leaf.segment]):
        yield from _all_below(each, rules)


def _group(rule: Any) -> tuple[str, Sequence[Any]]:
    if isinstance(rule, ast.AllOf):
        return "all of these", rule.all
    if isinstance(rule, ast.AnyOf):
        return "one of these", rule.any
    return "not", (rule.not_,)


def _listed(words: Sequence[str]) -> str:
    if len(words) == 1:
        return f"the {words[0]}"
    return f"{', '.join(f'the {each}' for each in words[:-1])} and the {words[-1]}"
