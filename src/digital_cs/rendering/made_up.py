"""An account and a contact that nobody has, with a value for all that an e-mail asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from jinja2 import Environment, nodes
from jinja2.exceptions import TemplateSyntaxError

from digital_cs.rendering.context import (
    AccountView,
    ContactView,
    LinksView,
    ProgramView,
    RenderContext,
    SenderView,
)
from digital_cs.rendering.tag_lint import dotted
from digital_cs.rendering.tags import Tag

ROWS = 3
"""How many items a made-up list has."""

_PARSER = Environment(autoescape=True)
_DAY = "2026-09-01"
_TRAITS = "account.traits."
_NUMBER = re.compile(r"(?:^|_)(?:seats|count|number|days|users|used|limit|score|percent)$")
_ADDRESS = re.compile(r"(?:^|_)(?:url|link|href)$")
_SAMPLES: Mapping[str, object] = MappingProxyType(
    {"industry": "books", "country": "DE", "amount": "12.00", "total": "36.00", "plan": "growth"}
)


@dataclass(slots=True)
class _Wishes:
    """What the tags of an e-mail ask of the account's own facts, in one pass over them."""

    found: dict[str, object] = field(default_factory=dict)
    _items: list[tuple[str, dict[str, object]]] = field(default_factory=list)

    def read(self, tag: Tag) -> None:
        if tag.word == "endfor" and self._items:
            self._items.pop()
            return
        tree = _tree(tag)
        if tree is None:
            return
        loop = next(tree.find_all(nodes.For), None)
        if loop is not None and isinstance(loop.target, nodes.Name):
            fields: dict[str, object] = {}
            for name in _names(loop.iter):
                self._want(name, [fields] * ROWS)
            self._items.append((loop.target.name, fields))
            return
        for node, names in _readings(tree):
            for name in names:
                self._want(name, _value(name.rpartition(".")[2], node))

    def _want(self, name: str, value: object) -> None:
        known, leaf = self.found, name.removeprefix(_TRAITS)
        if leaf == name:
            root, _, leaf = name.partition(".")
            found = [fields for item, fields in self._items if item == root]
            if not leaf or not found:
                return
            known = found[-1]
        if leaf not in known or isinstance(value, list):
            known[leaf] = value


def made_up(
    tags: Sequence[Tag], *, program: ProgramView, links: LinksView, sender: SenderView
) -> RenderContext:
    """A context in which every variable of `tags` (those of one e-mail) has a value."""
    wishes = _Wishes()
    for tag in tags:
        wishes.read(tag)
    traits = {name: _texts(value) for name, value in wishes.found.items()}
    return RenderContext(
        account=AccountView("example", "Example & Co", "growth", "adopting", traits),
        contact=ContactView("Robin", "Robin Example", "admin", "en"),
        program=program,
        links=links,
        sender=sender,
    )


def _texts(value: object) -> object:
    """The value; rows whose fields nobody asks for are words instead, in lists of lists as well."""
    if isinstance(value, list):
        return [_texts(row) if row else f"item {number}" for number, row in enumerate(value, 1)]
    if isinstance(value, dict):
        return {name: _texts(each) for name, each in value.items()}
    return value


def _tree(tag: Tag) -> nodes.Template | None:
    if tag.kind == "expression":
        source = f"{{{{ {tag.code} }}}}"
    elif tag.word in ("if", "elif"):
        source = f"{{% if{tag.code.removeprefix('el').removeprefix('if')} %}}{{% endif %}}"
    elif tag.word == "for":
        source = f"{{% {tag.code} %}}{{% endfor %}}"
    else:
        return None
    try:
        return _PARSER.parse(source)
    except TemplateSyntaxError:
        return None  # `check` says it


def _readings(
    tree: nodes.Node, around: nodes.Node | None = None
) -> Iterator[tuple[nodes.Node | None, list[str]]]:
    """Each variable read, with the innermost filter or comparison that says what it must be."""
    path = dotted(tree)
    if path is not None:
        yield around, [".".join(path)]
        return
    if isinstance(tree, nodes.Compare) or (
        isinstance(tree, nodes.Filter) and tree.name in ("day", "join", "length")
    ):
        around = tree
    for child in tree.iter_child_nodes():
        yield from _readings(child, around)


def _names(tree: nodes.Node) -> list[str]:
    return [name for _, names in _readings(tree) for name in names]


def _value(name: str, around: nodes.Node | None) -> object:
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    if isinstance(around, nodes.Filter):
        return _DAY if around.name == "day" else ["one", "two", "three"]
    if isinstance(around, nodes.Compare):
        for constant in around.find_all(nodes.Const):
            return constant.value
    if _ADDRESS.search(plain):
        return f"https://example.com/{name}"
    if plain.endswith("email"):
        return "robin@example.com"
    if _NUMBER.search(plain):
        return 12
    return _SAMPLES.get(plain, plain.replace("_", " "))
