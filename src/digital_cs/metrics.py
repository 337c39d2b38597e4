"""What the engine counts about itself, for Prometheus; ids of programs and sources label it."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

TOUCHES = Counter(
    "digital_cs_messages_total", "Messages by what became of them.", ["program", "state"]
)
ADVANCES = Counter("digital_cs_advances_total", "Times an enrollment was asked what comes next.")
LATENESS = Histogram(
    "digital_cs_lateness_seconds",
    "Real seconds between the moment a step was due and its handling.",
    buckets=(0.1, 0.5, 1, 2, 5, 15, 60, 300, 3600, 86_400),
)
HELD = Counter("digital_cs_held_total", "Touches held by a fault of ours.", ["program", "kind"])
RELAY_LAG = Gauge("digital_cs_relay_lag_seconds", "Age of the oldest wish in the outbox.")
RELAY_WAITING = Gauge("digital_cs_relay_waiting", "Wishes in the outbox.")
RELAYED = Counter("digital_cs_relayed_total", "Workflows started or woken.", ["kind"])
MENDED = Counter("digital_cs_mended_total", "Mismatches the reconciler mended.", ["kind"])
ZENDESK_PUSHED = Counter(
    "digital_cs_zendesk_pushed_total", "Requests of Zendesk's webhook, by result.", ["result"]
)
RETURNED = Counter(
    "digital_cs_returned_total", "What came back, by kind and what became of it.",
    ["kind", "state"],
)  # fmt: skip
CHANGES_WAITING = Gauge(
    "digital_cs_changes_waiting", "Changes of accounts that no rule has looked at yet."
)
CHANGES_LAG = Gauge("digital_cs_changes_lag_seconds", "Age of the oldest of them.")
DUE = Gauge("digital_cs_due", "Enrollments with something due now.")
LATE = Gauge("digital_cs_late", "Enrollments due for longer than the dispatch grace.")
SOURCE_LAG = Gauge(
    "digital_cs_source_lag_seconds", "Age of the newest complete data of a source.", ["source"]
)
SOURCE_LATE = Gauge(
    "digital_cs_source_late", "1 where that is older than expected, else 0.", ["source"]
)
COLLEAGUE_MAILS = Counter(
    "digital_cs_colleague_mails_total", "Mails to colleagues, by kind and what became of them.",
    ["kind", "state"],
)  # fmt: skip
