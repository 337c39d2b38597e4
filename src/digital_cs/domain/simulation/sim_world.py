"""What the others do in a simulation: providers, colleagues, other systems."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from digital_cs.domain.programs.enrollment import (
    CallWebhook,
    MessageFact,
    MessageState,
    OpenTask,
    SendMessage,
    WebhookFact,
    share_of,
)


@dataclass(frozen=True, slots=True)
class World:
    """What the others do: providers, colleagues, other systems. Shares are from 0 to 1."""

    refused_for_now: float = 0.0
    refused_for_good: float = 0.0
    tasks_done: float = 0.7
    webhooks_lost: float = 0.0
    workspace_zone: str = "UTC"
    retry_after: timedelta = timedelta(minutes=15)

    def answer(self, account_id: str, act: SendMessage, now: datetime) -> MessageFact:
        """What becomes of one try to hand a message over."""
        point = 1.0
        if self.refused_for_now or self.refused_for_good:
            point = share_of("answer", account_id, str(act.visit), str(act.attempts))
        if point < self.refused_for_now:
            retry_at = now + self.retry_after
            return MessageFact(MessageState.PLANNED, act.attempts + 1, retry_at, act.contact_id)
        bad = point < self.refused_for_now + self.refused_for_good
        state = MessageState.FAILED if bad else MessageState.ACCEPTED
        return MessageFact(state, act.attempts + 1, None, act.contact_id)

    def done_at(self, account_id: str, task: OpenTask, now: datetime) -> datetime | None:
        """When somebody does a task that was opened `now`; None if nobody does."""
        point = share_of("task", account_id, str(task.visit))
        if point >= self.tasks_done:
            return None
        return now + (task.due_at - now) * (point / self.tasks_done)

    def call(self, account_id: str, act: CallWebhook) -> WebhookFact:
        """What becomes of a call, with all its retries."""
        lost = self.webhooks_lost and share_of("call", account_id, str(act.visit))
        return WebhookFact(settled=True, delivered=lost >= self.webhooks_lost, attempts=1)
