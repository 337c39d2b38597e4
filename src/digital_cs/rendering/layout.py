"""The MJML layout around every e-mail: its checks, and its one compilation to an HTML shell."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from html.parser import HTMLParser

from mjml import mjml2html

from digital_cs.domain.problem import Problem
from digital_cs.rendering.link_marks import unmarked
from digital_cs.rendering.sandbox import guard_link
from digital_cs.rendering.tag_lint import suggest
from digital_cs.rendering.tags import TOKEN, Line, TagTable

# The names that only a layout has; content and footer are MJML rows, the others are text.
SLOTS = frozenset({"content", "footer", "subject", "preview"})
_REQUIRED_SLOTS = ("content", "footer", "preview")

_HTML_INSIDE = frozenset({
    "mj-text", "mj-button", "mj-raw", "mj-style", "mj-title", "mj-preview", "mj-table",
    "mj-navbar-link", "mj-social-element", "mj-accordion-title", "mj-accordion-text",
})  # fmt: skip
_KNOWN = _HTML_INSIDE | {
    "mjml", "mj-head", "mj-body", "mj-attributes", "mj-all", "mj-class", "mj-breakpoint", "mj-font",
    "mj-section", "mj-column", "mj-group", "mj-wrapper", "mj-hero", "mj-image", "mj-divider",
    "mj-spacer", "mj-social", "mj-navbar", "mj-accordion", "mj-accordion-element", "mj-carousel",
    "mj-carousel-image",
}  # fmt: skip

_ATTRIBUTE = re.compile(r'(\s)([a-zA-Z:-]+)="([^"]*)"')
_STYLE = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)
_ADDRESSES = frozenset({"href", "src", "background"})
_TEXTS = frozenset({"alt", "title", "aria-label", "content"})


class _LayoutLint(HTMLParser):
    """The MJML compiler renders an unknown tag as it stands and says nothing; this says it."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self.problems: list[Problem] = []
        self._file = file
        self._open: list[tuple[str, int, int]] = []

    def complain(self, rule: str, message: str, advice: str | None) -> None:
        line, offset = self.getpos()
        self.problems.append(Problem(self._file, line, offset + 1, rule, message, advice))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag.startswith("mj"):
            line, offset = self.getpos()
            self._open.append((tag, line, offset + 1))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        in_html = bool(self._open) and self._open[-1][0] in _HTML_INSIDE
        if tag == "mj-include":
            self.complain("layout-tag", "A layout is one file.", "Put the included MJML here.")
        elif tag not in _KNOWN and (tag.startswith("mj") or not in_html):
            self.complain("layout-tag", f"<{tag}> is not an MJML tag.", suggest(tag, _KNOWN))

    def handle_endtag(self, tag: str) -> None:
        if not tag.startswith("mj"):
            return
        if not self._open or self._open[-1][0] != tag:
            inner = f"<{self._open[-1][0]}> is still open" if self._open else "nothing is open"
            message = f"</{tag}> closes nothing: {inner}."
            self.complain("layout-syntax", message, "Close the tags in order.")
        else:
            self._open.pop()

    def finish(self) -> None:
        self.close()
        for tag, line, column in self._open:
            message = f"<{tag}> is never closed."
            problem = Problem(self._file, line, column, "layout-syntax", message, f"Add </{tag}>.")
            self.problems.append(problem)


def layout_problems(file: str, lines: list[Line], table: TagTable) -> list[Problem]:
    """What is wrong with the tags and slots of a layout. `lines` are its tokenised text."""
    lint = _LayoutLint(file)
    lint.feed("\n".join(line.text for line in lines))
    lint.finish()
    problems = lint.problems
    slots = [tag for tag in table.tags if tag.file == file and tag.code in SLOTS]
    for name in _REQUIRED_SLOTS:
        count = sum(1 for tag in slots if tag.code == name)
        if count != 1:
            message = f"The layout has {{{{ {name} }}}} {count} times instead of once."
            problems.append(Problem(file, 1, 1, "layout-slot", message, None))
    return problems


def compile_shell(
    file: str, lines: list[Line], slots: Mapping[str, str], table: TagTable
) -> tuple[str, list[Problem]]:
    """The e-mail's whole HTML, tags still tokens, every address guarded.

    `slots` gives MJML or escaped text for each name in `SLOTS`.
    """
    text = "\n".join(line.text for line in lines)
    filled = TOKEN.sub(lambda match: slots.get(table.tags[int(match[2])].code, match[0]), text)
    try:
        # No fonts: by default a mere `Roboto` in a font list makes readers' machines ask Google.
        html = mjml2html(filled, fonts={})
    except Exception as fault:  # the compiler has no error class of its own
        return "", [Problem(file, 1, 1, "layout-syntax", f"MJML cannot read it: {fault}.", None)]
    problems: list[Problem] = []

    def complain(inside: str, where: str) -> None:
        for tag in table.found_in(inside):
            message = f"`{tag.written}` stands in {where}."
            problems.append(tag.problem("variable-in-markup", message, "Variables are for text."))

    def guarded(match: re.Match[str]) -> str:
        space, name, value = match.groups()
        address, cut = unmarked(value)
        if not TOKEN.search(value):
            return f'{space}{name}="{cut}{address}{cut}"' if cut else match[0]
        if name in _ADDRESSES:
            return f'{space}{name}="{cut}{guard_link(unescape(address), table)}{cut}"'
        if name not in _TEXTS:
            complain(value, f"the attribute {name}")
        return match[0]

    for style in _STYLE.finditer(html):
        complain(style[1], "a style sheet")
    return _ATTRIBUTE.sub(guarded, html), problems
