"""The JSON Schema that editors use says yes to the playbook and no to what the loader refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from digital_cs.catalog.schema import SCHEMA_FILE, program_schema, schema_text
from digital_cs.catalog.yaml_source import read_yaml
from digital_cs.domain.programs.program import STEP_KINDS

CONTENT = Path(__file__).resolve().parents[2] / "content"
PLAYBOOK = sorted((CONTENT / "programs").glob("*.yaml"))
CHECK = jsonschema_rs.Draft7Validator(program_schema())


def program(**rest: Any) -> dict[str, Any]:
    return {
        "program": "p", "name": "P", "owner": "maya", "steps": [{"send": "hello"}], **rest,
    }  # fmt: skip


def test_the_committed_schema_is_the_one_that_the_code_makes() -> None:
    """If this fails: `digital-cs program schema > content/program.schema.json`."""
    assert (CONTENT / SCHEMA_FILE).read_text(encoding="utf-8") == schema_text()


def test_the_schema_is_a_schema() -> None:
    jsonschema_rs.meta.validate(program_schema())


@pytest.mark.parametrize("path", PLAYBOOK, ids=lambda path: path.stem)
def test_every_program_of_the_playbook_names_the_schema_and_fits_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    modeline, found = text.splitlines()[0].split("$schema=")
    assert modeline == "# yaml-language-server: "
    assert (path.parent / found).resolve() == CONTENT / SCHEMA_FILE
    assert [str(error) for error in CHECK.iter_errors(read_yaml(text, path.name).value)] == []


@pytest.mark.parametrize(
    "rest",
    [
        {"usefull": 1}, {"priority": "hgih"}, {"stay_when": ["churnd"]}, {"to": "champion"},
        {"steps": []}, {"steps": [{"sned": "hello"}]}, {"steps": ["end"]},
        {"steps": [{"send": "hello", "useful_fro": "3 days"}]},
        {"steps": [{"send": "hello", "useful_for": "3 dayz"}]},
        {"steps": [{"send": "Hello There"}]}, {"steps": [{"send": "a", "wait": "3 days"}]},
        {"steps": [{"wait_for": {"event": "x"}}]}, {"steps": [{"wait_until": {"at": "09:00"}}]},
        {"steps": [{"branch": [{"when": {"trait": "plan"}}]}]},
        {"steps": [{"branch": [{"when": {"trait": "seats", "at_lest": 3}}]}]},
        {"goal": {"name": "g", "when": {"not": {"evnt": "x"}}}},
        {"enter": {"when": [{"date": "d", "shift": "90 days earlier"}]}},
        {"enter": {"again": {"at_most": 1}}},
    ],
    ids=str,
)  # fmt: skip
def test_the_schema_refuses_a_slip(rest: dict[str, Any]) -> None:
    assert CHECK.is_valid(program())
    assert not CHECK.is_valid(program(**rest))


@pytest.mark.parametrize(
    "rest",
    [
        {"to": ["economic_buyer"]}, {"goal": {"name": "g", "when": {"stage": "implementing"}}},
        {"goal": {"name": "g", "when": {"stage": ["active", "implementing"]}}},
        {"send_window": {"days": ["mon", "tue"], "zone": "Europe/Berlin"}},
        {"send_window": {"days": "mon-wed", "hours": "22:00-02:00"}},
        {"steps": [{"wait_until": {"weekday": "Tuesday"}}]},
    ],
    ids=str,
)  # fmt: skip
def test_words_that_editors_offer_do_not_shut_out_others(rest: dict[str, Any]) -> None:
    assert CHECK.is_valid(program(**rest))


def test_editors_have_a_sentence_for_every_kind_of_step_and_every_key() -> None:
    schema = program_schema()
    texts = json.dumps(schema, ensure_ascii=False)
    assert "(P" not in texts, "promises are numbered for us, not for program managers"
    for kind in STEP_KINDS.values():
        part = schema["$defs"][kind.__name__]
        assert part["description"]
        assert part["title"].endswith("step")
        for key, value in part["properties"].items():
            assert value.get("description"), f"{kind.__name__}.{key}"
    for key, value in schema["properties"].items():
        target = schema["$defs"].get(value.get("$ref", "").rpartition("/")[2], {})
        assert value.get("description") or target.get("description") or target.get("enum"), key
