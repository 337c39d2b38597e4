"""Text in pieces on the wire, held against the standard library's decoder."""

from __future__ import annotations

import quopri
import re

from hypothesis import given
from hypothesis import strategies as st

from digital_cs.channels.mass_mail import whole_lines

# Lines of about the length at which they are broken; many need no escape. As in e-mails, none but
# the last, which goes on in the next piece, ends with a blank.
LINES = st.lists(
    st.text(st.sampled_from("ab ..=é日\t"), max_size=90)
    | st.builds("".join, st.lists(st.sampled_from([".", "a", " "]), min_size=73, max_size=80))
    | st.text(st.sampled_from("ab./:-_"), max_size=400)
).map(lambda lines: "\n".join([*(line.rstrip() for line in lines[:-1]), *lines[-1:]]))


@given(st.lists(LINES, max_size=4))
def test_pieces_side_by_side_are_read_as_one_text(pieces: list[str]) -> None:
    wire = [whole_lines(piece) for piece in pieces]
    assert quopri.decodestring(b"".join(wire)) == "".join(pieces).replace("\n", "\r\n").encode()


@given(LINES)
def test_every_line_is_whole_short_and_begins_with_no_dot(text: str) -> None:
    wire = whole_lines(text)
    assert wire == b"" if not text else wire.endswith(b"\r\n")
    assert re.fullmatch(rb"(?:(?!\.)[\t -~]{0,76}\r\n)*", wire)
    assert not re.search(rb"[\t ]\r\n", wire)
