"""A library and a company of any size: files of content, and accounts inside programs."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from digital_cs.domain.content.team import Person, Team
from digital_cs.domain.programs.program import Program
from tests import rig

LINKS_AN_ITEM = 10
ACCOUNTS_AN_ITEM = 10
PROGRAMS = 5
SENDS = 8
"""Messages of a program, with three days between them."""

ARTICLE = """\
---
title: How to do thing {n}
owner: team-{team}
topic: topic-{topic}
area: area-{area}
reviewed: {reviewed}
review_every: 6 months
url: https://help.test/articles/{n}
---
# How to do thing {n}

Open the settings of thing {n}, and choose what you need there.

{links}
"""
EMAIL = """\
---
subject: Thing {n} in five minutes
owner: team-{team}
topic: tips
reviewed: {reviewed}
---
Hello {{{{ contact.first_name }}}},

here is how thing {n} works: [read it](https://help.test/articles/{n}).

{{% include "blocks/block-{one}.md" %}}

{{% include "blocks/block-{two}.md" %}}
"""
NOTE = """\
---
title: Thing {n} is new
owner: team-{team}
area: area-{area}
reviewed: {reviewed}
---
Thing {n} works in another way from today on.
"""
BLOCK = """\
---
owner: team-{team}
reviewed: {reviewed}
---
There is more about it [in our guide](https://help.test/articles/{n}).
"""


def write_library(folder: Path, items: int) -> None:
    """Articles, e-mails and blocks that lead to them, and release notes: so many files in all."""
    emails, blocks, notes = max(items // 50, PROGRAMS), max(items // 100, 2), max(items // 200, 2)
    areas = max(notes // 2, 1)
    articles = items - emails - blocks - notes
    for name in ("articles", "emails", "blocks", "feature_notes"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for n in range(articles):
        links = "\n".join(f"- [More]({url})" for url in _links(n, articles))
        text = ARTICLE.format(n=n, topic=n % 50, area=n % areas, links=links, **_about(n))
        (folder / "articles" / f"thing-{n}.md").write_text(text)
    for n in range(emails):
        one, two = n % blocks, (n * 7 + 1) % blocks
        text = EMAIL.format(n=n % articles, one=one, two=two, **_about(n))
        (folder / "emails" / f"mail-{n}.md").write_text(text)
    for n in range(blocks):
        text = BLOCK.format(n=(n * 13) % articles, **_about(n))
        (folder / "blocks" / f"block-{n}.md").write_text(text)
    for n in range(notes):
        text = NOTE.format(n=n, area=n % areas, **{**_about(n), "reviewed": "2026-02-20"})
        (folder / "feature_notes" / f"note-{n}.md").write_text(text)


def _about(n: int) -> dict[str, Any]:
    """Of every four, one was reviewed too long ago."""
    reviewed = ("2026-02-01", "2025-12-15", "2025-10-01", "2025-06-01")[n % 4]
    return {"team": n % 40, "reviewed": reviewed}


def _links(n: int, articles: int) -> list[str]:
    """Half to other articles, half to pages of others; all different."""
    half = LINKS_AN_ITEM // 2
    inside = [f"https://help.test/articles/{(n + 1 + k * 17) % articles}" for k in range(half)]
    return inside + [f"https://site-{(n + k) % 200}.test/{n}/{k}" for k in range(half)]


async def publish_programs(connection: AsyncConnection[Any], emails: int) -> None:
    """Programs that send the e-mails of the library in turn."""
    for p in range(PROGRAMS):
        steps: list[dict[str, Any]] = []
        for k in range(SENDS):
            send = {"send": f"mail-{(p * SENDS + k) % emails}", "id": f"touch-{k}"}
            steps += [{"wait": "3 days", "id": f"wait-{k}"}, send]
        written: dict[str, Any] = {
            "program": f"program-{p}", "name": f"Program {p}", "owner": "team-1", "steps": steps,
            "send_window": {"days": "weekdays", "hours": "09:00-17:00"},
        }  # fmt: skip
        await rig.publish(connection, Program.model_validate(written), rig.MONDAY)


# Everybody is inside one program, every fifth in a second one, at a wait that ends within a month.
_COMPANY = (
    """
    insert into accounts (id, name, stage, zone, country, created_at, updated_at)
    select 'acct-' || n, 'Company ' || n, 'active',
           (array['Europe/Berlin', 'America/New_York', 'Asia/Tokyo', 'Europe/London'])[1 + n %% 4],
           'DE', %(now)s, %(now)s from generate_series(1, %(count)s) n""",
    """
    insert into contacts (id, email, created_at, updated_at)
    select 'acct-' || n || '-c', 'c' || n || '@company-' || n || '.test', %(now)s, %(now)s
      from generate_series(1, %(count)s) n""",
    """
    insert into memberships (contact_id, account_id, joined_at, roles)
    select 'acct-' || n || '-c', 'acct-' || n, %(now)s, '{champion}'
      from generate_series(1, %(count)s) n""",
    """
    insert into enrollments (id, program_id, version, account_id, nth, source, started_at, step,
           visit, entered_at, position, wake_at, touched_at)
    select p || ':acct-' || n, p, 1, 'acct-' || n, 1, 'bench', %(now)s, step, 1, %(now)s,
           jsonb_build_object('step', step, 'visit', 1, 'entered_at', %(now)s::timestamptz,
             'due_at', due), due, %(now)s
      from (select n, 'program-' || (n + second) %% %(programs)s as p,
                   'wait-' || (n / 7 + second) %% %(sends)s as step,
                   %(now)s + ((n::bigint * 7919 + second * 104729) %% 43200)
                     * interval '1 minute' as due
              from generate_series(1, %(count)s) n, generate_series(0, 1) second
             where second = 0 or n %% 5 = 0) each""",
    "analyze accounts, contacts, memberships, enrollments",
)


async def make_company(connection: AsyncConnection[Any], accounts: int, now: datetime) -> int:
    """So many accounts with one contact each, inside programs; returns the enrollments."""
    values = {"count": accounts, "now": now, "programs": PROGRAMS, "sends": SENDS}
    for statement in _COMPANY[:-1]:
        cursor = await connection.execute(statement.encode(), values)
    await connection.execute(_COMPANY[-1].encode())
    return cursor.rowcount


# Of all addresses one in thirty is broken, of live pages one in ten has changed. Five tickets an
# article, half of those about one topic in ten this month; some name the article that solved them.
# Who asked lately had read about it before, in an e-mail.
_EVIDENCE = (
    """
    update link_states set state = 'broken', finding = 'gone', status = 404,
           since = %(now)s - interval '20 days', checked_at = %(now)s
     where hashtextextended(url, 1) %% 30 = 0 and url not like 'https://help.test/%%'""",
    """
    insert into page_states (url, verified_at, verified_text, seen_at, seen_text, changed_at,
           change)
    select distinct url, %(now)s - interval '1 year', 'a', %(now)s, 'b',
           %(now)s - interval '3 days', 'Half of it is new.'
      from links where kind = 'page' and hashtextextended(url, 2) %% 10 = 0""",
    """
    insert into sources (name, kind, feeds, complete_through)
    values ('desk', 'csv', '{tickets}', %(now)s)""",
    """
    insert into tickets (id, source, account_id, subject, body, text_kept_until, opened_at,
           solved_at, status, topic, source_topic, topic_due, updated_at)
    select 'desk:' || n, 'desk', 'acct-' || 1 + n %% %(accounts)s, 'A question',
           'See https://help.test/articles/' || n %% %(articles)s, %(now)s + interval '1 year',
           opened, opened + interval '1 day', 'solved', topic, topic, false, %(now)s
      from (select n, 'topic-' || n %% 50 as topic, %(now)s - case
                   when n %% 50 < 5 and n %% 100 < 50 then interval '1 hour' * (n %% 600)
                   else interval '1 hour' * (n %% 2000) end as opened
              from generate_series(1, %(tickets)s) n) each""",
    """
    insert into content_votes (item_id, voter, helpful, at, source)
    select id, 'reader-' || k, hashtextextended(id || k, 3) %% 3 > 0, %(now)s - interval '2 days',
           'bench'
      from content_items cross join generate_series(1, 5) k where kind = 'article'""",
    """
    insert into messages (key, enrollment_id, program_id, version, step, visit, account_id, email,
           kind, priority, state, due_at, claimed_at, attempts)
    select id || '/1', id, program_id, version, 'touch-0', 1, account_id, 'mail-1', 'marketing',
           'normal', 'delivered', at, at, 1
      from (select distinct on (e.id) e.*, t.opened_at - interval '2 hours' as at
              from enrollments e join tickets t using (account_id)
             where t.opened_at > %(now)s - interval '10 days' order by e.id, t.opened_at) e""",
    """
    insert into clicks (message_key, nth, url, at, human, why)
    select m.key, 1, 'https://help.test/articles/' || substr(t.topic, 7), m.claimed_at, true,
           'bench'
      from messages m join tickets t on t.account_id = m.account_id
       and t.opened_at = m.claimed_at + interval '2 hours'""",
    "analyze",
)


async def make_evidence(
    connection: AsyncConnection[Any], items: int, now: datetime
) -> None:  # fmt: skip
    """What speaks against a library of so many items: all that evidence is made of."""
    values = {
        "now": now, "accounts": items * ACCOUNTS_AN_ITEM, "articles": items * 9 // 10,
        "tickets": items * 5,
    }  # fmt: skip
    for statement in _EVIDENCE[:-1]:
        await connection.execute(statement.encode(), values)
    await connection.execute(_EVIDENCE[-1].encode())


def team() -> Team:
    """Of forty owners one has left."""
    left = Person(gone=date(2026, 2, 1))
    return Team(people={f"team-{n}": left if n == 7 else Person() for n in range(40)})
