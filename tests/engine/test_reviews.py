"""Reviews in a whole engine: asked by mail, in order, once a week; answered on the page."""

from __future__ import annotations

from datetime import date

import httpx2
from fastapi import FastAPI
from temporalio.client import WorkflowExecutionStatus

from activities.colleagues import HEADER
from digital_cs.console.review_pages import router
from digital_cs.domain.content.content_item import ContentItem
from digital_cs.domain.content.review_policy import Kind
from digital_cs.messages.content_review import digest_workflow_id, review_workflow_id
from digital_cs.store.content import library
from tests import rig
from tests.activities.reviewing import SOURCE
from tests.engine.house import House, until

ITEM = ContentItem(
    "c-1", SOURCE.name, "help.md", Kind.ARTICLE, "Getting help", date(2025, 1, 1), rig.MONDAY,
    owner="programs", backup="support", reviewed_on=date(2025, 8, 1),
)  # fmt: skip
FORM = {"checked": ["steps"], "changed": "yes"}


async def test_the_owner_is_told_and_reminded_then_the_backup_is_and_answers_by_the_link_P26(
    house: House,
) -> None:
    async with house.at_work() as visit:
        async with visit.engine.pool.connection() as connection, connection.transaction():
            await library.save_source(connection, SOURCE, rig.MONDAY)
            await library._write(connection, [ITEM])
        told = "select 1 from review_steps where kind = 'told' and who = 'support'"
        await visit.sees(told, within=60)

        mails = [mail for mail in house.mails() if mail[HEADER] == "digest"]
        assert [str(mail["To"]).split(" <")[0] for mail in mails] == [
            "Customer programs", "Customer programs", "Support"
        ]  # fmt: skip
        weeks = [mail["Date"].datetime.isocalendar()[:2] for mail in mails]
        assert weeks == sorted(set(weeks))

        part = mails[-1].get_body(("plain",))
        assert part is not None
        [link] = [word for word in part.get_content().split() if "/r/" in word]
        app = FastAPI()
        app.include_router(router(visit.engine.pool, visit.engine.clock, visit.engine.settings))
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport) as reader:
            assert "Getting help" in (await reader.get(link)).text
            done = await reader.post(f"{link}/review", data=FORM)
        assert "Support checked steps and changed something." in done.text

        [(case_id, ended)] = await visit.ask("select id, ended_as from review_cases")
        assert ended == "edited"
        handle = visit.engine.client.get_workflow_handle(review_workflow_id(house.name, case_id))

        async def over() -> bool:
            return (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED

        await until(over)
        digests = visit.engine.client.get_workflow_handle(digest_workflow_id(house.name))
        assert (await digests.describe()).status is WorkflowExecutionStatus.RUNNING
        await digests.terminate()
        rows = await visit.ask("select count(*), count(distinct key) from colleague_mails")
        assert rows == [(3, 3)]
