"""The e-mails of a content folder: what there is, each compiled on first use, all checked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from digital_cs.domain.problem import Problem
from digital_cs.domain.sending.policy import TOPICS
from digital_cs.rendering.compiler import SERVICE, EmailTemplate, check_block, compile_email
from digital_cs.rendering.errors import EmailNotFoundError, TemplateInvalidError
from digital_cs.rendering.size import size_problem
from digital_cs.rendering.source import (
    BLOCK_KEYS,
    EMAIL_KEYS,
    SourceFile,
    parse_source,
    read_source,
)
from digital_cs.rendering.stale_rules import possible_swaps
from digital_cs.rendering.tag_lint import suggest
from digital_cs.rendering.text_parts import cut

LAYOUT = "default.mjml"


@dataclass(frozen=True, slots=True)
class _Shelf:
    """What one `load()` read. Replaced as a whole, so readers never see half a change."""

    emails: Mapping[str, SourceFile]
    blocks: Mapping[str, SourceFile]
    layout: SourceFile
    app_url: str
    compiled: dict[str, tuple[EmailTemplate | None, list[Problem]]] = field(default_factory=dict)
    topics: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, source in self.emails.items():
            if (topic := source.front.get("topic")) is not None:
                self.topics[name] = topic.text

    def compile(self, name: str) -> tuple[EmailTemplate | None, list[Problem]]:
        # Two threads may both compile on first use; they get equal results and the last stays.
        if name not in self.compiled:
            source = self.emails[name]
            self.compiled[name] = compile_email(
                name, source, self.blocks, self.layout, self.app_url
            )
        return self.compiled[name]


class EmailLibrary:
    """The e-mails under `content_dir`: emails/*.md, blocks/*.md and
    blocks/*.mjml, and layouts/default.mjml.

    Files are read at the first question and again only by `load()`: a running worker never
    picks up half an edit. `app_url` is where `links.app` leads in this company, so that it is known
    which pages an e-mail links to (P25).
    """

    def __init__(self, content_dir: Path, app_url: str = "") -> None:
        self._dir = content_dir
        self._app_url = app_url
        self._shelf: _Shelf | None = None
        self.loads = 0
        """How often the files were read: what was made of them is old when it has grown."""

    def load(self) -> None:
        """Read all files anew. Never fails for what a file says; `check` and `get` tell."""
        self.loads += 1
        self._shelf = _Shelf(
            {p.stem: self._read(p, EMAIL_KEYS) for p in self._files("emails")},
            {p.name: self._read(p, BLOCK_KEYS) for p in self._files("blocks", ".md", ".mjml")},
            self._layout(),
            self._app_url,
        )

    def names(self) -> tuple[str, ...]:
        """The names of all e-mails, sorted."""
        return tuple(sorted(self._loaded().emails))

    def topics(self) -> Mapping[str, str]:
        """What each e-mail is about, by its name, as it says itself."""
        return self._loaded().topics

    def get(self, name: str) -> EmailTemplate:
        """The e-mail `name`. Raises EmailNotFoundError or TemplateInvalidError."""
        shelf = self._loaded()
        if name not in shelf.emails:
            advice = suggest(name, shelf.emails) or ""
            raise EmailNotFoundError(f"There is no e-mail `{name}` in content/emails. {advice}")
        template, problems = shelf.compile(name)
        if template is None:
            errors = sorted(p for p in set(problems) if p.severity == "error")
            raise TemplateInvalidError(name, errors)
        return template

    def compile_text(self, name: str, text: str) -> tuple[EmailTemplate | None, list[Problem]]:
        """An e-mail that is no file, made with the blocks and the layout of the folder.

        `name` is what complaints call it; the template is None if one of them is an error. Its
        marked parts can be left out, as blocks can (`text_parts`).
        """
        shelf = self._loaded()
        source, parts = cut(parse_source(text.encode(), name, EMAIL_KEYS))
        blocks = {**shelf.blocks, **parts} if parts else shelf.blocks
        template, problems = compile_email(name, source, blocks, shelf.layout, shelf.app_url)
        if template is not None and (too_large := size_problem(template)):
            problems.append(too_large)
        return template, sorted(set(problems))

    def source(self, name: str) -> SourceFile | None:
        """What the file of an e-mail says, as it is written; None if there is none."""
        return self._loaded().emails.get(name)

    def check(self, topics: Collection[str] = TOPICS) -> list[Problem]:
        """Every complaint about e-mails, blocks and layout, each once, in order of place.

        `topics` are those of the policy: what readers may switch off.
        """
        shelf = self._loaded()
        found: set[Problem] = set(shelf.layout.problems)
        for name, source in shelf.emails.items():
            template, problems = shelf.compile(name)
            found.update(problems)
            if template is not None:
                found.update(_problems_of_all(template))
            found.update(_topic_problems(source, (*topics, SERVICE)))
        for block in shelf.blocks:
            found.update(check_block(block, shelf.blocks))
        return sorted(found, key=lambda p: (p.file, p.line, p.column, p.rule, p.message))

    def _loaded(self) -> _Shelf:
        if self._shelf is None:
            self.load()
        assert self._shelf is not None
        return self._shelf

    def _files(self, folder: str, *endings: str) -> list[Path]:
        found = (self._dir / folder).glob("*")
        return sorted(path for path in found if path.suffix in (endings or (".md",)))

    def _shown(self, path: Path) -> str:
        return path.relative_to(self._dir.parent).as_posix()

    def _read(self, path: Path, keys: tuple[str, ...]) -> SourceFile:
        return read_source(path, self._shown(path), keys)

    def _layout(self) -> SourceFile:
        path = self._dir / "layouts" / LAYOUT
        if path.is_file():
            return read_source(path, self._shown(path), ())
        problem = Problem(
            self._shown(path), 1, 1, "missing-layout", "There is no layout.", "Write it in MJML."
        )
        return SourceFile(self._shown(path), "", {}, "", 1, (problem,))


def _problems_of_all(template: EmailTemplate) -> Iterator[Problem]:
    """What is wrong with an e-mail as it is written, and with blocks left out or replaced."""
    templates = [template]
    for swaps in possible_swaps(template.content):
        other, problems = template.recipe.make(swaps)
        yield from problems
        templates += [other] if other is not None else []
    yield from filter(None, map(size_problem, templates))


def _topic_problems(source: SourceFile, topics: Collection[str]) -> Iterator[Problem]:
    topic = source.front.get("topic")
    if topic is not None and topic.text and topic.text not in topics:
        yield Problem(
            source.file, topic.line, topic.column, "unknown-topic",
            f"`{topic.text}` is not a topic of the policy.",
            suggest(topic.text, topics) or f"It has: {', '.join(topics)}.",
        )  # fmt: skip
