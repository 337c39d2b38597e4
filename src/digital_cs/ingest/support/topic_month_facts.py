"""A month's topics as plain values: for JSON, for newsletters and for pages."""

from __future__ import annotations

from datetime import timedelta
from math import isfinite
from typing import Any

from digital_cs.ingest.support.topic_month import Month, TopicOfMonth


def facts(month: Month) -> dict[str, Any]:
    """A month's list as JSON values, for newsletters and pages. Unknown bounds are null.

    It names no account and holds no word of a ticket.
    """
    return {
        "from": month.span.start.date(),
        "to": (month.span.end - timedelta(days=1)).date(),
        "segment": month.segment,
        "active_accounts": month.ground.active,
        "tickets": month.ground.tickets,
        "without_account": month.ground.without_account,
        "without_topic": month.ground.without_topic,
        "waiting": month.ground.due,
        "complete_through": month.ground.complete_through,
        "candidates": [each.ranked.topic for each in month.candidates],
        "topics": [_topic_facts(each) for each in month.topics],
    }


def _topic_facts(each: TopicOfMonth) -> dict[str, Any]:
    ranked, change = each.ranked, each.ranked.change
    article = each.coverage.article if each.coverage else None
    return {
        "place": ranked.place, "topic": ranked.topic, "title": ranked.title,
        "owner": ranked.owner, "area": ranked.area, "accounts": ranked.accounts,
        "tickets": ranked.tickets, "accounts_per_100": ranked.accounts_per_100,
        "tickets_per_100": ranked.tickets_per_100, "share_of_one": ranked.share_of_one,
        "change": {
            "before": change.before, "ratio": change.ratio, "low": change.low,
            "high": change.high if isfinite(change.high) else None, "words": change.words(),
        },
        "covered_on": ranked.covered_on, "may_be_named": ranked.may_be_named,
        "out": ranked.out, "out_words": ranked.out_words(), "candidate": each.is_candidate,
        "standing": each.coverage.standing if each.coverage else None,
        "article": None if article is None or each.coverage is None else {
            "id": article.id, "title": article.title, "url": article.url, "owner": article.owner,
            "state": article.state, "answers": each.coverage.answers,
            "stated": each.coverage.stated,
        },
        "task": each.task, "review_case": each.case,
        "segments": each.by_segment,
    }  # fmt: skip
