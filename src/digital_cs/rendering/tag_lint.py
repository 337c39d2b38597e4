"""Checks every Jinja tag of a content file against what an e-mail may say."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from jinja2 import Environment, nodes
from jinja2.exceptions import TemplateSyntaxError

from digital_cs.domain.problem import Problem
from digital_cs.rendering.context import DECLARED
from digital_cs.rendering.filters import FILTERS
from digital_cs.rendering.sandbox import LOOP_FIELDS, TESTS
from digital_cs.rendering.tags import Tag

MAX_NESTED_LOOPS = 2
_PARSER = Environment(autoescape=True)
_STATEMENTS = ("if", "elif", "else", "endif", "for", "endfor", "include")
_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For,
    nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Const, nodes.List, nodes.Tuple,
    nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not,
    nodes.CondExpr, nodes.Concat, nodes.Add, nodes.Sub, nodes.Neg,
)  # fmt: skip


def suggest(word: str, known: Iterable[str]) -> str | None:
    """ "Did you mean …?" if something known is near, else the list of what is known."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1)
    if near:
        return f"Did you mean `{near[0]}`?"
    return f"Known: {', '.join(names)}." if names else None


@dataclass(slots=True)
class _Open:
    """A statement that waits for its end; `guards` are the traits it asks `is defined` of."""

    tag: Tag
    loop_variables: frozenset[str] = frozenset()
    guards: frozenset[str] = frozenset()


def dotted(node: nodes.Node) -> tuple[str, ...] | None:
    """`account.traits.seats` (or `traits["seats"]`) as its names; None for anything else."""
    match node:
        case nodes.Name():
            return (node.name,)
        case nodes.Getattr():
            base = dotted(node.node)
            return (*base, node.attr) if base else None
        case nodes.Getitem(arg=nodes.Const(value=str() as key)):
            base = dotted(node.node)
            return (*base, key) if base else None
    return None


class TagLinter:
    """Walks the tags of one file in order; afterwards `problems` and `variables` are complete."""

    def __init__(self, extra: frozenset[str] = frozenset()) -> None:
        self.problems: list[Problem] = []
        self.variables: set[str] = set()
        self._extra = extra
        self._open: list[_Open] = []

    def run(self, tags: Sequence[Tag]) -> None:
        """Check `tags`, which are all the tags of one file."""
        for tag in tags:
            if tag.kind == "expression":
                self._expression(tag)
            else:
                self._statement(tag)
        for left in self._open:
            self._complain(
                left.tag,
                "unclosed-statement",
                f"`{left.tag.written}` is never closed.",
                f"Add {{% end{left.tag.word} %}}.",
            )

    def _complain(self, tag: Tag, rule: str, message: str, suggestion: str | None = None) -> None:
        self.problems.append(tag.problem(rule, message, suggestion))

    # -- one tag -----------------------------------------------------------------------------

    def _expression(self, tag: Tag) -> None:
        tree = self._parse(tag, f"{{{{ {tag.code} }}}}")
        if tree is not None:
            self._inspect(tag, tree, frozenset())

    def _statement(self, tag: Tag) -> None:
        match tag.word:
            case "if" | "elif":
                if tag.word == "elif" and not self._inside(tag, "if"):
                    return
                condition = "if" + tag.code.removeprefix("elif").removeprefix("if")
                tree = self._parse(tag, f"{{% {condition} %}}{{% endif %}}")
                guards = _guards(tree) if tree is not None else frozenset()
                opened = _Open(tag, guards=guards)
                if tag.word == "if":
                    self._open.append(opened)
                else:
                    self._open[-1] = replace(opened, tag=self._open[-1].tag)
                if tree is not None:
                    self._inspect(tag, tree, guards)
            case "for":
                self._loop(tag)
            case "else":
                if self._inside(tag, "if", "for"):
                    self._open[-1] = _Open(self._open[-1].tag)
            case "endif" | "endfor":
                if self._inside(tag, tag.word.removeprefix("end")):
                    self._open.pop()
            case "include":
                pass
            case word:
                self._complain(
                    tag,
                    "unknown-statement",
                    f"`{tag.written}` is not a statement of e-mails.",
                    suggest(word, _STATEMENTS),
                )

    def _inside(self, tag: Tag, *words: str) -> bool:
        if self._open and self._open[-1].tag.word in words:
            return True
        inner = f" inside `{self._open[-1].tag.written}`" if self._open else ""
        message = f"`{tag.written}` stands{inner} without its {' or '.join(words)}."
        self._complain(tag, "misplaced-statement", message, "Close what was opened last first.")
        return False

    def _loop(self, tag: Tag) -> None:
        tree = self._parse(tag, f"{{% {tag.code} %}}{{% endfor %}}")
        loop = next(tree.find_all(nodes.For), None) if tree is not None else None
        if tree is None or loop is None:
            self._open.append(_Open(tag))
            return
        if loop.recursive or not isinstance(loop.target, nodes.Name):
            message = "A loop takes one name and is not recursive."
            self._complain(tag, "template-syntax", message, "Write {% for item in list %}.")
        targets = {name.name for name in loop.target.find_all(nodes.Name)}
        if isinstance(loop.target, nodes.Name):
            targets.add(loop.target.name)
        shadowed = targets & DECLARED.keys()
        if shadowed:
            message = f"The loop's name {min(shadowed)} hides the {min(shadowed)} of the e-mail."
            self._complain(tag, "unknown-variable", message, "Choose another name.")
        # The list is read outside the loop, so it is checked before the loop's name exists.
        for part in (loop.iter, loop.test):
            if part is not None:
                scope = frozenset(targets) if part is loop.test else frozenset()
                self._inspect(tag, part, frozenset(), scope, printed=False)
        self._open.append(_Open(tag, frozenset(targets)))
        if sum(1 for opened in self._open if opened.tag.word == "for") > MAX_NESTED_LOOPS:
            message = f"Loops stand {MAX_NESTED_LOOPS + 1} deep."
            self._complain(tag, "loop-depth", message, f"At most {MAX_NESTED_LOOPS} are allowed.")

    def _parse(self, tag: Tag, source: str) -> nodes.Template | None:
        try:
            return _PARSER.parse(source)
        except TemplateSyntaxError as fault:
            message = f"`{tag.written}` cannot be read: {fault.message}"
            self._complain(tag, "template-syntax", f"{message.rstrip('.')}.")
            return None

    # -- the tree of one tag -----------------------------------------------------------------

    def _inspect(
        self,
        tag: Tag,
        tree: nodes.Node,
        guards: frozenset[str],
        scope: frozenset[str] = frozenset(),
        *,
        printed: bool = True,
    ) -> None:
        local = scope.union(*(opened.loop_variables for opened in self._open))
        known_missing = guards.union(*(opened.guards for opened in self._open))
        for node, defaulted in _walk(tree, defaulted=False):
            if not isinstance(node, _ALLOWED):
                self._complain(
                    tag,
                    "not-allowed",
                    f"`{tag.written}` uses {_kind(node)}, which e-mails may not.",
                    "Use a variable, a filter, a comparison, if or for.",
                )
                return
            if isinstance(node, nodes.Filter) and node.name not in FILTERS:
                self._unknown(tag, "unknown-filter", "filter", node.name, FILTERS)
            elif isinstance(node, nodes.Test) and node.name not in TESTS:
                self._unknown(tag, "unknown-test", "test", node.name, TESTS)
            elif isinstance(node, (nodes.Name, nodes.Getattr, nodes.Getitem)):
                path = dotted(node)
                if path is None:
                    message = f"`{tag.written}` reads an attribute of something unnamed."
                    self._complain(tag, "not-allowed", message, "Attributes follow a variable.")
                else:
                    optional = defaulted or ".".join(path) in known_missing
                    self._variable(tag, path, local, optional=optional, leaf=printed)

    def _unknown(self, tag: Tag, rule: str, noun: str, name: str, known: Iterable[str]) -> None:
        message = f"There is no {noun} `{name}` (in `{tag.written}`)."
        self._complain(self._at(tag, name), rule, message, suggest(name, known))

    def _at(self, tag: Tag, word: str) -> Tag:
        """The tag with the column of `word` in it; only right within the tag's first line."""
        offset = tag.code.find(word)
        return replace(tag, column=tag.column + 3 + offset) if offset >= 0 else tag

    def _variable(
        self, tag: Tag, path: tuple[str, ...], local: frozenset[str], *, optional: bool, leaf: bool
    ) -> None:
        name = ".".join(path)
        root, *rest = path
        if any(word.startswith("__") for word in path):
            message = f"`{name}` is nothing that an account has."
            self._complain(self._at(tag, name), "not-allowed", message, "Name one of its facts.")
            return
        if root in local and len(rest) <= 1:
            # What the items of a list are is not declared: a text, or a record with fields.
            if rest and not optional:
                self._may_be_missing(tag, name)
            return
        if root == "loop" and local and len(rest) == 1 and rest[0] in LOOP_FIELDS:
            return
        if root in self._extra and not rest:
            return
        if root not in DECLARED:
            message = f"There is no variable `{name}`."
            self._complain(
                self._at(tag, name), "unknown-variable", message, suggest(root, DECLARED)
            )
        elif not rest or rest == ["traits"]:
            if leaf:
                message = f"`{name}` is a group of variables, not a text."
                known = DECLARED[root] if not rest else ()
                advice = suggest("", known) or "Name one trait, such as account.traits.seats."
                self._complain(self._at(tag, name), "not-a-value", message, advice)
        elif rest[0] not in DECLARED[root]:
            message = f"There is no variable `{name}`."
            fields = [f"{root}.{field}" for field in DECLARED[root]]
            self._complain(self._at(tag, name), "unknown-variable", message, suggest(name, fields))
        elif len(rest) > (2 if rest[0] == "traits" else 1):
            message = f"`{name}` asks for something inside a value."
            self._complain(
                self._at(tag, name), "unknown-variable", message, "Stop one dot earlier."
            )
        else:
            self.variables.add(name)
            if rest[0] == "traits" and not optional:
                self._may_be_missing(tag, name)

    def _may_be_missing(self, tag: Tag, name: str) -> None:
        message = f"`{name}` may be missing for an account."
        self.problems.append(
            replace(
                self._at(tag, name).problem("trait-without-default", message),
                suggestion='Add |default("…"), or put it inside {% if … is defined %}.',
                severity="warning",
            )
        )


def _kind(node: nodes.Node) -> str:
    return {
        "Call": "a call", "Mul": "multiplication", "Div": "division", "Pow": "a power",
        "Mod": "a remainder", "Slice": "a slice", "Dict": "a dictionary",
    }.get(type(node).__name__, f"`{type(node).__name__}`")  # fmt: skip


def _walk(node: nodes.Node, *, defaulted: bool) -> Iterator[tuple[nodes.Node, bool]]:
    """Each node once, a dotted name as one; and whether a missing value is provided for."""
    yield node, defaulted
    if isinstance(node, nodes.Filter) and node.name == "default":
        defaulted = True
    if isinstance(node, nodes.Test) and node.name in ("defined", "undefined"):
        defaulted = True
    if dotted(node) is not None:
        return
    for child in node.iter_child_nodes():
        yield from _walk(child, defaulted=defaulted)


def _guards(tree: nodes.Node) -> frozenset[str]:
    """The names a condition is certain about: those under `is defined`, joined by `and` only."""
    condition = next(tree.find_all(nodes.If)).test
    waiting: list[nodes.Node] = [condition]
    found: set[str] = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, nodes.And):
            waiting += [node.left, node.right]
        elif isinstance(node, nodes.Test) and node.name == "defined":
            found.add(".".join(dotted(node.node) or ()))
    return frozenset(found)
