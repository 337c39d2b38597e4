"""Nothing personal leaves Postgres and the mail: not in histories, failures, metrics or logs."""

from __future__ import annotations

import dataclasses
import io
import logging
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import generate_latest
from temporalio.api.enums.v1 import EventType
from temporalio.api.failure.v1 import Failure
from temporalio.testing import ActivityEnvironment

from digital_cs import logs
from digital_cs.messages.converter import CONVERTER
from digital_cs.messages.enrollment import AdvanceRequest
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.store.people.contacts import ContactRecord
from tests import rig
from tests.engine.everything import PERSONAL, Travelled
from tests.engine.house import House, Visit, until
from tests.engine.readings import all_texts, texts_in

REFUSE_EVERY_CLAIM = """
create or replace function tell_all() returns trigger language plpgsql as $$ begin
  raise exception 'no room for %%', (select email from contacts where id = new.contact_id)
    using detail = (select 'the row of ' || full_name from contacts where id = new.contact_id);
end $$;
create trigger tell_all before insert on messages for each row execute function tell_all();
"""


def personal_in(text: str) -> list[str]:
    """What of our people's data is in a text."""
    return [word for word in PERSONAL if word.lower() in text.lower()]


def attempt() -> ActivityEnvironment:
    """One call of an activity that begins now."""
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(
        environment.info,
        started_time=datetime.now(UTC),
        start_to_close_timeout=timedelta(seconds=8),
    )
    return environment


async def someone(visit: Visit, account: str) -> str:
    """An account with one contact of telling names, in a program with one send."""
    await visit.publish(rig.drip(f"to-{account}", 1, "1 day"))
    await visit.intake.save_accounts([AccountRecord(account, "Vantablack Oddlings")])
    contact = ContactRecord(f"{account}-c", account, "z.quill@quillfeather.example", "Zenobia",
                            "Zenobia Quillfeather", ("champion",))  # fmt: skip
    await visit.intake.save_contacts([contact])
    [enrollment] = await visit.enroll(f"to-{account}", account)
    return enrollment


async def test_a_history_contains_no_address_no_name_and_no_body(travelled: Travelled) -> None:
    visit = travelled.visit
    bodies = set()
    for mail in visit.house.mails():
        text = mail.get_body(("plain",))
        assert text is not None
        lines = [str(mail["Subject"]), *text.get_content().splitlines()]
        bodies |= {line.strip().lower() for line in lines if len(line.strip()) > 20}
    assert len(bodies) > 5
    rows = await visit.ask("select id from enrollments")
    assert len(rows) == 6
    told = ""
    for (enrollment,) in rows:
        kept = await all_texts(visit.workflow(enrollment))
        assert enrollment in kept  # it does read the payloads
        told += kept
        assert personal_in(kept) == []
        assert [line for line in bodies if line in kept] == []
    for words in ("wait 1 day", "wait for connected", "enter the program"):
        assert words in told  # the summaries were read too


async def test_metrics_name_programs_and_nothing_personal(travelled: Travelled) -> None:
    served = generate_latest().decode()
    assert 'program="everything"' in served
    accounts = await travelled.visit.ask("select id from accounts")
    words = [*PERSONAL, *(id for (id,) in accounts)]
    ours = "\n".join(line for line in served.splitlines() if line.startswith("digital_cs"))
    assert [word for word in words if word.lower() in ours.lower()] == []


async def test_a_fault_of_the_database_does_not_carry_its_row_into_the_history(
    house: House,
) -> None:
    """Postgres quotes the row that it refused; four tries later the failure is in the history."""
    async with house.at_work() as visit:
        await visit.tell(REFUSE_EVERY_CLAIM)
        try:
            enrollment = await someone(visit, "acct-refused")
            handle = visit.workflow(enrollment)
            await visit.sees("select 1 from enrollments e where not exists (select 1 from outbox)")

            async def failure_is_kept() -> bool:
                history = await handle.fetch_history()
                return any(
                    event.marker_recorded_event_attributes.HasField("failure")
                    for event in history.events
                    if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED
                )

            await until(failure_is_kept)
        finally:
            await visit.tell("drop function tell_all cascade")
        kept = await all_texts(handle)
        assert "sqlstate p0001, at src/digital_cs/store/" in kept
        assert personal_in(kept) == []


async def test_a_fault_tells_its_kind_and_place_to_the_log_and_not_its_words(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = io.StringIO()
    handlers, level = logging.root.handlers[:], logging.root.level
    monkeypatch.setattr("sys.stderr", written)
    logs.configure("debug", "json")
    try:
        async with house.engine() as visit:
            enrollment = await someone(visit, "acct-logged")
            await visit.tell(REFUSE_EVERY_CLAIM)
            try:
                with pytest.raises(Exception, match="SQLSTATE P0001") as caught:
                    await attempt().run(visit.engine.activities.advance, AdvanceRequest(enrollment))
                logging.getLogger("temporalio.activity").warning(
                    "Completing activity as failed", exc_info=caught.value
                )
            finally:
                await visit.tell("drop function tell_all cascade")
        failure = Failure()
        await CONVERTER.encode_failure(caught.value, failure)
    finally:
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
    assert "Completing activity as failed" in written.getvalue()
    assert personal_in(written.getvalue()) == []
    assert personal_in("\n".join(texts_in(failure))) == []
