"""An import settled against what is known: who is who again, what is new, what is gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from digital_cs.domain.content.content_import import ImportPlan, plan_import
from digital_cs.domain.content.content_item import BY_SOURCE, ContentItem, Found, Mark, Shown
from digital_cs.domain.content.review_policy import SPREAD_DAYS, Kind
from digital_cs.domain.content.text_sketch import content_hash, sketch

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=40)
REVIEWED = date(2026, 2, 1)
TEXT = "\n".join(f"Line {n} of a longer text." for n in range(30))


def page(locator: str, text: str | None = None, **parts: Any) -> Found:
    """A page whose text is its own unless it is given."""
    body = text if text is not None else f"{TEXT}\n{locator}".replace("Line", f"{locator} line")
    found = Found(
        locator, Kind.ARTICLE, locator.upper(), content_hash("", body), sketch(body),
        owner="maya", reviewed_on=REVIEWED,
    )  # fmt: skip
    return replace(found, **parts)


def settle(
    known: ImportPlan | list[ContentItem], *found: Found, now: datetime = LATER, **options: Any
) -> ImportPlan:
    items = after(known) if isinstance(known, ImportPlan) else known
    options.setdefault("first", not items)
    return plan_import("docs", items, found, now, **options)


def after(plan: ImportPlan) -> list[ContentItem]:
    """Every item as the store has it after a plan."""
    return [*plan.items.values(), *plan.gone]


def first(*found: Found) -> ImportPlan:
    return settle([], *found, now=NOW)


def only(plan: ImportPlan) -> ContentItem:
    [item] = plan.items.values()
    return item


def test_importing_the_same_again_changes_nothing() -> None:
    pages = [page("a"), page("b", reviewed_on=None), page("c", stated_id="x")]
    plan = settle(first(*pages), *pages)

    assert (plan.unchanged, plan.writes, plan.reviews) == (3, (), ())


@given(st.permutations(["a", "b", "c", "d", "e"]), st.integers(0, 5))
def test_the_order_of_files_does_not_matter(order: list[str], moved: int) -> None:
    before = first(*map(page, "abcde"))
    now = [page(name) for name in order]
    now[:moved] = [replace(each, locator=f"new/{each.locator}") for each in now[:moved]]

    plan = settle(before, *now)

    assert {i.id for i in plan.items.values()} == {i.id for i in before.items.values()}
    assert len(plan.renamed) == moved
    assert not plan.gone
    assert not plan.added


def test_p23_an_edit_is_a_new_version_and_no_review() -> None:
    before = first(page("a"))
    plan = settle(before, page("a", TEXT + "\nMore."))

    assert plan.edited == plan.updated == (only(plan),)
    assert only(plan).version == 2
    assert only(plan).edited_at == LATER
    assert only(plan).due_on == only(before).due_on
    assert plan.reviews == ()


def test_p23_a_later_review_date_is_a_review_and_no_edit() -> None:
    plan = settle(first(page("a")), page("a", reviewed_on=date(2026, 4, 1)))

    [review] = plan.reviews
    assert (review.on, review.changed, review.via) == (date(2026, 4, 1), False, "source")
    assert only(plan).version == 1
    assert only(plan).due_on == date(2026, 10, 1)


def test_a_corrected_review_date_takes_the_place_of_the_wrong_one() -> None:
    before = first(page("a", reviewed_on=date(2062, 2, 1)))
    plan = settle(before, page("a"))

    assert only(plan).reviewed_on == REVIEWED
    assert plan.reviews == ()


def test_a_source_that_states_an_older_date_does_not_undo_a_review_of_ours() -> None:
    before = first(page("a"))
    ours = {only(before).id: date(2026, 3, 10)}
    plan = settle(before, page("a", TEXT), own_reviews=ours)

    assert only(plan).reviewed_on == date(2026, 3, 10)
    assert only(plan).stated_on == REVIEWED


def test_a_change_of_owner_moves_the_item_and_nothing_else() -> None:
    plan = settle(first(page("a")), page("a", owner="jonas"))

    assert only(plan).owner == "jonas"
    assert only(plan).version == 1
    assert plan.reviews == ()


def test_a_file_that_moved_keeps_its_id() -> None:
    before = first(page("a"), page("b"))
    plan = settle(before, replace(page("a"), locator="deep/a"), page("b"))

    [(old, item)] = plan.renamed
    assert (old, item.locator, item.id) == ("a", "deep/a", before.items["a"].id)
    assert item.version == 1


def test_a_file_that_moved_and_was_edited_is_known_by_its_lines() -> None:
    before = first(page("a", TEXT), page("b"))
    edited = TEXT.replace("Line 3 ", "Line three ").replace("Line 7 ", "Line seven ")
    plan = settle(before, page("deep/a", edited), page("b"))

    assert plan.items["deep/a"].id == before.items["a"].id
    assert plan.items["deep/a"].version == 2


def test_a_text_that_two_files_could_be_is_nobodys_again() -> None:
    """Of two copies neither is the one: what was is retired, and both are new."""
    before = first(page("a", TEXT), page("b"))
    plan = settle(before, page("x", TEXT + "\nThis."), page("y", TEXT + "\nThat."), page("b"))

    assert {item.locator for item in plan.added} == {"x", "y"}
    assert [item.locator for item in plan.gone] == ["a"]


def test_short_stubs_are_not_taken_for_one_another() -> None:
    before = first(page("a", "Moved."), page("b", "Moved."), page("c"))
    plan = settle(before, page("x", "Moved."), page("y", "Moved."), page("c"))

    assert len(plan.added) == len(plan.gone) == 2


def test_the_history_of_a_checkout_knows_what_was_moved_and_rewritten() -> None:
    before = first(page("a"), page("b"))
    plan = settle(before, page("z", "All of it\nis quite\ndifferent now."), page("b"),
                  moved={"a": "z"})  # fmt: skip

    assert plan.items["z"].id == before.items["a"].id


def test_an_id_in_the_file_goes_before_its_place() -> None:
    before = first(page("a", stated_id="one"), page("b", stated_id="two"))
    plan = settle(before, page("a", stated_id="two"), page("b", stated_id="one"))

    assert plan.items["a"].id == before.items["b"].id
    assert plan.items["b"].id == before.items["a"].id
    assert not plan.added
    assert not plan.gone


def test_what_is_gone_is_retired_and_comes_back_as_itself() -> None:
    before = first(page("a"), page("b"), page("c"))
    without = settle(before, page("b"), page("c"))
    [gone] = without.gone
    assert gone.retired is not None
    assert (gone.locator, gone.retired.by) == ("a", BY_SOURCE)

    still = settle(without, page("b"), page("c"))
    assert still.writes == ()

    back = settle(without, page("a"), page("b"), page("c"))
    assert back.items["a"].id == gone.id
    assert back.items["a"].retired is None
    assert back.revived == (back.items["a"],)


def test_what_a_person_retired_stays_retired_though_its_file_is_there() -> None:
    item = replace(only(first(page("a"))), retired=Mark("Not used.", "maya", NOW))
    plan = settle([item], page("a"), first=False)

    assert only(plan).retired == item.retired
    assert not plan.added


def test_a_file_that_says_something_wrong_stays_as_it_was() -> None:
    before = first(page("a"), page("b"))
    plan = settle(before, page("b"), unread={"a"})

    assert plan.writes == ()


def test_a_place_that_changed_hands_gives_a_new_id() -> None:
    before = first(page("a", stated_id="one"), page("b"))
    moved = page("old/a", stated_id="one")
    plan = settle(before, moved, page("a", "New\nand\nother."), page("b"))

    assert plan.items["old/a"].id == before.items["a"].id
    assert plan.items["a"].id not in {item.id for item in before.items.values()}


def test_losing_more_than_half_is_noticed() -> None:
    before = first(*map(page, "abcd"))
    assert not settle(before, page("a"), page("b")).retires_too_many
    assert settle(before, page("a")).retires_too_many
    assert not first().retires_too_many


def test_p26_a_first_import_spreads_what_was_never_reviewed_the_most_used_first() -> None:
    pages = [page(f"p{n}", reviewed_on=None) for n in range(200)]
    program = page("program", shows=((Shown.SENDS, "p150"), (Shown.SENDS, "p77")))
    plan = first(*pages, program, page("known"))

    due = sorted(item.due_on for item in plan.added if item.reviewed_on is None)
    assert NOW.date() < due[0] < due[-1] <= NOW.date() + timedelta(days=SPREAD_DAYS)
    assert {plan.items["p150"].due_on, plan.items["p77"].due_on} == {due[0]}
    assert plan.items["known"].first_due_on is None
    assert settle(plan, *pages, program, page("known")).writes == ()


def test_a_page_that_is_new_later_is_due_after_its_interval() -> None:
    plan = settle(first(page("a")), page("a"), page("b", reviewed_on=None))

    assert plan.items["b"].due_on == date(2026, 10, 11)


def test_p26_thousands_that_come_later_do_not_flood_either() -> None:
    pages = [page(f"p{n}", reviewed_on=None) for n in range(300)]
    plan = settle(first(page("a")), page("a"), *pages)

    days = {item.due_on for item in plan.added}
    assert len(days) == SPREAD_DAYS
