"""Markdown with Jinja tokens in it: the parser, and the checks that need the parsed structure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.token import Token

from digital_cs.domain.problem import Problem
from digital_cs.rendering.tags import GAP, STATEMENT_LINE, TOKEN, Line, Tag, TagTable

BUTTON = "button"
DIRECT = "direct"
"""What a link's title may ask for: to be a button, and to lead where it leads without our
noticing (see `links`)."""
TWIN = "twin"
"""Where a fence of MJML keeps the tokens of the same words, for the text part."""
_ASKED = frozenset({BUTTON, DIRECT})
_ABSOLUTE = re.compile(r"(?:https?://.|mailto:.)", re.IGNORECASE | re.DOTALL)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def _statement_rule(state: StateBlock, start: int, _end: int, silent: bool) -> bool:
    """A line of nothing but statements is a block of its own and ends a paragraph or list."""
    if state.parentType == "table":
        return False  # a row for now: `parse` makes it a statement between rows
    text = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    if not STATEMENT_LINE.fullmatch(text):
        return False
    if not silent:
        token = state.push("jinja", "", 0)
        token.content = text.strip()
        token.map = [start, start + 1]
        state.line = start + 1
    return True


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.disable(["code", "html_block"])
    parser.block.ruler.before(
        "blockquote", "jinja", _statement_rule,
        {"alt": ["paragraph", "reference", "blockquote", "list"]},
    )  # fmt: skip
    # Every address is judged by `_address_problem`, which says what is wrong and where;
    # markdown-it would turn a bad link back into text without a word.
    parser.validateLink = lambda url: True  # type: ignore[method-assign]
    return parser


_PARSER = _parser()


def parse(lines: Sequence[Line]) -> list[Token]:
    """The tokens of a body; `token.map` counts in `lines`."""
    found = _PARSER.parse("\n".join(line.text for line in lines))
    return _statements_between_rows(_without_gaps(found))


def _without_gaps(tokens: list[Token]) -> list[Token]:
    """Without the paragraphs that only kept apart what a block stood between."""
    places = [i for i, token in enumerate(tokens) if token.content == GAP]
    for at in reversed(places):
        del tokens[at - 1 : at + 2]
    return tokens


def _statements_between_rows(tokens: list[Token]) -> list[Token]:
    """A table's row that is nothing but statements becomes a statement between its rows."""
    if all(token.type != "table_open" for token in tokens):
        return tokens
    result: list[Token] = []
    for token in tokens:
        result.append(token)
        if token.type != "tr_close":
            continue
        start = next(i for i in range(len(result) - 1, -1, -1) if result[i].type == "tr_open")
        words = " ".join(each.content for each in result[start:] if each.type == "inline")
        if STATEMENT_LINE.fullmatch(words):
            statement = Token("jinja", "", 0, content=words.strip(), map=result[start].map)
            result[start:] = [statement]
    return result


def alignment(cell: Token) -> str:
    """How a table's cell is set: left, right or center; empty where its author says nothing."""
    return attribute(cell, "style").removeprefix("text-align:")


def attribute(token: Token, name: str) -> str:
    """An attribute as text, empty if absent."""
    return str(token.attrGet(name) or "")


def asks(link: Token, word: str) -> bool:
    """Whether the title of a link says `BUTTON` or `DIRECT`, and nothing else but the other."""
    words = attribute(link, "title").split()
    return word in words and _ASKED.issuperset(words)


def only_child(token: Token) -> Token | None:
    """The link or image that is all of a paragraph's `inline` token, if it is alone there."""
    children = [c for c in token.children or [] if c.type != "text" or c.content.strip()]
    if len(children) == 1 and children[0].type == "image":
        return children[0]
    if len(children) >= 3 and children[0].type == "link_open":
        closes = [index for index, child in enumerate(children) if child.type == "link_close"]
        if closes == [len(children) - 1]:
            return children[0]
    return None


def structure_problems(
    tokens: Sequence[Token], lines: Sequence[Line], table: TagTable
) -> list[Problem]:
    """Links, images and buttons that are not right, and statements that cross the markup."""
    return [*_link_problems(tokens, lines, table), *crossings(_steps(tokens, table))]


def _link_problems(
    tokens: Sequence[Token], lines: Sequence[Line], table: TagTable
) -> Iterator[Problem]:
    for token in tokens:
        if token.type != "inline" or token.map is None:
            continue
        alone = only_child(token)
        for child in token.children or []:
            if child.type not in ("link_open", "image"):
                continue
            address = attribute(child, "href" if child.type == "link_open" else "src")
            line, column = _find(lines, token.map, address)

            def problem(
                rule: str, message: str, advice: str, at: Line = line, column: int = column
            ) -> Problem:
                return Problem(at.file, at.number, column, rule, message, advice)

            fault = address_fault(address, table)
            if fault is not None:
                yield problem(*fault)
            if child.type == "image" and not child.content.strip():
                yield problem("missing-alt", "The image has no text.", "Write ![what it shows](…).")
            if child.type == "image" and address.lower().startswith("mailto:"):
                yield problem("unsafe-link", "The image's address is no web address.", "Use https.")
            if asks(child, BUTTON) and child is not alone:
                advice = "Put an empty line before and after it."
                yield problem("button-not-alone", "A button needs its own paragraph.", advice)
            elif TOKEN.search(attribute(child, "title")):
                yield problem("bad-title", "A link's title takes no variables.", "Use plain words.")


def _find(lines: Sequence[Line], span: Sequence[int], address: str) -> tuple[Line, int]:
    """The line in `span` that holds `address`, and its column (1 if tags stand before it)."""
    for line in lines[span[0] : span[1]]:
        offset = line.text.find(address) if address else -1
        if offset >= 0:
            return line, 1 if TOKEN.search(line.text, 0, offset) else offset + 1
    return lines[span[0]], 1


def address_fault(address: str, table: TagTable) -> tuple[str, str, str] | None:
    """Rule, message and advice for an address that an e-mail cannot use."""
    if any(tag.kind == "statement" for tag in table.found_in(address)):
        return "statement-in-link", "A link's address holds a statement.", "Use variables only."
    start = TOKEN.search(address)
    literal = address[: start.start()] if start else address
    if start and not literal:
        return None
    if _ABSOLUTE.match(literal + ("x" if start else "")):
        return None
    if _SCHEME.match(literal):
        return "unsafe-link", "The link is not http, https or mailto.", "Use a web address."
    message = f"`{literal}` is a relative link; an e-mail has no page to be relative to."
    return "relative-link", message, "Begin with https:// or {{ links.app }}."


def crossings(steps: Iterable[Tag | str]) -> Iterator[Problem]:
    """Statements whose two ends lie in different elements would leave the HTML half open.

    `steps` are openings ("+list"), closings ("-list") and statements in their order.
    """
    stack: list[Tag | str] = []
    for step in steps:
        if isinstance(step, Tag):
            if step.word in ("if", "for"):
                stack.append(step)
                continue
            if not stack:
                return  # the tag linter has said it
            if isinstance(stack[-1], Tag):
                if step.word.startswith("end"):
                    stack.pop()
                continue
            yield step.problem(
                "crossed-statement",
                f"`{step.written}` stands inside a {stack[-1]} that began after its opening.",
                "Open and close it at the same depth; give it a line of its own.",
            )
            return
        if step.startswith("+"):
            stack.append(step[1:])
        elif stack and isinstance(top := stack.pop(), Tag):
            yield top.problem(
                "crossed-statement",
                f"`{top.written}` is not closed before the {step[1:]} around it ends.",
                "Open and close it at the same depth; give it a line of its own.",
            )
            return


def _steps(tokens: Sequence[Token], table: TagTable) -> Iterator[Tag | str]:
    """Openings ("+list"), closings ("-list") and statements in the order of the document."""
    for token in tokens:
        name = token.type.removesuffix("_open").removesuffix("_close").replace("_", " ")
        if token.nesting == 1:
            yield f"+{name}"
        elif token.nesting == -1:
            yield f"-{name}"
        elif token.children is not None and token.type == "inline":
            yield from _steps(token.children, table)
        else:
            if token.type == "image":
                yield "+image"
            yield from (t for t in table.found_in(token.content) if t.kind == "statement")
            if token.type == "image":
                yield "-image"
