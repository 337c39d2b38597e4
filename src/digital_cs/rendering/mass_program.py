"""A part of an e-mail as a list of steps that many renderings run quickly, one after the other.

Jinja's own code reads every value again wherever it is printed, and gives back one text. These
steps tell the template's own text from what is printed, which is all that differs between two
messages whose questions were answered alike. They call the very functions that the sandbox calls;
what they do not know (loops, sums) is refused by `steps_of`, and Jinja renders it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from jinja2 import nodes

from digital_cs.rendering.context import DECLARED, RenderContext
from digital_cs.rendering.filters import FILTERS, safe_link
from digital_cs.rendering.sandbox import LINK_FILTER, CompiledPart, Sandbox
from digital_cs.rendering.tag_lint import dotted

Read = Callable[[RenderContext], Any]
"""What an expression comes to for one recipient; undefined, where it has no value."""

_SAME_ROOTS = frozenset({"program", "sender"})
_FILTERS: MappingProxyType[str, Callable[..., Any]] = MappingProxyType(
    {**FILTERS, LINK_FILTER: safe_link}
)
_COMPARED: MappingProxyType[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        "eq": operator.eq, "ne": operator.ne, "gt": operator.gt, "gteq": operator.ge,
        "lt": operator.lt, "lteq": operator.le,
        "in": lambda left, right: left in right, "notin": lambda left, right: left not in right,
    }
)  # fmt: skip


class UnknownStepError(Exception):
    """The part does something that there is no step for. Let Jinja render it."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A value to print, or a question. Two of one name are the same.

    `same`: it comes to the same for everybody, by program, sender and product alone. `link` is
    the recipient's own link (a name of `LinksView`) that it prints, and nothing else.
    """

    name: str
    read: Read
    same: bool
    link: str | None = None


class UnansweredError(Exception):
    """Which way it goes on depends on a question that was not asked yet."""

    def __init__(self, question: Expression) -> None:
        super().__init__(question.name)
        self.question = question


@dataclass(frozen=True, slots=True)
class Branch:
    """The first of the cases whose question is answered with yes, else the last body."""

    cases: tuple[tuple[Expression, Body], ...]
    otherwise: Body

    def taken(self, answers: Mapping[str, bool]) -> Body:
        """The body that these answers lead to. Raises `UnansweredError`."""
        for question, body in self.cases:
            answer = answers.get(question.name)
            if answer is None:
                raise UnansweredError(question)
            if answer:
                return body
        return self.otherwise


@dataclass(frozen=True, slots=True)
class Body:
    """Steps one after the other: text of the template, values, and questions."""

    steps: tuple[str | Expression | Branch, ...]

    def along(self, answers: Mapping[str, bool]) -> Iterator[str | Expression]:
        """What there is to say where the questions are answered so. Raises `UnansweredError` at
        one that is not; nothing behind it may be asked before it, which could have no answer."""
        for step in self.steps:
            if isinstance(step, Branch):
                yield from step.taken(answers).along(answers)
            else:
                yield step


def steps_of(part: CompiledPart) -> Body:
    """The steps of a part. Raises `UnknownStepError`."""
    tree = part.tree()
    assert isinstance(tree.environment, Sandbox)
    return _body(tree.body, _Reader(tree.environment))


def _body(nodes_of: Sequence[nodes.Node], reader: _Reader) -> Body:
    steps: list[str | Expression | Branch] = []
    for node in nodes_of:
        match node:
            case nodes.Output():
                steps += (
                    child.data
                    if isinstance(child, nodes.TemplateData)
                    else _expression(child, reader)
                    for child in node.nodes
                )
            case nodes.If():
                cases = tuple(
                    (_expression(case.test, reader), _body(case.body, reader))
                    for case in (node, *node.elif_)
                )
                steps.append(Branch(cases, _body(node.else_, reader)))
            case _:
                raise UnknownStepError
    return Body(tuple(steps))


def _expression(node: nodes.Node, reader: _Reader) -> Expression:
    return Expression(repr(node), reader.of(node), _same(node), _link(node))


def _same(node: nodes.Node) -> bool:
    """Whether nothing in it is of the recipient."""
    path = dotted(node)
    if path is None:
        return all(map(_same, node.iter_child_nodes()))
    return path[0] in _SAME_ROOTS or path == ("links", "app")


def _link(node: nodes.Node) -> str | None:
    match node:
        case nodes.Filter(
            name="safe_link",
            node=nodes.List(items=[nodes.Const(value=""), link, nodes.Const(value="")]),
        ):
            node = link
    match dotted(node):
        case ("links", "unsubscribe" | "preferences" as name):
            return name
    return None


class _Reader:
    """Makes of an expression a function that does to a context what Jinja's code would."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def of(self, node: nodes.Node) -> Read:
        """The function. Raises `UnknownStepError`."""
        match node:
            case nodes.Const(value=value):
                return lambda _: value
            case nodes.Name() | nodes.Getattr() | nodes.Getitem():
                return self._variable(dotted(node) or ())
            case nodes.Filter(name=name, node=nodes.Expr() as of, args=args) if (
                name in _FILTERS and not (node.kwargs or node.dyn_args or node.dyn_kwargs)
            ):
                return self._called(_FILTERS[name], (of, *args))
            case nodes.Test(name=name, node=of, args=args) if not (
                node.kwargs or node.dyn_args or node.dyn_kwargs
            ):
                asked_of: Any = self._sandbox.tests[name]
                return self._called(asked_of, (of, *args))
            case nodes.List(items=items):
                each = [self.of(item) for item in items]
                return lambda context: [read(context) for read in each]
            case nodes.Or(left=left, right=right):
                one, other = self.of(left), self.of(right)
                return lambda context: one(context) or other(context)
            case nodes.And(left=left, right=right):
                one, other = self.of(left), self.of(right)
                return lambda context: one(context) and other(context)
            case nodes.Not(node=inner):
                asked = self.of(inner)
                return lambda context: not asked(context)
            case nodes.Compare(expr=left, ops=[operand]) if operand.op in _COMPARED:
                return self._called(_COMPARED[operand.op], (left, operand.expr))
            case nodes.CondExpr(test=test, expr1=one_node, expr2=nodes.Expr() as other_node):
                asked, one, other = self.of(test), self.of(one_node), self.of(other_node)
                return lambda context: one(context) if asked(context) else other(context)
        raise UnknownStepError

    def _called(self, function: Callable[..., Any], of: Sequence[nodes.Node]) -> Read:
        if len(of) == 1:
            read = self.of(of[0])
            return lambda context: function(read(context))
        if len(of) == 2:
            first, second = self.of(of[0]), self.of(of[1])
            return lambda context: function(first(context), second(context))
        every = [self.of(node) for node in of]
        return lambda context: function(*(read(context) for read in every))

    def _variable(self, path: tuple[str, ...]) -> Read:
        undefined = self._sandbox.undefined
        match path:
            case (root, name) if name in DECLARED.get(root, ()):
                return attrgetter(f"{root}.{name}")
            case ("account", "traits", name):

                def trait(context: RenderContext) -> Any:
                    value = context.account.traits.get(name)
                    return undefined(name=name) if value is None else value

                return trait
        raise UnknownStepError
