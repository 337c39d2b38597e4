"""Drafts of the mail to reviewers: which cases are in it, and what it says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from activities.casebook import View
from activities.review_words import kind_words, readers, reasons
from digital_cs.domain.content.digest import USEFUL_FOR, due_week, ranked
from digital_cs.domain.content.evidence import Evidence
from digital_cs.domain.content.review_case import ReviewCase, Rung
from digital_cs.domain.content.team import Person
from digital_cs.rendering import review_mail
from digital_cs.rendering.colleague_mail import Letter
from digital_cs.rendering.review_mail import AskedItem
from digital_cs.signing import person_id
from digital_cs.signing_reviews import Asked, ReviewSigner
from digital_cs.store.content.review_cases import Kept

DIGEST, AT_ONCE = "digest", "at-once"


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail as it would go out now, to a reviewer (an address): its cases, and what waits."""

    kind: str
    key: str
    reviewer: str
    name: str
    cases: tuple[Kept, ...]
    waiting: int


def weekly(view: View) -> list[Draft]:
    """The digests whose week has come, one for each reviewer with anything in line."""
    drafts = []
    for reviewer, cases in _by_reviewer(view).items():
        zone, policy = view.zone_of(cases[0].case), view.rules.policy.digest
        due = due_week(view.now, policy, zone, view.rules.calendar)
        if due is None:
            continue
        week, moment = due
        # A late one tells what it would have told: what came up since is for the next.
        then = [kept for kept in cases if _was_in_line(kept.case, moment)]
        if then:
            drafts.append(_digest(view, reviewer, then, f"{DIGEST}:{reviewer}:{week}"))
    return drafts


def preview(view: View, reviewer: str | None = None) -> list[Draft]:
    """What the next digests would be if they went out now, of one reviewer or of all."""
    return [
        _digest(view, each, cases, DIGEST)
        for each, cases in _by_reviewer(view).items()
        if reviewer is None or each == reviewer
    ]


def urgent(view: View, digests: Sequence[Draft]) -> list[Draft]:
    """The mails outside the digests: once a case, to those who were not told lately."""
    found: dict[str, list[Kept]] = defaultdict(list)
    in_digest = {kept.case.id for draft in digests for kept in draft.cases}
    for kept in view.cases:
        case = kept.case
        if (
            case.reviewer is not None and case.at_once_at is None and case.snoozed_until is None
            and case.id not in in_digest and not _lately(case, view.now)
            and view.urgent(case.item_id)
        ):  # fmt: skip
            found[case.reviewer].append(kept)
    drafts = []
    for reviewer, cases in found.items():
        shown = _first(view, cases)
        key = f"{AT_ONCE}:{reviewer}:{view.now:%Y-%m-%d}"
        name = view.holder(cases[0].case).name
        drafts.append(Draft(AT_ONCE, key, reviewer, name, shown, len(cases) - len(shown)))
    return drafts


def letter(
    draft: Draft, view: View, told_of: Mapping[str, Sequence[Evidence]], signer: ReviewSigner,
    public_url: str,
) -> Letter:  # fmt: skip
    """What a draft says; `told_of` is the evidence of its items."""
    items = []
    for kept in draft.cases:
        item = view.items[kept.case.item_id]
        token = signer.sign(Asked(kept.case.id, person_id(draft.reviewer)))
        items.append(
            AskedItem(
                item.title, kind_words(item),
                item.url or item.locator,
                reasons(item, told_of.get(item.id, ()), view.now.date()),
                readers(view.exposure.get(item.id)), _so_far(kept.case, view),
                f"{public_url}/r/{token}",
            )
        )  # fmt: skip
    seen = view.exposure.get(draft.cases[0].case.item_id)
    make = review_mail.digest if draft.kind == DIGEST else review_mail.at_once
    return make(draft.name, items, draft.waiting, seen.people if seen else 0)


def _digest(view: View, reviewer: str, cases: Sequence[Kept], key: str) -> Draft:
    """A reviewer's digest as it would be now: the first of what is in line."""
    shown = _first(view, cases)
    waiting = len(view.candidates.get(reviewer, ())) + len(cases) - len(shown)
    return Draft(DIGEST, key, reviewer, view.holder(cases[0].case).name, shown, waiting)


def _by_reviewer(view: View) -> dict[str, list[Kept]]:
    found: dict[str, list[Kept]] = defaultdict(list)
    for kept in view.cases:
        if kept.case.reviewer is not None and kept.case.in_line is not None:
            found[kept.case.reviewer].append(kept)
    return found


def _was_in_line(case: ReviewCase, moment: datetime) -> bool:
    """Whether a case was in line by the day of a digest."""
    return case.in_line_since is not None and case.in_line_since.date() <= moment.date()


def _first(view: View, cases: Sequence[Kept]) -> tuple[Kept, ...]:
    by_item = {kept.case.item_id: kept for kept in cases}
    order = ranked(view.weight(item) for item in by_item)
    return tuple(by_item[each.item] for each in order[: view.rules.policy.digest.at_most])


def _lately(case: ReviewCase, now: datetime) -> bool:
    last = case.reminded_at or case.told_at
    return last is not None and now - last < USEFUL_FOR


def _so_far(case: ReviewCase, view: View) -> str:
    """What happened before, for who is asked now."""
    if case.told_at is not None:
        return f"You were told of it on {case.told_at:%-d %B %Y}."
    if case.snoozed_at is not None and case.rung is Rung.OWNER:
        return f"It was put off on {case.snoozed_at:%-d %B %Y}, and that time is over."
    owner = view.rules.team.find(case.assigned or case.owner)
    whom = (owner or Person(name=case.owner or "nobody")).name
    match case.rung:
        case Rung.BACKUP:
            return f"You are asked as the backup: {whom} was asked before you, or cannot be."
        case Rung.MANAGER:
            before = f"{whom} and the backup" if view.items[case.item_id].backup else whom
            return f"You are asked last: {before} did not answer, or cannot be asked."
    return "It was given to you." if case.assigned else ""
