"""The words that readers come to a page for, and whether they changed since somebody looked."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from digital_cs.domain.links.page_scan import Block, scan

FEWEST_WORDS = 20
"""A page with less is no text to judge by: a picture, an application, a line that says sorry."""

MOST_CHARACTERS = 400_000
MOST_LINKS = 300
_MENU = 3
"""So many links in a row, each a line of its own, are a menu."""
_LINKED = 0.8
_MENU_WORDS = 12
_SHINGLE = 3
_SHOWN = 5

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DATE = (
    rf"(?:\d{{4}}-\d\d?-\d\d?(?:t[\d:.]+z?)?|\d\d?[./]\d\d?[./]\d{{2,4}}|"
    rf"{_MONTH}\.? \d\d?(?:st|nd|rd|th)?,? \d{{4}}|\d\d?(?:st|nd|rd|th)?\.? {_MONTH}\.?,? \d{{4}})"
)
_AGO = (
    r"(?:(?:about |over |almost )?(?:\d+|an?|one) "
    r"(?:second|minute|hour|day|week|month|year)s? ago|just now|yesterday)"
)
_TIME = r"(?:\d\d?:\d\d(?::\d\d)?(?: ?[ap]m)?(?: (?:utc|gmt|[a-z]{3,4}))?)"
_MOMENT = re.compile(rf"(?:{_DATE}|{_AGO})(?:,? (?:at )?{_TIME})?")
_ABOUT_THE_PAGE = re.compile(
    r"^(?:this page was |page |article )?(?:last )?(?:updated|modified|published|posted|reviewed|"
    r"edited|changed|created|written|revised|date)\b"
)
_BYLINE_WORDS = 6
_COUNTER = re.compile(
    r"\b\d[\d,.]{0,14}\s?[km]?\+? ?(?:views?|reads?|likes?|shares?|comments?|repl(?:y|ies)|"
    r"followers?|votes?|stars?|ratings?|reviews?|downloads?|claps?|reactions?|visitors?|"
    r"people found this|out of \d[\d,]{0,14} found this|min(?:ute)?s? read|min(?:ute)?s? to read)\b"
)
_COPYRIGHT = re.compile(r"(?:©|\(c\)|copyright) ?(?:\d{4}\s?[-–]\s?)?\d{4}")
_WORD = re.compile(r"\w+(?:['’.,-]\w+)*|[$€£¥%]")


@dataclass(frozen=True, slots=True)
class Change:
    """How a text differs from an earlier one. `similarity`: 0 (nothing in common) to 1.

    `added` and `removed`: lines, as they stand on the page, at most five of each.
    """

    similarity: float
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def words(self) -> str:
        """What changed, for people."""
        share = f"{max(1, round(100 * (1 - self.similarity)))} % of the words differ"
        now = f"; new: “{_short(self.added[0])}”" if self.added else ""
        gone = f"; gone: “{_short(self.removed[0])}”" if self.removed else ""
        return share + now + gone


@dataclass(frozen=True, slots=True)
class MainPart:
    """What readers come to a page for. `text`: one block a line; empty where there is none.
    `links`: as they are written in it, each once, a few hundred at most."""

    text: str
    links: tuple[str, ...] = ()


def main_part(page: str) -> MainPart:
    """The main part of an HTML page: no navigation, header, footer, asides or scripts."""
    blocks = scan(page)
    chosen = _enough([b for b in blocks if b.main and not b.aside])
    chosen = chosen or _enough([b for b in blocks if b.article and not b.aside])
    if chosen is None:
        outside = [b for b in blocks if not (b.header and not b.article and not b.main)]
        chosen = _enough([b for b in outside if not b.aside]) or outside
    links = dict.fromkeys(link for block in chosen for link in block.links)
    text = plain_text("\n".join(block.text for block in _without_menus(chosen)))
    return MainPart(text, tuple(links)[:MOST_LINKS])


def main_text(page: str) -> str:
    """The text of the main part alone."""
    return main_part(page).text


def plain_text(text: str) -> str:
    """A text that is no HTML, brought to the same form: one block a line, no spare spaces."""
    lines = (" ".join(line.split()) for line in text[:MOST_CHARACTERS].splitlines())
    return "\n".join(line for line in lines if line)


def word_count(text: str) -> int:
    """How many words a text has."""
    return len(_WORD.findall(text))


def compare(before: str, now: str) -> Change | None:
    """How the words of a page differ from those of before; None: they say the same.

    Capitals, spaces, counters of views and the dates of the page itself aside. Numbers and dates
    inside sentences count.
    """
    old, new = _keyed(before), _keyed(now)
    if [key for key, _ in old] == [key for key, _ in new]:
        return None
    return Change(
        similarity=similarity([key for key, _ in old], [key for key, _ in new]),
        added=_only_in(new, old), removed=_only_in(old, new),
    )  # fmt: skip


def similarity(before: Iterable[str], now: Iterable[str]) -> float:
    """What share of runs of three words two texts have in common, 0 to 1."""
    old, new = _shingles(before), _shingles(now)
    every = len(old | new)
    return len(old & new) / every if every else 1.0


def _enough(blocks: list[Block]) -> list[Block] | None:
    words = 0
    for block in blocks:
        words += len(block.text.split())
        if words >= FEWEST_WORDS:
            return blocks
    return None


def _without_menus(blocks: Sequence[Block]) -> list[Block]:
    """Without runs of lines that are links and nothing else."""
    kept: list[Block] = []
    run: list[Block] = []
    for block in blocks:
        if block.linked >= _LINKED * len(block.text) and len(block.text.split()) <= _MENU_WORDS:
            run.append(block)
            continue
        kept += [*(run if len(run) < _MENU else []), block]
        run = []
    return kept + (run if len(run) < _MENU else [])


def _keyed(text: str) -> list[tuple[str, str]]:
    """Lines as they are compared, with the line as it stands; lines without words left out."""
    found = ((_key(line), line) for line in text.splitlines())
    return [(key, line) for key, line in found if key]


def _key(line: str) -> str:
    line = _COPYRIGHT.sub(" ", unicodedata.normalize("NFKC", line).casefold())
    line = _COUNTER.sub(" ", line)
    without = _MOMENT.sub(" ", line)
    if without != line and (
        _ABOUT_THE_PAGE.match(line.strip()) or len(_WORD.findall(without)) <= _BYLINE_WORDS
    ):
        line = without
    return " ".join(_WORD.findall(line))


def _shingles(lines: Iterable[str]) -> set[tuple[str, ...]]:
    words = " ".join(lines).split()
    if len(words) < _SHINGLE:
        return {tuple(words)} if words else set()
    return set(zip(*(words[n:] for n in range(_SHINGLE)), strict=False))


def _only_in(one: list[tuple[str, str]], other: list[tuple[str, str]]) -> tuple[str, ...]:
    left = Counter(key for key, _ in other)
    shown: list[str] = []
    for key, line in one:
        if left[key]:
            left[key] -= 1
        elif len(shown) < _SHOWN:
            shown.append(line)
    return tuple(shown)


def _short(line: str, most: int = 80) -> str:
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
