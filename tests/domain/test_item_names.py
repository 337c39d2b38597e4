"""Other systems name items by address, id or place, and mean one or none."""

from __future__ import annotations

import pytest

from digital_cs.domain.content.item_names import ItemNames, Named

NAMES = ItemNames(
    [
        Named("c-1", "export-guide", "guide.md", "https://help.company.test/guide"),
        Named("c-2", None, "billing/guide.md", "https://help.company.test/kb?id=2"),
        Named("c-3", None, "three.md", "https://help.company.test/kb?id=3"),
        Named("c-4", None, "four.md", "https://help.company.test/shared"),
        Named("c-5", None, "five.md", "https://www.help.company.test/shared/"),
        Named("c-6", None, "no-page.md", None),
    ]
)


@pytest.mark.parametrize(
    ("words", "item"),
    [
        ("c-1", "c-1"), ("export-guide", "c-1"), (" guide.md ", "c-1"),
        ("https://help.company.test/guide", "c-1"),
        ("http://www.help.company.test/guide/?utm_source=mail#top", "c-1"),
        ("https://help.company.test/kb?id=2", "c-2"),
        ("https://help.company.test/kb?id=3", "c-3"),
        ("https://help.company.test/kb?id=4", None), ("https://help.company.test/kb", None),
        ("https://help.company.test/shared", None), ("md", None), ("", None),
        ("mailto:help@company.test", None), ("https://[bad", None),
    ],
)  # fmt: skip
def test_p24_an_item_is_found_by_each_of_its_names(words: str, item: str | None) -> None:
    assert NAMES.find(words) == item
