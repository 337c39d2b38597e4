"""What a robots.txt allows, as RFC 9309 says: the longest rule that fits wins.

The standard library's reader takes the first rule and knows no wildcards, so it keeps out of what
is allowed, and walks into what is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

MOST_BYTES = 512_000
_MOST_RULES = 5_000
_LONGEST_RULE = 2_000
_SAFE = "%/:@!$&'()*+,;=~-._?"


@dataclass(frozen=True, slots=True)
class Rule:
    """`allow` or not what begins with `pattern`, where * is anything, and $ at its end the end."""

    pattern: str
    allow: bool

    def fits(self, path: str) -> bool:
        """Whether the rule speaks of a path; in time by the product of both lengths at most."""
        pattern, to_end = self.pattern, self.pattern.endswith("$")
        first, *others = (pattern[:-1] if to_end else pattern).split("*")
        if not path.startswith(first):
            return False
        at = len(first)
        if not others:
            return not to_end or at == len(path)
        *between, last = others
        for part in between:
            found = path.find(part, at)
            if found < 0:
                return False
            at = found + len(part)
        if to_end:
            return len(path) - at >= len(last) and path.endswith(last)
        return path.find(last, at) >= 0


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules that are for us, and the seconds between requests that the site asks for."""

    rules: tuple[Rule, ...] = ()
    delay: float | None = None

    def allows(self, url: str) -> bool:
        """Whether an address of this site may be asked for."""
        parts = urlsplit(url)
        path = _form(parts.path or "/") + (f"?{_form(parts.query)}" if parts.query else "")
        if path == "/robots.txt":
            return True
        fitting = [(len(rule.pattern), rule.allow) for rule in self.rules if rule.fits(path)]
        return not fitting or max(fitting)[1]


EVERYTHING = Robots()


def read_robots(text: str, agent: str) -> Robots:
    """The rules for a robot of this product name; those for `*` where none are for it by name."""
    groups: dict[str, tuple[list[Rule], list[float]]] = {}
    agents: list[str] = []
    in_rules = False
    for line in text.splitlines():
        key, colon, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if not colon:
            continue
        if key == "user-agent":
            if in_rules:
                agents, in_rules = [], False
            agents.append(_product(value))
        elif key in ("allow", "disallow", "crawl-delay"):
            in_rules = True
            for name in dict.fromkeys(agents):
                rules, delays = groups.setdefault(name, ([], []))
                if key == "crawl-delay":
                    delays += _seconds(value)
                elif value and len(rules) < _MOST_RULES:
                    rules.append(Rule(_form(value[:_LONGEST_RULE]), key == "allow"))
    ours, delays = groups.get(_product(agent)) or groups.get("*") or ([], [])
    return Robots(tuple(ours), max(delays, default=None))


def _product(agent: str) -> str:
    name = agent.strip().split("/")[0].split()
    return name[0].lower() if name else ""


def _form(text: str) -> str:
    """One form for what can be written with and without percent signs."""
    return quote(unquote(text, errors="replace"), safe=_SAFE) if "%" in text else quote(text, _SAFE)


def _seconds(text: str) -> list[float]:
    return [float(text)] if re.fullmatch(r"\d{1,6}(?:\.\d{1,3})?", text) else []
