"""Other senders' templates, carried over: their words, links and buttons are all still there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from digital_cs.rendering.carry_over.convert import Carried, CarryOverError, all_of, find_templates
from digital_cs.rendering.render import Rendered
from tests.rendering.studio import CONTEXT, Studio, with_traits
from tests.rendering.test_shipped_emails import assert_well_formed

SAMPLES = Path(__file__).parents[3] / "shared/samples/postmark-templates"


class Shown(HTMLParser):
    """The words, links, buttons and pictures of HTML, read without the converter's help."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words = ""
        self.links: list[str] = []
        self.buttons: list[str] = []
        self.alts: list[str] = []
        self._silent: list[str] = []
        self._button = False
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        hidden = "preheader" in known.get("class", "") or "display:none" in known.get("style", "")
        if tag in ("style", "title") or hidden:
            self._silent.append(tag)
        if tag == "a" and not self._silent:
            self.links.append(known.get("href", ""))
            self._button = "button" in known.get("class", "")
            self.buttons += [""] if self._button else []
        if tag == "img":
            self.alts.append(known.get("alt", ""))

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()
        self._button = self._button and tag != "a"

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words += data
            if self._button:
                self.buttons[-1] += data


def squeezed(text: str) -> str:
    """Without spaces, of which HTML has as many as it likes."""
    return "".join(text.split())


def written(studio: Studio, carried: Carried) -> Studio:
    return studio.file("emails/note.md", carried.text)


def carried_over(studio: Studio, html: str, **renamed: str) -> Carried:
    folder = studio.content.parent / "theirs"
    folder.mkdir(exist_ok=True)
    (folder / "hello.html").write_text(html, encoding="utf-8")
    (carried,) = all_of(folder, topic="service", owner="me", renamed=renamed)
    written(studio, carried)
    return carried


def body_of(carried: Carried) -> str:
    return carried.text.split("\n---\n", 1)[1].strip()


def values(carried: Carried) -> dict[str, str]:
    """A value of its own for every name that became a trait of the account."""
    return {
        variable.foreign: {
            "links.app": f"https://v.example/{variable.foreign}",
            '"help@example.com"': f"{variable.foreign}@v.example",
        }.get(variable.default, f"The {variable.foreign}.")
        for variable in carried.variables
        if variable.ours.startswith("account.traits.") and variable.default not in NO_TEXT
    }


NO_TEXT = ("an empty list", "nothing")


def without_lists(html: str) -> str:
    html = re.sub(r"\{\{#each.*?\{\{/each\}\}", "", html, flags=re.DOTALL)
    return re.sub(r"\{\{#(\w+)\}\}.*?\{\{/\1\}\}", "", html, flags=re.DOTALL)


def filled(html: str, known: Mapping[str, str]) -> str:
    """What the other sender would have sent, with no items in its lists."""
    known = {"name": CONTEXT.contact.first_name, **known}
    return re.sub(r"(?<!\\)\{\{\s*(\w+)\s*\}\}", lambda match: known[match[1]], html)


def assert_twin(words: str, message: Rendered) -> None:
    text = squeezed(message.text)
    for piece in re.findall(r"[^\s()\[\]|.,?!]{3,}", words):
        assert piece in text, piece


SAMPLE_NAMES = sorted(find_templates(SAMPLES / "templates")) if SAMPLES.is_dir() else []


@pytest.mark.skipif(not SAMPLE_NAMES, reason=f"the samples are not here: {SAMPLES}")
def test_there_are_eleven_kinds_of_templates_in_three_styles() -> None:
    assert len(SAMPLE_NAMES) == 33


@pytest.mark.parametrize("style", ["templates", "templates-inlined"])
@pytest.mark.parametrize("name", SAMPLE_NAMES)
def test_a_sample_says_and_links_to_all_that_it_did(studio: Studio, name: str, style: str) -> None:
    folder = SAMPLES / style
    (carried,) = (
        each
        for each in all_of(folder, topic="service", owner="me", renamed={})
        if each.name == name
    )
    assert [str(p) for p in written(studio, carried).check()] == []
    known = values(carried)
    message = studio.render(with_traits(**known))
    assert_well_formed(message.html.replace("{{ something }}", ""))  # an example of theirs
    assert len(message.html.encode()) < 100_000

    theirs = Shown(filled(without_lists((folder / carried.source).read_text("utf-8")), known))
    ours = Shown(message.html)
    assert squeezed(theirs.words) in squeezed(ours.words)
    assert set(theirs.links) <= set(ours.links)
    text = squeezed(message.text)
    for link in theirs.links:
        assert link in message.text
    for button in theirs.buttons:
        assert squeezed(button) + ":http" in text
    assert_twin(theirs.words, message)
    assert all(ours.alts)


@pytest.mark.parametrize("name", [n for n in SAMPLE_NAMES if "receipt" in n or "invoice" in n])
def test_a_receipt_lists_its_rows_in_both_parts(studio: Studio, name: str) -> None:
    (carried,) = (
        each
        for each in all_of(SAMPLES / "templates", topic="service", owner="me", renamed={})
        if each.name == name
    )
    rows = [{"description": "Lamp", "amount": "12.00"}, {"description": "Cord", "amount": "3.50"}]
    kind = name.partition("-")[2].removeprefix("full-")
    message = written(studio, carried).render(with_traits(**{f"{kind}_details": rows}))
    assert "\nLamp          12.00\nCord           3.50\nTotal" in message.text
    words = Shown(message.html).words
    assert words.index("Lamp") < words.index("12.00") < words.index("Cord") < words.index("3.50")


def test_sections_conditions_and_loops_become_ours(studio: Studio) -> None:
    carried = carried_over(
        studio,
        """<body><p>Dear {{#if vip}}best {{else}}new {{/if}}friend,</p>
        {{#unless paid}}<p>Please pay.</p>{{/unless}}
        {{^seats}}<p>No seats.</p>{{/seats}}
        <ul>{{#people}}<li>{{fullName}} of {{../company.name}}</li>{{/people}}</ul>
        {{! a remark }}{{> footer }}</body>""",
    )
    assert [str(problem) for problem in studio.check()] == []
    message = studio.render(
        with_traits(vip=True, paid=1, company_name="Acme", people=[{"fullName": "Zoë Müller"}])
    )
    assert message.text.startswith("Dear best friend,\n\nNo seats.\n\n- Zoë Müller of Acme\n")
    assert studio.render(with_traits()).text.startswith("Dear new friend,\n\nPlease pay.\n\nNo ")
    assert any("> footer" in note for note in carried.notes)


def test_what_looks_like_markdown_or_a_tag_stays_what_it_was(studio: Studio) -> None:
    carried_over(
        studio,
        "<p># 1. *no* _no_ [a](b) &lt;b&gt; `c` &#123;&#123; x }} {% y %} \\{{ z }} a|b zqx0xz</p>"
        "<p>1. not a list</p><p>snake_case and 2 * 3 * 4</p><p>---</p>",
    )
    problems = studio.check()
    assert [problem.rule for problem in problems] == ["forbidden-character"]
    carried_over(
        studio,
        "<p># 1. *no* _no_ [a](b) &lt;b&gt; `c` &#123;&#123; x }} {% y %} \\{{ z }} a|b</p>"
        "<p>1. not a list</p><p>snake_case and 2 * 3 * 4</p><p>---</p>",
    )
    assert studio.check() == []
    assert studio.render().text.startswith(
        "# 1. *no* _no_ [a](b) <b> `c` {{ x }} {% y %} \\{{ z }} a|b\n\n1. not a list\n\n"
        "snake_case and 2 * 3 * 4\n\n---\n"
    )


def test_emphasis_that_markdown_cannot_say_is_left_out(studio: Studio) -> None:
    carried = carried_over(studio, "<p><b>Total:</b>12 <i> well </i>done, <b>all</b></p>")
    assert body_of(carried) == "Total:12 well done, all"
    carried = carried_over(studio, "<p><b>Total:</b> 12 <i> well </i>done</p>")
    assert body_of(carried) == "**Total:** 12 *well* done"


def test_addresses_that_an_email_cannot_use_leave_their_words(studio: Studio) -> None:
    carried = carried_over(
        studio,
        '<p><a href="javascript:x">One</a> <a href="#">two</a> <a href="/help">three</a> '
        '<a href="tel:+4420">four</a> <a href="mailto:{{care_email}}">five</a></p>',
    )
    assert body_of(carried) == (
        "One two three four "
        '[five](mailto:{{ account.traits.care_email | default("help@example.com") }})'
    )
    assert sum("no web address" in note for note in carried.notes) == 3
    assert studio.check() == []


def test_pictures_get_words_and_counting_pixels_go(studio: Studio) -> None:
    carried = carried_over(
        studio,
        '<img src="https://a.example/our-logo.png" alt=""><img src="https://a.example/o" width="1">'
        '<a href="https://a.example"><img src="https://a.example/b.png" alt="A lamp"></a>',
    )
    assert body_of(carried) == (
        "![our logo](https://a.example/our-logo.png)"
        "[![A lamp](https://a.example/b.png)](https://a.example)"
    )
    assert "our logo" in carried.notes[0]
    assert studio.check() == []


def test_a_name_can_be_said_in_our_words(studio: Studio) -> None:
    carried = carried_over(
        studio, '<a href="{{support_url}}">Help</a> {{plan}}', support_url="links.app",
        plan="account.plan",
    )  # fmt: skip
    assert body_of(carried) == "[Help]({{ links.app }}) {{ account.plan }}"


def test_a_template_of_text_alone_is_carried_over_too(studio: Studio) -> None:
    folder = studio.content.parent / "texts"
    folder.mkdir()
    (folder / "hello.txt").write_text(
        "*****\nHi {{name}}\n*****\n\nSee our page ( {{ action_url }} ).\n\n"
        "* one\n* two\n\nBye,\nMe\n"
    )
    (carried,) = all_of(folder, topic="service", owner="me", renamed={})
    written(studio, carried)
    assert studio.check() == []
    assert studio.render(with_traits(action_url="https://a.example/x")).text.startswith(
        "Hi Zoë\n======\n\nSee our page (https://a.example/x).\n\n- one\n- two\n\nBye,\nMe\n"
    )


def test_broken_html_is_read_as_browsers_read_it(studio: Studio) -> None:
    carried = carried_over(
        studio,
        "<p>One<p>Two <b>bold<ul><li>a<li>b</ul></td></table><table><tr><td>x<td>y<tr><td>1<td>2"
        "</table><div>End",
    )
    assert studio.check() == []
    assert body_of(carried).startswith("One\n\nTwo")
    assert "- a\n- b" in body_of(carried)
    assert "| x | y |\n| 1 | 2 |" in body_of(carried)


def test_a_folder_without_templates_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CarryOverError, match=r"no \.html"):
        find_templates(tmp_path)


def test_templates_are_named_after_their_files_and_folders(tmp_path: Path) -> None:
    for path in ("a/content.html", "a/content.txt", "b/Reset Password.html", "c.txt"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(unescape("x"))
    assert list(find_templates(tmp_path)) == ["a", "b-reset-password", "c"]


@pytest.mark.parametrize(
    "hostile",
    [
        "<div>" * 5_000 + "x",
        "<!--" * 20_000,
        "<style>" * 10_000,
        "{{!--" * 20_000,
        "{{" + " " * 100_000,
        "{{#a}}" * 10_000,
        "{{{" * 30_000,
        "<table><tr><td>" * 3_000,
        "<p>" + "*_[`" * 20_000 + "</p>",
        "<a href='" * 3_000,
    ],
    ids=range(10),
)
def test_a_hostile_template_neither_hangs_nor_breaks_the_converter(
    studio: Studio, hostile: str
) -> None:
    """What comes of it is checked like any e-mail; here it is enough that something does."""
    assert carried_over(studio, hostile).text.startswith("---\n")


def test_a_file_that_is_no_email_is_refused(tmp_path: Path) -> None:
    (tmp_path / "big.html").write_bytes(b"x" * 300_000)
    with pytest.raises(CarryOverError, match="300,000 bytes"):
        list(all_of(tmp_path, topic="service", owner="me", renamed={}))


def test_scripts_styles_and_remarks_for_one_client_are_left_out(studio: Studio) -> None:
    carried = carried_over(
        studio,
        "<p>A</p><!--[if mso]><p>B {{b}}</p><![endif]--><STYLE>p {{c}}</STYLE >"
        "<script>d</script><![if !mso]><p>E</p><![endif]><p>F</p>",
    )
    assert body_of(carried) == "A\n\nE\n\nF"
    assert carried.variables == ()


def test_what_other_dialects_say_is_understood(studio: Studio) -> None:
    carried = carried_over(
        studio,
        "<p>{{~user.first_name~}} {{insert city 'default=x'}} {{{html}}} {{&amp}}</p>"
        "{{#each items as |thing|}}<p>{{@index}} {{thing.name}}{{#unless @last}},{{/unless}}</p>"
        "{{/each}}{{#if (eq a 'b')}}<p>c</p>{{/if}}",
    )
    assert [str(problem) for problem in studio.check()] == []
    message = studio.render(
        with_traits(city="Bristol", html="<b>", amp="&", items=[{"name": "A"}, {"name": "B"}])
    )
    assert message.text.startswith("Zoë Bristol <b> &\n\n1 A,\n\n2 B\n\n")
    assert sum("helper" in note for note in carried.notes) == 2


def test_numbers_are_kept_where_they_are_known(studio: Studio) -> None:
    carried = carried_over(
        studio,
        "<ol><li>A</li><li>B</li></ol><ol>{{#each steps}}<li>{{this}}</li>{{/each}}</ol>",
    )
    assert body_of(carried).startswith("1. A\n2. B\n\n{% for item in account.traits.steps")
    assert studio.check() == []
    text = studio.render(with_traits(steps=["one", "two"])).text
    assert text.startswith("1. A\n2. B\n\n- one\n\n- two\n\n")


def test_two_line_breaks_are_a_new_paragraph_and_a_painted_cell_is_a_button(
    studio: Studio,
) -> None:
    carried = carried_over(
        studio,
        '<td>One<br>two<br><br>three</td><table class="btn"><tr><td><a href="https://a.example">'
        'Go</a></td></tr></table><table><tr><td bgcolor="#0a0" style="border-radius:3px">'
        '<a href="https://b.example">Stay</a></td></tr></table>'
        '<img src="https://a.example/spacer.gif"><div class="btn">Words <a href="https://c.example">'
        "and a link</a></div>",
    )
    assert body_of(carried) == (
        'One\\\ntwo\n\nthree\n\n[Go](https://a.example "button")\n\n'
        '[Stay](https://b.example "button")\n\nWords [and a link](https://c.example)'
    )
