"""What is remembered of earlier rows: as a dict would, in a sixteenth of the room."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from digital_cs.ingest.files.csv_seen import Before, Seen


@given(st.lists(st.tuples(st.text(max_size=3), st.text(max_size=2), st.booleans()), max_size=300))
def test_it_remembers_what_a_dict_would(rows: list[tuple[str, str, bool]]) -> None:
    seen, known = Seen(), {}

    for line, (key, said, keep_first) in enumerate(rows, start=2):
        before = seen.put(key, said, line, keep_first=keep_first)
        expected = known.get(key)
        assert before == (Before(expected[0], expected[1] == said) if expected else None)
        if expected is None or not keep_first:
            known[key] = (line, said)
    assert len(seen) == len(known)


def test_it_grows_and_forgets_nothing_until_it_is_full() -> None:
    seen = Seen(most=1 << 14)

    for number in range(10_000):
        assert seen.put(str(number), "", number) is None
    assert all(seen.put(str(n), "", n) == Before(n, True) for n in range(10_000))
    for number in range(10_000, 20_000):
        seen.put(str(number), "", number)

    assert len(seen) == int(0.7 * (1 << 14)) + 1  # full: and still of use for what it has
    assert seen.put("9999", "", 1) == Before(9999, True)
    assert seen.put("19999", "", 1) is None
