"""A company of so many accounts for the bench of issues: what they asked, had and followed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from tests import rig

Connection = AsyncConnection[Any]

_LAST = "lantern-letter/2026-10-06"

# Who is new, who asked support, who had what in the last issue and what they followed differs from
# account to account, so that there is something to choose.
_COMPANY = (
    """
    insert into accounts (id, name, stage, country, created_at, updated_at)
    select 'acct-' || lpad(n::text, 7, '0'), 'Company ' || n,
           (array['active', 'active', 'onboarding', 'trial'])[1 + n %% 4], 'DE',
           %(now)s - make_interval(days => 10 + n %% 400), %(now)s
      from generate_series(1, %(accounts)s) n""",
    """
    insert into contacts (id, email, first_name, full_name, active, created_at, updated_at)
    select a.id || '-c1', a.id || '@' || %(domain)s, 'Ada', 'Ada of ' || a.name, true, %(now)s,
           %(now)s from accounts a""",
    """
    insert into memberships (contact_id, account_id, roles, joined_at)
    select id || '-c1', id, '{champion}', %(now)s from accounts""",
    """
    insert into tickets (id, source, account_id, status, topic, opened_at, updated_at)
    select 't-' || n, 'desk', 'acct-' || lpad(n::text, 7, '0'), 'solved',
           (%(topics)s::text[])[1 + abs(hashtextextended('t' || n, 6))
                                    %% cardinality(%(topics)s::text[])],
           %(now)s - make_interval(days => 3 + n %% 170), %(now)s
      from generate_series(1, %(accounts)s, 7) n""",
    f"""
    insert into newsletter_issues (id, newsletter_id, spec, day, send_on, state, subject, preview,
           broadcast_id, created_at)
    select '{_LAST}', id, spec, '2026-10-06', '2026-10-06', 'done', '', '', '{_LAST}', %(now)s
      from newsletters""",
    f"""
    insert into newsletter_variants (issue_id, name, items, shown, topics, accounts, source)
    select '{_LAST}', 'v' || nth, array[item], array[item], '{{}}', 0, ''
      from unnest(%(items)s::text[]) with ordinality x(item, nth)""",
    f"""
    insert into newsletter_readers (issue_id, account_id, wish, variant)
    select '{_LAST}', 'acct-' || lpad(n::text, 7, '0'), '{{}}',
           'v' || 1 + n %% cardinality(%(items)s::text[])
      from generate_series(1, %(accounts)s, 2) n""",
    f"""
    insert into messages (key, broadcast_id, variant, account_id, contact_id, email, kind, priority,
           state, due_at, claimed_at, attempts)
    select '{_LAST}/' || account_id || '-c1', '{_LAST}', variant, account_id, account_id || '-c1',
           '{_LAST}', 'marketing', 'normal', 'accepted', %(now)s, %(now)s, 1
      from newsletter_readers""",
    """
    insert into clicks (message_key, nth, url, at, human, why)
    select m.key, 1, (%(urls)s::text[])[1 + length(m.key || m.variant) %% 2], %(now)s, true, ''
      from messages m where hashtextextended(m.key, 1) %% 20 = 0""",
    """
    insert into merges (message_key, account_id, contact_id, program_id, email, state, at,
           useful_until)
    select 'w-' || id, id, id || '-c1', 'welcome',
           (array['welcome-paid-2', 'welcome-paid-3'])[1 + length(name) %% 2], 'waiting', %(now)s,
           %(now)s + interval '60 days'
      from accounts where hashtextextended(id, 2) %% 50 = 0""",
)  # fmt: skip

_SENT = """
with sent as (
       insert into messages (key, broadcast_id, variant, account_id, contact_id, email, kind,
              priority, topic, state, due_at, claimed_at, settled_at, attempts)
       select %(id)s || '/' || r.account_id || '-c1', %(id)s, r.variant, r.account_id,
              r.account_id || '-c1', %(id)s, 'marketing', 'normal', 'newsletter', 'accepted',
              %(now)s, %(now)s, %(now)s, 1
         from newsletter_readers r where r.issue_id = %(id)s
       returning key, account_id, contact_id),
     said as (
       insert into decisions (at, broadcast_id, account_id, contact_id, verdict, reason, words)
       select %(now)s, %(id)s, account_id, contact_id, 'sent', 'accepted', '' from sent)
insert into clicks (message_key, nth, url, at, human, why)
select key, 1, 'https://lantern.example/help/' || abs(hashtextextended(key, 3)) %% 9, %(now)s,
       hashtextextended(key, 4) %% 3 <> 0, ''
  from sent where hashtextextended(key, 5) %% 10 = 0
"""


async def make_company(
    connection: Connection, accounts: int, items: dict[str, str], now: datetime
) -> None:
    """So many accounts, and an issue that half of them had, of the one newsletter that there is.
    `items` are the articles that answer what they ask, by name."""
    values = {
        "accounts": accounts, "now": now, "domain": rig.MAIL_DOMAIN,
        "topics": [f"topic-{name}" for name in items], "items": list(items.values()),
        "urls": [f"https://lantern.example/help/{name}" for name in items],
    }  # fmt: skip
    for statement in _COMPANY:
        await connection.execute(statement.encode(), values)
    await connection.execute("analyze")


async def make_sent(connection: Connection, issue: str, now: datetime) -> None:
    """All readers of an issue have it, and one in ten followed a link."""
    await connection.execute(_SENT.encode(), {"id": issue, "now": now})
    await connection.execute(
        "update broadcasts set state = 'done', ended_at = %s where id = %s", (now, issue)
    )
    await connection.execute("analyze")
