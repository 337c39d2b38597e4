"""The file of the policy: what it says, and what it is told when it says it wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from digital_cs.catalog.policy import FILE, check_policy_text, load_policy, policy_beside
from digital_cs.catalog.programs import email_names, load_programs
from digital_cs.catalog.schema import POLICY_SCHEMA_FILE, policy_schema, schema_text
from digital_cs.catalog.yaml_source import read_yaml
from digital_cs.domain.sending.policy import Limits, Policy

HOUSE = Path(__file__).resolve().parents[2]
CONTENT = HOUSE / "content"
GUIDE = (HOUSE / "docs" / "policy.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
CHECK = jsonschema_rs.Draft7Validator(policy_schema())


def policy(text: str) -> Policy:
    loaded = check_policy_text(text)
    assert loaded.policy is not None, loaded.problems
    return loaded.policy


def complaints(text: str, **names: Any) -> list[str]:
    return [f"{each.rule} {each}" for each in check_policy_text(text, "f", **names).problems]


def test_the_policy_that_is_shipped_has_no_complaints_and_says_the_defaults() -> None:
    """They are what holds where nothing is published, so nobody is surprised by publishing it."""
    programs = load_programs(CONTENT)
    found = load_policy(CONTENT, email_names(CONTENT), programs.programs.values())
    assert found.there
    assert found.problems == programs.problems == ()
    assert found.policy == Policy(service=("renewal-7",))


def test_every_part_of_the_policy_stands_in_the_file_that_is_shipped() -> None:
    text = (CONTENT / FILE).read_text()
    assert [key for key in Policy.model_fields if f"\n{key}:" not in text] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_guide_is_a_policy_without_complaints(example: str) -> None:
    assert check_policy_text(example).problems == ()
    assert CHECK.is_valid(read_yaml(example, "guide.yaml").value)


def test_the_guide_shows_every_part_of_the_policy() -> None:
    shown = "".join(EXAMPLES)
    assert [key for key in Policy.model_fields if not re.search(f"^{key}:", shown, re.M)] == []


def test_a_folder_without_the_file_has_the_defaults(tmp_path: Path) -> None:
    assert not load_policy(tmp_path).there
    assert policy_beside(tmp_path) == Policy()
    (tmp_path / FILE).mkdir()
    (problem,) = load_policy(tmp_path).problems
    assert problem.rule == "unreadable"
    assert policy_beside(tmp_path) is None


def test_one_number_holds_for_all_priorities_and_no_limit_is_said_in_words() -> None:
    found = policy("budget: {person: 2, account: no limit}\ndamage: {program_a_day: no limit}\n")
    assert found.budget.person == Limits(low=2, normal=2, high=2)
    assert found.budget.account is None
    assert found.damage.program_a_day is None


FAULTS = [
    ("", "no-policy f:1:1: The file is empty. Begin it with the line 'budget:', or remove it: then"
         " the defaults hold."),
    ("- a\n", "no-policy f:1:1: The file holds no policy. Begin it with the line 'budget:', or"
              " remove it: then the defaults hold."),
    ("budgt: {per: 7 days}\n", "unknown-key f:1:1: Unknown key 'budgt' in the policy."
                               " Did you mean 'budget'?"),
    ("budget:\n  per: 1 month\n", "bad-value f:2:8: '1 month' differs from case to case."
                                  " Use hours, days or weeks here."),
    ("budget:\n  person: {low: 3, normal: 2, high: 1}\n",
     "bad-value f:2:11: The limits must not fall from low over normal to high."
     " 'person': For one person, in all accounts together."),
    ("budget:\n  person: {low: 1, high: 2}\n",
     "missing-key f:2:11: Limits by priority needs 'normal'. Add 'normal: …' (One of normal"
     " priority only below this)."),
    ("budget:\n  person: two\n", "wrong-type f:2:11: 'person' should be a group of keys, and is"
                                 " the text 'two'. 'person': For one person, in all accounts"
                                 " together."),
    ("budget:\n  person:\n", "no-value f:2:3: 'person' has no value. Remove the line: then its"
                             " default holds. Where there is to be no limit, write 'no limit'."),
    ("holdout:\n", "no-value f:1:1: 'holdout' has no value. Remove the line: then its default"
                   " holds. Where there is to be no limit, write 'no limit'."),
    ("holdout: 60\n", "out-of-range f:1:10: 'holdout' is 60, and must be at most 50. 'holdout':"
                      " Percent of accounts that a program leaves out."),
    ("topics:\n  Big News: {title: News}\ndefault_topic: news\n",
     "bad-name f:2:3: 'Big News' is no name: names have small letters, digits and dashes only."
     " Write 'big-news'."),
    ("topics:\n  tips: {about: x}\n", "missing-key f:2:9: A topic needs 'title'."
                                      " Add 'title: …' (As the reader sees it)."),
    ("default_topic: tip\n", "bad-value f:1:16: 'tip' is not among the topics. Name one of"
                             " newsletter, events, tips, product."),
    ("quiet: {severities: [hihg]}\n", "unknown-value f:1:22: An entry of 'severities' cannot be"
                                      " 'hihg'. Did you mean 'high'?"),
    ("damage: {a_minute: {fleet: 0}}\n", "out-of-range f:1:28: 'fleet' is 0, and must be above"
                                         " 0. 'fleet': Of all workers together."),
    ("damage: {a_minute: {domains: {gmail.com: -1}}}\n",
     "out-of-range f:1:42: 'gmail.com' is -1, and must be above 0."),
]  # fmt: skip


@pytest.mark.parametrize(("text", "complaint"), FAULTS)
def test_a_fault_is_told_with_its_place_and_what_to_do(text: str, complaint: str) -> None:
    assert complaints(text) == [complaint]
    assert check_policy_text(text).policy is None


def test_a_name_of_a_topic_that_is_gone_is_a_fault_where_the_default_says_nothing_else() -> None:
    (complaint,) = complaints("topics:\n  news: {title: News}\n")
    assert "'tips' is not among the topics. Name one of news." in complaint


def test_the_list_of_service_notices_is_checked_against_emails_and_programs() -> None:
    programs = load_programs(CONTENT).programs.values()
    emails = email_names(CONTENT)
    text = "service: [renewal-7, renewal-8, win-back-1, renewal-7]\n"
    assert complaints(text, emails=emails, programs=programs) == [
        "unknown-email f:1:22: There is no e-mail called 'renewal-8'. Did you mean 'renewal-7'?",
        "unused-service f:1:33: No program sends 'win-back-1' as a service notice. Remove it, or"
        " write 'kind: service' where it is sent.",
        "listed-twice f:1:45: 'renewal-7' stands here twice. Keep one.",
    ]
    unused = check_policy_text("service: [win-back-1]", emails=emails, programs=programs)
    assert [each.severity for each in unused.problems] == ["warning"]
    assert unused.errors == ()
    assert unused.policy is not None
    assert check_policy_text("service: [nonsense]").problems == ()


def test_the_committed_schema_is_the_one_that_the_code_makes() -> None:
    """If this fails: `digital-cs policy schema > content/policy.schema.json`."""
    text = (CONTENT / POLICY_SCHEMA_FILE).read_text(encoding="utf-8")
    assert text == schema_text(policy_schema())
    jsonschema_rs.meta.validate(policy_schema())


def test_the_file_that_is_shipped_names_the_schema_and_fits_it() -> None:
    text = (CONTENT / FILE).read_text(encoding="utf-8")
    first = text.splitlines()[0]
    assert first == f"# yaml-language-server: $schema={POLICY_SCHEMA_FILE}"
    assert [str(error) for error in CHECK.iter_errors(read_yaml(text, FILE).value)] == []


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ({"budget": {"person": 2, "account": "no limit"}}, True),
        ({"budget": {"person": "two"}}, False),
        ({"budget": {"per": "1 month"}}, False),
        ({"topics": {"Big News": {"title": "x"}}}, False),
        ({"holdout": 60}, False),
        ({"damage": {"a_minute": {"domains": {"*": 30}}}}, True),
        ({"damage": {"a_minute": {"domains": {"*": 0}}}}, False),
        ({"servcie": []}, False),
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(value: dict[str, Any], fits: bool) -> None:
    assert CHECK.is_valid(value) is fits


def test_editors_have_a_sentence_for_every_key() -> None:
    schema = policy_schema()
    assert "(P" not in schema_text(schema)
    for name, part in {"Policy": schema, **schema["$defs"]}.items():
        for key, value in part["properties"].items():
            target = schema["$defs"].get(value.get("$ref", "").rpartition("/")[2], {})
            assert value.get("description") or target.get("description"), f"{name}.{key}"


def folder(tmp_path: Path, program: str, policy_text: str | None) -> list[str]:
    """The complaints about a program in a folder beside this policy."""
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs" / "p.yaml").write_text(
        f"program: p\nname: P\nowner: maya\n{program}", encoding="utf-8"
    )
    if policy_text is not None:
        (tmp_path / FILE).write_text(policy_text, encoding="utf-8")
    found = load_programs(tmp_path, ["hello", "notice"]).problems
    return [f"{each.severity} {each.rule} {each.line}:{each.column} {each.message} "
            f"{each.suggestion}" for each in found]  # fmt: skip


STEPS = "steps:\n  - send: hello\n"
SERVICE = "steps:\n  - send: notice\n    kind: service\n"
NEWS = "topics: {news: {title: News}, tips: {title: Tips}}\n"


@pytest.mark.parametrize(
    ("program", "policy_text", "complaint"),
    [
        (STEPS + "    topic: tipps\n", None,
         "error unknown-topic 6:12 The policy has no topic 'tipps'. Did you mean 'tips'?"),
        (STEPS + "topic: events\n", NEWS,
         "error unknown-topic 6:8 The policy has no topic 'events'. It has: news, tips. Another one"
         " is added in content/policy.yaml."),
        (SERVICE, None,
         "error unlisted-service 6:11 'notice' goes out as a service notice, which nobody can"
         " refuse, and the policy does not list it. If it is no marketing, write '- notice' under"
         " 'service' in content/policy.yaml; else remove this line."),
        (SERVICE + "holdout: 10\n", "service: [notice]\n",
         "warning nothing-held-out 7:10 The program sends no marketing, so there is nothing to hold"
         " back from anybody: service notices go to all. Remove 'holdout'."),
    ],
)  # fmt: skip
def test_a_program_is_checked_against_the_policy_beside_it(
    tmp_path: Path, program: str, policy_text: str | None, complaint: str
) -> None:
    assert folder(tmp_path, program, policy_text) == [complaint]


@pytest.mark.parametrize(
    ("program", "policy_text"),
    [
        (STEPS + "    topic: news\ntopic: tips\nholdout: 10\n", NEWS),
        (SERVICE + "holdout: 0\n", "service: [notice]\n"),
        (SERVICE + "    topic: nonsense\n", "service: nonsense\n"),
    ],
    ids=["known topics", "a listed notice", "a policy that cannot be read"],
)
def test_a_program_that_fits_the_policy_has_no_complaints(
    tmp_path: Path, program: str, policy_text: str
) -> None:
    assert folder(tmp_path, program, policy_text) == []
