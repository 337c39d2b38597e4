"""A worker brings tickets in by itself, and forgets what they said when its time is over."""

from __future__ import annotations

import pytest
from psycopg_pool import AsyncConnectionPool

from digital_cs.bootstrap import open_zendesk
from digital_cs.errors import SettingsError
from tests.engine.house import House
from tests.ingest.zendesk_desk import EMAIL, TOKEN, Desk, ticket

WITH_TEXT = "select id from tickets where id = 'zendesk:7' and subject = 'Help' and body <> ''"
COMPLETE = "select 1 from sources where name = 'zendesk' and complete_through is not null"
WITHOUT = "select id from tickets where id = 'zendesk:7' and subject is null and body is null"


async def test_a_worker_pulls_from_zendesk_and_erases_texts_once_a_day(house: House) -> None:
    async with Desk() as desk:
        desk.faults = [(503, {}, b"")]
        desk.tickets = [ticket(7)]
        settings = {"zendesk_url": desk.url, "zendesk_email": EMAIL, "zendesk_token": TOKEN}
        async with house.at_work(**settings, ticket_text_days=3650) as visit:
            await visit.sees(WITH_TEXT)
            await visit.tell("update tickets set text_kept_until = %s", visit.now)
            await visit.sees(WITHOUT)
            await visit.sees(COMPLETE)


async def test_a_zendesk_named_only_half_stops_the_start(house: House) -> None:
    settings = house.settings(zendesk_url="https://company.zendesk.com", zendesk_email=EMAIL)
    async with AsyncConnectionPool(house.database_url, open=False) as pool:
        with pytest.raises(SettingsError, match="ZENDESK_TOKEN"):
            async with open_zendesk(settings, pool):
                pass
