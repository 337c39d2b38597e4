"""MJML of an author's own, in a block or a fence: drawn, spoken, checked, and shut in."""

from __future__ import annotations

import pytest

from digital_cs.rendering.errors import UnsafeLinkError
from digital_cs.rendering.render import Rendered
from tests.rendering.studio import Studio, with_name, with_traits
from tests.rendering.test_shipped_emails import assert_well_formed

HERO = """\
---
owner: me
---
<mj-image src="https://a.example/hero.png" alt="A lamp on a table" />
{% if account.traits.vip is defined %}
<mj-text font-size="22px"><p>Hello {{ contact.first_name }},
see <a href="https://a.example/x?a=1&amp;b=2">this</a>.</p></mj-text>
{% endif %}
<mj-button href="{{ links.app }}/go">Go there</mj-button>
<mj-table>
  <tr><th align="left">What</th><th align="right">Much</th></tr>
  {% for row in account.traits.rows | default([]) %}
  <tr><td>{{ row.what | default("") }}</td><td align="right">{{ row.much | default("") }}</td></tr>
  {% endfor %}
</mj-table>
<mj-spacer height="8px" />
<mj-divider />
"""


def hero(studio: Studio) -> Studio:
    studio.file("blocks/hero.mjml", HERO)
    return studio.email('Hi\n\n{% include "blocks/hero.mjml" %}\n\nBye')


def fence(studio: Studio, rows: str) -> Studio:
    """The rows begin on line 10."""
    return studio.email(f"Hi\n\n~~~mjml\n{rows}\n~~~\n\nBye")


def test_a_block_of_mjml_is_drawn_in_its_place_and_has_a_twin(studio: Studio) -> None:
    assert hero(studio).check() == []
    message = studio.render(with_traits(vip=1, rows=[{"what": "Lamp", "much": "12.00"}]))
    assert message.text.startswith(
        "Hi\n\n[A lamp on a table]\n\nHello Zoë, see this (https://a.example/x?a=1&b=2).\n\n"
        "Go there:\nhttps://app.lantern.example/go\n\nWhat   Much\n----  -----\nLamp  12.00\n\n"
        "------------------------\n\nBye\n"
    )
    assert_well_formed(message.html)
    assert 'alt="A lamp on a table"' in message.html
    assert "<td>Lamp" not in message.html, "a cell looks as it does in Markdown"
    assert "<mj-" not in message.html
    plain = studio.render(with_traits())
    assert "Hello Zoë" not in plain.text + plain.html
    assert "Lamp" not in plain.html.replace("A lamp", "")


def test_its_links_may_tell_of_clicks_as_all_others(studio: Studio) -> None:
    hero(studio)
    message: Rendered = studio.render(with_traits(vip=1))
    assert message.text_pieces[1::2] == [
        "https://a.example/x?a=1&b=2", "https://app.lantern.example/go",
    ]  # fmt: skip
    assert message.html_pieces[1::2] == [
        "https://a.example/x?a=1&amp;b=2", "https://app.lantern.example/go",
    ]  # fmt: skip


def test_a_fence_in_an_email_may_hold_rows_too(studio: Studio) -> None:
    fence(studio, '<mj-text align="center"><p>In the middle</p></mj-text>')
    assert studio.check() == []
    message = studio.render()
    assert message.text.startswith("Hi\n\nIn the middle\n\nBye\n")
    assert "text-align:center" in message.html


def test_values_are_shut_in_as_everywhere(studio: Studio) -> None:
    fence(
        studio,
        '<mj-text><p>{{ contact.first_name }}</p></mj-text>\n'
        '<mj-button href="{{ contact.first_name }}">Go</mj-button>',
    )  # fmt: skip
    message = studio.render(with_name("https://a.example/<b>"[:18]))
    assert 'href="https://a.example/"' in message.html
    for hostile in ("<script>x</script>", "javascript:x", '" onclick="x'):
        with pytest.raises(UnsafeLinkError, match=r"note\.md:11"):
            studio.render(with_name(hostile))
    fence(studio, "<mj-text><p>{{ contact.first_name }}</p></mj-text>")
    assert "<script" not in studio.render(with_name("<script>x</script>")).html


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ("<mj-text><script>x</script></mj-text>", "mjml-tag"),
        ("<mj-text><style>x</style></mj-text>", "mjml-tag"),
        ("<mj-text><iframe src=\"https://a.example\"></iframe></mj-text>", "mjml-tag"),
        ("<mj-text><form><input /></form></mj-text>", "mjml-tag"),
        ("<mj-raw><p>x</p></mj-raw>", "mjml-tag"),
        ("<mj-include path=\"/etc/passwd\" />", "mjml-tag"),
        ("<mj-section><mj-column></mj-column></mj-section>", "mjml-tag"),
        ("<mj-txt>Hello</mj-txt>", "mjml-tag"),
        ("<p>Hello</p>", "mjml-tag"),
        ("<mj-text><!-- for later --></mj-text>", "mjml-tag"),
        ("<mj-text><![CDATA[x]]></mj-text>", "mjml-tag"),
        ("<?php x ?>", "mjml-tag"),
        ("<mj-text><p onclick=\"x\">x</p></mj-text>", "mjml-attribute"),
        ("<mj-text><p id=\"x\">x</p></mj-text>", "mjml-attribute"),
        ("<mj-text><p style=\"background:url(https://a.example)\">x</p></mj-text>",
         "mjml-attribute"),
        ("<mj-text><p style=\"position:fixed\">x</p></mj-text>", "mjml-attribute"),
        ("<mj-text><a href='https://a.example'>x</a></mj-text>", "mjml-syntax"),
        ("<mj-text><a href=https://a.example>x</a></mj-text>", "mjml-syntax"),
        ("<mj-text><a href=\"javascript:x\" href=\"https://a.example\">x</a></mj-text>",
         "mjml-attribute"),
        ("<mj-text><a href=\"&#106;avascript:x\">x</a></mj-text>", "unsafe-link"),
        ("<mj-text><p style=\"background:u&#114;l(//a.example)\">x</p></mj-text>",
         "mjml-attribute"),
        ("<MJ-TEXT>x</MJ-TEXT>", "mjml-syntax"),
        ("<mj-text><svg></svg></mj-text>", "mjml-tag"),
        ("<mj-text><p>x</mj-text>", "mjml-syntax"),
        ("<mj-text>x", "mjml-syntax"),
        ("Words", "mjml-syntax"),
        ("{{ contact.first_name }}", "mjml-syntax"),
        ("<mj-text><a href=\"javascript:x\">x</a></mj-text>", "unsafe-link"),
        ("<mj-button href=\"/go\">Go</mj-button>", "relative-link"),
        ("<mj-button>Go</mj-button>", "missing-address"),
        ("<mj-text><a>x</a></mj-text>", "missing-address"),
        ("<mj-image src=\"https://a.example/x.png\" />", "missing-alt"),
        ("<mj-image src=\"mailto:a@example\" alt=\"x\" />", "unsafe-link"),
        ("<mj-image alt=\"x\" />", "missing-address"),
        ("<mj-text><p style=\"color:{{ contact.first_name }}\">x</p></mj-text>",
         "variable-in-markup"),
        ("<mj-text {{ contact.first_name }}>x</mj-text>", "mjml-syntax"),
        ("<mj-text><{{ contact.first_name }}>x</mj-text>", "mjml-tag"),
        ("{% if contact.first_name %}<mj-text><p>{% endif %}x</p></mj-text>", "crossed-statement"),
        ("<mj-text>{{ account.nme }}</mj-text>", "unknown-variable"),
        ("<mj-text>{% include \"blocks/help.md\" %}</mj-text>", "bad-include"),
    ],
)  # fmt: skip
def test_what_no_email_should_hold_is_told_with_its_line(
    studio: Studio, rows: str, rule: str
) -> None:
    problems = fence(studio, rows).check()
    assert rule in {problem.rule for problem in problems}, [str(each) for each in problems]
    assert {(problem.file, problem.line) for problem in problems} <= {
        ("content/emails/note.md", 9), ("content/emails/note.md", 10),
    }  # fmt: skip
    assert "error" in {problem.severity for problem in problems}


def test_mjml_in_a_list_or_with_an_include_in_it_is_told(studio: Studio) -> None:
    nested = studio.email("- one\n\n  ~~~mjml\n  <mj-divider />\n  ~~~\n").only_problem()
    assert (nested.rule, nested.line) == ("mjml-tag", 9)
    studio.email("Hi")
    studio.file("blocks/in.mjml", '---\nowner: me\n---\n{% include "blocks/footer.md" %}\n')
    assert "bad-include" in {problem.rule for problem in studio.check()}
