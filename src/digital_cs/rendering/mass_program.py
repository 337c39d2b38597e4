"""A part of an e-mail as a list of steps that many renderings run quickly, one after the other.

Jinja's own code reads every value again wherever it is printed, and gives back one text. These
steps read, clean and escape a value once a message, and keep constant text apart from values, so
that it is put into its form on the wire once and for all. They call the very functions that the
sandbox calls; what they do not know (loops, sums) is refused at `of`, and Jinja renders it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from jinja2 import nodes
from markupsafe import escape

from digital_cs.rendering.context import DECLARED, RenderContext
from digital_cs.rendering.filters import FILTERS, outgoing, safe_link
from digital_cs.rendering.sandbox import LINK_FILTER, CompiledPart, Sandbox
from digital_cs.rendering.tag_lint import dotted

Read = Callable[[RenderContext], Any]
"""What an expression comes to for one recipient; undefined, where it has no value."""

_FILTERS = MappingProxyType({**FILTERS, LINK_FILTER: safe_link})
_COMPARED: MappingProxyType[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        "eq": operator.eq, "ne": operator.ne, "gt": operator.gt, "gteq": operator.ge,
        "lt": operator.lt, "lteq": operator.le,
        "in": lambda left, right: left in right, "notin": lambda left, right: left not in right,
    }
)  # fmt: skip


class UnknownStepError(Exception):
    """The part does something that there is no step for. Let Jinja render it."""


@dataclass(frozen=True, slots=True, eq=False)
class Fixed:
    """Text of the template itself: the same object in every message, and equal to no other."""

    text: str


@dataclass(frozen=True, slots=True)
class Print:
    """A value: `place` is where its text is kept while one message is made."""

    read: Read
    place: int


@dataclass(frozen=True, slots=True)
class Branch:
    """The first of the cases whose question is answered with yes, else `otherwise`."""

    cases: tuple[tuple[Read, tuple[Step, ...]], ...]
    otherwise: tuple[Step, ...]


Step = Fixed | Print | Branch


class Steps:
    """Translates the parts of one e-mail; equal expressions of its parts share one place."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    @property
    def places(self) -> int:
        """How many different values the parts print."""
        return len(self._places)

    def of(self, part: CompiledPart) -> tuple[Step, ...]:
        """The steps of a part. Raises `UnknownStepError`."""
        tree = part.tree()
        assert isinstance(tree.environment, Sandbox)
        return self._body(tree.body, _Reader(tree.environment))

    def _body(self, body: Sequence[nodes.Node], reader: _Reader) -> tuple[Step, ...]:
        steps: list[Step] = []
        for node in body:
            match node:
                case nodes.Output():
                    steps += (self._printed(child, reader) for child in node.nodes)
                case nodes.If():
                    cases = tuple(
                        (reader.of(case.test), self._body(case.body, reader))
                        for case in (node, *node.elif_)
                    )
                    steps.append(Branch(cases, self._body(node.else_, reader)))
                case _:
                    raise UnknownStepError
        return tuple(steps)

    def _printed(self, node: nodes.Expr, reader: _Reader) -> Step:
        if isinstance(node, nodes.TemplateData):
            return Fixed(node.data)
        return Print(reader.of(node), self._places.setdefault(repr(node), len(self._places)))


class Run:
    """One message being made: what its expressions printed so far.

    `cleaned` and `escaped` are raw and HTML text by place, None where not asked for yet.
    """

    __slots__ = ("_cleaned", "_context", "_escaped")

    def __init__(self, context: RenderContext, places: int) -> None:
        self._context = context
        self._cleaned: list[str | None] = [None] * places
        self._escaped: list[str | None] = [None] * places

    def text(self, steps: Sequence[Step], out: list[str]) -> None:
        """Add to `out` what plain text the steps come to."""
        for step in steps:
            kind = type(step)
            if kind is Fixed:
                out.append(step.text)  # type: ignore[union-attr]
            elif kind is Print:
                out.append(self._clean(step))  # type: ignore[arg-type]
            else:
                self.text(self._taken(step), out)  # type: ignore[arg-type]

    def html(self, steps: Sequence[Step], out: list[Fixed | str]) -> None:
        """Add to `out` what HTML the steps come to; the template's own text as it stands there."""
        escaped = self._escaped
        for step in steps:
            kind = type(step)
            if kind is Fixed:
                out.append(step)  # type: ignore[arg-type]
            elif kind is Print:
                place = step.place  # type: ignore[union-attr]
                text = escaped[place]
                if text is None:
                    text = escaped[place] = str.__str__(escape(self._clean(step)))  # type: ignore[arg-type]
                out.append(text)
            else:
                self.html(self._taken(step), out)  # type: ignore[arg-type]

    def _clean(self, step: Print) -> str:
        text = self._cleaned[step.place]
        if text is None:
            text = self._cleaned[step.place] = str(outgoing(step.read(self._context)))
        return text

    def _taken(self, step: Branch) -> tuple[Step, ...]:
        for test, body in step.cases:
            if test(self._context):
                return body
        return step.otherwise


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
                return self._called(self._sandbox.tests[name], (of, *args))
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
