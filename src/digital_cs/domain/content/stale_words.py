"""Reads what an author writes for content that is stale: `hold`, `use help.md`, `hold_for`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError

from digital_cs.domain.content.stale_rule import Do, StaleRule, Way
from digital_cs.domain.grammar import ExactSpan
from digital_cs.domain.timing.span import Span
from digital_cs.errors import DigitalCsError

WHEN_STALE, HOLD_FOR, THEN = "when_stale", "hold_for", "then"
RULE_KEYS = (WHEN_STALE, HOLD_FOR, THEN)
"""The keys of a rule, in a file's front matter or of one block in an e-mail's."""

_SPAN: TypeAdapter[Span] = TypeAdapter(ExactSpan)
_FIRST = (Do.WARN, Do.DROP, Do.USE, Do.HOLD)
_AFTERWARDS = (Do.WARN, Do.DROP, Do.USE, Do.SKIP)
_SHOWN = {Do.USE: "use other-block.md"}


class StaleRuleError(DigitalCsError, ValueError):
    """This is not a rule for stale content. Write `when_stale: warn`, drop, hold or use x.md."""

    def __init__(self, key: str, message: str, advice: str) -> None:
        self.key = key
        self.message = message
        self.advice = advice
        super().__init__(f"{message} {advice}")


def read_rule(words: Mapping[str, str], *, email: bool = False) -> StaleRule | None:
    """The rule that these words of `RULE_KEYS` state, None if they are empty.

    `email`: they are about the e-mail itself, which cannot be left out of itself. Raises
    StaleRuleError with the key that is wrong.
    """
    if WHEN_STALE not in words:
        for key in (HOLD_FOR, THEN):
            if key in words:
                message = f"`{key}` says nothing without `{WHEN_STALE}`."
                raise StaleRuleError(key, message, f"Add `{WHEN_STALE}: hold`.")
        return None
    way = _way(WHEN_STALE, words[WHEN_STALE], _FIRST, email=email)
    if way.do not in (Do.HOLD, Do.USE):
        for key in (HOLD_FOR, THEN):
            if key in words:
                message = f"`{key}` has no meaning with `{WHEN_STALE}: {way.do}`."
                raise StaleRuleError(key, message, "Only what is held has a limit: take it out.")
    then = _way(THEN, words[THEN], _AFTERWARDS, email=email) if THEN in words else None
    span = _span(words[HOLD_FOR]) if HOLD_FOR in words else None
    return StaleRule(way, span, then)


def _way(key: str, text: str, allowed: tuple[Do, ...], *, email: bool) -> Way:
    word, _, other = " ".join(text.split()).partition(" ")
    known = {str(do): do for do in allowed if not (email and do in (Do.DROP, Do.USE))}
    choices = [_SHOWN.get(do, str(do)) for do in known.values()]
    advice = f"Write {', '.join(choices[:-1])} or {choices[-1]}."
    if email and word in (Do.DROP, Do.USE):
        message = f"`{key}: {word}` is for a block: an e-mail cannot be left out of itself."
        raise StaleRuleError(key, message, advice)
    if word not in known:
        near = difflib.get_close_matches(word, known, n=1)
        message = f"`{key}: {text[:60]}` is not understood."
        raise StaleRuleError(key, message, f"Did you mean `{near[0]}`?" if near else advice)
    do = known[word]
    if do is not Do.USE:
        if other:
            message = f"`{key}: {text[:60]}` is not understood."
            raise StaleRuleError(key, message, f"After `{word}` comes nothing. {advice}")
        return Way(do)
    name = other.removeprefix("blocks/")
    if not name or "/" in name or " " in name:
        message = f"`{key}: {text[:60]}` does not name one block."
        raise StaleRuleError(key, message, f"Write `{key}: use other-block.md`.")
    return Way(do, name)


def _span(text: str) -> Span:
    try:
        return _SPAN.validate_python(text)
    except ValidationError as error:
        reason = str(error.errors()[0].get("ctx", {}).get("error", "it is no span"))
        message = reason if reason.endswith((".", "?")) else f"{reason}."
        advice = 'Write a span such as "3 days".'
        raise StaleRuleError(HOLD_FOR, message, advice) from None
