"""The plain-text twin of an e-mail: the same words, readable without any markup."""

from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digital_cs.rendering.plain_text import WIDTH, finish
from tests.rendering.studio import CONTEXT, Studio, with_traits


def body(studio: Studio, markdown: str) -> str:
    return studio.email(dedent(markdown)).render().text.split("\n------------------------")[0]


def test_headings_lists_quotes_links_and_rules(studio: Studio) -> None:
    text = body(
        studio,
        """\
        # Hello
        ## Second *one*
        ### Third
        A [link](https://a.example/x?a=1&b=2), **bold**, `code` & <https://b.example>.

        - one
        - two
          - inner
            1. deep
        - three

        3. third
        4. fourth

        > quoted
        >
        > > twice

        - loose

        - list
        """,
    )
    assert text == dedent(
        """\
        Hello
        =====

        Second one
        ----------

        Third

        A link (https://a.example/x?a=1&b=2), bold, code & https://b.example.

        - one
        - two
          - inner
            1. deep
        - three

        3. third
        4. fourth

        > quoted
        >
        > > twice

        - loose

        - list
        """
    )


def test_an_image_is_its_words_and_a_rule_is_a_line(studio: Studio) -> None:
    lamp = "![a lamp](https://a.example/l.png)"
    message = studio.email(f"{lamp}\n\n***\n\nBye ![x](https://b.example)").render()
    assert message.text.startswith("[a lamp]\n\n------------------------\n\nBye [x]\n")
    assert 'alt="a lamp"' in message.html
    assert 'src="https://b.example"' in message.html


def test_a_button_is_a_line_and_its_address(studio: Studio) -> None:
    text = body(studio, 'Hi\n\n[Open it]({{ links.app }}/a "button")\n')
    assert text == "Hi\n\nOpen it:\nhttps://app.lantern.example/a\n"
    assert "background:#0b6e4f" in studio.render().html


def test_long_lines_wrap_with_the_indent_of_their_list_or_quote(studio: Studio) -> None:
    words = "word " * 30
    text = body(studio, f"- {words}\n\n> {words}\n")
    first, quoted = text.split("\n\n")
    assert [line[:2] for line in first.splitlines()] == ["- ", "  ", "  "]
    assert all(line.startswith("> ") for line in quoted.splitlines())
    assert max(map(len, text.splitlines())) <= 72


def test_a_fence_keeps_its_lines(studio: Studio) -> None:
    assert body(studio, "```\na  b\n  c {{ account.id }}\n```\n") == "a  b\n  c acc_1\n"


def test_entities_become_characters(studio: Studio) -> None:
    assert body(studio, "Fish &amp; chips &copy; &lt;b&gt;\n") == "Fish & chips © <b>\n"


@pytest.mark.parametrize(("role", "shown"), [("admin", "- Yes"), ("user", "- No")])
def test_statements_on_their_own_lines_choose_between_blocks(
    studio: Studio, role: str, shown: str
) -> None:
    studio.email(
        "Before\n"
        f'{{% if contact.role == "{role}" %}}\n- Yes\n{{% else %}}\n- No\n{{% endif %}}\n'
        f'{{% if contact.role == "{role}" %}}\n[Go](https://a.example "button")\n{{% endif %}}\n'
        "After\n"
    )
    message = studio.render()
    assert f"Before\n\n{shown}\n\n" in message.text
    assert ("Go:\nhttps://a.example\n" in message.text) == (role == "admin")
    assert ('href="https://a.example"' in message.html) == (role == "admin")
    assert "After" in message.text


def test_statements_inside_a_list_item_and_a_line(studio: Studio) -> None:
    studio.email(
        "- a\n"
        "  {% if account.traits.x is defined %}\n  more\n  {% endif %}\n"
        "- b{% if account.traits.x is defined %} and **x**"
        "{% elif contact.role %} only{% endif %}!\n"
    )
    assert "- a\n- b only!\n" in studio.render(CONTEXT).text
    with_x = studio.render(with_traits(x=1))
    assert "- a\n  more\n- b and x!\n" in with_x.text
    assert "<strong>x</strong>!" in with_x.html


def test_comments_of_the_author_reach_nobody(studio: Studio) -> None:
    message = studio.email("Hi {# don't tell\nanyone #}you\n\n{# alone #}\n\nBye\n").render()
    assert message.text.startswith("Hi you\n\nBye\n")
    assert "tell" not in message.html


def test_lines_after_a_tag_of_several_lines_keep_their_numbers(studio: Studio) -> None:
    problem = studio.email(
        "{{ contact.first_name\n   or 'you' }}\n\n{{ contact.x }}"
    ).only_problem()
    assert problem.line == 10


def test_a_table_has_columns_and_a_wide_one_is_set_line_by_line(studio: Studio) -> None:
    studio.email(
        "| Item | Amount |\n|---|---:|\n"
        "| {% for row in account.traits.rows | default([]) %} |\n"
        '| {{ row.item | default("") }} | **{{ row.amount | default("0") }}** |\n'
        "| {% endfor %} |\n| Total | [9](https://a.example) |\n\nBye"
    )
    assert studio.check() == []
    message = studio.render(with_traits(rows=[{"item": "A\nlamp", "amount": "7.50"}, {}]))
    assert message.text.startswith(
        "Item                   Amount\n------  ---------------------\n"
        "A lamp                   7.50\n                            0\n"
        "Total   9 (https://a.example)\n\nBye\n"
    )
    assert '<td align="right"' in message.html
    wide = studio.render(with_traits(rows=[{"item": "lamp " * 20, "amount": 1}])).text
    assert wide.startswith(
        f"Item: {('lamp ' * 20).strip()}\nAmount: 1\n\nItem: Total\nAmount: 9 (h"
    )


def test_a_table_without_titles_shows_its_rows_only(studio: Studio) -> None:
    message = studio.email("|  |  |\n|---|---|\n| a | b |\n| ccc | d |").render()
    assert message.text.startswith("a    b\nccc  d\n\n---")
    assert "<th" not in message.html


def test_a_link_in_a_table_is_checked_like_any_other(studio: Studio) -> None:
    problem = studio.email("| a | b |\n|---|---|\n| [x](/y) | ![](https://a.example) |").check()
    assert [(each.rule, each.line) for each in problem] == [
        ("relative-link", 9), ("missing-alt", 9),
    ]  # fmt: skip


@given(st.lists(st.text("ab.é", min_size=1, max_size=90), min_size=1, max_size=40))
def test_lines_are_those_of_going_from_word_to_word(words: list[str]) -> None:
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) <= WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    assert finish("\x1ep\x1f\x1f\x1f\x1f" + " ".join(words)) == "\n".join(lines) + "\n"
