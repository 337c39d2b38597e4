"""The rarer effects of a step, written in the transaction that moves its enrollment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from digital_cs.domain.programs.enrollment import (
    CloseTask,
    Effect,
    EnrollIn,
    LeaveProgram,
    OpenTask,
    SetAccount,
    SkipMessage,
    TellOwner,
)
from digital_cs.messages.keys import message_key, visit_key
from digital_cs.store.programs import alerts
from digital_cs.store.programs.enrollments import ask_to_exit, enroll
from digital_cs.store.programs.programs import re_entry
from digital_cs.store.rules.changes import tell_all

Connection = AsyncConnection[Any]

NOBODY = "nobody"
"""Stands for the contact in the key of a message that never had one."""


async def apply(
    connection: Connection, effects: Sequence[Effect], *, enrollment_id: str, program_id: str,
    version: int, account_id: str, now: datetime,
) -> None:  # fmt: skip
    """Write the effects. Each may be written twice without harm."""
    who = {
        "enrollment_id": enrollment_id, "program_id": program_id, "version": version,
        "account_id": account_id, "now": now,
    }  # fmt: skip
    for effect in effects:
        match effect:
            case SkipMessage():
                await _skip(connection, effect, who)
            case OpenTask():
                await connection.execute(
                    "insert into tasks (key, enrollment_id, program_id, account_id, step, visit,"
                    " title, note, assign_to, state, opened_at, due_at) values (%(key)s,"
                    " %(enrollment_id)s, %(program_id)s, %(account_id)s, %(step)s, %(visit)s,"
                    " %(title)s, %(note)s, %(assign_to)s, 'open', %(now)s, %(due_at)s)"
                    " on conflict (key) do nothing",
                    {
                        **who, "key": visit_key(enrollment_id, effect.visit), "step": effect.step,
                        "visit": effect.visit, "title": effect.title, "note": effect.note,
                        "assign_to": effect.assign_to, "due_at": effect.due_at,
                    },
                )  # fmt: skip
            case CloseTask():
                state = "expired" if effect.reason == "expired" else "cancelled"
                await connection.execute(
                    "update tasks set state = %s, closed_at = %s, closed_by = %s"
                    " where key = %s and state = 'open'",
                    (state, now, effect.reason, visit_key(enrollment_id, effect.visit)),
                )
            case SetAccount():
                await connection.execute(
                    "update accounts set stage = coalesce(%s, stage), traits = traits || %s,"
                    " updated_at = %s where id = %s",
                    (effect.stage, Jsonb(dict(effect.traits)), now, account_id),
                )
                keys = [f"trait:{name}" for name, _ in effect.traits]
                if effect.stage is not None:
                    keys.append("stage")
                await tell_all(connection, [account_id], keys)
            case EnrollIn():
                await enroll(
                    connection, effect.program, [account_id], source=f"program {program_id}",
                    now=now, again=await re_entry(connection, effect.program),
                )  # fmt: skip
            case LeaveProgram():
                await ask_to_exit(
                    connection, program_id=effect.program, account_id=account_id,
                    because=f"The program {program_id} took the account out.",
                )  # fmt: skip
            case TellOwner():
                await alerts.tell(
                    connection, program_id=program_id, step=effect.step, kind=effect.kind,
                    owner=effect.owner, words=effect.words, now=now,
                )  # fmt: skip


async def _skip(connection: Connection, effect: SkipMessage, who: dict[str, Any]) -> None:
    key = message_key(who["enrollment_id"], effect.visit, effect.contact_id or NOBODY)
    await connection.execute(
        "insert into messages as m (key, enrollment_id, program_id, version, step, visit,"
        " account_id, contact_id, email, kind, priority, state, due_at, settled_at, reason, detail,"
        " attempts) values (%(key)s, %(enrollment_id)s, %(program_id)s, %(version)s, %(step)s,"
        " %(visit)s, %(account_id)s, %(contact_id)s, %(email)s, %(kind)s, %(priority)s,"
        " 'skipped', %(due_at)s, %(now)s, %(reason)s, %(words)s, 0)"
        " on conflict (key) do update set state = 'skipped', settled_at = excluded.settled_at,"
        " reason = excluded.reason, detail = excluded.detail where m.state = 'planned'",
        {
            **who, "key": key, "step": effect.step, "visit": effect.visit,
            "contact_id": effect.contact_id, "email": effect.email, "due_at": effect.due_at,
            "kind": effect.kind, "priority": effect.priority, "reason": effect.reason,
            "words": effect.words,
        },
    )  # fmt: skip
    if effect.merge is not None:
        await connection.execute(
            "insert into merges (message_key, account_id, contact_id, program_id, email, topic,"
            " state, at, useful_until) values (%(key)s, %(account_id)s, %(contact_id)s,"
            " %(program_id)s, %(email)s, %(topic)s, 'waiting', %(now)s, %(useful_until)s)"
            " on conflict (message_key) do nothing",
            {
                **who, "key": key, "contact_id": effect.contact_id, "email": effect.email,
                "topic": effect.merge.topic, "useful_until": effect.merge.useful_until,
            },
        )  # fmt: skip
