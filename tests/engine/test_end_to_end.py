"""Programs with every kind of step, run by a whole engine: mail, ledger, decisions."""

from __future__ import annotations

import json

from digital_cs.channels.webhook import sign
from digital_cs.domain.programs.program import STEP_KINDS
from digital_cs.domain.sending.reason import Reason
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.store.people.contacts import ContactRecord
from tests import rig
from tests.engine.everything import (
    ADDRESS,
    BIG,
    EMPTY,
    SMALL,
    Travelled,
    kinds_in,
    programs,
)
from tests.engine.house import House, Visit


def test_the_program_has_every_kind_of_step() -> None:
    written = [program.model_dump(mode="json", by_alias=True) for program in programs("http://x")]
    assert kinds_in(written) == STEP_KINDS.keys()


async def steps_sent(visit: Visit, account: str) -> list[str]:
    rows = await visit.ask(
        "select step from messages where account_id = %s and state = 'accepted'"
        " and program_id = 'everything' order by settled_at, visit", account,
    )  # fmt: skip
    return [step for (step,) in rows]


async def test_each_account_went_its_own_way(travelled: Travelled) -> None:
    big = await steps_sent(travelled.visit, BIG)
    small = await steps_sent(travelled.visit, SMALL)
    assert {big.pop(1), small.pop(1)} <= {"arm-one", "arm-two"}
    assert big == ["hello", "after-the-call", "well-done"]
    assert small == ["hello", "sorry", "need-help"]


async def test_what_the_ledger_says_was_accepted_is_what_the_sink_has(
    travelled: Travelled,
) -> None:
    rows = await travelled.visit.ask(
        "select m.message_id, c.email from messages m join contacts c on c.id = m.contact_id"
        " where m.state = 'accepted'"
    )
    arrived = [(mail["Message-ID"], str(mail["To"]).split("<")[1].rstrip(">"))
               for mail in travelled.visit.house.mails()]  # fmt: skip
    assert sorted(rows) == sorted(arrived)
    assert len(arrived) == len(set(arrived)) == 10


async def test_a_mail_is_to_one_person_and_speaks_to_them(travelled: Travelled) -> None:
    mail, *_ = travelled.visit.house.mails(to=ADDRESS[BIG])
    assert mail["To"] == "Zenobia Quillfeather <z.quill@quillfeather.example>"
    text = mail.get_body(("plain",))
    assert text is not None
    assert "Hi Zenobia," in text.get_content()
    assert mail["List-Unsubscribe"]


async def test_ids_of_any_length_can_be_written_to(house: House) -> None:
    """Other systems' ids are often longer than the 64 characters that fit before an @."""
    account, contact = "a" * 100, "c" * 120
    async with house.at_work() as visit:
        await visit.publish(rig.drip("long-ids", 1, "1 day"))
        await visit.intake.save_accounts([AccountRecord(account, "Company")])
        await visit.intake.save_contacts(
            [ContactRecord(contact, account, "long@company.test", "Ada", "Ada", ("champion",))]
        )
        await visit.ended(*await visit.enroll("long-ids", account))
    [mail] = house.mails("long@company.test")
    assert mail["Message-ID"]


async def test_nobody_to_write_to_is_a_state_that_is_seen_P1(travelled: Travelled) -> None:
    visit = travelled.visit
    rows = await visit.ask(
        "select distinct state, reason, contact_id from messages where account_id = %s", EMPTY
    )
    assert rows == [("skipped", "nobody", None)]
    verdicts = await visit.ask(
        "select distinct verdict from decisions where account_id = %s and step = 'hello'", EMPTY
    )
    assert {"held", "skipped"} <= {verdict for (verdict,) in verdicts}


async def test_an_unknown_zone_falls_back_and_the_ledger_says_so_P4(travelled: Travelled) -> None:
    rows = await travelled.visit.ask(
        "select distinct zone, zone_source from messages where account_id = %s"
        " and state = 'accepted' order by 1", SMALL,
    )  # fmt: skip
    assert rows == [("UTC", "workspace")]
    rows = await travelled.visit.ask(
        "select distinct zone, zone_source from messages where account_id = %s", BIG
    )
    assert rows == [("Asia/Tokyo", "account")]


async def test_every_message_has_a_decision_in_words_P19(travelled: Travelled) -> None:
    missing = await travelled.visit.ask(
        "select m.key from messages m where not exists (select 1 from decisions d"
        " where d.enrollment_id = m.enrollment_id and d.visit = m.visit and d.words <> '')"
    )
    assert missing == []


async def test_the_other_system_was_told_once_and_can_check_it(travelled: Travelled) -> None:
    system, settings = travelled.system, travelled.visit.engine.settings
    assert sorted(body["account"] for _, body in system.calls) == [BIG, EMPTY, SMALL]
    headers, body = system.calls[0]
    assert headers["idempotency-key"] == body["id"]
    assert body["reason"] == "greeted"
    sent = json.dumps(body, separators=(",", ":"), sort_keys=True).encode()
    key = settings.signing_key.get_secret_value()
    stamp = int(headers["digital-cs-timestamp"])
    assert headers["digital-cs-signature"] == f"v1={sign(key, stamp, sent)}"


async def test_the_side_program_was_started_and_left_by_the_main_one(travelled: Travelled) -> None:
    rows = await travelled.visit.ask(
        "select source, ending, because from enrollments where program_id = 'side'"
    )
    assert len(rows) == 3
    assert {source for source, _, _ in rows} == {"program everything"}
    assert {ending for _, ending, _ in rows} == {"exited"}
    assert all("everything" in because for _, _, because in rows)


async def test_tasks_end_as_what_became_of_them(travelled: Travelled) -> None:
    rows = await travelled.visit.ask("select account_id, state, closed_by from tasks order by 1")
    assert rows == [(BIG, "done", "maya"), (EMPTY, "expired", "expired"),
                    (SMALL, "expired", "expired")]  # fmt: skip


async def test_afterwards_nothing_is_left_to_mend(travelled: Travelled) -> None:
    assert await travelled.visit.engine.reconciler.full() == (0, 0)
    assert await travelled.visit.ask("select 1 from outbox") == []


async def test_every_decision_has_a_reason_of_the_list_and_words_for_people_P19(
    travelled: Travelled,
) -> None:
    rows = await travelled.visit.ask("select reason, words from decisions")
    assert rows
    assert {reason for reason, _ in rows} <= set(Reason)
    assert [reason for reason, words in rows if not words.strip() or "{" in words] == []
    settled = await travelled.visit.ask("select reason from messages where settled_at is not null")
    assert {reason for (reason,) in settled} <= set(Reason)
