"""Asking a condition about an account, in one line."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from digital_cs.domain.account import Account, UsageDay
from digital_cs.domain.rules.condition import Condition, Verdict
from tests.domain.rehearsal import MONDAY

READ: TypeAdapter[Any] = TypeAdapter(Condition)
YES, NO, UNKNOWN = Verdict.YES, Verdict.NO, Verdict.UNKNOWN
TODAY = MONDAY.date()


def read(written: dict[str, Any]) -> Any:
    return READ.validate_python(written)


def ask(written: dict[str, Any], account: Account, now: datetime = MONDAY) -> Verdict:
    return read(written).verdict(account, MONDAY, now)  # type: ignore[no-any-return]


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def used(*rows: tuple[int, int], **more: Any) -> tuple[UsageDay, ...]:
    """Usage as (days ago, how often)."""
    return tuple(UsageDay(ago(days), n, **more) for days, n in sorted(rows, reverse=True))
