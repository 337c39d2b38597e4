"""The e-mails that ship with the starter playbook, as a recipient gets them."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest

from digital_cs.rendering.library import EmailLibrary
from digital_cs.rendering.render import Rendered, render
from tests.rendering.studio import CONTEXT, SHIPPED, with_traits

LIBRARY = EmailLibrary(SHIPPED)
PLAYBOOK = {
    "welcome-trial-1", "welcome-trial-2", "welcome-trial-3", "trial-ending",
    "first-send-celebration", "welcome-paid-1", "welcome-paid-2", "welcome-paid-3",
    "welcome-paid-check-in", "nudge-first-automation", "nudge-invite-team",
    "usage-drop-check-in", "usage-drop-second", "renewal-90", "renewal-30", "renewal-7",
    "win-back-1", "win-back-2",
}  # fmt: skip
_VOID = {"meta", "br", "img", "hr", "link"}


class _Balance(HTMLParser):
    """Fails on a tag that is not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in _VOID

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def assert_well_formed(html: str) -> None:
    """Every tag closed in order, and no tag or mark of ours left in."""
    balance = _Balance()
    balance.feed(html)
    balance.close()
    assert balance.open == []
    assert not re.search(r"zq[xs]\d|[{][{%]|[\ue000-\ue00f\x00-\x08\x0e-\x1f]", html)


def links_of(message: Rendered) -> tuple[set[str], set[str]]:
    html = {unescape(link) for link in re.findall(r'href="([^"]*)"', message.html)}
    return html, set(re.findall(r"https://[^\s)]+", message.text))


def test_the_playbook_is_complete_and_without_a_complaint() -> None:
    assert set(LIBRARY.names()) >= PLAYBOOK
    assert [str(problem) for problem in LIBRARY.check()] == []


@pytest.mark.parametrize("name", LIBRARY.names())
def test_an_email_renders_and_its_twin_has_the_same_links(name: str) -> None:
    message = render(LIBRARY.get(name), CONTEXT)
    html_links, text_links = links_of(message)
    assert html_links == text_links
    assert_well_formed(message.html)
    assert "Hi Zoë," in message.text
    assert "Hi Zoë," in message.html
    assert not re.search(r"&(?:[a-z]+|#\d+);", message.text)
    assert "Acme & Söhne" in message.text
    assert "Acme &amp; Söhne" in message.html


@pytest.mark.parametrize("name", LIBRARY.names())
def test_an_email_reads_well_for_an_account_that_we_know_little_about(name: str) -> None:
    unknown = with_traits()
    unknown = replace(unknown, contact=replace(unknown.contact, first_name=""))
    message = render(LIBRARY.get(name), unknown)
    assert "Hi there," in message.text
    assert_well_formed(message.html)
    for part in (message.subject, message.text, message.html):
        assert "None" not in part
        assert "  on ." not in part


@pytest.mark.parametrize("name", LIBRARY.names())
def test_p17_a_footer_offers_to_unsubscribe_unless_it_is_a_service_notice(name: str) -> None:
    template = LIBRARY.get(name)
    message = render(template, CONTEXT)
    offered = CONTEXT.links.unsubscribe in message.text
    assert offered == (template.topic != "service")
    assert CONTEXT.sender.footer in message.text
    assert CONTEXT.sender.footer in message.html


@pytest.mark.parametrize("name", LIBRARY.names())
def test_the_text_part_is_wrapped_at_72_columns(name: str) -> None:
    for line in render(LIBRARY.get(name), CONTEXT).text.splitlines():
        assert len(line) <= 72 or "://" in line


def test_dates_are_written_in_words() -> None:
    assert render(LIBRARY.get("trial-ending"), CONTEXT).subject.endswith("on 12 March 2026")


def test_html_has_language_preheader_and_dark_mode() -> None:
    html = render(LIBRARY.get("welcome-trial-1"), CONTEXT).html
    assert '<html lang="en"' in html
    assert "Connect your shop and Lantern can start to know your customers." in html
    assert "prefers-color-scheme: dark" in html
    assert "max-width" in html


def test_p21_the_same_words_have_the_same_hash_and_other_words_another() -> None:
    template = LIBRARY.get("welcome-trial-1")
    first = render(template, CONTEXT).content_hash
    assert render(template, CONTEXT).content_hash == first
    assert render(template, with_traits()).content_hash == first
    other = replace(CONTEXT, account=replace(CONTEXT.account, name="Other"))
    assert render(template, other).content_hash != first
