"""P25: an e-mail with blocks left out or replaced, and what is said of rules that cannot hold."""

from __future__ import annotations

from typing import Any

import pytest

from digital_cs.domain.content.stale_rule import Do, Swaps
from digital_cs.rendering.compiler import MOST_KEPT
from digital_cs.rendering.errors import TemplateInvalidError
from digital_cs.rendering.library import EmailLibrary
from digital_cs.rendering.render import Rendered, render
from tests.rendering.studio import CONTEXT, SHIPPED, Studio

AROUND = 'Before.\n\n{% include "blocks/x.md" %}\n\nAfter.\n'


def block(studio: Studio, body: str = "The old news.", name: str = "x.md", **front: str) -> Studio:
    said = "".join(f"{key}: {value}\n" for key, value in front.items())
    return studio.file(f"blocks/{name}", f"---\nowner: me\n{said}---\n{body}\n")


def shown(studio: Studio, *swaps: tuple[str, str | None]) -> Rendered:
    return render(studio.library.get("note").with_swaps(swaps), CONTEXT)


def body(text: str) -> str:
    """The text part without its footer."""
    return text.partition("\n\n------")[0]


def test_p25_a_block_that_is_left_out_leaves_no_hole(studio: Studio) -> None:
    block(studio).email(AROUND)
    message = shown(studio, ("x.md", None))
    assert body(message.text) == "Before.\n\nAfter."
    assert "old news" not in message.html
    assert message.html == studio.email("Before.\n\nAfter.\n").render().html


def test_p25_another_block_stands_in_html_and_text_alike(studio: Studio) -> None:
    block(studio).email(AROUND)
    block(studio, "**Ask us** [here](https://x.example/help)", "help.md")
    message = shown(studio, ("x.md", "help.md"))
    assert body(message.text) == "Before.\n\nAsk us here (https://x.example/help)\n\nAfter."
    assert "Ask us</strong>" in message.html
    assert "old news" not in message.html


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("- a\n- b\n\n{x}\n\n- c\n- d\n", "- a\n- b\n\n- c\n- d"),
        ("1. a\n2. b\n\n{x}\n\n1. c\n", "1. a\n2. b\n\n1. c"),
        ("One\n{x}\nTwo\n", "One\n\nTwo"),
        ("{x}\n\nTwo\n", "Two"),
        ("One\n\n{x}\n", "One"),
        ("> a\n\n{x}\n\n> b\n", "> a\n\n> b"),
        ("- a\n\n{x}\n\n  b\n", "- a\n\nb"),
        ("a\n\n{% if contact.role %}\n{x}\n{% endif %}\n\nb\n", "a\n\nb"),
        ("| A | B |\n|---|---|\n| c | d |\n\n{x}\n\ne\n", None),
    ],
)
def test_p25_what_stood_around_a_block_stays_what_it_was(
    studio: Studio, written: str, text: str | None
) -> None:
    block(studio).email(written.replace("{x}", '{% include "blocks/x.md" %}'))
    message = shown(studio, ("x.md", None))
    assert text is None or body(message.text) == text
    assert "\n\n\n" not in message.text
    assert "\ue006" not in message.text + message.html
    assert message.html.count("<ol") == message.html.count("</ol>")
    assert message.html.count("<ul") == message.html.count("</ul>")


def test_p25_a_list_closes_up_where_one_of_its_items_was_a_block(studio: Studio) -> None:
    block(studio, "2. two").email('1. one\n{% include "blocks/x.md" %}\n3. three\n')
    assert body(shown(studio, ("x.md", None)).text) == "1. one\n\n2. three"
    assert body(shown(studio).text) == "1. one\n\n2. two\n\n3. three"


def test_p25_a_block_inside_a_block_and_in_the_footer_can_be_left_out(studio: Studio) -> None:
    block(studio, 'Outer.\n\n{% include "blocks/y.md" %}')
    block(studio, "Inner.", "y.md").email(AROUND)
    assert body(shown(studio, ("y.md", None)).text) == "Before.\n\nOuter.\n\nAfter."
    footer = (studio.content / "blocks/footer.md").read_text()
    studio.file("blocks/footer.md", f'{footer}\n{{% include "blocks/y.md" %}}\n')
    text = shown(studio, ("y.md", None)).text
    assert "Inner." not in text
    assert "unsubscribe" in text


def test_p21_all_ways_to_show_an_email_share_its_approval_and_differ_in_what_was_sent(
    studio: Studio,
) -> None:
    block(studio, when_stale="use help.md").email(AROUND)
    block(studio, "Ask.", "help.md")
    template = studio.library.get("note")
    other = template.with_swaps((("x.md", "help.md"),))
    assert template.source_hash == other.source_hash
    assert render(template, CONTEXT).content_hash != render(other, CONTEXT).content_hash
    block(studio, "Ask me.", "help.md")
    assert studio.library.get("note").source_hash != template.source_hash


def test_p25_a_way_to_show_an_email_is_compiled_once_and_few_are_kept(studio: Studio) -> None:
    block(studio).email(AROUND)
    template = studio.library.get("note")
    without = template.with_swaps((("x.md", None),))
    assert without is template.with_swaps((("x.md", None),))
    assert without.with_swaps(()) is template
    for number in range(MOST_KEPT + 3):
        template.with_swaps(((f"unknown-{number}.md", None),))
    assert len(template.recipe.made) <= MOST_KEPT
    assert template.with_swaps((("x.md", None),)).swaps == without.swaps


def test_p25_an_email_that_would_say_nothing_is_not_made(studio: Studio) -> None:
    block(studio, when_stale="drop").email('{% include "blocks/x.md" %}\n')
    assert [problem.rule for problem in studio.check()] == ["nothing-left"]
    with pytest.raises(TemplateInvalidError, match="says nothing"):
        shown(studio, ("x.md", None))


def test_p25_the_rules_of_an_email_and_its_blocks_are_known(studio: Studio) -> None:
    block(studio, when_stale="hold", hold_for="2 days", then="drop")
    block(studio, "Ask [us](https://x.example/a#b).", "help.md", when_stale="warn")
    extra = "when_stale: hold\nblocks:\n  help.md: {when_stale: hold, then: skip}\n  x.md: drop\n"
    studio.email(AROUND + '\n{% include "blocks/help.md" %}\n', extra=extra)
    assert studio.check() == []
    content = studio.library.get("note").content
    rules: dict[str, Any] = {
        part.place: part.rule and (part.rule.way.do, part.rule.then and part.rule.then.do)
        for part in (content.email, *content.blocks.values())
    }
    assert rules == {
        "emails/note.md": (Do.HOLD, None), "blocks/x.md": (Do.DROP, None),
        "blocks/help.md": (Do.HOLD, Do.SKIP), "blocks/footer.md": None,
    }  # fmt: skip
    assert content.blocks["help.md"].links == ("https://x.example/a",)
    assert content.blocks["footer.md"].kept


def test_p25_a_link_of_mjml_is_known_too(studio: Studio) -> None:
    row = '<mj-button href="https://x.example/go">Go</mj-button>'
    studio.file("blocks/go.mjml", row).email('Hi.\n\n{% include "blocks/go.mjml" %}\n')
    assert studio.library.get("note").content.links == ["https://x.example/go"]


def test_p25_a_link_into_the_product_is_known_where_it_is_known_where_that_lies(
    studio: Studio,
) -> None:
    studio.email("See [help]({{ links.app }}/help/a) and [you]({{ links.app }}/{{ account.id }}).")
    assert studio.library.get("note").content.links == []
    library = EmailLibrary(studio.content, "https://app.example")
    assert library.get("note").content.links == ["https://app.example/help/a"]


@pytest.mark.parametrize(
    ("extra", "rule", "line", "words"),
    [
        ("when_stale: drop\n", "stale-rule", 6, "cannot be left out of itself"),
        ("when_stale: use x.md\n", "stale-rule", 6, "cannot be left out of itself"),
        ("when_stale: wran\n", "stale-rule", 6, "Did you mean `warn`?"),
        ("hold_for: 3 days\n", "stale-rule", 6, "says nothing without `when_stale`"),
        ("when_stale: hold\nhold_for: 2 business days\n", "stale-rule", 7, "use hours, days or"),
        ("when_stale: hold\nhold_for: 3d\n", "stale-rule", 7, "did you mean '3 days'?"),
        ("when_stale: hold\nthen: drop\n", "stale-rule", 7, "cannot be left out of itself"),
        ("blocks: {y.md: drop}\n", "stale-rule", 6, "shows no block `y.md`"),
        ("blocks: drop\n", "stale-rule", 6, "names no blocks"),
        ("blocks: {x.md: [drop]}\n", "stale-rule", 6, "has no rule"),
        ("blocks: {x.md: {when: drop}}\n", "stale-rule", 6, "`when` is not a key of a rule"),
        ("blocks: {x.md: {when_stale: [a]}}\n", "stale-rule", 6, "is not a plain text"),
        ("blocks: {x.md: drop, blocks/x.md: warn}\n", "stale-rule", 6, "stands here twice"),
        ("blocks:\n  x.md: use y.md\n", "stale-fallback", 7, "no block `blocks/y.md`"),
        ("blocks:\n  x.md: use x.md\n", "fallback-cycle", 7, "leads back to"),
        ("blocks:\n  footer.md: drop\n", "footer-dropped", 7, "what every e-mail must have"),
        ("blocks:\n  footer.md: use x.md\n", "footer-dropped", 7, "does not print links.unsub"),
    ],
)
def test_p25_a_rule_that_cannot_hold_is_an_error_at_its_place(
    studio: Studio, extra: str, rule: str, line: int, words: str
) -> None:
    block(studio).email(AROUND, extra=extra)
    found = [problem for problem in studio.check() if problem.rule == rule]
    assert found, studio.check()
    assert (found[0].file, found[0].line) == ("content/emails/note.md", line)
    assert words in str(found[0])
    with pytest.raises(TemplateInvalidError):
        studio.library.get("note")


@pytest.mark.parametrize(
    ("front", "rule", "words"),
    [
        ({"when_stale": "dropp"}, "stale-rule", "Did you mean `drop`?"),
        ({"when_stale": "warn", "then": "drop"}, "stale-rule", "no meaning with"),
        ({"when_stale": "use none.md"}, "stale-fallback", "no block `blocks/none.md`"),
        ({"when_stale": "hold", "then": "use y.md"}, "fallback-cycle", "y.md leads back to"),
    ],
)
def test_p25_a_block_says_what_is_wrong_with_its_rule(
    studio: Studio, front: dict[str, str], rule: str, words: str
) -> None:
    block(studio, 'Y.\n\n{% include "blocks/x.md" %}', "y.md")
    block(studio, **front).email("Hello.\n")
    (problem,) = studio.check()
    assert (problem.file, problem.rule) == ("content/blocks/x.md", rule)
    assert words in str(problem)


def test_p25_two_blocks_that_stand_in_for_each_other_are_a_cycle(studio: Studio) -> None:
    block(studio, when_stale="use y.md")
    block(studio, "Y.", "y.md", when_stale="use x.md").email("Hello.\n")
    assert {problem.rule for problem in studio.check()} == {"fallback-cycle"}


def test_p25_what_in_the_footer_says_how_to_unsubscribe_is_not_left_out(studio: Studio) -> None:
    block(studio, "[Stop]({{ links.unsubscribe }})", "stop.md", when_stale="drop")
    block(studio, "Follow us.", "social.md", when_stale="drop")
    include = '{% include "blocks/stop.md" %}\n\n{% include "blocks/social.md" %}\n'
    studio.file("blocks/footer.md", f"---\nowner: me\n---\n{{{{ sender.footer }}}}\n\n{include}")
    (problem,) = studio.email("Hello.\n").check()
    assert (problem.file, problem.rule) == ("content/blocks/stop.md", "footer-dropped")


def test_p25_a_replacement_with_an_error_is_found_before_it_is_needed(studio: Studio) -> None:
    block(studio, when_stale="use help.md").email(AROUND)
    block(studio, "{{ contact.frist_name }}", "help.md")
    assert {problem.rule for problem in studio.check()} == {"unknown-variable"}


def test_p25_a_block_that_is_left_out_changes_nothing_inside_a_fence_of_mjml(
    studio: Studio,
) -> None:
    studio.file("blocks/x.mjml", "<mj-divider />")
    rows = '~~~mjml\n<mj-text><p>a</p></mj-text>\n{% include "blocks/x.md" %}\n~~~\n'
    block(studio, "<mj-spacer />").email(f"Hi.\n\n{rows}")
    swaps: Swaps = (("x.md", None),)
    template, problems = studio.library.get("note").recipe.make(swaps)
    assert problems == []
    assert template is not None
    assert body(render(template, CONTEXT).text) == "Hi.\n\na"


@pytest.mark.parametrize("name", EmailLibrary(SHIPPED).names())
def test_p25_every_shipped_email_goes_without_any_of_its_blocks(name: str) -> None:
    template = EmailLibrary(SHIPPED).get(name)
    whole = render(template, CONTEXT)
    for block in (each for each, part in template.content.blocks.items() if not part.kept):
        message = render(template.with_swaps(((block, None),)), CONTEXT)
        assert len(message.html) < len(whole.html)
        assert set(message.text.splitlines()) < set(whole.text.splitlines())
        assert "\n\n\n" not in message.text
        assert "unsubscribe" in message.text or template.topic == "service"
