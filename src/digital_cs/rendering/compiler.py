"""Makes a ready-to-run e-mail of its file, its blocks and the layout: once per version."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from html import escape

from markdown_it.token import Token

from digital_cs.domain.content.stale_rule import AS_WRITTEN, Content, Swaps
from digital_cs.domain.problem import Problem
from digital_cs.rendering.effort import effort_problem
from digital_cs.rendering.errors import TemplateInvalidError
from digital_cs.rendering.expander import Expander
from digital_cs.rendering.layout import SLOTS, compile_shell, layout_problems
from digital_cs.rendering.link_marks import mark
from digital_cs.rendering.markdown import parse, structure_problems
from digital_cs.rendering.mjml_body import MjmlBody
from digital_cs.rendering.mjml_rows import is_rows, read_rows
from digital_cs.rendering.plain_text import TextTwin, rule
from digital_cs.rendering.sandbox import CompiledPart, compile_part
from digital_cs.rendering.source import (
    SourceFile,
    front_problems,
    reviewed_on,
    reviewed_problems,
)
from digital_cs.rendering.stale_rules import content_of, rule_problems
from digital_cs.rendering.tag_lint import TagLinter
from digital_cs.rendering.tags import Tag, TagTable, tokenize

SERVICE = "service"
FOOTER = "footer.md"
SERVICE_FOOTER = "footer-service.md"
ARCHIVE = "archive"
"""The topic of what anybody may read in a browser: it is nobody's message."""
ARCHIVE_FOOTER = "footer-archive.md"
_FOOTERS = {SERVICE: SERVICE_FOOTER, ARCHIVE: ARCHIVE_FOOTER}
# What a footer must print. A service notice cannot be unsubscribed (P17), any other can.
_FOOTER_NEEDS = {
    FOOTER: ("links.unsubscribe", "sender.footer"),
    SERVICE_FOOTER: ("sender.footer",),
    ARCHIVE_FOOTER: ("sender.footer",),
}
MAX_SUBJECT_OUTPUT = 2_000
MAX_TEXT_OUTPUT = 64_000
MAX_HTML_OUTPUT = 256_000
MOST_KEPT = 32
"""So many ways to show one e-mail are kept compiled; there are hardly ever more than three."""


@dataclass(frozen=True, slots=True)
class EmailTemplate:
    """One e-mail, checked and compiled.

    `source_hash` changes with the file, any block that may be shown in it, its footer or the
    layout: what an approval is bound to (P21). `variables` are dotted names; `blocks` are the
    names of the included files, footer last; `tags` are all that is written in any of them.
    `content` is all that it may show, with the rules for what is stale (P25); `swaps` are the
    blocks that this template shows otherwise. Safe to share between threads.
    """

    name: str
    file: str
    subject: str
    preview: str
    topic: str
    owner: str
    backup: str | None
    reviewed: date | None
    reply_to: str | None
    source_hash: str
    variables: frozenset[str]
    blocks: tuple[str, ...]
    tags: tuple[Tag, ...] = field(repr=False, compare=False)
    subject_part: CompiledPart = field(repr=False, compare=False)
    text_part: CompiledPart = field(repr=False, compare=False)
    html_part: CompiledPart = field(repr=False, compare=False)
    content: Content = field(repr=False, compare=False)
    recipe: Recipe = field(repr=False, compare=False)
    swaps: Swaps = AS_WRITTEN

    def with_swaps(self, swaps: Swaps) -> EmailTemplate:
        """The same e-mail with some blocks left out, or others in their place.

        Compiled when it is first asked for, in some tens of milliseconds, and kept. Raises
        TemplateInvalidError.
        """
        made = self.recipe.made.get(swaps)
        if made is None:
            made, problems = self.recipe.make(swaps)
            if made is None:
                errors = sorted(p for p in set(problems) if p.severity == "error")
                raise TemplateInvalidError(self.name, errors)
        return made


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an e-mail is made of, and all that was made of it so far."""

    name: str
    source: SourceFile
    blocks: Mapping[str, SourceFile]
    layout: SourceFile
    app_url: str = ""
    made: dict[Swaps, EmailTemplate] = field(default_factory=dict)

    def make(self, swaps: Swaps) -> tuple[EmailTemplate | None, list[Problem]]:
        """The e-mail shown so, or None if anything that it is made of has an error; and all
        complaints. Two threads may both make one; the last stays."""
        template, problems = _compile(self, swaps)
        if template is not None:
            if len(self.made) >= MOST_KEPT:
                self.made.clear()
            self.made[swaps] = template
        return template, problems


@dataclass(slots=True)
class _Document:
    """A body with its blocks in, parsed."""

    tokens: list[Token]
    used: list[str]
    problems: list[Problem]


def _document(source: SourceFile, expander: Expander) -> _Document:
    lines, used, problems = expander.expand(source)
    tokens = parse(lines)
    problems += structure_problems(tokens, lines, expander.table)
    if too_much := effort_problem(lines, expander.table):
        problems.append(too_much)
    for token in tokens:
        if is_rows(token):
            problems += read_rows(token, lines, expander.table)
    return _Document(tokens, used, problems)


def _lint_tags(
    table: TagTable, layout: str | None = None
) -> tuple[list[Problem], dict[str, frozenset[str]]]:
    """Problems of every tag in `table`, and the variables used, by file."""
    problems: list[Problem] = []
    variables: dict[str, frozenset[str]] = {}
    for file in dict.fromkeys(tag.file for tag in table.tags):
        linter = TagLinter(SLOTS if file == layout else frozenset())
        linter.run([tag for tag in table.tags if tag.file == file])
        problems += linter.problems
        variables[file] = frozenset(linter.variables)
    return problems, variables


def check_block(name: str, blocks: Mapping[str, SourceFile]) -> list[Problem]:
    """What is wrong with one block, by itself."""
    source = blocks[name]
    table = TagTable()
    document = _document(source, Expander(blocks, table))
    tag_problems, variables = _lint_tags(table)
    problems = [
        *source.problems, *reviewed_problems(source), *rule_problems(name, blocks),
        *document.problems, *tag_problems,
    ]  # fmt: skip
    used = frozenset().union(*variables.values())
    for needed in _FOOTER_NEEDS.get(name, ()):
        if needed not in used:
            message = f"The footer does not print {needed}."
            advice = f"Add {{{{ {needed} }}}}: the law asks for it."
            problems.append(Problem(source.file, 1, 1, "footer", message, advice))
    return problems


def compile_email(
    name: str, source: SourceFile, blocks: Mapping[str, SourceFile], layout: SourceFile,
    app_url: str = "",
) -> tuple[EmailTemplate | None, list[Problem]]:  # fmt: skip
    """The e-mail, or None if anything that it is made of has an error; and all complaints.

    `app_url` is where `links.app` will lead, if that is known: see `Content.links`.
    """
    return Recipe(name, source, blocks, layout, app_url).make(AS_WRITTEN)


def _compile(recipe: Recipe, swaps: Swaps) -> tuple[EmailTemplate | None, list[Problem]]:
    source, blocks, layout = recipe.source, recipe.blocks, recipe.layout
    instead = dict(swaps)
    table = TagTable()
    problems = [*source.problems, *layout.problems]
    if not source.problems:
        problems += front_problems(source)
    topic = source.front["topic"].text if "topic" in source.front else ""
    written_footer = _FOOTERS.get(topic, FOOTER)
    footer = instead.get(written_footer) or written_footer
    body = _document(source, Expander(blocks, table, instead=instead))
    if swaps and not body.tokens:
        message = f"Without {', '.join(instead)} the e-mail says nothing."
        advice = "Write something around it, or hold it."
        problems.append(Problem(source.file, 1, 1, "nothing-left", message, advice))
    subject = _front_text(source, "subject", table, problems)
    preview = _front_text(source, "preview", table, problems)
    problems += body.problems
    foot = _Document([], [], [])
    if footer in blocks:
        foot = _document(blocks[footer], Expander(blocks, table, instead=instead))
        used = [*body.used, *(block for block in foot.used if block not in body.used), footer]
        for block in used:
            problems += check_block(block, blocks)
    else:
        used = body.used
        message = f"There is no block blocks/{footer} for the end of every e-mail."
        problems.append(Problem(source.file, 1, 1, "footer", message, "Write it."))
    shell, shell_problems = tokenize(layout.raw, layout.file, 1, table)
    problems += shell_problems
    problems += layout_problems(layout.file, shell, table)
    tag_problems, variables = _lint_tags(table, layout.file)
    problems += tag_problems
    content, rule_faults = content_of(
        recipe.name, source, blocks, written_footer, _FOOTER_NEEDS[written_footer], recipe.app_url
    )
    problems += rule_faults
    if _has_error(problems):
        return None, problems

    tags = tuple(table.tags)
    mark(body.tokens, table)
    slots = {
        "content": MjmlBody("body").render(body.tokens),
        "footer": MjmlBody("footer").render(foot.tokens),
        "subject": escape(subject),
        "preview": escape(preview),
    }
    html, markup_problems = compile_shell(layout.file, shell, slots, table)
    problems += markup_problems
    if _has_error(problems):
        return None, problems
    text = TextTwin(table).render(body.tokens) + rule() + TextTwin(table).render(foot.tokens)
    front = {key: value.text for key, value in source.front.items()}
    parts = [source.raw, *(blocks[block].raw for block in content.blocks), layout.raw]
    template = EmailTemplate(
        name=recipe.name,
        file=source.file,
        subject=front["subject"],
        preview=front["preview"],
        topic=topic,
        owner=front["owner"],
        backup=front.get("backup"),
        reviewed=reviewed_on(source),
        reply_to=front.get("reply_to"),
        source_hash=hashlib.sha256("\0".join(parts).encode()).hexdigest(),
        variables=frozenset().union(*variables.values()),
        blocks=tuple(used),
        tags=tags,
        subject_part=compile_part(subject, table, html=False, limit=MAX_SUBJECT_OUTPUT),
        text_part=compile_part(text, table, html=False, limit=MAX_TEXT_OUTPUT),
        html_part=compile_part(html, table, html=True, limit=MAX_HTML_OUTPUT),
        content=content,
        recipe=recipe,
        swaps=swaps,
    )
    return template, problems


def _front_text(source: SourceFile, key: str, table: TagTable, problems: list[Problem]) -> str:
    """A front-matter text with its tags as tokens."""
    value = source.front.get(key)
    if value is None:
        return ""
    lines, faults = tokenize(value.text, source.file, value.line, table)
    problems += faults
    return " ".join(line.text for line in lines)


def _has_error(problems: Iterable[Problem]) -> bool:
    return any(problem.severity == "error" for problem in problems)
