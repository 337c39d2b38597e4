"""Reads the {{variables}} and {{#sections}} of other senders' templates, and says them our way."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["print", "open", "middle", "close", "drop"]

MARK = re.compile(r"zqm([0-9]+)mz")
"""Stands for a foreign tag while HTML becomes Markdown: letters that no parser touches."""

_TAG = re.compile(
    r"(?<!\\)(?:\{\{!--.{0,2000}?--\}\}|\{\{\{(?P<raw>[^{}]*)\}\}\}|\{\{(?P<code>[^{}]*)\}\})",
    re.DOTALL,
)
_AHEAD = 4000
"""Letters of a section that are looked at to tell a list from a condition."""
_LIST_INSIDE = re.compile(r"\s*<(?:tr|li|td|dt|option)\b|\{\{\s*(?:\.|this\b|@)", re.IGNORECASE)
_EACH_OF_ITSELF = re.compile(r"\{\{\s*#each\s+(?:\.|this)\s*\}\}")

# Names that nearly every sender uses for what we know ourselves.
KNOWN: Mapping[str, str] = {
    **dict.fromkeys(
        ("name", "first_name", "firstname", "fname", "recipient_name"),
        'contact.first_name or "there"',
    ),
    **dict.fromkeys(("full_name", "fullname"), 'contact.full_name or "there"'),
    **dict.fromkeys(("account_name", "workspace_name"), "account.name"),
    **dict.fromkeys(
        ("unsubscribe_url", "unsubscribe_link", "unsubscribe", "pm_unsubscribe_url",
         "pm:unsubscribe"), "links.unsubscribe",
    ),
    **dict.fromkeys(
        ("preferences_url", "email_preferences_url", "manage_preferences_url"), "links.preferences"
    ),
}  # fmt: skip
_PEOPLE = frozenset({"user", "contact", "recipient", "customer", "person", "subscriber"})
_LOOP = {"@index": "loop.index", "@first": "loop.first", "@last": "loop.last"}
_ALIAS = re.compile(r"(\S+)\s+as\s+\|\s*(\w+)")
_NAME = re.compile(r"[@\w./-]+")
_MISSABLE = re.compile(r"account\.traits\.|item\d*\.")
_ADDRESS = re.compile(r"(?:^|_)(?:url|link|href|uri)$")
_MAIL = re.compile(r"(?:^|_)e?mail(?:_address)?$")


@dataclass(frozen=True, slots=True)
class Variable:
    """A name of the template: as it was written, what it is now, and what stands in for it."""

    foreign: str
    ours: str
    default: str


@dataclass(frozen=True, slots=True)
class _Scope:
    word: Literal["if", "for"]
    path: str
    item: str | None = None
    alias: str | None = None


@dataclass(slots=True)
class ForeignTags:
    """The tags of one template: `mark` takes them out, `written` puts ours in their place.

    `renamed` says for names of the template which expression of ours they are.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _tags: list[tuple[Kind, str]] = field(default_factory=list)
    _scopes: list[_Scope] = field(default_factory=list)

    def mark(self, text: str) -> str:
        """`text` with a mark for every tag."""

        def one(match: re.Match[str]) -> str:
            code = match["raw"] if match["raw"] is not None else match["code"]
            after = text[match.end() : match.end() + _AHEAD]
            return self.hold(*self._read((code or "!").strip("~ \t\r\n"), after))

        text = MARK.sub("", text)
        marked = _TAG.sub(one, text)
        for scope in reversed(self._scopes):
            self.notes.append(f"The section `{scope.path}` is never closed.")
        return marked

    def hold(self, kind: Kind, code: str) -> str:
        """A mark for a tag that is known already."""
        self._tags.append((kind, code))
        return f"zqm{len(self._tags) - 1}mz"

    def code(self, mark: re.Match[str]) -> str:
        """What was held, or is written, for a mark."""
        return self._tags[int(mark[1])][1]

    def kind(self, mark: re.Match[str]) -> Kind:
        """What the tag behind a mark does."""
        return self._tags[int(mark[1])][0]

    def written(self, text: str) -> str:
        """`text` with our tags instead of marks, and what only looks like a tag made harmless."""
        text = re.sub(r"\{(?=[{%#])", '{{ "{" }}', text)
        return MARK.sub(self._ours, text)

    def _ours(self, mark: re.Match[str]) -> str:
        kind, code = self._tags[int(mark[1])]
        if kind == "drop":
            return ""
        return f"{{{{ {code} }}}}" if kind == "print" else f"{{% {code} %}}"

    # -- one tag -----------------------------------------------------------------------------

    def _read(self, code: str, after: str) -> tuple[Kind, str]:
        sign, rest = code[:1], code[1:].strip()
        match sign:
            case "!":
                return "drop", ""
            case ">":
                self.notes.append(f"The part `{code}` is another file: write what it says.")
                return "drop", ""
            case "#":
                return self._opened(rest, after)
            case "^":
                return ("middle", "else") if not rest else self._condition(rest, positive=False)
            case "/":
                if not self._scopes:
                    self.notes.append(f"`{{{{{code}}}}}` closes nothing and was left out.")
                    return "drop", ""
                return "close", f"end{self._scopes.pop().word}"
            case "&":
                code = rest
        if code == "else" and self._scopes:
            return "middle", "else"
        if code.startswith("else if ") and self._scopes:
            return "middle", f"elif {self._truth(code[8:].strip())}"
        return "print", self._printed(code)

    def _opened(self, code: str, after: str) -> tuple[Kind, str]:
        word, _, rest = code.partition(" ")
        rest = rest.strip()
        match word:
            case "if" | "with" if rest:
                return self._condition(rest, positive=True)
            case "unless" if rest:
                return self._condition(rest, positive=False)
            case "each" | "foreach" if rest:
                alias = _ALIAS.match(rest)
                return self._loop(rest.partition(" ")[0], alias[2] if alias else None)
        if rest:
            self.notes.append(f"`{{{{#{code}}}}}` is a helper that we do not have: look at it.")
        inside = after.partition(f"{{{{/{word}")[0]
        if _LIST_INSIDE.search(inside[:400]) and not _EACH_OF_ITSELF.search(inside):
            return self._loop(word)
        return self._condition(word, positive=True)

    def _loop(self, name: str, alias: str | None = None) -> tuple[Kind, str]:
        path = self._path(name)
        depth = sum(scope.word == "for" for scope in self._scopes)
        item = "item" if not depth else f"item{depth + 1}"
        self._note(name, path, "an empty list")
        self._scopes.append(_Scope("for", path, item, alias))
        return "open", f"for {item} in {path} | default([])"

    def _condition(self, name: str, *, positive: bool) -> tuple[Kind, str]:
        truth = self._truth(name)
        self._scopes.append(_Scope("if", self._path(name)))
        return "open", f"if {truth}" if positive else f"if not ({truth})"

    def _truth(self, name: str) -> str:
        if "(" in name:
            self.notes.append(f"The condition `{name}` asks a helper: look at what it is now.")
        path = self._path(name)
        if not _MISSABLE.match(path):
            return path
        self._note(name, path, "nothing")
        return f'{path} | default("")'

    def _printed(self, code: str) -> str:
        words = code.split()
        if len(words) > 1 and not code.startswith(("'", '"')):
            value = next((word for word in words[1:] if _NAME.fullmatch(word)), words[0])
            self.notes.append(f"`{{{{{code}}}}}` asks a helper: only its value `{value}` is left.")
            code = value
        path = self._path(code)
        if not _MISSABLE.match(path):
            self._note(code, path, "")
            return path
        default = self._default(code)
        self._note(code, path, default)
        return f"{path} | default({default})"

    def _default(self, name: str) -> str:
        plain = _plain(name.lower())
        if _ADDRESS.search(plain):
            return "links.app"
        if _MAIL.search(plain):
            return '"help@example.com"'
        return json.dumps(_words(name), ensure_ascii=False)

    def _note(self, name: str, path: str, default: str) -> None:
        self.variables.setdefault(path, Variable(name, path, default))

    def _path(self, name: str) -> str:
        """The expression for a name, seen from where we are in the template."""
        if name.startswith("@"):
            return _LOOP.get(name, "loop.index")
        scopes = [scope for scope in self._scopes if scope.item]
        item = scopes[-1].item if scopes else None
        if name in (".", "this"):
            # A section over a list that is then gone through by itself: the section's own list.
            if self._scopes and self._scopes[-1].word == "if":
                return self._scopes[-1].path
            return item or "account.name"
        if name.startswith("../"):
            while name.startswith("../"):
                name = name[3:]
                scopes = scopes[:-1]
            item = scopes[-1].item if scopes else None
        name = name.removeprefix("this.").removeprefix("./")
        root, _, leaf = name.partition(".")
        for scope in reversed(scopes):
            if scope.alias == root:
                return f"{scope.item}.{_identifier(leaf)}" if leaf else f"{scope.item}"
        if item:
            return f"{item}.{_identifier(name)}"
        if name in self.renamed:
            return self.renamed[name]
        ours = KNOWN.get((leaf if root.lower() in _PEOPLE and leaf else name).lower())
        return ours or f"account.traits.{_identifier(name)}"


def _plain(name: str) -> str:
    """`actionUrl`, `action-url` and `action.url` as `action_url`."""
    return re.sub(r"[^A-Za-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)).strip("_")


def _identifier(name: str) -> str:
    found = re.sub(r"\W+", "_", name).strip("_") or "value"
    return f"_{found}" if found[0].isdigit() or keyword.iskeyword(found) else found


def _words(name: str) -> str:
    return _plain(name.rpartition(".")[2] or name).replace("_", " ").lower()
