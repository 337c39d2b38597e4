"""The guide to writing e-mails: what it shows is what works."""

from __future__ import annotations

import re

import pytest

from tests.house.rooms import HOUSE
from tests.rendering.studio import SHIPPED, Studio

GUIDE = (HOUSE / "docs" / "writing-an-email.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```markdown\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_an_example_of_the_guide_is_an_email_without_a_complaint(
    studio: Studio, example: str
) -> None:
    signature = (SHIPPED / "blocks" / "signature.md").read_text(encoding="utf-8")
    studio.file("blocks/signature.md", signature)
    if example.startswith("---"):
        studio.file("emails/note.md", example)
    else:
        studio.email(example)
    assert [str(problem) for problem in studio.check()] == []
    assert studio.render().text


def test_the_guide_has_examples() -> None:
    assert len(EXAMPLES) == 3
