"""The locked room in which templates run: no calls, no attributes but the declared ones, bounds."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType

from jinja2 import StrictUndefined, Template, nodes
from jinja2.exceptions import TemplateError, UndefinedError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.tests import TESTS as JINJA_TESTS

from digital_cs.rendering.context import VIEWS
from digital_cs.rendering.errors import (
    BadValueError,
    MissingVariableError,
    OutputTooLargeError,
    RenderError,
    UnsafeLinkError,
)
from digital_cs.rendering.filters import (
    FILTERS,
    LinkRefusedError,
    ValueRefusedError,
    bounded,
    outgoing,
    safe_link,
)
from digital_cs.rendering.tags import TOKEN, Tag, TagTable

TESTS = frozenset({"defined", "undefined", "none", "number", "string", "sequence", "even", "odd"})
LOOP_FIELDS = frozenset({"first", "last", "index"})
LINK_FILTER = "safe_link"
LOOP_FILTER = "bounded"

# Delimiters no content file can hold (tags.py refuses them), so that literal text such as
# "{{" in a paragraph stays text, whatever Markdown made of it.
_BLOCK, _BLOCK_END, _PRINT, _PRINT_END, _NOTE, _NOTE_END = "\ue000\ue001\ue002\ue003\ue004\ue005"


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja with an allow-list. The linter refuses the rest by line, this at run time."""

    def __init__(self, *, html: bool) -> None:
        super().__init__(
            block_start_string=_BLOCK,
            block_end_string=_BLOCK_END,
            variable_start_string=_PRINT,
            variable_end_string=_PRINT_END,
            comment_start_string=_NOTE,
            comment_end_string=_NOTE_END,
            undefined=StrictUndefined,
            autoescape=html,
            finalize=outgoing,
            keep_trailing_newline=True,
            cache_size=0,
        )
        self.globals.clear()
        self.filters = {**FILTERS, LINK_FILTER: safe_link, LOOP_FILTER: bounded}
        self.tests = {name: JINJA_TESTS[name] for name in TESTS}

    def getattr(self, obj: object, attribute: str) -> object:
        """A declared field, a trait, or undefined: never a method, never a dunder."""
        allowed = VIEWS.get(type(obj))
        if allowed is not None:
            if attribute in allowed:
                return getattr(obj, attribute)
        elif isinstance(obj, Mapping):
            value = obj.get(attribute)
            if value is not None:
                return value
        elif type(obj) is LoopContext and attribute in LOOP_FIELDS:
            return getattr(obj, attribute)
        return self.undefined(name=attribute)

    def getitem(self, obj: object, argument: object) -> object:
        """The same rule for `traits["seats"]`."""
        return self.getattr(obj, argument) if isinstance(argument, str) else self.undefined()

    def is_safe_callable(self, obj: object) -> bool:
        """Nothing is called from a template."""
        return False


_HTML = Sandbox(html=True)
_TEXT = Sandbox(html=False)


def guard_link(address: str, table: TagTable) -> str:
    """`address` with its tags put together into one checked tag; unchanged if it has none.

    The parts are literal, value, literal, value, …; see `safe_link`.
    """
    parts: list[str] = []
    position = 0
    for match in TOKEN.finditer(address):
        value = table.tags[int(match[2])].code
        parts += [repr(address[position : match.start()]), f"({value})"]
        position = match.end()
    if not parts:
        return address
    parts.append(repr(address[position:]))
    first = next(table.found_in(address))
    code = f"[{', '.join(parts)}] | {LINK_FILTER}"
    return table.add(replace(first, code=code, shown=first.written))


@dataclass(frozen=True, slots=True)
class CompiledPart:
    """One part of an e-mail (subject, text or HTML), ready to run.

    `places` maps a line of the generated template to the tag that stands there. `tree` gives what
    the template was made of, parsed anew, to run it in another way (see `mass_program`).
    """

    template: Template
    places: Mapping[int, Tag]
    limit: int
    tree: Callable[[], nodes.Template]

    def render(self, email: str, variables: dict[str, object]) -> str:
        """The part for these variables, at most `limit` characters; raises a RenderError."""
        chunks: list[str] = []
        size = 0
        template = self.template
        try:
            for chunk in template.root_render_func(template.new_context(variables)):
                size += len(chunk)
                if size > self.limit:
                    break
                chunks.append(chunk)
        except (TemplateError, ValueRefusedError, TypeError, ValueError) as fault:
            # `from None`: the original may quote a value, and this error is stored and shown.
            raise self._explained(email, fault) from None
        if size > self.limit:
            raise OutputTooLargeError(
                email, email, 1, f"it is longer than {self.limit} characters."
            )
        return "".join(chunks)

    def _explained(self, email: str, fault: Exception) -> RenderError:
        tag = self._place(fault.__traceback__)
        file, line, written = (tag.file, tag.line, tag.written) if tag else (email, 1, "a tag")
        match fault:
            case UndefinedError():
                reason = f"`{written}` has no value here. Give one with default(...)."
                return MissingVariableError(email, file, line, reason)
            case LinkRefusedError():
                return UnsafeLinkError(email, file, line, f"in `{written}` {fault}")
            case ValueRefusedError():
                return BadValueError(email, file, line, f"in `{written}` {fault}")
            case _:
                reason = f"`{written}` does not work with this account's values."
                return BadValueError(email, file, line, reason)

    def _place(self, trace: TracebackType | None) -> Tag | None:
        line = None
        for frame, number in traceback.walk_tb(trace):
            if frame.f_code is self.template.root_render_func.__code__:
                line = self.template.get_corresponding_lineno(number)
        return self.places.get(line) if line is not None else None


def compile_part(text: str, table: TagTable, *, html: bool, limit: int) -> CompiledPart:
    """The template whose tokens are tags again.

    A newline inside each tag gives every tag a generated line of its own, which is how a fault
    at run time finds its way back to the author's line.
    """
    environment = _HTML if html else _TEXT
    places: dict[int, Tag] = {}
    pieces: list[str] = []
    line = 1
    position = 0
    for match in TOKEN.finditer(text):
        static = text[position : match.start()]
        tag = table.tags[int(match[2])]
        line += static.count("\n")
        places[line] = tag
        opening, closing = (
            (_PRINT, _PRINT_END) if tag.kind == "expression" else (_BLOCK, _BLOCK_END)
        )
        pieces += [static, opening, " ", tag.code, "\n", closing]
        line += 1
        position = match.end()
    pieces.append(text[position:])
    source = "".join(pieces)
    tree = environment.parse(source)
    for loop in tree.find_all(nodes.For):
        loop.iter = nodes.Filter(
            loop.iter, LOOP_FILTER, [], [], None, None, lineno=loop.lineno, environment=environment
        )
    # Jinja's stub promises text only; at run time `compile` takes a tree as well.
    code = environment.compile(tree)
    template = environment.template_class.from_code(environment, code, environment.make_globals({}))
    return CompiledPart(template, places, limit, partial(environment.parse, source))
