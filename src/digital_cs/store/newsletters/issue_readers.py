"""Who an issue goes to, what suits each of them, and which variant they get."""

# ruff: noqa: S608  the statements are put together from constants and compiled rules
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.domain.newsletters.variants import Choice, Wish
from digital_cs.domain.timing.business_calendar import BusinessCalendar
from digital_cs.store.content import shown
from digital_cs.store.newsletters.issue_sending import REACHED
from digital_cs.store.rules.condition_sql import Compiled

Connection = AsyncConnection[Any]

ANSWERED = timedelta(weeks=8)
"""Who asked support of it so short a time ago has had their answer."""
ASKED_LATELY = timedelta(days=180)
"""What is known of who asks about a topic is taken from so long."""
AHEAD = 30
"""Days before an account is as old as those who ask, at which it is about to matter."""
FEWEST_ASKERS = 5
"""Of fewer accounts it cannot be said who asks."""
OF_A_STAGE = 0.1
"""A topic is of a stage from which at least this part of its askers came."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that a section may show. `topic` is what it answers; `of` who does not use it yet.

    The first of a section are the most important.
    """

    section: str
    at_most: int
    item: str
    url: str | None = None
    topic: str | None = None
    of: Compiled | None = None


@dataclass(frozen=True, slots=True)
class Askers:
    """Who asks about a topic: from which stages they come, and how old their accounts are, in days
    (the youngest and the oldest tenth left out). None: that of too few is known to tell, for an
    account is as old as what we know of it, and tickets may be older."""

    stages: tuple[str, ...]
    ages: tuple[float, float] | None


async def askers(connection: Connection, topics: Sequence[str], now: datetime) -> dict[str, Askers]:
    """Who asked about each topic lately; without those that too few asked about to tell."""
    cursor = await connection.execute(
        """
        with asked as (
               select t.topic, t.account_id, a.stage,
                      extract(epoch from min(t.opened_at) - a.created_at) / 86400 as age
                 from tickets t join accounts a on a.id = t.account_id
                where t.topic = any(%(topics)s) and t.opened_at > %(since)s
                group by t.topic, t.account_id, a.id),
             staged as (
               select topic, stage, count(*) as accounts,
                      sum(count(*)) over (partition by topic) as of_all
                 from asked where stage is not null group by topic, stage)
        select topic,
               (select coalesce(array_agg(stage order by stage), '{}') from staged s
                 where s.topic = a.topic and s.accounts >= %(share)s * s.of_all),
               percentile_cont(0.1) within group (order by age) filter (where age >= 0),
               percentile_cont(0.9) within group (order by age) filter (where age >= 0),
               count(*) filter (where age >= 0)
          from asked a group by topic having count(*) >= %(fewest)s
        """,
        {
            "topics": list(topics),
            "since": now - ASKED_LATELY,
            "share": OF_A_STAGE,
            "fewest": FEWEST_ASKERS,
        },
    )
    return {
        topic: Askers(tuple(stages), (youngest, oldest) if known >= FEWEST_ASKERS else None)
        for topic, stages, youngest, oldest, known in await cursor.fetchall()
    }


async def gather(
    connection: Connection, issue: str, audience: Compiled, candidates: Iterable[Candidate],
    now: datetime, calendar: BusinessCalendar, *, corrects: str | None = None,
) -> Counter[Wish]:  # fmt: skip
    """Fix who gets an issue and what would suit each account; how many accounts have each wish.

    Nothing suits an account that it got before, in an issue (but for the one that this `corrects`)
    or another e-mail, that one of its
    people followed, or that it asked support about lately. What answers a topic suits those about
    to ask: of a stage, and nearly of an age, at which others ask. In one statement, however many
    accounts there are: what does not suit is looked for by item, of which there are few. Call it in
    a transaction.
    """
    by_section: dict[str, list[Candidate]] = {}
    for each in candidates:
        by_section.setdefault(each.section, []).append(each)
    wanted = [each for found in by_section.values() for each in found]
    known = await askers(connection, [each.topic for each in wanted if each.topic], now)
    mailed = await shown.emails_that_show(connection) if wanted else {}
    pairs = [(email, each.item) for each in wanted for email in mailed.get(each.item, [])]
    values: dict[str, Any] = {
        "issue": issue, "corrects": corrects, "now": now, "answered": now - ANSWERED,
        "ahead": AHEAD, "items": [each.item for each in wanted],
        "urls": [each.url for each in wanted],
        "topics": [each.topic for each in wanted], "emails": [email for email, _ in pairs],
        "mailed": [item for _, item in pairs], **audience.values(now, calendar),
    }  # fmt: skip
    wish = " || ".join(
        _wish(number, found, known, values, now, calendar)
        for number, found in enumerate(by_section.values())
    )
    await connection.execute("delete from newsletter_readers where issue_id = %s", (issue,))
    # How many had what, the planner cannot know, and takes them for a handful; looking each of them
    # up takes a minute where a hash takes a second.
    await connection.execute("set local enable_nestloop = off")
    await connection.execute(
        _GATHER.format(audience=audience.query, wish=wish or "'{}'::text[]"), values
    )
    await connection.execute("set local enable_nestloop = on")
    cursor = await connection.execute(
        "select wish, count(*) from newsletter_readers where issue_id = %s group by wish", (issue,)
    )
    return Counter({tuple(wish): count for wish, count in await cursor.fetchall()})


_GATHER = f"""
with candidate as (
       select * from unnest(%(items)s::text[], %(urls)s::text[], %(topics)s::text[])
              c(item, url, topic)),
     had as (
       select v.issue_id, v.name, c.item, i.state, i.broadcast_id
         from candidate c
         join newsletter_variants v on v.items @> array[c.item] and v.issue_id <> %(issue)s
          and v.issue_id is distinct from %(corrects)s
         join newsletter_issues i
           on i.id = v.issue_id and i.state in ('sending', 'sent', 'done')),
     unfit as (
       select r.account_id, h.item
         from had h join newsletter_readers r on r.issue_id = h.issue_id and r.variant = h.name
        where h.state = 'sending'
       union all
       select r.account_id, h.item
         from had h
         join newsletter_readers r on r.issue_id = h.issue_id and r.variant = h.name
         join messages m on m.broadcast_id = h.broadcast_id and m.account_id = r.account_id
          and m.state in {REACHED}
        where h.state <> 'sending'
       union all
       select m.account_id, e.item
         from unnest(%(emails)s::text[], %(mailed)s::text[]) e(email, item)
         join messages m on m.email = e.email and m.state in {REACHED}
       union all
       select m.account_id, c.item
         from candidate c
         join clicks k on k.url = c.url and k.human
         join messages m on m.key = k.message_key
       union all
       select t.account_id, c.item
         from candidate c
         join tickets t on t.topic = c.topic and t.opened_at > %(answered)s),
     unfit_of as materialized (
       select account_id, array_agg(item) as items from unfit group by account_id)
insert into newsletter_readers (issue_id, account_id, wish)
select %(issue)s, a.id, {{wish}}
  from ({{audience}}) judged
  join accounts a on a.id = judged.account_id
  left join unfit_of n on n.account_id = a.id
 where judged.verdict
"""
_NEW = "not coalesce(%({name})s = any(n.items), false)"
_OF_THEIR_STAGE = "(a.stage is null or a.stage = any(%({name}_stages)s))"
_OF_THEIR_AGE = """extract(epoch from %(now)s - a.created_at) / 86400
         between %({name}_young)s - %(ahead)s and %({name}_old)s"""


def _wish(
    number: int, candidates: Sequence[Candidate], known: Mapping[str, Askers],
    values: dict[str, Any], now: datetime, calendar: BusinessCalendar,
) -> str:  # fmt: skip
    """The items of one section that suit an account, as an expression; fills in its values."""
    cases = []
    for place, each in enumerate(candidates):
        name = f"s{number}_{place}"
        values[name] = each.item
        tests = [_NEW.format(name=name)]
        if each.topic is not None and (who := known.get(each.topic)) is not None:
            values[f"{name}_stages"] = list(who.stages)
            tests.append(_OF_THEIR_STAGE.format(name=name))
            if who.ages is not None:
                values[f"{name}_young"], values[f"{name}_old"] = who.ages
                tests.append(_OF_THEIR_AGE.format(name=name))
        if each.of is not None:
            values |= each.of.values(now, calendar)
            tests.append(f"a.id in (select account_id from ({each.of.query}) j where verdict)")
        cases.append(f"case when {' and '.join(tests)} then %({name})s::text end")
    at_most = candidates[0].at_most
    return f"(array_remove(array[{', '.join(cases)}], null))[1:{int(at_most)}]"


async def settle(
    connection: Connection, issue: str, choice: Choice, sources: Mapping[str, str],
    shows: Mapping[str, Sequence[str]], answers: Mapping[str, str],
) -> None:  # fmt: skip
    """Keep the variants of an issue, with their texts, and which one each account gets.

    `shows` are all items of a variant's text, also those that everybody sees; `answers` the topic
    that an item answers. Call it in the transaction of `gather`.
    """
    await connection.execute("delete from newsletter_variants where issue_id = %s", (issue,))
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "insert into newsletter_variants (issue_id, name, items, shown, topics, accounts,"
            " source) values (%s, %s, %s, %s, %s, %s, %s)",
            [
                (issue, each.name, list(each.items), list(shows[each.name]),
                 [answers[item] for item in each.items if item in answers], each.accounts,
                 sources[each.name])
                for each in choice.variants
            ],
        )  # fmt: skip
    chosen = [{"wish": wish, "variant": name} for wish, name in choice.of.items() if name]
    await connection.execute(
        "update newsletter_readers r set variant = c.variant"
        " from jsonb_to_recordset(%s) as c(wish text[], variant text)"
        " where r.issue_id = %s and r.wish = c.wish",
        (Jsonb(chosen), issue),
    )


@dataclass(frozen=True, slots=True)
class VariantView:
    """A variant as it was frozen, and how many accounts wished for something else or more."""

    name: str
    items: tuple[str, ...]
    shown: tuple[str, ...]
    topics: tuple[str, ...]
    accounts: int
    odd: int
    source: str


async def variants(connection: Connection, issue: str) -> list[VariantView]:
    """The variants of an issue, the most read first."""
    cursor = await connection.execute(
        "select v.name, v.items, v.shown, v.topics, v.accounts,"
        " (select count(*) from newsletter_readers r"
        "   where r.issue_id = v.issue_id and r.variant = v.name"
        "     and cardinality(r.wish) > cardinality(v.items)), v.source"
        " from newsletter_variants v where v.issue_id = %s order by v.accounts desc, v.name",
        (issue,),
    )
    return [
        VariantView(name, tuple(items), tuple(shown), tuple(topics), accounts, odd, source)
        for name, items, shown, topics, accounts, odd, source in await cursor.fetchall()
    ]


async def odd_ones(connection: Connection, issue: str, most: int = 20) -> list[tuple[str, Wish]]:
    """Accounts that get less than would suit them, with what would; the furthest off first."""
    cursor = await connection.execute(
        "select r.account_id, r.wish from newsletter_readers r join newsletter_variants v"
        " on v.issue_id = r.issue_id and v.name = r.variant where r.issue_id = %s"
        " and cardinality(r.wish) > cardinality(v.items)"
        " order by cardinality(v.items) - cardinality(r.wish), r.account_id limit %s",
        (issue, most),
    )
    return [(account, tuple(wish)) for account, wish in await cursor.fetchall()]
