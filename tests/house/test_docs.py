"""What the docs say can be checked, so it is: settings, commands, states, examples, links."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from prometheus_client import Counter
from prometheus_client.metrics import MetricWrapperBase

from digital_cs import metrics
from digital_cs.catalog.programs import check_program_text, email_names, load_programs
from digital_cs.cli.main import run
from digital_cs.domain.programs.enrollment import Ending, MessageState
from digital_cs.domain.programs.program import STEP_KINDS
from digital_cs.domain.rules.condition import KINDS
from digital_cs.domain.sending.click import Why
from digital_cs.store.programs.programs import State
from tests.house.regenerate_docs import PAGES, REFERENCE, commands
from tests.house.rooms import HOUSE, files, name_of

DOCS = HOUSE / "docs"
CONTENT = HOUSE / "content"
MOST_LINES_OF_A_DECISION = 60

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)

HEADER = "program: example\nname: An example\nowner: maya\n"
STEPS = "steps:\n  - send: welcome-paid-1\n    useful_for: 7 days\n"


def papers() -> list[Path]:
    return [*files(".md", under=("docs/", "deploy/")), HOUSE / "README.md", HOUSE / "CHANGELOG.md"]


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_reference_page_says_what_the_code_says(page: str) -> None:
    written = (REFERENCE / page).read_text(encoding="utf-8")
    assert written == PAGES[page](), "run: make docs"


def first_column(heading: str) -> list[str]:
    """The words in the first column of the glossary's table under a heading."""
    section = (DOCS / "glossary.md").read_text().split(f"## {heading}\n", 1)[1].split("\n## ")[0]
    return re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE)


def test_the_glossary_names_every_state_of_a_message() -> None:
    assert first_column("States of a message") == [state.value for state in MessageState]


def test_the_glossary_names_every_way_in_which_an_enrollment_ends() -> None:
    assert first_column("How an enrollment ends") == [ending.value for ending in Ending]


def test_the_glossary_names_every_state_of_a_program() -> None:
    assert sorted(first_column("States of a program")) == sorted(state.value for state in State)


def test_the_page_on_clicks_lists_what_speaks_against_a_person() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", (DOCS / "clicks.md").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(why for why in Why if not why.human)


def test_the_operators_guide_lists_every_metric() -> None:
    listed = re.findall(r"^\| `(digital_cs_\w+)` \|", (DOCS / "operating.md").read_text(), re.M)
    ours = [
        value._name + ("_total" if isinstance(value, Counter) else "")
        for value in vars(metrics).values()
        if isinstance(value, MetricWrapperBase)
    ]
    assert sorted(listed) == sorted(ours)


def examples() -> list[str]:
    guide = (DOCS / "writing-a-program.md").read_text()
    return [text for language, text in FENCE.findall(guide) if language == "yaml"]


def as_program(example: str) -> str:
    """A whole program around an example that shows only a part of one."""
    lines = example.splitlines(keepends=True)
    if lines[0].startswith("- "):
        return HEADER + STEPS + "".join(f"  {line}" for line in lines)
    return example if "\nsteps:" in example else HEADER + example + STEPS


@pytest.mark.parametrize("example", examples())
def test_an_example_of_the_guide_is_a_program_without_complaints(example: str) -> None:
    known = load_programs(CONTENT).programs
    found = check_program_text(as_program(example), "guide.yaml", email_names(CONTENT), known)
    assert [str(problem) for problem in found.problems] == []
    assert found.program is not None


def test_the_guide_shows_every_kind_of_step() -> None:
    shown = "".join(examples())
    missing = [
        kind for kind in STEP_KINDS if not re.search(rf"^ *- (id: .*\n +)?{kind}:", shown, re.M)
    ]
    assert missing == []


def test_the_guide_lists_every_condition() -> None:
    conditions = (DOCS / "writing-a-program.md").read_text().split("## Conditions\n", 1)[1]
    shown = re.findall(r"`\{(\w+):", conditions)
    assert sorted(set(shown)) == sorted(KINDS)


def tour(stop: str) -> tuple[list[str], str]:
    """What the README's tour types at a stop, as arguments, and what it says is printed."""
    found = re.search(
        rf"^<!-- tour: {stop} -->\n```console\n\$ digital-cs ([^\n]+)\n(.*?)^```$",
        (HOUSE / "README.md").read_text(), re.MULTILINE | re.DOTALL,
    )  # fmt: skip
    assert found is not None
    return found[1].split(), found[2]


@pytest.mark.parametrize(("stop", "slip"), [("show", ""), ("check", "for_upto")])
def test_the_tour_shows_what_is_printed(
    stop: str, slip: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    shutil.copytree(CONTENT, tmp_path / "content")
    program = tmp_path / "content" / "programs" / "usage-drop.yaml"
    if slip:
        program.write_text(program.read_text().replace("for_up_to", slip))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONTENT_DIR", "content")
    typed, told = tour(stop)

    run(typed)

    assert "".join(capsys.readouterr()).strip() == told.strip()


def told_commands(page: Path) -> set[str]:
    """What a page tells its reader to type: the words after each `digital-cs`."""
    text = page.read_text()
    typed = [code for _, code in FENCE.findall(text)] + re.findall(r"`([^`\n]+)`", text)
    lines = [line.strip().removeprefix("$ ") for code in typed for line in code.splitlines()]
    return {line for line in lines if re.match(r"digital-cs [a-z]", line)}


def test_every_command_that_the_papers_tell_is_there() -> None:
    known = dict(commands())
    unknown = []
    for page in papers():
        for line in sorted(told_commands(page)):
            typed = line.partition("#")[0].split()
            fits = [words for words in known if typed[: len(words.split())] == words.split()]
            options = {
                name
                for words in fits
                for param in known[words].params
                for name in (*param.opts, *param.secondary_opts)
            }
            given = {word.partition("=")[0] for word in typed if word.startswith("--")}
            if not fits or given - options - {"--help"}:
                unknown.append(f"{name_of(page)}: {line}")
    assert unknown == []


def anchors(path: Path) -> set[str]:
    """The headings of a page as links name them."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(path.read_text())
    }


@pytest.mark.parametrize("page", papers(), ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(page.read_text()):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert broken == []


def test_decisions_are_numbered_and_fit_on_a_page() -> None:
    records = sorted((DOCS / "decisions").glob("*.md"))
    assert [path.name[:5] for path in records] == [f"{n:04}-" for n in range(1, len(records) + 1)]
    for path in records:
        text = path.read_text()
        assert len(text.splitlines()) <= MOST_LINES_OF_A_DECISION, name_of(path)
        for part in ("## Decision", "## Why", "## Price"):
            assert part in text, f"{name_of(path)} has no {part!r}"
