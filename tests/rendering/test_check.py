"""What the check of a content folder complains about, and where it points."""

from __future__ import annotations

import pytest

from digital_cs.domain.problem import Problem
from digital_cs.rendering.errors import EmailNotFoundError, TemplateInvalidError
from tests.rendering.studio import Studio


def test_an_unknown_variable_is_found_with_file_line_and_column(studio: Studio) -> None:
    problem = studio.email("Hi,\n\nwelcome {{ contact.frist_name }}!\n").only_problem()
    assert (problem.file, problem.line, problem.column) == ("content/emails/note.md", 9, 12)
    assert problem.rule == "unknown-variable"
    assert str(problem) == (
        "content/emails/note.md:9:12: There is no variable `contact.frist_name`. "
        "Did you mean `contact.first_name`?"
    )


def test_an_unknown_variable_in_the_subject_points_at_the_front_matter(studio: Studio) -> None:
    problem = studio.email("Hi", subject="'Hi {{ kontact.first_name }}'").only_problem()
    assert (problem.rule, problem.line) == ("unknown-variable", 2)


@pytest.mark.parametrize(
    ("body", "rule", "line"),
    [
        ("Hi {{ contact.first_name | uper }}", "unknown-filter", 7),
        ("Hi {{ contact.first_name is defind }}", "unknown-test", 7),
        ("Hi {{ account }}", "not-a-value", 7),
        ("Hi {{ account.traits }}", "not-a-value", 7),
        ("Hi {{ account.plan.price }}", "unknown-variable", 7),
        ("Hi {{ contact.first_name", "template-syntax", 7),
        ("Hi {{ contact. }}", "template-syntax", 7),
        ("one\n\n{% if contact.role %}\n\ntwo", "unclosed-statement", 9),
        ("one\n\n{% endif %}\n", "misplaced-statement", 9),
        ("{% if contact.role %}\na\n{% endfor %}\n{% endif %}", "misplaced-statement", 9),
        ("{% set x = 1 %}", "unknown-statement", 7),
        ("{% macro x() %}a{% endmacro %}", "unknown-statement", 7),
        ("{%- if contact.role %}a{% endif %}", "whitespace-control", 7),
        ("**a {% if contact.role %} b** c {% endif %}", "crossed-statement", 7),
        ("{% if contact.role %} a **b {% endif %} c**", "crossed-statement", 7),
        ("- a\n  {% if contact.role %}\n- b\n\n{% endif %}", "crossed-statement", 8),
        ("a\n\n![](https://x.example/a.png)", "missing-alt", 9),
        ("a\n\nsee [here](/pricing)", "relative-link", 9),
        ("see\n[here](docs/{{ account.id }})", "relative-link", 8),
        ("see [here](javascript:alert)", "unsafe-link", 7),
        ("![x](data:image/png;base64,AA)", "unsafe-link", 7),
        ("[x](https://a/{%if contact.role%}b{%endif%})", "statement-in-link", 7),
        ('Go: [x](https://a.example "button")', "button-not-alone", 7),
        ("![x](mailto:a@b.example)", "unsafe-link", 7),
        ('[x](https://a.example "{{ contact.role }}")', "bad-title", 7),
        ("a\n{% elif contact.role %}", "misplaced-statement", 8),
        ("a\n{% else %}", "misplaced-statement", 8),
        ("{% if contact. %}a{% endif %}", "template-syntax", 7),
        ("{% for a of account.traits.l %}a{% endfor %}", "template-syntax", 7),
        ("{% for a, b in account.traits.l %}a{% endfor %}", "template-syntax", 7),
        ("{% for contact in account.traits.l %}a{% endfor %}", "unknown-variable", 7),
        ("{{ loop.last }}", "unknown-variable", 7),
        ("a\n\x1fb", "forbidden-character", 8),
        ('{% include "blocks/nothing.md" %}', "bad-include", 7),
        ('{% include "../secrets.md" %}', "bad-include", 7),
        ('{% include "blocks/../../secrets.md" %}', "bad-include", 7),
        ('{% include "/etc/passwd" %}', "bad-include", 7),
        ("{% include contact.role %}", "bad-include", 7),
        ('now: {% include "blocks/footer.md" %}', "bad-include", 7),
    ],
)
def test_a_mistake_in_a_body_is_found_at_its_line(
    studio: Studio, body: str, rule: str, line: int
) -> None:
    found = studio.email(body).check()
    assert (rule, line) in {(problem.rule, problem.line) for problem in found}
    assert {problem.file for problem in found} == {"content/emails/note.md"}
    with pytest.raises(TemplateInvalidError, match=r"note\.md:"):
        studio.render()


@pytest.mark.parametrize(
    ("front", "rule", "line"),
    [
        ("preview: p\ntopic: tips\nowner: me", "missing-subject", 1),
        ("subject: s\npreview: p\ntopic: tips", "missing-key", 1),
        ("subject: s\npreview: p\ntopic: tipps\nowner: me", "unknown-topic", 4),
        ("subject: s\npreview: p\ntopic: tips\nowner: me\nsubjekt: x", "unknown-key", 6),
        ("subject: s\nsubject: t\npreview: p\ntopic: tips\nowner: me", "duplicate-key", 3),
        ('subject: "a\\nb"\npreview: p\ntopic: tips\nowner: me', "line-break", 2),
        ("subject: s\npreview: p\ntopic: tips\nowner: me\nreviewed: soon", "bad-date", 6),
        ("subject: s\npreview: p\ntopic: tips\nowner: me\nreply_to: you", "bad-address", 6),
        ("subject: a: b\npreview: p", "front-matter", 2),
        ("subject: [a]\npreview: p\ntopic: tips\nowner: me", "front-matter", 2),
    ],
)
def test_a_mistake_in_front_matter_is_found(
    studio: Studio, front: str, rule: str, line: int
) -> None:
    found = studio.file("emails/note.md", f"---\n{front}\n---\nHi\n").check()
    assert (rule, line) in {(problem.rule, problem.line) for problem in found}


@pytest.mark.parametrize("opened", ["[", "{a: ", "- "])
def test_a_front_matter_that_is_nested_without_end_is_told(studio: Studio, opened: str) -> None:
    nested = opened * (60_000 // len(opened))
    (problem,) = {
        each for each in studio.file("emails/note.md", f"---\n{nested}\n---\nHi\n").check()
        if each.rule == "front-matter"
    }  # fmt: skip
    assert problem.message == "The front matter is nested too deep."


def test_an_unclosed_front_matter_and_a_file_that_is_not_text(studio: Studio) -> None:
    assert studio.file("emails/note.md", "---\nsubject: s\n").check()[0].rule == "front-matter"
    (studio.content / "emails/note.md").write_bytes(b"---\n\xff\xfe")
    studio.library.load()
    assert studio.check()[0].rule == "not-utf8"


def test_a_mistake_in_a_block_is_told_once_and_stops_the_emails_that_use_it(
    studio: Studio,
) -> None:
    studio.file("blocks/help.md", "Hello\n{{ contact.nmae }}\n")
    studio.email('a\n\n{% include "blocks/help.md" %}\n\n{% include "blocks/help.md" %}\n')
    problem = studio.only_problem()
    assert (problem.file, problem.line) == ("content/blocks/help.md", 2)
    with pytest.raises(TemplateInvalidError):
        studio.render()


def test_blocks_that_include_each_other_are_found(studio: Studio) -> None:
    studio.file("blocks/a.md", '{% include "blocks/b.md" %}\n')
    studio.file("blocks/b.md", 'x\n\n{% include "blocks/a.md" %}\n')
    found = studio.email('{% include "blocks/a.md" %}\n').check()
    assert {problem.rule for problem in found} == {"include-cycle"}
    assert "a.md → b.md → a.md" in " ".join(map(str, found))


def test_blocks_that_double_at_every_level_are_stopped(studio: Studio) -> None:
    for level in range(20):
        studio.file(f"blocks/l{level}.md", f'{{% include "blocks/l{level + 1}.md" %}}\n' * 2)
    studio.file("blocks/l20.md", "end\n")
    found = studio.email('{% include "blocks/l0.md" %}\n').check()
    assert "too-long" in {problem.rule for problem in found}


def test_a_trait_without_default_is_a_warning_and_the_email_can_be_used(studio: Studio) -> None:
    problem = studio.email("You have {{ account.traits.seats }} seats.").only_problem()
    assert (problem.rule, problem.severity) == ("trait-without-default", "warning")
    assert "3 seats" in studio.render().text


@pytest.mark.parametrize(
    "body",
    [
        '{{ account.traits.seats | default("some") }}',
        '{{ account.traits.renewal_on | day | default("soon") }}',
        '{{ account.traits["seats"] | default("some") }}',
        "{% if account.traits.seats is defined %}{{ account.traits.seats }}{% endif %}",
        "{% if account.traits.seats is defined and contact.role %}"
        "{{ account.traits.seats }}{% endif %}",
    ],
)
def test_a_trait_that_may_be_missing_is_provided_for(studio: Studio, body: str) -> None:
    assert studio.email(body).check() == []


def test_the_else_of_a_question_does_not_count_as_provided_for(studio: Studio) -> None:
    seats = "account.traits.seats"
    studio.email(f"{{% if {seats} is defined %}}a{{% else %}}{{{{ {seats} }}}}{{% endif %}}")
    assert studio.only_problem().rule == "trait-without-default"


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("<mj-divider ", "<mj-dividr ", "layout-tag"),
        ("{{ content }}", "<mj-txt>a</mj-txt>{{ content }}", "layout-tag"),
        ("{{ content }}", "<p>a</p>{{ content }}", "layout-tag"),
        ("{{ content }}", '<mj-include path="x" />{{ content }}', "layout-tag"),
        ("{{ content }}", "", "layout-slot"),
        (
            "</mj-column>\n    </mj-section>\n  </mj-body>",
            "</mj-section></mj-body>",
            "layout-syntax",
        ),
        ("color: #e9ece9", "color: {{ account.name }}", "variable-in-markup"),
        ('color="#ffffff"', 'color="{{ account.name }}"', "variable-in-markup"),
        ("{{ subject }}", "{{ subjekt }}", "unknown-variable"),
        ('<mj-spacer height="1px"', "<mj-spacer height=1px", "layout-syntax"),
    ],
)
def test_a_mistake_in_the_layout_is_found(studio: Studio, old: str, new: str, rule: str) -> None:
    studio.email('Hi\n\n[Go](https://a.example "button")')
    text = (studio.content / "layouts/default.mjml").read_text(encoding="utf-8")
    assert old in text
    found = studio.file("layouts/default.mjml", text.replace(old, new, 1)).check()
    assert rule in {problem.rule for problem in found}
    assert {problem.file for problem in found} == {"content/layouts/default.mjml"}


def test_an_unknown_mjml_tag_is_told_with_its_line_and_the_right_one(studio: Studio) -> None:
    studio.email("Hi")
    text = (studio.content / "layouts/default.mjml").read_text(encoding="utf-8")
    line = text[: text.index("<mj-spacer")].count("\n") + 1
    studio.file("layouts/default.mjml", text.replace("<mj-spacer", "<mj-spaser"))
    problem = studio.only_problem()
    assert (problem.line, problem.suggestion) == (line, "Did you mean `mj-spacer`?")


def test_p17_a_footer_without_a_way_to_unsubscribe_is_an_error(studio: Studio) -> None:
    studio.email("Hi").file("blocks/footer.md", "{{ sender.footer }}\n")
    problem = studio.only_problem()
    assert problem.rule == "footer"
    assert "links.unsubscribe" in problem.message


def test_a_missing_layout_or_footer_is_told(studio: Studio) -> None:
    studio.email("Hi")
    (studio.content / "blocks/footer.md").unlink()
    (studio.content / "layouts/default.mjml").unlink()
    studio.library.load()
    assert {"missing-layout", "footer"} <= {problem.rule for problem in studio.check()}


def test_a_name_that_is_not_there_gets_the_nearest_one(studio: Studio) -> None:
    studio.email("Hi")
    with pytest.raises(EmailNotFoundError, match="Did you mean `note`"):
        studio.library.get("notes")


def test_the_library_reads_files_only_when_told_to(studio: Studio) -> None:
    studio.email("First")
    assert "First" in studio.render().text
    path = studio.content / "emails/note.md"
    path.write_text(path.read_text().replace("First", "Second"))
    assert "First" in studio.render().text
    studio.library.load()
    assert "Second" in studio.render().text


def test_p21_the_source_hash_changes_with_email_block_footer_and_layout(studio: Studio) -> None:
    studio.file("blocks/help.md", "Help").email('Hi\n\n{% include "blocks/help.md" %}')
    hashes = [studio.library.get("note").source_hash]
    for name in ("emails/note.md", "blocks/help.md", "blocks/footer.md", "layouts/default.mjml"):
        text = (studio.content / name).read_text(encoding="utf-8")
        studio.file(name, text + "\n")
        hashes.append(studio.library.get("note").source_hash)
    studio.file("blocks/unused.md", "Nobody reads this")
    assert len(set(hashes)) == 5
    assert studio.library.get("note").source_hash == hashes[-1]


def test_a_template_tells_what_it_is_made_of(studio: Studio) -> None:
    studio.file("blocks/help.md", "Help")
    studio.email(
        'Hi {{ contact.first_name }}\n\n{% include "blocks/help.md" %}',
        extra="backup: you\nreviewed: 2026-03-12\nreply_to: care@lantern.example\n",
    )
    template = studio.library.get("note")
    assert template.blocks == ("help.md", "footer.md")
    assert template.variables == {
        "contact.first_name", "account.name", "links.preferences", "links.unsubscribe",
        "sender.footer",
    }  # fmt: skip
    assert (template.owner, template.backup, template.reply_to) == (
        "me", "you", "care@lantern.example",
    )  # fmt: skip
    assert str(template.reviewed) == "2026-03-12"


def test_a_problem_reads_as_a_place_and_a_sentence() -> None:
    problem = Problem("a.md", 3, 4, "rule", "It is wrong.", "Mend it.")
    assert str(problem) == "a.md:3:4: It is wrong. Mend it."
