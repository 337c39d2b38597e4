"""MJML that authors write themselves, in a block or a fence of Markdown: its lint and its rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape
from html.parser import HTMLParser
from itertools import chain

from markdown_it.token import Token

from digital_cs.domain.problem import Problem
from digital_cs.rendering.carry_over.blocks import BlockWriter
from digital_cs.rendering.carry_over.foreign_tags import MARK, ForeignTags, Kind
from digital_cs.rendering.carry_over.html_tree import read_html
from digital_cs.rendering.carry_over.inline import InlineWriter
from digital_cs.rendering.expander import MJML
from digital_cs.rendering.link_marks import html_address
from digital_cs.rendering.markdown import TWIN, address_fault, attribute, crossings, parse
from digital_cs.rendering.tag_lint import suggest
from digital_cs.rendering.tags import STATEMENT_LINE, TOKEN, Line, Tag, TagTable

_ROWS = frozenset({"mj-text", "mj-button", "mj-image", "mj-divider", "mj-spacer", "mj-table"})
_HTML = frozenset({
    "p", "h1", "h2", "h3", "ul", "ol", "li", "a", "b", "strong", "i", "em", "u", "small", "sup",
    "sub", "span", "div", "br", "hr", "img", "blockquote", "code", "table", "thead", "tbody", "tr",
    "th", "td",
})  # fmt: skip
_VOID = frozenset({"br", "hr", "img"})
# Every attribute in double quotes: that is the one form in which addresses are guarded later.
_TAG = re.compile(r'<[a-z][a-z0-9-]*(?:\s+[a-z:-]+="[^"<>]*")*\s*/?>')
_ATTRIBUTES = re.compile(
    r"href|src|alt|title|style|align|width|height|start|colspan|valign|css-class|mj-class"
    r"|(?:inner-|container-)?(?:padding|background-color)(?:-\w+)?|border(?:-\w+)*"
    r"|(?:font|line|letter)-\w+|color|text-\w+|vertical-align|cellpadding|cellspacing|role"
)
_STYLE = re.compile(r"url\s*\(|expression|@import|javascript|position\s*:|[\\]|/\*", re.IGNORECASE)
_ROW = re.compile(r"<(mj-[a-z]+)\b[^>]*?(?:/>|>.*?</\1\s*>)", re.DOTALL)
_HREF = re.compile(r'(\shref=")([^"]*)"')
_PLAIN_TEXT = re.compile(r"<(mj-text|mj-table)\b(?![^>]*\bcss-class=)")


def is_rows(token: Token) -> bool:
    """Whether a token of Markdown is a fence with MJML in it."""
    return token.type == "fence" and token.info.strip() == MJML


class _RowLint(HTMLParser):
    """Rows of one column and plain HTML in them: nothing that runs, loads or hides."""

    def __init__(self, lines: Sequence[Line], table: TagTable) -> None:
        super().__init__()
        self.problems: list[Problem] = []
        self._lines = lines
        self._table = table
        self._open: list[tuple[str, tuple[int, int]]] = []
        self._steps: list[Tag | str] = []

    def complain(
        self, rule: str, message: str, advice: str | None, place: tuple[int, int] | None = None
    ) -> None:
        line, column = place or self.getpos()
        at = self._lines[min(line, len(self._lines)) - 1]
        self.problems.append(Problem(at.file, at.number, column + 1, rule, message, advice))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._begin(tag, attrs)
        if tag not in _VOID:
            self._open.append((tag, self.getpos()))
            self._steps.append(f"+{tag}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._begin(tag, attrs)

    def _begin(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = _HTML if self._open else _ROWS
        if tag not in known:
            where = "HTML that an e-mail may use" if self._open else "a row of an e-mail"
            self.complain("mjml-tag", f"<{tag}> is not {where}.", suggest(tag, known))
            return
        if not _TAG.fullmatch(self.get_starttag_text() or ""):
            advice = 'Write small letters, and every attribute as name="value".'
            self.complain("mjml-syntax", f"The tag <{tag}> cannot be read.", advice)
            return
        for _, value in attrs:
            self._steps += ["+attribute", *self._statements(value or ""), "-attribute"]
        given = {name: value or "" for name, value in attrs}
        if len(given) != len(attrs):  # of two, browsers take the first and we would judge the last
            self.complain("mjml-attribute", f"<{tag}> says an attribute twice.", "Keep one.")
        for name, value in given.items():
            if not _ATTRIBUTES.fullmatch(name):
                self.complain("mjml-attribute", f"{name} is no attribute of an e-mail.", None)
            elif name not in ("href", "src", "alt", "title") and _STYLE.search(value):
                self.complain("mjml-attribute", f"{name} says more than how it looks.", None)
        for name in ("href", "src"):
            if name in given:
                self.address(given[name], picture=name == "src")
        if tag in ("img", "mj-image"):
            if not given.get("alt", "").strip():
                self.complain("missing-alt", "The image has no text.", 'Add alt="what it shows".')
            if "src" not in given:
                self.complain("missing-address", "The image has no src.", None)
        if tag in ("a", "mj-button") and "href" not in given:
            self.complain("missing-address", f"<{tag}> leads nowhere.", 'Add href="https://…".')

    def address(self, address: str, *, picture: bool) -> None:
        fault = address_fault(address, self._table)
        if fault is None and picture and address.lower().startswith("mailto:"):
            fault = ("unsafe-link", "The image's address is no web address.", "Use https.")
        if fault is not None:
            self.complain(*fault)

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if not self._open or self._open[-1][0] != tag:
            self.complain("mjml-syntax", f"</{tag}> closes nothing here.", "Close tags in order.")
        else:
            self._open.pop()
            self._steps.append(f"-{tag}")

    def handle_data(self, data: str) -> None:
        self._steps += self._statements(data)
        if not self._open and data.strip() and not STATEMENT_LINE.fullmatch(data):
            self.complain("mjml-syntax", "Words stand outside of a row.", "Put them in <mj-text>.")

    def handle_comment(self, data: str) -> None:
        self.complain("mjml-tag", "A comment of HTML would be sent.", "Write {# … #}.")

    def handle_decl(self, decl: str) -> None:
        self.complain("mjml-tag", "Only rows stand here.", None)

    def unknown_decl(self, data: str) -> None:
        self.handle_decl(data)

    def handle_pi(self, data: str) -> None:
        self.handle_decl(data)

    def finish(self) -> None:
        self.close()
        for tag, place in self._open:
            self.complain("mjml-syntax", f"<{tag}> is never closed.", f"Add </{tag}>.", place)
        if not self.problems:
            self.problems += crossings(self._steps)

    def _statements(self, text: str) -> list[Tag]:
        return [tag for tag in self._table.found_in(text) if tag.kind == "statement"]


def _row_problems(token: Token, lines: Sequence[Line], table: TagTable) -> list[Problem]:
    """What is wrong with the MJML of a fence; `lines` are those of the whole document."""
    first = (token.map or [0, 1])[0] + 1
    if token.level:
        at = lines[first - 1]
        message = "MJML stands inside of a list or a quote."
        return [Problem(at.file, at.number, 1, "mjml-tag", message, "Let its fence begin a line.")]
    lint = _RowLint(lines[first:] or lines[-1:], table)
    lint.feed(token.content)
    lint.finish()
    return lint.problems


def read_rows(token: Token, lines: Sequence[Line], table: TagTable) -> list[Problem]:
    """What is wrong with the MJML of a fence; from now on it has a twin of tokens."""
    token.meta[TWIN] = parse(
        [Line(line, "", 0) for line in _spoken(token.content, table).split("\n")]
    )
    return _row_problems(token, lines, table)


def rows(token: Token) -> str:
    """The rows as they go into the layout: dark mode's classes on, statements between them."""
    content, links = token.content, {}
    for child in chain.from_iterable(each.children or [] for each in token.meta[TWIN]):
        if child.type == "link_open":
            links[attribute(child, "href")] = html_address(child)
    result: list[str] = []
    position = 0
    for match in [*_ROW.finditer(content), None]:
        between = content[position : match.start() if match else len(content)]
        result += [f"<mj-raw>{each[0]}</mj-raw>" for each in TOKEN.finditer(between)]
        if match is not None:
            result.append(match[0])
            position = match.end()
    marked = _HREF.sub(
        lambda match: f'{match[1]}{links.get(unescape(match[2]), match[2])}"', "\n".join(result)
    )
    return _PLAIN_TEXT.sub(r'<\1 mj-class="body" css-class="body"', marked)


def _spoken(content: str, table: TagTable) -> str:
    """The same words in Markdown, for the text part; tags stay tokens."""
    held = ForeignTags()

    def hold(match: re.Match[str]) -> str:
        return held.hold(_kind(table.tags[int(match[2])]), match[0])

    tree = read_html(TOKEN.sub(hold, MARK.sub("", content)))
    for node in tree.walk():
        match node.tag:
            case "mj-button":
                node.tag, node.attributes["class"] = "a", "button"
            case "mj-image":
                node.tag = "img"
            case "mj-divider":
                node.tag = "hr"
            case "mj-table":
                node.tag = "table"
            case "mj-text":
                node.tag = "div"
    written = BlockWriter(held, InlineWriter([])).written(tree)
    return MARK.sub(held.code, written)


def _kind(tag: Tag) -> Kind:
    if tag.kind == "expression":
        return "print"
    if tag.word in ("if", "for"):
        return "open"
    return "close" if tag.word.startswith("end") else "middle"
