"""What an import does to the library: who is who again, who is new, who is gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256

from digital_cs.domain.content.content_item import BY_SOURCE, ContentItem, Found, Mark, Review
from digital_cs.domain.content.review_policy import spread_first_reviews
from digital_cs.domain.content.text_sketch import likeness

SIMILAR = 0.5
"""So much of their lines two texts share at least if one is the other, moved and edited."""
COMMON = 50
"""A line that more new texts than this share tells none of them apart from the others."""
FLOOD = 30
"""More new items than this that were never reviewed are spread over the quarter."""


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """Everything that one import changes; `items` are all of the source that it speaks of.

    `renamed` are pairs of the old locator and the item as it is now.
    """

    added: tuple[ContentItem, ...]
    updated: tuple[ContentItem, ...]
    edited: tuple[ContentItem, ...]
    renamed: tuple[tuple[str, ContentItem], ...]
    revived: tuple[ContentItem, ...]
    gone: tuple[ContentItem, ...]
    unchanged: int
    reviews: tuple[Review, ...]
    living_before: int
    items: Mapping[str, ContentItem]

    @property
    def retires_too_many(self) -> bool:
        """More than half of what lived is gone: rather a wrong folder than a clean-up."""
        return len(self.gone) * 2 > self.living_before

    @property
    def writes(self) -> tuple[ContentItem, ...]:
        """Every item whose row changes."""
        return (*self.added, *self.updated, *self.gone)


def plan_import(
    source: str, known: Sequence[ContentItem], found: Sequence[Found], now: datetime, *,
    first: bool, moved: Mapping[str, str] | None = None, unread: Collection[str] = (),
    own_reviews: Mapping[str, date] | None = None,
) -> ImportPlan:  # fmt: skip
    """Settle what a source says against the items that it had, retired ones too.

    `moved`: old -> new locator, as the history of a checkout tells. `unread` files are there but
    say something wrong: they stay as they were. `own_reviews`: last day that a person told us of a
    review, by item. Locators of `found` are unique.
    """
    matches = _match(known, found, moved or {})
    own = own_reviews or {}
    taken = {item.id for item in known}
    added, updated, edited, renamed, revived = [], [], [], [], []
    reviews: list[Review] = []
    items: dict[str, ContentItem] = {}
    unchanged = 0
    for each in found:
        before = matches.get(each.locator)
        if before is None:
            after = _new(each, _new_id(source, each.locator, taken), source, now)
            taken.add(after.id)
            added.append(after)
        else:
            after = _settle(before, each, now, own.get(before.id))
            if after == before:
                unchanged += 1
            else:
                updated.append(after)
            if after.version != before.version:
                edited.append(after)
            if after.locator != before.locator:
                renamed.append((before.locator, after))
            if before.retired is not None and after.retired is None:
                revived.append(after)
        reviews.extend(_told_review(before, after))
        items[each.locator] = after
    met = {item.id for item in matches.values()}
    living = [item for item in known if item.retired is None]
    gone = tuple(
        replace(item, retired=Mark("It is no longer in its source.", BY_SOURCE, now))
        for item in living
        if item.id not in met and item.locator not in unread
    )
    added = _with_first_due_dates(added, found, now.date(), first=first)
    items.update({item.locator: item for item in added})
    return ImportPlan(
        tuple(added), tuple(updated), tuple(edited), tuple(renamed), tuple(revived), gone,
        unchanged, tuple(reviews), len(living), items,
    )  # fmt: skip


def _match(
    known: Sequence[ContentItem], found: Sequence[Found], moved: Mapping[str, str]
) -> dict[str, ContentItem]:
    """Which item each locator found is: by its stated id, its place, its history, its text."""
    matches: dict[str, ContentItem] = {}
    open_found = {each.locator: each for each in found}
    free = {item.id: item for item in known}

    def pair(locator: str, item: ContentItem) -> None:
        matches[locator] = item
        del open_found[locator], free[item.id]

    stated = {item.stated_id: item for item in sorted(known, key=_life) if item.stated_id}
    for each in found:
        if each.stated_id in stated and stated[each.stated_id].id in free:
            pair(each.locator, stated[each.stated_id])
    # What a person retired stays where it is: its file may well be there still.
    staying = {item.locator: item for item in free.values() if not _retired_by_source(item)}
    for locator, each in list(open_found.items()):
        item = staying.get(locator)
        if item is not None and not (item.stated_id and each.stated_id):
            pair(locator, item)
    missing = {item.locator: item for item in free.values() if item.retired is None}
    for old, new in moved.items():
        if old in missing and new in open_found:
            pair(new, missing.pop(old))
    for locator, item in _same_text(missing.values(), open_found.values()):
        pair(locator, missing.pop(item.locator))
    for locator, item in _like_text(missing.values(), open_found.values()):
        pair(locator, missing.pop(item.locator))
    back = {item.locator: item for item in sorted(free.values(), key=_life) if item.retired}
    for locator in [locator for locator in open_found if locator in back]:
        pair(locator, back[locator])
    return matches


def _life(item: ContentItem) -> tuple[bool, str]:
    """Sorts the living last, and before them those retired last."""
    return item.retired is None, item.retired.at.isoformat() if item.retired else ""


def _retired_by_source(item: ContentItem) -> bool:
    return item.retired is not None and item.retired.by == BY_SOURCE


def _same_text(
    missing: Iterable[ContentItem], found: Iterable[Found]
) -> list[tuple[str, ContentItem]]:
    """Pairs of the very same text that only one item and only one file have."""
    items, files = list(missing), list(found)
    was = Counter(item.content_hash for item in items)
    now = Counter(each.content_hash for each in files)
    by_hash = {item.content_hash: item for item in items}
    return [
        (each.locator, by_hash[each.content_hash])
        for each in files
        if each.content_hash and was[each.content_hash] == 1 == now[each.content_hash]
    ]


def _like_text(
    missing: Iterable[ContentItem], found: Iterable[Found]
) -> list[tuple[str, ContentItem]]:
    """Pairs of similar text, where neither side is similar to any other."""
    files = [each for each in found if each.sketch]
    # Only those that share a hash are compared: all pairs of thousands would take minutes.
    holders: dict[int, list[Found]] = {}
    for each in files:
        for value in each.sketch:
            holders.setdefault(value, []).append(each)
    pairs: list[tuple[str, ContentItem]] = []
    for item in missing:
        near = {
            each.locator: each
            for value in item.sketch
            for each in holders.get(value, ())
            if len(holders[value]) <= COMMON
        }
        pairs += [
            (locator, item)
            for locator, each in near.items()
            if each.kind is item.kind and likeness(item.sketch, each.sketch) >= SIMILAR
        ]
    of_item = Counter(item.id for _, item in pairs)
    of_file = Counter(locator for locator, _ in pairs)
    return [pair for pair in pairs if of_item[pair[1].id] == 1 == of_file[pair[0]]]


def _new_id(source: str, locator: str, taken: Collection[str]) -> str:
    """A permanent id: the same for the same first place, so that two libraries agree."""
    attempt = 0
    while True:
        seed = f"{source}\n{locator}\n{attempt}".encode()
        found = f"c-{sha256(seed).hexdigest()[:12]}"
        if found not in taken:
            return found
        attempt += 1  # something that began here has moved on


def _new(each: Found, id: str, source: str, now: datetime) -> ContentItem:
    return ContentItem(
        id=id, source=source, locator=each.locator, kind=each.kind, title=each.title,
        added_on=now.date(), edited_at=now, content_hash=each.content_hash, sketch=each.sketch,
        stated_id=each.stated_id, url=each.url, owner=each.owner, backup=each.backup,
        topic=each.topic, area=each.area, volatility=each.volatility,
        review_every=each.review_every, evergreen_because=each.evergreen_because,
        stated_on=each.reviewed_on, reviewed_on=each.reviewed_on,
    )  # fmt: skip


def _settle(
    before: ContentItem, each: Found, now: datetime, own_review: date | None
) -> ContentItem:
    """The item as its source has it now. An edit is not a review: only a later date is."""
    edited = each.content_hash != before.content_hash
    days = [day for day in (each.reviewed_on, own_review) if day is not None]
    return replace(
        before, locator=each.locator, kind=each.kind, title=each.title, url=each.url,
        owner=each.owner, backup=each.backup, topic=each.topic, area=each.area,
        volatility=each.volatility, review_every=each.review_every,
        evergreen_because=each.evergreen_because, stated_id=each.stated_id,
        stated_on=each.reviewed_on, reviewed_on=max(days, default=None),
        content_hash=each.content_hash, sketch=each.sketch,
        version=before.version + edited, edited_at=now if edited else before.edited_at,
        retired=None if _retired_by_source(before) else before.retired,
    )  # fmt: skip


def _told_review(before: ContentItem | None, after: ContentItem) -> list[Review]:
    """The review of which the source's date tells, if it is later than the one before."""
    told = after.stated_on
    if told is None or (before is not None and before.stated_on and told <= before.stated_on):
        return []
    return [
        Review(
            after.id, told, after.owner or BY_SOURCE, via="source", version=after.version,
            changed=before is not None and before.content_hash != after.content_hash,
        )
    ]  # fmt: skip


def _with_first_due_dates(
    added: Sequence[ContentItem], found: Sequence[Found], today: date, *, first: bool
) -> list[ContentItem]:
    """A crowd of items that were never reviewed comes one by one, the most used first (P26).

    A page or two that are new later were written just now, and are due after their interval.
    """
    never = [item for item in added if item.reviewed_on is None]
    if not first and len(never) <= FLOOD:
        return list(added)
    uses = Counter(locator for each in found for _, locator in each.shows)
    due = spread_first_reviews([(item.id, uses[item.locator]) for item in never], today)
    return [replace(item, first_due_on=due.get(item.id)) for item in added]
