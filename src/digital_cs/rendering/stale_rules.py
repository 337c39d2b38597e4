"""What an e-mail may show, with the rules for what is stale in it, and complaints about these."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from digital_cs.domain.content.stale_rule import Content, Do, Part, StaleRule, Swaps, Way
from digital_cs.domain.content.stale_words import (
    RULE_KEYS,
    THEN,
    WHEN_STALE,
    StaleRuleError,
    read_rule,
)
from digital_cs.domain.links.link_extract import links_in
from digital_cs.domain.links.link_url import LinkUrlError, normal_url
from digital_cs.domain.problem import Problem
from digital_cs.rendering.expander import included
from digital_cs.rendering.source import SourceFile, Value
from digital_cs.rendering.tag_lint import TagLinter, suggest
from digital_cs.rendering.tags import TagTable, tokenize

COMPLAINTS = frozenset(
    {"stale-rule", "stale-fallback", "fallback-cycle", "footer-dropped", "nothing-left"}
)
"""The rules of the complaints about what becomes of stale content."""

_APP = re.compile(r"\{\{\s*links\.app\s*\}\}")
_MJML_HREF = re.compile(r'\bhref="(https?://[^"{}]+)"')


@dataclass(frozen=True, slots=True)
class _Written:
    """A rule as it stands somewhere: its words, and the file and line for complaints."""

    file: str
    words: Mapping[str, Value]
    rule: StaleRule | None

    def problem(self, key: str, rule: str, message: str, advice: str | None) -> Problem:
        at = self.words[key]
        return Problem(self.file, at.line, at.column, rule, message, advice)

    def ways(self) -> Iterator[tuple[str, Way]]:
        """What it may come to, and under which key that stands."""
        if self.rule is not None:
            yield WHEN_STALE, self.rule.way
            if self.rule.then is not None:
                yield THEN, self.rule.then


@dataclass(slots=True)
class _Gathering:
    """Goes through everything that one e-mail may show."""

    source: SourceFile
    blocks: Mapping[str, SourceFile]
    needs: frozenset[str]
    app_url: str
    parts: dict[str, Part] = field(default_factory=dict)
    written: dict[str, _Written] = field(default_factory=dict)
    prints: dict[str, frozenset[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def take(self, names: Iterable[str]) -> None:
        """Take up blocks, what stands in them, and last what may stand in for any of them."""
        waiting, later = list(names), list[str]()
        while waiting or later:
            name = waiting.pop(0) if waiting else later.pop(0)
            if name in self.parts or name not in self.blocks:
                continue
            source = self.blocks[name]
            words = self.source.rules.get(name)
            written = (
                _read(self.source.file, words, self.problems) if words is not None
                else _read(source.file, _own(source), [])  # `check_block` complains of these
            )  # fmt: skip
            inside, self.prints[name] = _inside(source)
            inside = [each for each in inside if each in self.blocks]
            self.parts[name] = Part(
                source.place or f"blocks/{name}", written.rule, tuple(inside),
                _links(source.body, self.app_url), source.kept, source.frame,
            )  # fmt: skip
            self.written[name] = written
            waiting[:0] = inside
            later += [way.other for _, way in written.ways() if way.other is not None]

    def printed(self, name: str, seen: frozenset[str] = frozenset()) -> frozenset[str]:
        """What a block prints of all that every message needs, with the blocks in it."""
        if name in seen or name not in self.parts:
            return frozenset()
        inner = (self.printed(each, seen | {name}) for each in self.parts[name].blocks)
        return (self.prints[name] & self.needs).union(*inner)

    def keep(self, footer: str) -> None:
        """Mark the footer, and what in it holds what every message needs."""
        waiting, seen = [footer], set()
        while waiting:
            name = waiting.pop()
            if name in seen or name not in self.parts:
                continue
            seen.add(name)
            if name == footer or self.printed(name):
                self.parts[name] = replace(self.parts[name], kept=True)
                waiting += self.parts[name].blocks

    def judge(self) -> None:
        """Complain of rules that cannot be followed."""
        for name in set(self.source.rules) - set(self.parts):
            at = next(iter(self.source.rules[name].values()))
            self.problems.append(
                Problem(
                    self.source.file, at.line, at.column, "stale-rule",
                    f"The e-mail shows no block `{name}`.",
                    suggest(name, self.parts) or "Take the line out.",
                )
            )  # fmt: skip
        for name, written in self.written.items():
            for key, way in written.ways():
                self.problems += fallback_problems(name, written, key, way, self.blocks)
                if not self.parts[name].kept:
                    continue
                if way.do is Do.DROP:
                    message = f"blocks/{name} carries what every e-mail must have."
                    advice = "Write warn, hold, or use another block that has it, too."
                    self.problems.append(written.problem(key, "footer-dropped", message, advice))
                elif way.other in self.parts:
                    lacking = sorted(self.printed(name) - self.printed(way.other))
                    for variable in lacking:
                        message = f"blocks/{way.other} does not print {variable}."
                        advice = f"Add {{{{ {variable} }}}} to it, or name another block."
                        self.problems.append(
                            written.problem(key, "footer-dropped", message, advice)
                        )


def content_of(
    name: str, source: SourceFile, blocks: Mapping[str, SourceFile], footer: str,
    needs: Iterable[str], app_url: str,
) -> tuple[Content, list[Problem]]:  # fmt: skip
    """All that an e-mail may show, and complaints about its rules for what is stale.

    `needs` are the variables that its `footer` must print; `app_url` is where `links.app` leads,
    empty if that is not known.
    """
    gathering = _Gathering(source, blocks, frozenset(needs), app_url)
    itself = _read(source.file, _own(source), gathering.problems, email=True)
    inside, _ = _inside(source)
    gathering.take([*inside, footer])
    gathering.keep(footer)
    gathering.judge()
    known = gathering.parts
    shown = tuple(each for each in (*inside, footer) if each in known)
    email = Part(f"emails/{name}.md", itself.rule, shown, _links(source.body, app_url))
    return Content(email, known), gathering.problems


def possible_swaps(content: Content) -> list[Swaps]:
    """What the authors' rules may lead to: each swap alone, and all of them together."""
    single: list[tuple[str, str | None]] = []
    for name, part in content.blocks.items():
        ways = (part.rule.way, part.rule.then) if part.rule is not None else ()
        for way in ways:
            if way is not None and way.do is Do.DROP and not part.kept:
                single.append((name, None))
            elif way is not None and way.other in content.blocks:
                single.append((name, way.other))
    together = dict(reversed(single))
    found: list[Swaps] = [(each,) for each in dict.fromkeys(single)]
    return found if len(together) < 2 else [*found, tuple(sorted(together.items()))]


def rule_problems(name: str, blocks: Mapping[str, SourceFile]) -> list[Problem]:
    """What is wrong with the rule that a block states for itself."""
    problems: list[Problem] = []
    written = _read(blocks[name].file, _own(blocks[name]), problems)
    for key, way in written.ways():
        problems += fallback_problems(name, written, key, way, blocks)
    return problems


def fallback_problems(
    name: str, written: _Written, key: str, way: Way, blocks: Mapping[str, SourceFile]
) -> Iterator[Problem]:
    """That the block which is to stand in is not there, or leads back to the one it replaces."""
    other = way.other
    if other is None:
        return
    if other not in blocks:
        message = f"There is no block `blocks/{other}`."
        yield written.problem(key, "stale-fallback", message, suggest(other, blocks))
        return
    chain = _chain_back(name, other, blocks)
    if chain:
        message = f"blocks/{other} leads back to blocks/{name} ({' → '.join(chain)})."
        advice = "Name a block that can stand by itself."
        yield written.problem(key, "fallback-cycle", message, advice)


def _chain_back(name: str, other: str, blocks: Mapping[str, SourceFile]) -> list[str]:
    """The way from `other` back to `name`, by what stands in it and what stands in for it."""
    ways = {other: [name, other]}
    waiting = [other]
    while waiting:
        at = waiting.pop(0)
        if at == name:
            return ways[at]
        inside, _ = _inside(blocks[at])
        stands_in = [
            way.other for _, way in _read(blocks[at].file, _own(blocks[at]), []).ways()
            if way.other is not None
        ]  # fmt: skip
        for each in (*inside, *stands_in):
            if each in blocks and each not in ways:
                ways[each] = [*ways[at], each]
                waiting.append(each)
            elif each == name:
                return [*ways[at], name]
    return []


def _own(source: SourceFile) -> Mapping[str, Value]:
    return {key: source.front[key] for key in RULE_KEYS if key in source.front}


def _read(
    file: str, words: Mapping[str, Value], problems: list[Problem], *, email: bool = False
) -> _Written:
    try:
        rule = read_rule({key: value.text for key, value in words.items()}, email=email)
    except StaleRuleError as error:
        at = words[error.key]
        problems.append(
            Problem(file, at.line, at.column, "stale-rule", error.message, error.advice)
        )
        rule = None
    return _Written(file, words, rule)


def _inside(source: SourceFile) -> tuple[list[str], frozenset[str]]:
    """The blocks that stand in a file itself, and the variables that it prints itself."""
    table = TagTable()
    tokenize(source.body, source.file, source.body_line, table)
    names = (included(tag) for tag in table.tags if tag.word == "include")
    linter = TagLinter(frozenset())
    linter.run([tag for tag in table.tags if tag.word != "include"])
    return list(dict.fromkeys(filter(None, names))), frozenset(linter.variables)


def _links(text: str, app_url: str) -> tuple[str, ...]:
    """The addresses that a text links to; what another variable is part of has no page here."""
    found: dict[str, None] = {}
    if app_url:
        text = _APP.sub(lambda _: app_url, text)
    for url in (*(link.url for link in links_in(text)), *_MJML_HREF.findall(text)):
        try:
            found[normal_url(url)] = None
        except LinkUrlError:
            continue  # the linter of the e-mail complains of it
    return tuple(found)
