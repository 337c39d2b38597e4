"""What a decoder of JSON complains about, as a sentence for people."""

from __future__ import annotations

import re

_MISFIT = re.compile(
    r"Expected `(?P<wanted>[^`]*)`, got `(?P<got>[^`]*)`(?: - at `\$\.?(?P<at>.*)`)?$"
)
_WORDS = {"str": "text", "int": "a number", "float": "a number", "bool": "true or false",
          "array": "a list", "object": "an object", "null": "null"}  # fmt: skip


def sentence(error: Exception) -> str:
    """A complaint of the decoder for people; never with the message's own text in it."""
    if isinstance(error, RecursionError):
        return "It is nested too deep."
    if isinstance(error, UnicodeDecodeError):
        return "It is not UTF-8."
    misfit = _MISFIT.match(str(error))
    if misfit is None:
        text = str(error).removeprefix("JSON is malformed: ").partition(" - at ")[0]
        return f"It is not JSON that can be kept: {text[:1].lower()}{text[1:]}."
    kinds = dict.fromkeys(_WORDS.get(part, part) for part in misfit["wanted"].split(" | "))
    wanted = " or ".join(kind for kind in kinds if kind != "null")
    got = _WORDS.get(misfit["got"], misfit["got"])
    return f"{misfit['at'] or 'message'}: it is {got}, and should be {wanted}."
