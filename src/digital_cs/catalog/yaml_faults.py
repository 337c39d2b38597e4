"""Says in people's words why a text is no YAML, and where the mistake was probably made.

libyaml reports where it gave up, which is often a line below the mistake, in the language of
its grammar. Each rule here looks at the lines around that spot.
"""

from __future__ import annotations

import re

import yaml

Fault = tuple[int, int, str, str, str]
"""Line and column (from 1), rule, message, advice."""

_KEY_WITHOUT_SPACE = re.compile(r"\s*(?:- )*([\w-]+):(?=[^\s:/])")
_HAS_KEY = re.compile(r"""\s*(?:- )*(?:[\w-]+|"[^"]*"|'[^']*')\s*:(?:\s|$)""")


def explain(fault: yaml.MarkedYAMLError, text: str) -> Fault:
    """The fault as a sentence about one place in `text`."""
    lines = text.splitlines() or [""]
    mark = fault.problem_mark or fault.context_mark
    context = fault.context_mark or mark
    if mark is None or context is None:
        return _general(1, 1, fault)
    at, column = min(mark.line, len(lines) - 1), mark.column
    problem, during = fault.problem or "", fault.context or ""
    line = lines[at]
    indent = line[: len(line) - len(line.lstrip())]
    if "\t" in indent:
        return (
            at + 1, indent.index("\t") + 1, "tab", "A tab indents this line.",
            "YAML indents with spaces: replace the tab by two spaces.",
        )  # fmt: skip
    if "quoted scalar" in during and "escape" in problem:
        return (
            mark.line + 1, column + 1, "bad-escape",
            "In double quotes a backslash has a meaning, and not with this letter.",
            "Use single quotes, or write the backslash twice.",
        )  # fmt: skip
    if "quoted scalar" in during:
        return (
            context.line + 1, context.column + 1, "open-quote",
            "A quote is opened here and never closed.", "Add the closing quote.",
        )  # fmt: skip
    if during.endswith(("flow sequence", "flow mapping")):
        opened, closing = ("[", "]") if "sequence" in during else ("{", "}")
        return (
            context.line + 1, context.column + 1, "open-bracket",
            f"A '{opened}' is opened here and not closed, or a comma is missing inside.",
            f"Add '{closing}' at its end.",
        )  # fmt: skip
    if "did not find expected node content" in problem:
        return _stray_bracket(text, lines, mark)
    if "mapping values are not allowed" in problem:
        return _colon_too_many(lines, at, column)
    if "could not find expected ':'" in problem:
        return _no_colon(lines, min(context.line, len(lines) - 1))
    if problem.startswith("found character that cannot start") or "alphabetic" in problem:
        first = line[context.column : context.column + 1] or "This character"
        return (
            context.line + 1, context.column + 1, "needs-quotes",
            f"A text cannot begin with '{first}'.", "Put the whole text in quotes.",
        )  # fmt: skip
    if "did not find expected key" in problem and line[:column].rstrip().endswith(('"', "'")):
        return (
            at + 1, column + 1, "after-quote", "There is more text after the closing quote.",
            "Put all of it inside the quotes.",
        )  # fmt: skip
    if "did not find expected key" in problem or "expected '-' indicator" in problem:
        return _crooked(at, column)
    return _general(mark.line + 1, column + 1, fault)


def _colon_too_many(lines: list[str], at: int, column: int) -> Fault:
    """A colon where no key can be: the value holds one, or the line above is the mistake."""
    if _HAS_KEY.match(lines[at][:column]):
        return (
            at + 1, column + 1, "needs-quotes", "The text after the first colon has a colon too.",
            "Put the text in quotes.",
        )  # fmt: skip
    above = _line_above(lines, at)
    if above is not None and not _HAS_KEY.match(lines[above]):
        return _no_colon(lines, above)
    return _crooked(at, len(lines[at]) - len(lines[at].lstrip()))


def _no_colon(lines: list[str], at: int) -> Fault:
    line = lines[at]
    column = len(line) - len(line.lstrip(" -"))
    squeezed = _KEY_WITHOUT_SPACE.match(line)
    if squeezed:
        return (
            at + 1, squeezed.end() + 1, "no-space",
            f"There is no space after '{squeezed[1]}:'.", "Put a space after the colon.",
        )  # fmt: skip
    word, _, rest = line.strip(" -").partition(" ")
    advice = f"Write '{word}: {rest}'." if rest else f"Write '{word}:' and its value."
    return at + 1, column + 1, "no-colon", "This line has no colon after its key.", advice


def _stray_bracket(text: str, lines: list[str], mark: yaml.Mark) -> Fault:
    if mark.line < len(lines) and lines[mark.line][mark.column :].strip():
        found = lines[mark.line][mark.column]
        return (
            mark.line + 1, mark.column + 1, "stray-bracket", f"A '{found}' is not expected here.",
            "Remove it; if it belongs to a text, put the text in quotes.",
        )  # fmt: skip
    opened = max(text.rfind("["), text.rfind("{"), 0)
    line, start = text.count("\n", 0, opened), text.rfind("\n", 0, opened) + 1
    return (
        line + 1, opened - start + 1, "open-bracket", "This bracket is opened and never closed.",
        "Close it where the list ends.",
    )  # fmt: skip


def _crooked(at: int, column: int) -> Fault:
    return (
        at + 1, column + 1, "indentation", "This line does not line up with the lines above it.",
        "Give lines that belong together the same number of spaces at their start.",
    )  # fmt: skip


def _line_above(lines: list[str], at: int) -> int | None:
    for above in range(at - 1, -1, -1):
        stripped = lines[above].strip()
        if stripped and not stripped.startswith("#"):
            return above
    return None


def _general(line: int, column: int, fault: yaml.MarkedYAMLError) -> Fault:
    reason = fault.problem or "it breaks off"
    return (
        line, column, "yaml", f"This cannot be read as YAML: {reason}.",
        "Compare it with a program that works, and look at the quotes and brackets here.",
    )  # fmt: skip
