"""Links that tell of a click: which they are, that each leads where it led, and the hidden one."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digital_cs.channels.mail import message_id_for
from digital_cs.rendering.library import EmailLibrary
from digital_cs.rendering.links import tracked
from digital_cs.rendering.render import Rendered, render
from digital_cs.signing_links import Link, LinkSigner
from tests.rendering.studio import CONTEXT, SHIPPED, Studio, with_traits
from tests.rendering.test_shipped_emails import assert_well_formed

LIBRARY = EmailLibrary(SHIPPED)
SIGNER = LinkSigner("a-key-of-this-test")
HERE = "https://mail.lantern.example"
ID = message_id_for("welcome:acme:1/1/ada", "lantern.example")
OURS = re.compile(rf"{HERE}/c/([A-Za-z0-9_.-]+)")


def sent(rendered: Rendered, *, clicks: bool = True, opens: bool = False) -> Rendered:
    return tracked(rendered, ID, SIGNER, HERE, clicks=clicks, opens=opens)


class _Anchors(HTMLParser):
    """Every link of a page with its attributes, as a parser of HTML sees them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attrs))


def hrefs(html: str) -> list[str]:
    return [str(each["href"]) for each in _Anchors(html).found]


def link_of(url: str) -> Link | None:
    """The link behind an address of ours; None: it leads straight on."""
    ours = OURS.fullmatch(url)
    if ours is None:
        return None
    link = SIGNER.read(ours[1])
    assert link is not None
    assert f"<{link.message}@lantern.example>" == ID
    return link


def led(html: str) -> list[str]:
    """Where the links of a page lead to in the end, the hidden one left out."""
    found = [(url, link_of(url)) for url in hrefs(html)]
    return [link.destination if link else url for url, link in found if not link or link.nth]


def told(message: Rendered) -> list[str]:
    """Where those links of a page lead to that tell of a click."""
    found = [link_of(url) for url in hrefs(message.html)]
    return [link.destination for link in found if link is not None and link.nth]


def straight(text: str) -> str:
    return OURS.sub(lambda match: SIGNER.read(match[1]).destination, text)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", LIBRARY.names())
def test_every_link_of_every_shipped_email_leads_where_it_led(name: str) -> None:
    approved = render(LIBRARY.get(name), CONTEXT)
    message = sent(approved)
    assert_well_formed(message.html)
    assert led(message.html) == hrefs(approved.html)
    assert straight(message.text) == approved.text
    assert Counter(told(message)) == Counter(
        link.destination for url in OURS.findall(message.text) if (link := SIGNER.read(url))
    )
    assert all(link.startswith("https://app.lantern.example") for link in told(message))


@pytest.mark.parametrize("name", LIBRARY.names())
def test_leaving_is_one_link_that_leads_straight_there(name: str) -> None:
    message = sent(render(LIBRARY.get(name), CONTEXT))
    assert CONTEXT.links.unsubscribe not in told(message)
    if LIBRARY.get(name).topic != "service":
        assert CONTEXT.links.unsubscribe in hrefs(message.html)
        assert CONTEXT.links.unsubscribe in message.text


def test_p21_what_was_approved_keeps_its_hash() -> None:
    approved = render(LIBRARY.get("welcome-trial-1"), CONTEXT)
    assert sent(approved).content_hash == approved.content_hash
    assert sent(approved).html != approved.html


def test_switched_off_the_message_is_the_one_that_was_approved() -> None:
    approved = render(LIBRARY.get("welcome-trial-1"), CONTEXT)
    assert sent(approved, clicks=False) is approved


def test_only_web_links_of_the_body_tell_of_a_click(studio: Studio) -> None:
    studio.email(
        "[A guide](https://lantern.example/guide) and [help](mailto:help@lantern.example).\n\n"
        '[Set a new password](https://lantern.example/password "direct")\n\n'
        '[Start](https://lantern.example/start "button")\n\n'
        '[Pay](https://lantern.example/pay "button direct")\n\n'
        "<https://lantern.example/plain> or [leave]({{ links.unsubscribe }}).\n\n"
        "[https://lantern.example/shown](https://lantern.example/shown/)\n\n"
        "[www.lantern.example](https://lantern.example/?from=letter) and"
        " [lantern.example/short](https://lantern.example/short)\n\n"
        '[Leave]({{ links["unsubscribe"] }})\n\n'
        '[Titled](https://lantern.example/titled "a direct way")\n'
    )
    assert studio.check() == []
    message = sent(studio.render())
    assert told(message) == [
        "https://lantern.example/guide", "https://lantern.example/start",
        "https://lantern.example/titled",
    ]  # fmt: skip
    assert len(OURS.findall(message.text)) == 3
    assert led(message.html) == hrefs(studio.render().html)
    assert straight(message.text) == studio.render().text


def test_a_button_may_lead_straight_on_and_is_still_a_button(studio: Studio) -> None:
    studio.email('[Pay](https://lantern.example/pay "button direct")\n')
    rendered = studio.render()
    assert "Pay:\nhttps://lantern.example/pay" in rendered.text
    assert "background:#0b6e4f" in rendered.html.replace("background: ", "background:")
    assert told(sent(rendered)) == []


def test_the_second_link_to_one_address_is_the_second_in_the_twin_too(studio: Studio) -> None:
    studio.email(
        "[One](https://a.example/x) [two](https://b.example/y) [three](https://a.example/x)\n"
    )
    message = sent(studio.render())
    in_text = [SIGNER.read(token) for token in OURS.findall(message.text)]
    assert in_text == [link for url in hrefs(message.html) if (link := link_of(url)) and link.nth]
    assert [link.nth for link in in_text if link] == [1, 2, 3]
    assert {link.of for link in in_text if link} == {3}


def test_links_in_statements_loops_and_lists_are_counted_as_they_come_out(studio: Studio) -> None:
    studio.email(
        "{% for place in account.traits.places %}\n"
        "- See [it]({{ links.app }}/{{ place }})\n"
        "{% endfor %}\n\n"
        "{% if account.traits.paid %}\n\n[Paid](https://a.example/paid)\n\n{% endif %}\n"
    )
    message = sent(studio.render(with_traits(places=["a", "b&c", "ö"], paid=False)))
    app = "https://app.lantern.example"
    assert told(message) == [f"{app}/a", f"{app}/b%26c", f"{app}/%C3%B6"]


def test_an_address_that_we_would_not_lead_to_leads_straight_on(studio: Studio) -> None:
    studio.email("[Yours]({{ account.traits.home }}) and [ours](https://a.example/x)\n")
    for home in (
        "https://bücher.example/",
        "mailto:ada@a.example",
        "https://a.example/" + "x" * 1600,
    ):
        context = with_traits(home=home)
        message = sent(studio.render(context))
        assert told(message) == ["https://a.example/x"]
        assert led(message.html) == hrefs(studio.render(context).html)
        assert straight(message.text) == studio.render(context).text


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(), name=st.text())
def test_no_value_can_forge_a_mark_or_bend_a_link(studio: Studio, value: str, name: str) -> None:
    if "note" not in studio.library.names():
        studio.email(
            "Hi {{ contact.first_name }}, [see]({{ links.app }}/x?q={{ account.traits.q }}) and"
            " {{ account.traits.q }}\n"
        )
    context = with_traits(q=value)
    context = replace(context, contact=replace(context.contact, first_name=name))
    approved = studio.render(context)
    message = sent(approved)
    assert (len(approved.html_pieces), len(approved.text_pieces)) == (3, 3)
    assert led(message.html) == hrefs(approved.html)
    assert straight(message.text) == approved.text
    (only,) = told(message)
    assert only.startswith("https://app.lantern.example/x?q=")
    assert "\x01" not in message.html + message.text


def test_the_hidden_link_is_there_for_scanners_alone() -> None:
    message = sent(render(LIBRARY.get("welcome-trial-2"), CONTEXT))
    last = _Anchors(message.html).found[-1]
    hidden = link_of(str(last["href"]))
    assert hidden == Link(ID[1:41], 0, 2, "")
    assert (last["aria-hidden"], last["tabindex"], last["style"]) == ("true", "-1", "display:none")
    div = message.html[: message.html.index(f'<a href="{last["href"]}"')].rsplit("<div", 1)[1]
    for rule in ("display:none", "height:0", "font-size:0", "mso-hide:all"):
        assert rule in div
    assert 'aria-hidden="true"' in div
    assert str(last["href"]) not in message.text
    text = re.search(r'display:none"></a></div></body>', message.html.replace("\n", ""))
    assert text is not None, "it has no text, and stands last"


def test_a_message_without_links_has_no_hidden_one_either() -> None:
    approved = render(LIBRARY.get("usage-drop-check-in"), CONTEXT)
    assert sent(approved) is approved


def test_p28_a_picture_is_there_only_where_openings_are_asked_for() -> None:
    approved = render(LIBRARY.get("usage-drop-check-in"), CONTEXT)
    assert "<img" not in sent(approved).html
    message = sent(approved, clicks=False, opens=True)
    (source,) = re.findall(r'<img src="([^"]+)"', message.html)
    token = source.removeprefix(f"{HERE}/o/").removesuffix(".gif")
    assert SIGNER.read_picture(token) == ID[1:41]
    assert 'alt=""' in message.html
    assert message.text == approved.text
    assert unescape(message.html.replace(re.findall(r"<img[^>]*>", message.html)[0], "")) == (
        unescape(approved.html)
    )
