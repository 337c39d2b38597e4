"""Templates and values that try to get out: refused with a sentence, or harmless."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from digital_cs.rendering.errors import (
    BadValueError,
    MissingVariableError,
    OutputTooLargeError,
    RenderError,
    SubjectError,
    TemplateInvalidError,
    UnsafeLinkError,
)
from digital_cs.rendering.library import EmailLibrary
from digital_cs.rendering.render import render
from digital_cs.rendering.sandbox import compile_part
from digital_cs.rendering.tags import Tag, TagTable
from tests.rendering.studio import CONTEXT, SHIPPED, Studio, with_name, with_traits

ESCAPES = [
    "''.__class__",
    "''.__class__.__mro__[1].__subclasses__()",
    "account.__class__",
    'account["__class__"]',
    "account.traits.__class__.__base__",
    "account.traits.items()",
    "contact.__init__.__globals__",
    "range(10 ** 9)",
    "cycler('a')",
    "self._TemplateReference__context",
    "lipsum()",
    "'%1000000000d' | format(1)",
    "'a' | center(1000000000)",
    "account | attr('__class__')",
    "10 ** 10 ** 10",
    "'a' * 1000000000",
    "contact.first_name.upper()",
    "[1, 2] | map('upper')",
    "{'a': 1}",
]


@pytest.mark.parametrize("expression", ESCAPES)
def test_an_expression_that_tries_to_get_out_is_refused_by_check(
    studio: Studio, expression: str
) -> None:
    problem = studio.email(f"Hi\n\n{{{{ {expression} }}}}").check()[0]
    assert (problem.line, problem.severity) == (9, "error")
    with pytest.raises(TemplateInvalidError):
        studio.render()


@pytest.mark.parametrize(
    "expression",
    ["''.__class__", "account.__class__", "account.traits.items", "contact.__init__"],
)
def test_the_sandbox_itself_knows_no_attribute_but_the_declared_ones(expression: str) -> None:
    """The second wall: what would happen had the linter missed it."""
    table = TagTable()
    token = table.add(Tag("expression", expression, "a.md", 3, 1))
    part = compile_part(f"x {token}", table, html=True, limit=1000)
    with pytest.raises(MissingVariableError, match=r"a\.md:3"):
        part.render("note", CONTEXT.as_variables())


@pytest.mark.parametrize("expression", ["account.plan()", "contact.first_name.upper()"])
def test_the_sandbox_itself_calls_nothing(expression: str) -> None:
    table = TagTable()
    token = table.add(Tag("expression", expression, "a.md", 3, 1))
    with pytest.raises(RenderError, match=r"a\.md:3"):
        compile_part(token, table, html=False, limit=10).render("note", CONTEXT.as_variables())


@pytest.mark.parametrize(
    "loop",
    [
        "{% for i in range(1000000000) %}a{% endfor %}",
        "{% for i in account.traits.list recursive %}a{{ loop(i) }}{% endfor %}",
        "{% for a in account.traits.l %}{% for b in account.traits.l %}{% for c in "
        "account.traits.l %}x{% endfor %}{% endfor %}{% endfor %}",
    ],
)
def test_a_loop_without_bound_is_refused_by_check(studio: Studio, loop: str) -> None:
    assert "error" in {problem.severity for problem in studio.email(loop).check()}


def test_a_loop_walks_over_a_hundred_items_at_most(studio: Studio) -> None:
    studio.email("a\n\n{% for item in account.traits.items %}\n- {{ item }}\n{% endfor %}")
    text = studio.render(with_traits(items=["one", "two"])).text
    assert "- one" in text
    assert "- two" in text
    for wrong in (list(range(101)), "abc", 7, {"a": 1}):
        with pytest.raises(BadValueError, match=r"note\.md:9: .*at most 100 items"):
            studio.render(with_traits(items=wrong))


LOOP = "{% for a in account.traits.l %}{% for b in account.traits.l %}"
ENDS = "{% endfor %}{% endfor %}"


def test_loops_that_print_nothing_are_bounded_as_well(studio: Studio) -> None:
    silent = f"{LOOP}{{% if a == b %}}{{% endif %}}{ENDS}\n"
    assert [p.rule for p in studio.email(silent * 5).check() if p.severity == "error"] == []
    problem = studio.email("Hi\n\n" + silent * 100).check()
    assert "too-much-work" in {each.rule for each in problem if each.severity == "error"}
    with pytest.raises(TemplateInvalidError):
        studio.render()


def test_blocks_in_loops_count_as_often_as_they_are_in_them(studio: Studio) -> None:
    inner = "{{ account.plan }} " * 60
    studio.file("blocks/much.md", f"---\nowner: me\n---\n{inner}\n")
    loops = "\n".join(("{% for a in account.traits.l %}", "{% for b in account.traits.l %}"))
    ends = "{% endfor %}\n{% endfor %}"
    studio.email(f'Hi\n\n{loops}\n{{% include "blocks/much.md" %}}\n{ends}')
    assert "too-much-work" in {each.rule for each in studio.check()}


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../../etc/passwd", "blocks/../emails/note.md", "blocks//help.md",
     "layouts/default.mjml", "emails/note.md", "blocks/help.md\\x00", "https://evil.example/x.md"],
)  # fmt: skip
def test_nothing_outside_of_the_blocks_can_be_included(studio: Studio, path: str) -> None:
    studio.email(f'Hi\n\n{{% include "{path}" %}}')
    assert {each.rule for each in studio.check()} <= {"bad-include", "template-syntax"}
    with pytest.raises(TemplateInvalidError):
        studio.render()


def test_fields_of_a_list_are_values_as_all_others(studio: Studio) -> None:
    studio.email("{% for row in account.traits.rows %}{{ row.words | default('-') }} {% endfor %}")
    message = studio.render(with_traits(rows=[{"words": "<b>\nBcc: x"}, {}, "text", 7]))
    assert "&lt;b&gt; Bcc: x - - -" in message.html
    for inner in ("row.__class__", "row.items()", "row.a.b", "row['__class__'].x"):
        body = f"{{% for row in account.traits.rows %}}{{{{ {inner} }}}}{{% endfor %}}"
        assert "error" in {each.severity for each in studio.email(body).check()}


def test_a_huge_output_is_refused(studio: Studio) -> None:
    studio.email("{% for item in account.traits.all %}{{ item }}{% endfor %}")
    with pytest.raises(OutputTooLargeError):
        studio.render(with_traits(all=["x" * 10_000] * 100))


def test_a_file_that_is_too_large_is_refused(studio: Studio) -> None:
    assert studio.email("a" * 70_000).check()[0].rule == "file-too-large"


@pytest.mark.parametrize("start", ["{{ '", "{{", "{% ", "{#", "{{ }", "{% if '"])
def test_a_long_tag_that_never_ends_is_a_complaint_and_no_hang(studio: Studio, start: str) -> None:
    """A scanner that tried every reading of the quotes would never come back from this."""
    assert studio.email(start + "'a\\" * 5_000).check()


def test_a_name_made_of_markup_stays_text_in_both_parts(studio: Studio) -> None:
    studio.email("Hi {{ contact.first_name }},\n\n[{{ contact.first_name }}](https://a.example)")
    name = '<b onclick="x">[x](javascript:y) **z** {{ account.id }}</b>'
    message = studio.render(with_name(name))
    assert "<b " not in message.html
    assert "**z**" in message.html
    assert 'href="javascript' not in message.html
    assert "acc_1" not in message.html + message.text
    assert f"Hi {name}," in message.text.replace("\n", " ")
    assert "<b>" not in studio.render(with_name(Markup("<b>"))).html


def test_a_name_with_line_breaks_can_forge_neither_header_nor_line(studio: Studio) -> None:
    studio.email("Hi {{ contact.first_name }}", subject="'For {{ contact.first_name }}'")
    message = studio.render(with_name("Eve\r\nBcc: all@example.com\x1e\x1f\u2028\u202ex\x00"))
    assert message.subject == "For Eve Bcc: all@example.com x"
    assert "Hi Eve Bcc: all@example.com x\n" in message.text
    message.html.encode()
    assert "\ufffd" in studio.render(with_name("\ud800")).html


@pytest.mark.parametrize("name", ["", "   "])
def test_an_empty_subject_is_refused(studio: Studio, name: str) -> None:
    studio.email("Hi", subject="'{{ contact.first_name }}'")
    with pytest.raises(SubjectError):
        studio.render(with_name(name))


def test_a_subject_that_is_too_long_is_refused_without_quoting_it(studio: Studio) -> None:
    studio.email("Hi", subject="'{{ contact.first_name }}'")
    with pytest.raises(SubjectError, match="201 characters") as refusal:
        studio.render(with_name("z" * 201))
    assert "zzz" not in str(refusal.value)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)", "data:text/html,x", "//evil.example", "https://", "", "a b",
        "https://user@evil.example/", "http://a.example/\"onclick='x", "JaVaScRiPt:x", "vbscript:x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("title", ["", ' "button"'])
def test_a_link_made_of_a_variable_is_http_https_or_mailto(
    studio: Studio, address: str, title: str
) -> None:
    studio.email(f"[Go]({{{{ links.app }}}}{title})")
    context = replace(CONTEXT, links=replace(CONTEXT.links, app=address))
    with pytest.raises(UnsafeLinkError, match=r"note\.md:7") as refusal:
        studio.render(context)
    assert not address or address not in str(refusal.value)


def test_a_value_inside_an_address_can_change_only_its_own_place(studio: Studio) -> None:
    studio.email("[Go](https://a.example/{{ account.name }}/x?q={{ contact.first_name }}&z=1)")
    hostile = replace(CONTEXT, account=replace(CONTEXT.account, name="../..//e@vil?#"))
    hostile = replace(hostile, contact=replace(CONTEXT.contact, first_name="1&admin=yes"))
    address = "https://a.example/..%2F..%2F%2Fe%40vil%3F%23/x?q=1%26admin%3Dyes&z=1"
    message = studio.render(hostile)
    assert address in message.text
    assert address.replace("&", "&amp;") in message.html


def test_a_mail_address_may_be_a_link(studio: Studio) -> None:
    studio.email("[Write](mailto:{{ account.traits.care | default('care@a.example') }})")
    message = studio.render()
    assert 'href="mailto:care@a.example"' in message.html
    assert "Write (mailto:care@a.example)" in message.text


def test_markup_in_markdown_is_shown_as_written(studio: Studio) -> None:
    html = studio.email("Press <script>x</script> & {\\% {\\{ contact.id }}").render().html
    assert "<script>" not in html
    assert "&lt;script&gt;x" in html
    assert "{% {{ contact.id }}" in html


def test_a_missing_trait_is_an_error_with_its_line_and_no_data(studio: Studio) -> None:
    studio.file("blocks/seats.md", "---\nowner: me\n---\nYou have\n{{ account.traits.seats }}.\n")
    studio.email('Hi {{ contact.first_name }}\n\n{% include "blocks/seats.md" %}')
    for missing in (with_traits(), with_traits(seats=None)):
        with pytest.raises(MissingVariableError) as fault:
            studio.render(missing)
        assert (fault.value.email, fault.value.line) == ("note", 5)
        assert fault.value.file == "content/blocks/seats.md"
        assert "account.traits.seats" in str(fault.value)
        assert "Zoë" not in str(fault.value)
        assert fault.value.__cause__ is None


def test_a_value_of_the_wrong_kind_is_an_error_that_does_not_quote_it(studio: Studio) -> None:
    studio.email("a\n\n{{ account.traits.renewal_on | day | default('soon') }}")
    with pytest.raises(BadValueError, match=r"note\.md:9: .*needs a date") as fault:
        studio.render(with_traits(renewal_on="secret"))
    assert "secret" not in str(fault.value)
    studio.email("a\n{% if account.traits.seats > 3 %}b{% endif %}")
    with pytest.raises(BadValueError, match=r"note\.md:8"):
        studio.render(with_traits(seats="secret"))
    studio.email("{{ account.traits.seats }}")
    with pytest.raises(BadValueError, match="only a text"):
        studio.render(with_traits(seats={"secret": 1}))


@pytest.mark.parametrize(
    ("value", "shown"),
    [(3, "3"), (3.0, "3"), (2.5, "2.5"), (True, "yes"), (False, "no"), ("a  b", "a b")],
)
def test_values_are_printed_as_people_write_them(studio: Studio, value: object, shown: str) -> None:
    studio.email("It is {{ account.traits.x }}!")
    assert f"It is {shown}!" in studio.render(with_traits(x=value)).text


def test_the_filters_of_emails(studio: Studio) -> None:
    studio.email(
        "{{ account.plan | upper }} {{ account.plan | capitalize }} "
        "{{ account.traits.l | join }} {{ account.traits.l | length }} "
        "{{ account.traits.none | default('-') }} {{ account.traits.e | default('=') }} "
        "{{ account.traits.d | day }} {{ account.traits.t | trim | lower }}"
    )
    traits = {"l": ["a", "b"], "e": "", "d": "2026-03-01T09:00:00+00:00", "t": " X "}
    assert "GROWTH Growth a, b 2 - = 1 March 2026 x" in studio.render(with_traits(**traits)).text


def test_filters_leave_a_missing_value_to_the_default(studio: Studio) -> None:
    missing = "account.traits.none"
    for name in ("upper", "day", "join", "length", "trim"):
        studio.email(f"It is {{{{ {missing} | {name} | default('unknown') }}}}.")
        assert "It is unknown." in studio.render().text
    studio.email("{{ account.traits.seats | length }}")
    with pytest.raises(BadValueError, match="`length` needs"):
        studio.render()
    studio.email("{% for x in account.traits.none %}{{ x }}{% endfor %}")
    with pytest.raises(MissingVariableError):
        studio.render()


def test_a_loop_knows_its_last_round_and_its_filter(studio: Studio) -> None:
    studio.email(
        "{% for x in account.traits.l if x != 'b' %}{{ loop.index }} {{ x }}"
        "{% if not loop.last %}, {% endif %}{% else %}none{% endfor %}"
    )
    assert "1 a, 2 c\n" in studio.render(with_traits(l=["a", "b", "c"])).text
    assert studio.render(with_traits(l=[])).text.startswith("none\n")


class _Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[str, ...]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))

    def handle_comment(self, data: str) -> None:
        self.seen.append(("comment", (data[:10],)))


WELCOME = EmailLibrary(SHIPPED).get("welcome-paid-1")
PLAIN_TAGS = _Tags(render(WELCOME, CONTEXT).html).seen
names = st.text(min_size=1, max_size=60) | st.text(
    alphabet="<>\"'&[]()*_`{}%#\\!-=/ \n\r\tabzqxs0123\x1e\x1f\ue000\ue003", min_size=1, max_size=60
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=names)
def test_no_name_ever_makes_a_tag_an_attribute_or_a_new_block(name: str) -> None:
    context = replace(
        CONTEXT,
        contact=replace(CONTEXT.contact, first_name=name),
        account=replace(CONTEXT.account, name=name),
        sender=replace(CONTEXT.sender, name=name, footer=name),
    )
    try:
        message = render(WELCOME, context)
    except SubjectError:
        return
    assert _Tags(message.html).seen == PLAIN_TAGS
    assert "\n" not in message.subject
    assert "\r" not in message.subject + message.text
    assert not set(message.text) & set("\x1e\x1f\x00")
