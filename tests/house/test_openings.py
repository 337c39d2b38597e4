"""P28: that a message was opened is evidence of nothing, so nothing that decides can read it."""

from __future__ import annotations

import re

from tests.house.rooms import SOURCE, files, name_of

MAY_KNOW = {
    "src/digital_cs/store/tables/policy.py": "the table",
    "src/digital_cs/store/sending/clicks.py": "writes into it",
    "src/digital_cs/console/clicks.py": "answers the request for the picture",
}
OPENINGS = re.compile(
    r"\b(?:from|join|into|update|table|using)\s+openings\b|[\"']openings[\"']"
    r"|\bOpening\(Table\b|\bpolicy\.Opening\b|\brecord_opening\b"
)


def test_p28_nothing_that_decides_or_sends_reads_openings() -> None:
    """No condition, no "what next", no decision, no rule's SQL: only what writes them down."""
    knowing = {
        name_of(path)
        for path in files(".py", under=SOURCE)
        if OPENINGS.search(path.read_text()) and "/migrations/" not in name_of(path)
    }
    assert knowing == set(MAY_KNOW)


def test_p28_they_are_written_and_never_read() -> None:
    """But for how many there are of one message, so that there are not too many."""
    text = (files("store/sending/clicks.py", under=SOURCE)[0]).read_text()
    reads = re.findall(r"(?:from|join)\s+openings\b[^)]*", text)
    assert reads == ["from openings o where o.message_key = m.key"]
