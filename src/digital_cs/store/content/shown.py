"""Which e-mails show which items: by sending them, with their blocks, or by a link."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]

# An e-mail shows itself, its blocks and theirs, and what any of these links to, where that has a
# page of its own. What a linked page shows in turn is not shown by the e-mail.
_EMAILS = """
with recursive held as (
       select i.id, i.locator as email from content_items i
         join content_sources s on s.name = i.source and s.kind = 'content'
        where i.kind = 'email' and i.retired_at is null
       union
       select u.item_id, h.email from held h
         join content_uses u on u.by_id = h.id and u.how = 'includes'),
     linked as (
       select p.item_id as id, h.email from held h
         join links l on l.item_id = h.id and l.kind = 'link'
         join links p on p.url = any(array[l.url, l.url || '/', rtrim(l.url, '/')])
          and p.kind = 'page' and p.item_id <> h.id)
select t.id, array_agg(distinct regexp_replace(t.email, '^emails/(.*)\\.md$', '\\1'))
  from (select * from held union select * from linked) t
  join content_items i on i.id = t.id and i.retired_at is null
 group by t.id
"""


async def emails_that_show(connection: Connection) -> dict[str, list[str]]:
    """The names of the e-mails that show an item now, by item; those nobody shows are missing."""
    cursor = await connection.execute(_EMAILS)
    return dict(await cursor.fetchall())


async def issues_that_show(connection: Connection) -> dict[str, list[str]]:
    """The texts of issues on their way that show an item, by item: each as its page is called, the
    issue's id and the variant's name."""
    cursor = await connection.execute(
        "select item, array_agg(v.issue_id || coalesce('/' || nullif(v.name, ''), '')"
        " order by v.name) from newsletter_variants v"
        " join newsletter_issues i on i.id = v.issue_id and i.state = 'sending',"
        " unnest(v.shown) item group by item"
    )
    return dict(await cursor.fetchall())


async def items_shown(connection: Connection) -> dict[str, list[str]]:
    """The items that each e-mail shows now, by its name: the other way round."""
    found: dict[str, list[str]] = defaultdict(list)
    for item, emails in (await emails_that_show(connection)).items():
        for email in emails:
            found[email].append(item)
    return found


async def program_items(connection: Connection) -> dict[str, str]:
    """The items of programs, by the id of the program."""
    cursor = await connection.execute(
        "select regexp_replace(i.locator, '^programs/(.*)\\.ya?ml$', '\\1'), i.id"
        " from content_items i join content_sources s on s.name = i.source and s.kind = 'content'"
        " where i.kind = 'program' and i.retired_at is null"
    )
    return dict(await cursor.fetchall())
