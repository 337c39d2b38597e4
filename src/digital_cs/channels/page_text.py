"""The characters of a page from its bytes, whatever its server says they are."""

from __future__ import annotations

import codecs
import re

_META = re.compile(rb"<meta[^>]{0,200}?charset\s{0,5}=\s{0,5}[\"']?\s{0,5}([\w.:-]{1,40})", re.I)
_HEADER = re.compile(r"charset\s{0,5}=\s{0,5}[\"']?\s{0,5}([\w.:-]{1,40})", re.I)
_LOOKED_AT = 1024
"""Bytes in which a page has to say its charset, as browsers do it."""

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"),
         (codecs.BOM_UTF16_BE, "utf-16-be"))  # fmt: skip
_KNOWN = frozenset({
    "utf-8", "utf-16", "utf-16-le", "utf-16-be", "cp1250", "cp1251", "cp1252", "cp1253", "cp1254",
    "cp1255", "cp1256", "cp1257", "cp1258", "cp866", "cp874", "iso8859-2", "iso8859-3", "iso8859-4",
    "iso8859-5", "iso8859-6", "iso8859-7", "iso8859-8", "iso8859-10", "iso8859-13", "iso8859-14",
    "iso8859-15", "iso8859-16", "koi8-r", "koi8-u", "mac-roman", "gbk", "gb18030", "gb2312", "big5",
    "euc_jp", "euc_kr", "shift_jis", "iso2022_jp",
})  # fmt: skip
"""Those of the web. Python knows others that take time by the square of the text (punycode), or
that are no charsets at all (zlib)."""

_AS_BROWSERS = {"iso8859-1": "cp1252", "ascii": "cp1252", "latin-1": "cp1252", "gb2312": "gbk"}
HTML_TYPES = ("text/html", "application/xhtml+xml")


def kind_of(content_type: str) -> str:
    """ "text/html" of a Content-Type header."""
    return content_type.partition(";")[0].strip().lower()


def is_readable(content_type: str) -> bool:
    """Whether there is text to be had from such an answer; one without a type is taken for HTML."""
    kind = kind_of(content_type)
    return not kind or kind in HTML_TYPES or kind in ("text/plain", "text/markdown")


def characters(body: bytes, content_type: str) -> str:
    """The text of a page: by its byte order mark, its header, what itself says, or by trying.

    A page that lies is read all the same: characters that cannot be are replaced, none is lost.
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    header = _HEADER.search(content_type)
    meta = _META.search(body[:_LOOKED_AT])
    said = _known(header[1]) if header else None
    if said is None and meta:
        said = _known(meta[1].decode("latin-1"))
        if said is not None and said.startswith("utf-16"):
            said = "utf-8"  # whoever could read that in ASCII was not reading UTF-16
    if said not in (None, "utf-8"):
        assert said is not None
        return body.decode(said, "replace")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        # The limit may have cut a character in two; anything else is no UTF-8.
        if said == "utf-8" or error.reason == "unexpected end of data":
            return body.decode("utf-8", "replace")
    return body.decode("cp1252", "replace")


def _known(label: str) -> str | None:
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return None
    name = _AS_BROWSERS.get(name, name)
    return name if name in _KNOWN else None
