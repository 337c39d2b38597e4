"""What stands in an article, without the marks of Markdown, HTML and templates."""

from __future__ import annotations

import html
import re

LONGEST = 60_000
"""Characters that are kept of a text: what comes later answers nobody's question."""
MOST_HEADINGS = 60

_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", re.MULTILINE)
_HTML_HEADING = re.compile(r"<h[1-6][^>]*>(.*?)</h[1-6]>", re.IGNORECASE | re.DOTALL)
_MARKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"<!--.*?-->|<(script|style)\b.*?</\1>", re.DOTALL | re.IGNORECASE), " "),
    (re.compile(r"\{\{.*?\}\}|\{%.*?%\}|<%.*?%>", re.DOTALL), " "),
    (re.compile(r"^(?:```|~~~).*$", re.MULTILINE), ""),
    (re.compile(r"!?\[([^\]\n]*)\](?:\([^)\n]*\)|\[[^\]\n]*\])"), r"\1"),
    (re.compile(r"^\[[^\]\n]+\]:.*$", re.MULTILINE), ""),
    (re.compile(r"</?[a-zA-Z][^>\n]*>"), " "),
    (re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+][ \t]+|\d+\.[ \t]+)", re.MULTILINE), ""),
    (re.compile(r"^[ \t]*(?:[-*_=|:][ \t]*){3,}$", re.MULTILINE), ""),
    (re.compile(r"[*`~]{1,3}|(?<![^\W_])_{1,2}|_{1,2}(?![^\W_])"), ""),
    (re.compile(r"\|"), " "),
    (re.compile(r"[ \t]+"), " "),
    (re.compile(r"\s*\n\s*"), "\n"),
)


def plain_text(text: str) -> tuple[tuple[str, ...], str]:
    """The headings and the words of a text, as readers see them; \\0 and surrogates left out."""
    text = text[: 2 * LONGEST]
    found = [*_HEADING.findall(text), *_HTML_HEADING.findall(text)][:MOST_HEADINGS]
    headings = (_clean(each) for each in found)
    return tuple(each for each in headings if each), _clean(text)[:LONGEST]


def _clean(text: str) -> str:
    for mark, instead in _MARKS:
        text = mark.sub(instead, text)
    text = html.unescape(text).replace("\0", "")
    return text.encode("utf-8", "ignore").decode().strip()
