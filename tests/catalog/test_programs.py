"""Programs are loaded with all their neighbours, and known by the hash of what they say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digital_cs.catalog.programs import (
    Catalog,
    check_program_text,
    load_program,
    load_programs,
    program_from_json,
    program_hash,
    program_to_json,
)
from digital_cs.domain.programs.program import STEP_KINDS, Program
from digital_cs.domain.rules.condition import KINDS as CONDITION_KINDS
from digital_cs.errors import NotFoundError

CONTENT = Path(__file__).resolve().parents[2] / "content"
WELCOME = "program: welcome\nname: Welcome\nowner: maya\nsteps:\n  - send: hello\n"


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """A content folder with one e-mail and no program."""
    (tmp_path / "content" / "programs").mkdir(parents=True)
    (tmp_path / "content" / "emails").mkdir()
    (tmp_path / "content" / "emails" / "hello.md").write_text("Hi")
    return tmp_path / "content"


def write(content: Path, name: str, text: str | bytes) -> Path:
    path = content / "programs" / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def problems(catalog: Catalog) -> list[str]:
    return [f"{each.rule} {each.file}:{each.line}:{each.column}" for each in catalog.problems]


class TestLoading:
    def test_a_folder_of_programs_is_loaded_by_id(self, content: Path) -> None:
        path = write(content, "welcome.yaml", WELCOME)
        catalog = load_programs(content)
        assert catalog.problems == ()
        assert set(catalog.programs) == {"welcome"}
        assert catalog.files["welcome"] == path

    def test_emails_are_those_of_the_folder_unless_somebody_knows_better(
        self, content: Path
    ) -> None:
        write(content, "welcome.yaml", WELCOME.replace("hello", "helo"))
        assert problems(load_programs(content)) == [
            "unknown-email content/programs/welcome.yaml:5:11"
        ]
        assert load_programs(content, emails={"helo"}).problems == ()

    def test_one_bad_file_does_not_take_the_others_along(self, content: Path) -> None:
        write(content, "welcome.yaml", WELCOME + "  - enroll: broken\n")
        write(content, "broken.yaml", b"\xff\xfe\x00")
        catalog = load_programs(content)
        assert set(catalog.programs) == {"welcome"}, "a broken program is no unknown program"
        assert problems(catalog) == ["not-utf8 content/programs/broken.yaml:1:1"]
        assert catalog.errors == catalog.problems

    def test_the_file_has_the_name_of_its_program(self, content: Path) -> None:
        write(content, "hello.yaml", WELCOME)
        (problem,) = load_programs(content).problems
        assert str(problem) == (
            "content/programs/hello.yaml:1:10: The program is called 'welcome' and its file "
            "'hello'. Rename the file to welcome.yaml, or write 'program: hello'."
        )

    def test_two_files_with_one_program_are_found(self, content: Path) -> None:
        write(content, "welcome.yaml", WELCOME)
        write(content, "welcome.yml", WELCOME)
        catalog = load_programs(content)
        assert problems(catalog) == ["duplicate-program content/programs/welcome.yml:1:10"]
        assert set(catalog.programs) == {"welcome"}

    def test_other_files_are_left_alone(self, content: Path) -> None:
        write(content, "notes.txt", "nothing: [")
        write(content, ".welcome.yaml", "half: [")
        (content / "programs" / "old").mkdir()
        assert load_programs(content) == Catalog()

    def test_what_cannot_be_read_is_a_problem_and_no_crash(self, content: Path) -> None:
        (content / "programs" / "welcome.yaml").mkdir()
        (problem,) = load_programs(content).problems
        assert problem.rule == "unreadable"
        assert str(problem).startswith("content/programs/welcome.yaml:1:1: The file cannot be read")

    def test_a_missing_folder_or_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError, match=r"no folder .*programs. Set CONTENT_DIR"):
            load_programs(tmp_path)
        with pytest.raises(NotFoundError, match=r"no file .*x\.yaml"):
            load_program(tmp_path / "x.yaml")

    def test_a_single_file_is_checked_against_the_names_it_is_given(self, content: Path) -> None:
        path = write(content, "welcome.yaml", WELCOME)
        assert load_program(path, emails=["hello"]).program is not None
        assert load_program(path, emails=[]).program is None


class TestHash:
    def test_comments_layout_and_order_of_keys_make_no_new_version(self) -> None:
        other = (
            "# a comment\nowner: 'maya'\nname: \"Welcome\"\nprogram: welcome\n"
            "to: [champion, admin, any]\nsteps: [{send: hello, useful_for: 3 days}]\n"
        )
        assert hash_of(WELCOME) == hash_of(other)

    @pytest.mark.parametrize(
        ("was", "now"),
        [
            ("maya", "jonas"), ("send: hello", "send: goodbye"),
            ("- send: hello", "- id: a\n    send: hello"),
            ("- send: hello", "- send: hello\n    useful_for: 4 days"),
        ],
    )  # fmt: skip
    def test_whatever_it_says_otherwise_is_another_version(self, was: str, now: str) -> None:
        assert hash_of(WELCOME) != hash_of(WELCOME.replace(was, now))

    def test_a_number_and_its_text_are_not_the_same(self) -> None:
        text = WELCOME + "goal: {name: g, when: {trait: seats, is: 50}}\n"
        assert hash_of(text) != hash_of(text.replace("50", '"50"'))
        assert hash_of(text) != hash_of(text.replace("50", "true"))

    def test_the_hash_of_a_program_stays_as_it_was_when_it_was_published(self) -> None:
        """If this fails, every published version would seem changed: see the test below."""
        assert hash_of(WELCOME) == (
            "0fea8b8892742f0b9fcfe97691431e4d37067c3eefeb21d7e3427033155bbbd8"
        )

    def test_defaults_do_not_change_for_versions_are_stored_without_them(self) -> None:
        """A published version is immutable, and what it leaves out is filled in when it is read.
        To change a default, write it into the stored versions first, by a migration."""
        program = Program.model_validate(
            {
                "program": "p", "name": "P", "owner": "o",
                "goal": {"name": "g", "when": {"event": "e"}},
                "steps": [
                    {"send": "a"}, {"wait_until": {"weekday": "any"}},
                    {"wait_until": {"date": "d"}},
                    {"wait_for": {"event": "e"}, "for_up_to": "1 day"},
                    {"branch": [{"when": {"event": "e"}}]},
                    {"task": "t", "assign_to": "csm"}, {"webhook": "https://x.example"},
                ],
            }
        )  # fmt: skip
        full = program.model_dump(mode="json", by_alias=True, exclude_none=True)
        steps = full.pop("steps")
        assert full == {
            "program": "p", "name": "P", "owner": "o", "about": "",
            "enter": {"when": [], "again": "never", "at_launch": "skip"},
            "to": ["champion", "admin", "any"], "priority": "normal",
            "send_window": {
                "days": "weekdays", "hours": "09:00-17:00", "zone": "recipient",
                "holidays": "skip",
            },
            "goal": {"name": "g", "when": {"event": "e"}}, "exits": [], "stay_when": [],
            "same_person": "one",
        }  # fmt: skip
        unknown = {"hold_for": "3 days", "then": "no"}
        assert steps == [
            {
                "send": "a", "useful_for": "3 days", "kind": "marketing", "over_budget": "defer",
                "if_nobody": {"hold_for": "14 days", "then": "skip"},
            },
            {"wait_until": {"weekday": "any", "at": "09:00"}, "if_no_date": "go_on"},
            {"wait_until": {"date": "d", "at": "09:00"}, "if_no_date": "go_on"},
            {
                "wait_for": {"event": "e"}, "for_up_to": "1 day", "counting_from": "enrollment",
                "if_it_happens": [], "if_not": [], "if_unknown": unknown,
            },
            {
                "branch": [{"when": {"event": "e"}, "do": []}], "otherwise": [],
                "if_unknown": unknown,
            },
            {
                "task": "t", "note": "", "assign_to": "csm", "due_in": "2 business days",
                "when_done": [], "when_expired": [],
            },
            {"webhook": "https://x.example", "with": {}, "give_up_after": "1 day"},
        ]  # fmt: skip


def hash_of(text: str) -> str:
    program = check_program_text(text).program
    assert program is not None
    return program_hash(program)


# Any JSON that is near a program: the right keys at wrong places, and a few right places.
_words = st.sampled_from(
    [*STEP_KINDS, *CONDITION_KINDS, "id", "to", "when", "do", "otherwise", "if_not", "for_up_to",
     "name", "share", "at", "weekday", "3 days", "hello", "churned", "9 lives", "is", "exists"]
)  # fmt: skip
_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | _words
    | st.text(max_size=5)
)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_words, inner, max_size=3),
    max_leaves=8,
)
_fields = ("enter", "to", "priority", "send_window", "goal", "exits", "stay_when", "steps")
_near_programs = st.fixed_dictionaries(
    {"program": st.just("welcome"), "name": st.just("W"), "owner": st.just("maya")},
    optional=dict.fromkeys(_fields, _values),
)


@settings(max_examples=300)
@given(_near_programs)
def test_nothing_that_is_written_crashes_the_checks(written: dict[str, Any]) -> None:
    loaded = check_program_text(json.dumps(written), "f", ["hello"], ["welcome"])
    assert loaded.program is not None or loaded.problems
    for problem in loaded.problems:
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.message.endswith((".", "?", "…")), problem.message
        for jargon in (
            "Input should",
            "Field required",
            "Extra inputs",
            "tuple",
            "dict",
            "Value error",
        ):
            assert jargon not in problem.message


@pytest.mark.parametrize(
    "path", sorted((CONTENT / "programs").glob("*.yaml")), ids=lambda p: p.stem
)
@given(data=st.data())
@settings(max_examples=40)
def test_a_program_with_one_line_gone_or_moved_is_told_about_and_never_crashes(
    path: Path, data: st.DataObject
) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    change = data.draw(st.sampled_from(["drop", "indent", "double", "cut"]))
    line = lines[at]
    lines[at] = {"drop": "", "indent": "  " + line, "double": line + line, "cut": line[:9]}[change]
    loaded = check_program_text("".join(lines), path.name)
    assert loaded.program is not None or loaded.problems
    assert all(1 <= problem.line <= len(lines) + 1 for problem in loaded.problems)


@pytest.mark.parametrize(
    "path", sorted((CONTENT / "programs").glob("*.yaml")), ids=lambda p: p.stem
)
def test_a_program_comes_back_from_json_as_it_was(path: Path) -> None:
    program = load_program(path).program
    assert program is not None
    stored = json.loads(json.dumps(program_to_json(program)))
    assert program_from_json(stored) == program
    assert program_to_json(program_from_json(stored)) == stored
    assert program_hash(program_from_json(stored)) == program_hash(program)


@given(
    st.sampled_from(
        [
            {"trait": "a", "is": 10}, {"trait": "a", "is": 10.0}, {"trait": "a", "is": "10"},
            {"trait": "a", "is": True}, {"trait": "a", "at_least": 3}, {"trait": "a", "is": "no"},
            {"trait": "a", "exists": False}, {"trait": "a", "one_of": [1, "1", 1.5, False]},
            {"trait": "a", "is": "x", "is_not": None}, {"stage": ["a", "b"]}, {"stage": "a"},
            {"quiet_for": "2 weeks"}, {"date": "d", "within": "1 day"}, {"milestone": "m"},
        ]
    ),
    st.sampled_from(["all", "any", "not"]),
)  # fmt: skip
def test_every_condition_comes_back_from_json_as_it_was(leaf: dict[str, Any], around: str) -> None:
    when = {around: leaf if around == "not" else [leaf, leaf]}
    program = Program.model_validate(
        {
            "program": "p", "name": "P", "owner": "o", "steps": [{"send": "a"}],
            "enter": {"when": [{"segment": when}], "again": {"at_most": 1, "per": "1 month"}},
        }
    )  # fmt: skip
    stored = json.loads(json.dumps(program_to_json(program)))
    assert program_from_json(stored) == program
    assert program_hash(program_from_json(stored)) == program_hash(program)


def test_the_starter_playbook_loads_from_anywhere_without_a_complaint(tmp_path: Path) -> None:
    shutil.copytree(CONTENT, tmp_path / "playbook")
    catalog = load_programs(tmp_path / "playbook")
    assert catalog.problems == ()
    assert len(catalog.programs) == len(list((CONTENT / "programs").glob("*.yaml"))) >= 7
