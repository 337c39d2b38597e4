"""The figures of an issue for people: as its report kept them, or counted now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from digital_cs.domain.newsletters.issue_report import IssueFigures, Recall
from digital_cs.errors import NotFoundError, UsageError
from digital_cs.store.newsletters import issue_figures, issue_recalls, issues
from digital_cs.store.newsletters.issues import IssueRow

if TYPE_CHECKING:
    from digital_cs.temporal.gateway import Gateway

_FIGURES: TypeAdapter[IssueFigures] = TypeAdapter(IssueFigures)


@dataclass(frozen=True, slots=True)
class Shown:
    """An issue with its figures; `made_at` is when they were kept, None: they are of now."""

    row: IssueRow
    figures: IssueFigures
    made_at: datetime | None = None
    recall: Recall | None = None


async def show(gateway: Gateway, id: str) -> Shown:
    """The figures of an issue that went out. Raises NotFoundError, and UsageError before that."""
    async with gateway.pool.connection() as connection:
        row = await issues.get(connection, id)
        if row is None:
            raise NotFoundError(
                f"There is no issue '{id}'. `digital-cs newsletter issues` names those that there"
                " are."
            )
        if row.broadcast_id is None:
            raise UsageError(f"The issue is {row.standing}: there is nothing to report yet.")
        recall = await issue_recalls.recall_of(connection, row)
        kept = _kept(row)
        if kept is not None:
            return Shown(row, kept, datetime.fromisoformat(row.report["at"]), recall)
        return Shown(row, await issue_figures.count(connection, row.broadcast_id), None, recall)


def _kept(row: IssueRow) -> IssueFigures | None:
    """What the report kept; None without one, or with one of a release that counted less."""
    report: dict[str, Any] = {key: value for key, value in row.report.items() if key != "at"}
    return _FIGURES.validate_python(report) if "scanned" in report else None
