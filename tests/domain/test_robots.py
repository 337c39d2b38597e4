"""robots.txt as RFC 9309 says, with the examples that it gives."""

from __future__ import annotations

import pytest

from digital_cs.domain.links.robots import EVERYTHING, read_robots

RULES = """\
# of the RFC
User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot

EOF
"""


@pytest.mark.parametrize(
    ("agent", "path", "allowed"),
    [
        ("any/2.0 (x)", "/example/page.html", False), ("any", "/a/b.gif", False),
        ("any", "/a/b.gif?x", True), ("any", "/publications/a", True), ("any", "/", True),
        ("FooBot/1.1", "/example/page.html", True), ("foobot", "/example/allowed.gif", True),
        ("foobot", "/example/", False), ("bazbot", "/example/page.html", False),
        ("barbot", "/example/other.html", True), ("quxbot", "/example/page.html", False),
    ],
)  # fmt: skip
def test_the_examples_of_the_rfc(agent: str, path: str, allowed: bool) -> None:
    assert read_robots(RULES, agent).allows(f"https://a.test{path}") is allowed


@pytest.mark.parametrize(
    ("rules", "path", "allowed"),
    [
        ("Disallow: /\nAllow: /docs/", "/docs/a", True), ("Disallow: /\nAllow: /docs/", "/", False),
        ("Allow: /$\nDisallow: /", "/", True), ("Allow: /$\nDisallow: /", "/a", False),
        ("Disallow: /a\nAllow: /a", "/a", True), ("Disallow: /*?", "/a?b", False),
        ("Disallow: /*?", "/a", True), ("Disallow: /a*b*c$", "/a1b2c", False),
        ("Disallow: /a*b*c$", "/a1b2cd", True), ("Disallow: /ä", "/%C3%A4", False),
        ("Disallow: /%7Ejoe", "/~joe", False), ("Disallow:", "/a", True),
        ("Disallow: /", "/robots.txt", True), ("Disallow: /a # no", "/a", False),
        ("Disallow: /*/*/*/*/*a$", "/" * 500, True),
    ],
)  # fmt: skip
def test_the_longest_rule_that_fits_wins(rules: str, path: str, allowed: bool) -> None:
    assert read_robots(f"User-agent: *\n{rules}", "x").allows(f"https://a.test{path}") is allowed


def test_groups_of_one_robot_belong_together_and_a_delay_is_read() -> None:
    found = read_robots("User-agent: x\nDisallow: /a\nUser-agent: x\nDisallow: /b\n"
                        "Crawl-delay: 2.5\n", "x")  # fmt: skip
    assert [rule.pattern for rule in found.rules] == ["/a", "/b"]
    assert found.delay == 2.5
    assert read_robots("User-agent: *\nCrawl-delay: soon", "x").delay is None


@pytest.mark.parametrize("text", ["", "<html>404</html>", "Disallow: /", "\0" * 1000])
def test_a_file_that_says_nothing_allows_everything(text: str) -> None:
    assert read_robots(text, "x") == EVERYTHING
