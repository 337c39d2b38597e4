"""Conditions over where an account is: in a segment, in or through a program."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from pydantic import Field

from digital_cs.domain.account import Account
from digital_cs.domain.grammar import Name
from digital_cs.domain.rules.verdict import Rule, Verdict


class SegmentIs(Rule):
    """The account is a member of this segment."""

    segment: Name = Field(description="Name of a segment in content/segments.")

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        if self.segment not in account.segments:
            return Verdict.NO
        return Verdict.YES if account.segments[self.segment] is not None else Verdict.UNKNOWN

    def true_since(self, account: Account, since: datetime, now: datetime) -> datetime | None:
        return account.segments.get(self.segment)

    def listens(self) -> Iterator[str]:
        yield f"segment:{self.segment}"

    def words(self, no: str = "") -> str:
        return f"{no}in segment {self.segment}"

    def figure(self, account: Account, now: datetime) -> str:
        if self.segment not in account.segments:
            return "not a member"
        since = account.segments[self.segment]
        return f"a member since {since:%-d %B %Y}" if since is not None else "not known"


class ProgramIs(Rule):
    """The account is inside a program, went through it, or never was in it."""

    program: Name = Field(description="Id of a program.")
    is_: Literal["inside", "through", "never"] = Field(
        "inside", alias="is",
        description="inside now; through: came to its end or goal once; never: did not enter.",
    )  # fmt: skip

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        found = account.programs.get(self.program, frozenset())
        return Verdict.of(not found if self.is_ == "never" else self.is_ in found)

    def listens(self) -> Iterator[str]:
        yield f"program:{self.program}"

    def words(self) -> str:
        return {
            "inside": f"in program {self.program}", "through": f"through program {self.program}",
            "never": f"never in program {self.program}",
        }[self.is_]  # fmt: skip

    def figure(self, account: Account, now: datetime) -> str:
        found = account.programs.get(self.program, frozenset())
        return " and ".join(sorted(found - {"out"})) or ("out again" if found else "never entered")
