"""The account that nobody has: a preview shows all of an e-mail, every row and every branch."""

from __future__ import annotations

from digital_cs.rendering.made_up import made_up
from tests.rendering.studio import CONTEXT, Studio


def shown(studio: Studio, body: str) -> str:
    tags = studio.email(body).library.get("note").tags
    context = made_up(tags, program=CONTEXT.program, links=CONTEXT.links, sender=CONTEXT.sender)
    text = studio.render(context).text
    return text.split("\n\n------------------------")[0]


def test_values_are_of_the_kind_that_the_email_needs(studio: Studio) -> None:
    body = (
        "{{ account.traits.renews | day | default('soon') }}, {{ account.traits.seats }},"
        " {{ account.traits.card_brand }}, {{ account.traits.tags | join }},"
        " {{ account.traits.help_url }}, {{ account.traits.care_email }},"
        " {% if account.traits.level == 'gold' %}gold{% endif %},"
        " {% if account.traits.count > 3 %}no{% else %}few{% endif %}"
    )
    assert " ".join(shown(studio, body).split()) == (
        "1 September 2026, 12, card brand, one, two, three, https://example.com/help_url,"
        " robin@example.com, gold, few"
    )


def test_lists_have_three_rows_with_the_fields_that_are_read(studio: Studio) -> None:
    body = (
        "{% if account.traits.rows | default('') %}"
        "{% for row in account.traits.rows | default([]) %}{{ row.what }} {{ row.amount }}: "
        "{% for part in row.parts %}{{ part }}{% if not loop.last %}, {% endif %}{% endfor %}; "
        "{% endfor %}{% endif %}"
    )
    assert " ".join(shown(studio, body).split()) == " ".join(
        ["what 12.00: item 1, item 2, item 3;"] * 3
    )


def test_what_nobody_asks_for_is_not_made_up(studio: Studio) -> None:
    assert shown(studio, "Hi {{ contact.first_name }} of {{ account.name }}") == (
        "Hi Robin of Example & Co"
    )
