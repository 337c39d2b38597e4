"""Takes out of a text whatever could tell who wrote it, before colleagues of others read it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable, Sequence

MOST = 4_000
"""Characters of a text that are read; the rest is left out."""

LINK, ADDRESS, NUMBER, CODE, NAME = "[link]", "[address]", "[number]", "[code]", "[name]"

_LETTER = r"[^\W\d_]"
_UPPER = "[" + "".join(chr(sign) for sign in range(0x530) if chr(sign).isupper()) + "]"
_LINKS = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,20}://\S+|\b(?:mailto|tel):\S+"
    r"|\b(?:[a-z0-9_-]+\.)+[a-z]{2,}\b(?:[:/?#]\S*)?",  # a host, and a file's name as well
    re.IGNORECASE,
)
_ADDRESSES = re.compile(
    r"\S{1,80}\s?(?:@|\(at\)|\[at\])\s?\S{1,80}\.\S+|\S{1,80} at \S{1,80} dot \S+|\S{0,80}@\S+",
    re.IGNORECASE,
)
# Anything with a digit in it that is longer than a small count: order, phone, card, address, date.
_NUMBERS = re.compile(r"[#+(]{0,3}\d(?:[\d\s().,:/–—-]{2,}\d|\d{2,})")
_CODES = re.compile(r"(?=\S*\d)(?=\S*[^\W\d_])[\w#/+=.~%:-]{5,}|\b(?=\w*\d)[A-Z]+-?\d+\b")
_SECRETS = re.compile(
    r"\b(pass(?:word|code|phrase)?|pin|token|secret|api[ _-]?key|key|otp|code|iban|ssn|vat)\b"
    r"(\s*(?:is|was|:|=|#|no\.?|number)+\s*)(\S+)",
    re.IGNORECASE,
)
_STREETS = re.compile(
    rf"\b\d{{1,5}}[a-z]?,?(?:\s+{_LETTER}[\w'’.-]*){{1,4}}\s+(?:street|st|road|rd|avenue|ave|lane|ln"
    rf"|drive|dr|court|ct|square|sq|boulevard|blvd|way|place|pl|terrace)\b"
    rf"|\b{_LETTER}+(?:stra(?:ß|ss)e|str\.|weg|platz|gasse|allee)\s*\d{{1,4}}[a-z]?\b",
    re.IGNORECASE,
)
_CAPITAL = rf"{_UPPER}[\w'’-]*"
_PARTICLES = (
    "van",
    "von",
    "de",
    "der",
    "den",
    "da",
    "di",
    "la",
    "le",
    "el",
    "al",
    "bin",
    "ibn",
    "y",
)
_OF = rf"(?:(?:{'|'.join(_PARTICLES)})\s+)*"
_FULL = rf"{_CAPITAL}(?:\s+{_OF}{_CAPITAL})*"
_CALLED = re.compile(
    rf"(?i:\b(?:my name is|my name's|name:|i am called|they call me|ich hei(?:ß|ss)e|je m'appelle"
    rf"|me llamo)\s+)(?P<name>{_LETTER}[\w'’-]*"
    rf"(?:[ \t]+(?!(?i:and|but|i|we|from|at|of|with|here|und|et|y)\b){_LETTER}[\w'’-]*){{0,2}})"
)
_GREETED = re.compile(
    rf"(?i:(?:\b(?:this is|i'm|i am|mr|mrs|ms|miss|mx|dr|prof|herr|frau|mme|dear|hi|hello|hey|hallo"
    rf"|bonjour|hola|ciao|attn|cc|contact|call(?:ed)? me)\b[.,:]?\s+)+){_OF}(?P<name>{_FULL})"
)
_WITHIN = re.compile(rf"(?<=[^\s.!?:…>*•-])[ \t]+(?P<name>{_CAPITAL})")
_IN_A_ROW = re.compile(rf"\b(?P<name>{_CAPITAL}(?:[ \t]+{_CAPITAL})+)")
_SIGNED = re.compile(
    r"(?im:^[ \t]*(?:--+|—+|(?:with |best |kind |warm |many )*(?:regards|wishes|thanks|thank you"
    r"|thanks in advance|thx|cheers|sincerely|yours(?: \w+)?|best|br|rgds|lg|mfg|cordialement"
    r"|saludos|(?:viele |liebe |beste |mit freundlichen )*gr(?:ü|ue)(?:ß|ss)en?))"
    r"[ \t]*[,!.]*[ \t]*\n\s*)(?P<name>(?:.{1,80}\n*){1,6})\Z"
)
_THANKED = re.compile(rf"(?i:\b(?:thanks|thank you|regards|cheers),?\s+)(?P<name>{_CAPITAL})\s*$")
_OTHER = rf"(?P<other>{re.escape(NAME)}|{_CAPITAL})"
_BEFORE = re.compile(rf"{_OTHER}[ \t]+{_OF}\Z")
_AFTER = re.compile(rf"[ \t]+{_OF}{_OTHER}")
_NEAR = 80
"""Characters before and after a word in which a name beside it is looked for."""
_LEAST_OF_A_NAME = 2
_SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe", "æ": "ae"})


def scrub(text: str, names: Iterable[str] = (), keep: Iterable[str] = ()) -> str:
    """The text with [name], [address], [number], [code] and [link] for what could identify.

    names: of people and companies, full or in parts; taken out however they are written, whole
    words only. keep: words that may stay though they begin with a capital, as those of a product.
    Takes out too much rather than too little: greetings, signatures, capitals within a sentence,
    every longer number, whatever mixes letters and digits. What it cannot know is a name that is
    not in `names` and is written small, or alone at the beginning of a sentence.
    """
    read = "".join(
        sign
        for sign in unicodedata.normalize("NFKC", text[:MOST])
        if unicodedata.category(sign) != "Cf"
    ).replace("\r\n", "\n")
    kept = {word.casefold() for word in keep}
    read = _SECRETS.sub(rf"\1\2{CODE}", read)
    read = _LINKS.sub(LINK, _ADDRESSES.sub(ADDRESS, read))
    read = _SIGNED.sub(_without_name, read)
    read = _known(read, names)
    for told in (_CALLED, _GREETED, _THANKED):
        read = told.sub(_without_name, read)
    read = _NUMBERS.sub(NUMBER, _CODES.sub(CODE, _STREETS.sub(ADDRESS, read)))
    for likely in (_IN_A_ROW, _WITHIN):
        read = likely.sub(lambda found: _without_likely(found, kept), read)
    return re.sub(rf"{re.escape(NAME)}(?:[\s,&-]*{re.escape(NAME)})+", NAME, read).strip()


def _without_name(found: re.Match[str], instead: str = NAME) -> str:
    """What was found, with another word for the part called name."""
    whole, start = found.group(0), found.start()
    return whole[: found.start("name") - start] + instead + whole[found.end("name") - start :]


def _without_likely(found: re.Match[str], kept: Container[str]) -> str:
    """Without words that begin with a capital, but for "I", abbreviations and what is kept.

    Nothing is kept beside another such word: of "Peter Slack", nobody knows which is the product.
    """
    words = found.group("name").split()
    if found.re is _IN_A_ROW and len(words) - sum(map(_never_a_name, words)) < 2:
        return found.group(0)
    if all(_harmless(word, kept) for word in words) and not _beside_a_name(found, kept):
        return found.group(0)
    left = [word if _never_a_name(word) else NAME for word in words]
    return _without_name(found, " ".join(left))


def _beside_a_name(found: re.Match[str], kept: Container[str]) -> bool:
    """Whether another capital is next to it, or what was a name: "Peter von Slack"."""
    start, end = found.span("name")
    before = _BEFORE.search(found.string[max(0, start - _NEAR) : start])
    after = _AFTER.match(found.string[end : end + _NEAR])
    return any(each and not _harmless(each.group("other"), kept) for each in (before, after))


def _harmless(word: str, kept: Container[str]) -> bool:
    return _never_a_name(word) or re.sub("['’]s$", "", word.casefold()) in kept


def _never_a_name(word: str) -> bool:
    """Whether it is "I", or an abbreviation."""
    return word.isupper() or re.split("['’]", word)[0] == "I"


def _known(text: str, names: Iterable[str]) -> str:
    """Without these names and their parts, in any case, with or without accents."""
    parts = {
        part
        for name in names
        for written in (name, name.casefold().translate(_SPELT_OUT))
        for part in (written.strip(), *re.split(r"[\s,./@_-]+", written))
        if len(part) >= _LEAST_OF_A_NAME and part.casefold() not in _PARTICLES
    }
    if not parts:
        return text
    bare, places = _bare(text)
    longest_first = sorted({_bare(part)[0] for part in parts}, key=lambda part: (-len(part), part))
    pattern = re.compile(
        r"(?<!\w)(?:" + "|".join(re.escape(part) for part in longest_first if part) + r")(?!\w)"
    )
    pieces: list[str] = []
    end = 0
    for found in pattern.finditer(bare):
        pieces += [text[end : places[found.start()]], NAME]
        end = places[found.end()]
    return "".join([*pieces, text[end:]])


def _bare(text: str) -> tuple[str, Sequence[int]]:
    """Small letters without accents, and where each of them (and the end) is in the text."""
    letters: list[str] = []
    places: list[int] = []
    for place, sign in enumerate(text):
        for part in unicodedata.normalize("NFKD", sign.casefold().replace("’", "'")):
            if not unicodedata.combining(part):
                letters.append(part)
                places.append(place)
    return "".join(letters), [*places, len(text)]
