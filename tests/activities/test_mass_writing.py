"""A broadcast's messages are the messages that `Mailing` would write, part for part."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.letters import POSTMARK_ID, Sender
from activities.mass_writing import MassWriter, Written
from digital_cs.channels.mail import OutgoingMail, message_id_for, to_bytes
from digital_cs.errors import DigitalCsError
from digital_cs.rendering import mass
from digital_cs.rendering.compiler import EmailTemplate
from digital_cs.rendering.context import (
    AccountView,
    ContactView,
    LinksView,
    ProgramView,
    RenderContext,
    SenderView,
)
from digital_cs.rendering.library import EmailLibrary
from digital_cs.rendering.links import Tracker, tracked
from digital_cs.rendering.render import render
from digital_cs.signing import Signer
from digital_cs.signing_links import LinkSigner
from tests.rendering.studio import SHIPPED, Studio

LIBRARY = EmailLibrary(SHIPPED)
NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
SENDER = Sender(
    "Maya Okafor <hello@lantern.example>", "mail.lantern.example", "Maya Okafor",
    "Lantern Ltd, 1 Harbour Row, Bristol", "https://go.lantern.example",
    "https://app.lantern.example", 20.0,
)  # fmt: skip
SIGNER, LINKS = Signer("a" * 40), LinkSigner("b" * 40)
PROGRAM = ProgramView("October news", "october")
HOSTILE = "</body><script>alert(1)</script>\r\nBcc: all@example.org\r\n.\r\nMAIL FROM:<x@y.example>"

PEOPLE: dict[str, tuple[str, str, str]] = {
    "plain": ("Ada", "Ada Lovelace", "Analytical"),
    "of letters from everywhere": ("Zoë", "Zoë Müller-Ångström 山田", "Söhne & Töchter <GmbH>"),
    "in Japanese": ("太郎", "山田 太郎", "株式会社例 " * 9),
    "nobody knows": ("", "", ""),
    "hostile": (HOSTILE, "Bo" + HOSTILE.replace("\r\n", " "), HOSTILE),
    "of dots and signs": (".", "...", "=3D=. {{ 7 * 7 }} {% raw %} \x01\x1e\u2028\u202e"),
    "of spaces": ("  Ada  ", " Ada   Lovelace ", "Two  spaces and a\ttab "),
    "very long": ("Wolfe" * 9, "Wolfeschlegelsteinhausenberger " * 4, "word " * 300),
    "longest words": ("x" * 74, "y" * 75, "z" * 76 + " " + "." * 77 + " " + "w" * 500),
}  # fmt: skip
TRAITS: tuple[dict[str, object], ...] = (
    {},
    {"seats": 3, "trial_ends_on": "2026-03-12", "renewal_on": "2026-09-01"},
    {"seats": 0, "renewal_on": "not a date", "trial_ends_on": "", "industry": HOSTILE},
)


def account_of(name: str, traits: dict[str, object]) -> AccountView:
    return AccountView("acc_1", name, "growth", "adopting", traits)


def one_by_one(
    template: EmailTemplate, sender: Sender, account: AccountView, contact: ContactView, key: str,
    kind: str,
) -> tuple[bytes, str]:  # fmt: skip
    """What `Mailing` does for a single touch."""
    token = SIGNER.sign_contact("c1")
    links = LinksView(
        f"{sender.public_url}/u/{token}", f"{sender.public_url}/p/{token}", sender.app_url
    )
    context = RenderContext(
        account, contact, PROGRAM, links, SenderView(sender.name, sender.footer)
    )
    rendered = render(template, context)
    message_id = message_id_for(key, sender.mail_domain)
    sent = tracked(
        rendered, message_id, LINKS, sender.public_url, clicks=sender.clicks, opens=sender.opens
    )
    mail = OutgoingMail(
        message_id=message_id, mail_from=sender.mail_from, envelope_from="", to="c1@acme.example",
        to_name=contact.full_name, subject=sent.subject, text=sent.text, html=sent.html, date=NOW,
        reply_to=template.reply_to,
        unsubscribe_url=None if kind == "service" else links.unsubscribe,
        headers=((POSTMARK_ID, message_id.strip("<>")),) if sender.postmark else (),
    )  # fmt: skip
    return to_bytes(mail), rendered.content_hash


def read(payload: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(payload, policy=email.policy.SMTP)
    assert isinstance(parsed, EmailMessage)
    return parsed


def assert_fit_for_the_wire(payload: bytes) -> None:
    assert payload.endswith(b"\r\n")
    assert payload.count(b"\n") == payload.count(b"\r") == payload.count(b"\r\n")
    assert b"\n." not in b"\n" + payload
    body = payload.partition(b"\r\n\r\n")[2]
    assert max(len(line) for line in body.split(b"\r\n")) <= 76


def assert_same(mine: bytes, theirs: bytes) -> None:
    assert_fit_for_the_wire(mine)
    one, other = read(mine), read(theirs)
    assert one.items() == other.items()
    for part, expected in zip(one.iter_parts(), other.iter_parts(), strict=True):
        assert part.get_content_type() == expected.get_content_type()
        assert part.get_payload(decode=True) == expected.get_payload(decode=True)


def outcome(make: Callable[[], object]) -> object:
    """What it made, or the complaint."""
    try:
        return make()
    except DigitalCsError as error:
        return (type(error), str(error))


def written(
    writer: MassWriter, account: AccountView, contact: ContactView, key: str = "k"
) -> Written:
    return writer.write(
        key=key, account=account, contact_id="c1", contact=contact, address="c1@acme.example",
        now=NOW,
    )  # fmt: skip


def compare(
    template: EmailTemplate, account: AccountView, contact: ContactView, key: str,
    sender: Sender = SENDER, kind: str = "marketing",
) -> None:  # fmt: skip
    writer = MassWriter(template, PROGRAM, sender, SIGNER, LINKS, kind=kind)
    expected = outcome(lambda: one_by_one(template, sender, account, contact, key, kind))
    for _ in range(2):  # the second one finds what the first has kept
        made = outcome(lambda: written(writer, account, contact, key))
        if not isinstance(made, Written):
            assert made == expected
            continue
        assert isinstance(expected, tuple)
        assert_same(made.payload, expected[0])
        assert made.content_hash == expected[1]
        assert made.envelope_from == f"bounce+{made.message_id.strip('<>')}"


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("name", LIBRARY.names())
def test_p21_a_shipped_email_is_the_one_that_a_single_touch_would_send(name: str, who: str) -> None:
    first, full, account = PEOPLE[who]
    for number, traits in enumerate(TRAITS):
        compare(
            LIBRARY.get(name), account_of(account, traits),
            ContactView(first, full, "admin", "en"), f"october/{who}/{number}",
        )  # fmt: skip


@pytest.mark.parametrize("opens", [True, False])
@pytest.mark.parametrize("clicks", [True, False])
@pytest.mark.parametrize("kind", ["marketing", "service"])
def test_headers_and_tracking_are_those_of_a_single_touch(
    clicks: bool, opens: bool, kind: str
) -> None:
    sender = replace(SENDER, clicks=clicks, opens=opens, postmark=opens)
    contact = ContactView(*PEOPLE["plain"][:2], "admin", "en")
    for name in ("welcome-trial-2", "usage-drop-check-in"):
        compare(LIBRARY.get(name), account_of("Acme", TRAITS[1]), contact, "k", sender, kind)


def test_every_shipped_email_takes_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object) -> object:
        raise AssertionError("this one was rendered the slow way")

    monkeypatch.setattr(mass, "render", slow)
    contact = ContactView(*PEOPLE["hostile"][:2], "admin", "en")
    for name in LIBRARY.names():
        writer = MassWriter(LIBRARY.get(name), PROGRAM, SENDER, SIGNER, LINKS, kind="marketing")
        for traits in TRAITS[:2]:
            ada = replace(contact, full_name="Ada")
            assert written(writer, account_of("Acme", traits), ada).payload


LOOP = (
    "{% for shop in account.traits.shops|default([]) %}{{ shop }} ({{ loop.index }}), {% endfor %}"
)
TABLE = (
    "| Shop | Sales |\n|------|------:|\n"
    "| {{ account.name }} | {{ account.traits.n|default(7) }} |\n"
)
BODIES = {
    "a loop": f"Hello\n\n{LOOP}\n",
    "a sum": "{{ account.traits.n + 1 if account.traits.n is defined else 0 }} and\n",
    "a table": TABLE,
    "a code block": "```\n\n.dot {{ account.name }}\n```\n\n.dot\n",
    "links made of values": "[{{ account.name }}]({{ links.app }}/x?n={{ account.name }}&m=1) [b](https://b.example)\n",
    "a link that may be anything": "[go]({{ account.traits.site|default('https://a.example') }})\n",
    "the same link twice": "[a](https://a.example/?x=1&y=2) [b](https://a.example/?x=1&y=2)\n",
    "a missing value": "{{ account.traits.seats }}\n",
    "branches in branches": (
        "{% if account.traits.n is defined and account.traits.n > 2 %}\n\nMany, "
        "{% if contact.first_name == 'Ada' %}Ada{% elif contact.role in ['admin'] %}admin"
        "{% endif %}\n\n{% else %}\n\n> Few of {{ account.name }}\n\n{% endif %}\n\n"
        "End {{ not account.plan }}\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BODIES)
def test_what_there_is_no_quick_way_for_comes_out_the_same(tmp_path: Path, what: str) -> None:
    studio = Studio(tmp_path)
    studio.email(BODIES[what], subject="News for {{ account.name }}")
    template = studio.library.get("note")
    for traits in ({}, {"n": 3, "shops": ["<A>", "B"]}, {"site": "javascript:x"}, {"n": "text"}):
        for who in ("plain", "hostile", "of letters from everywhere"):
            first, full, account = PEOPLE[who]
            compare(
                template, account_of(account, dict(traits)), ContactView(first, full, "", ""), "k"
            )


VARIED = (
    "Hello {{ contact.first_name or 'there' }},\n\n{{ account.name }}{{ contact.full_name }} "
    "{% if account.traits.a is defined %}*{{ account.traits.a|upper }}* {{ account.traits.a|day }}"
    "{% endif %} {{ account.traits.b|default('none')|trim }}\n\n"
    "- {{ account.name }}: [{{ contact.first_name }}]"
    "(https://a.example/{{ account.traits.a|default('') }})\n"
    "- .{{ account.name }}.\n\n"
    "> We keep a page for {{ account.name }} with the e-mails that {{ contact.full_name }} sent, "
    "and [all of them](https://a.example/?x=1&y=2), {{ contact.first_name }}, "
    "[yours]({{ links.preferences }}) or [none]({{ links.unsubscribe }}), as long as "
    "{{ sender.name }} keeps this line going for {{ contact.first_name }}{{ account.name }}.\n\n"
    "{{ program.name }}: {{ links.preferences }}\n"
)  # fmt: skip
TEXTS = st.text(
    alphabet=st.sampled_from("aZ =.<&\"'\n\r\t\x01\x1eé日\ud800\u202e😀{%"), max_size=90
)
NAMES = st.lists(
    st.text(alphabet=st.sampled_from("aZé日.='&"), min_size=1, max_size=30), min_size=1, max_size=6
).map(" ".join)
VALUES = st.one_of(
    TEXTS, NAMES, st.integers(), st.floats(allow_nan=False), st.booleans(), st.none()
)


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> EmailTemplate:
    studio = Studio(tmp_path_factory.mktemp("varied"))
    template = studio.email(VARIED, subject="'{{ contact.first_name }} x'").library.get("note")
    links = LinksView("", "", "")
    tracker = Tracker(LINKS, "", clicks=False, opens=False)
    assert mass.MassTemplate(template, PROGRAM, SenderView("", ""), links, tracker).quick
    return template


@settings(max_examples=150, deadline=None)
@given(name=TEXTS | NAMES, first=TEXTS | NAMES, full=TEXTS | NAMES, a=VALUES, b=VALUES)
def test_any_values_come_out_the_same(
    varied: EmailTemplate, name: str, first: str, full: str, a: object, b: object
) -> None:
    compare(varied, account_of(name, {"a": a, "b": b}), ContactView(first, full, "", ""), "k")
