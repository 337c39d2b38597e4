"""A program as a simulation plays it: its graph, who enters it, and how many it leaves out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from digital_cs.domain.account import LEAVING_STAGES, MANAGED, Account
from digital_cs.domain.programs.program import Entry, SegmentEntry
from digital_cs.domain.programs.program_graph import Graph, SendNode
from digital_cs.domain.rules.condition import AllOf, AnyOf, Verdict
from digital_cs.domain.sending.eligibility import SERVICE


@dataclass(frozen=True)
class Played:
    """`holdout` is what the program says itself, in percent; None: what the policy says."""

    graph: Graph
    entry: Entry = field(default_factory=Entry)
    holdout: float | None = None

    @property
    def id(self) -> str:
        """The id of the program."""
        return self.graph.id

    @cached_property
    def rule(self) -> Any:
        """What every account meets as it enters; None if anything may bring it in."""
        segments = [rule.segment for rule in self.entry.when if isinstance(rule, SegmentEntry)]
        parts = [self.entry.only_if] if self.entry.only_if is not None else []
        if segments and len(segments) == len(self.entry.when):
            parts.append(AnyOf(any=tuple(segments)))
        return AllOf(all=tuple(parts)) if parts else None

    @cached_property
    def markets(self) -> bool:
        """Whether it sends anything but service notices: else it holds nobody out."""
        return any(
            isinstance(node, SendNode) and node.kind != SERVICE
            for node in self.graph.nodes.values()
        )

    def may_enter(self, account: Account, now: datetime) -> bool:
        """Whether the account, as it is, comes in and is not taken out again at once (P3)."""
        stays = self.graph.stay_when
        if account.stage in LEAVING_STAGES and account.stage not in stays:
            return False
        if account.managed and MANAGED not in stays:
            return False
        return self.rule is None or self.rule.verdict(account, now, now) is Verdict.YES
