"""Addresses of links: brought to one form, so that each place is asked about once."""

from __future__ import annotations

from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit

from digital_cs.errors import DigitalCsError

LONGEST = 2_000
_LONGEST_HOST = 253
_LONGEST_LABEL = 63
_PORTS = {"http": 80, "https": 443}
_PATH = "%/:@!$&'()*+,;=~-._"
_SECOND_LEVEL = frozenset({"ac", "co", "com", "edu", "gov", "net", "or", "org"})


class LinkUrlError(DigitalCsError):
    """This is not the address of a page. Write it as https://host/path."""


class LinkSchemeError(LinkUrlError):
    """Only http and https addresses can be looked at. Write it as https://host/path."""


def normal_url(text: str, base: str | None = None) -> str:
    """The address that is asked for: absolute, in ASCII, without fragment, user and password.

    Two addresses of one form lead to the same place. `base` is where a relative one stands. Raises
    LinkUrlError, or LinkSchemeError for what is an address, but of no page.
    """
    text = "".join(text.split()) if "\n" in text or "\t" in text else text.strip()
    if len(text) > LONGEST:
        raise LinkUrlError(
            f"The address has {len(text):,} characters: more than {LONGEST:,} are not asked for."
        )
    try:
        parts = urlsplit(urljoin(base, text) if base else text)
        port = parts.port
    except ValueError:
        raise LinkUrlError(f"'{text[:100]}' is not an address. Write https://host/path.") from None
    scheme = parts.scheme.lower()
    if scheme and scheme not in _PORTS:
        raise LinkSchemeError(f"'{scheme}:' is not looked at: only http and https are.")
    host = _host(parts)
    if not scheme or not host:
        raise LinkUrlError(f"'{text[:100]}' is not an address. Write https://host/path.")
    where = f"[{host}]" if ":" in host else host
    if port is not None and port != _PORTS[scheme]:
        where += f":{port}"
    query = quote(parts.query, safe=_PATH + "?")
    return urlunsplit((scheme, where, quote(parts.path, safe=_PATH) or "/", query, ""))


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".").lower()
    if len(host) > _LONGEST_HOST or any(len(label) > _LONGEST_LABEL for label in host.split(".")):
        raise LinkUrlError("The name of the server is longer than one can be.")
    if ":" in host:
        return host
    try:
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        raise LinkUrlError(f"'{host}' cannot be the name of a server.") from None
    if host and not all(c.isalnum() or c in ".-_" for c in host):
        raise LinkUrlError(f"'{host}' cannot be the name of a server.")
    return host


def host_of(url: str) -> str:
    """The server of an address in its normal form, with its port where that is not the usual one.

    Whoever is asked politely is a server, not a site: this is what delays count by.
    """
    return urlsplit(url).netloc


def origin_of(url: str) -> str:
    """Scheme and server: what one robots.txt speaks for."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def site_of(url: str) -> str:
    """The domain that somebody registered, as far as one can tell without a list of them all."""
    labels = (urlsplit(url).hostname or "").split(".")
    if labels[-1].isdigit() or len(labels) < 3:
        return ".".join(labels)
    return ".".join(labels[-3:] if labels[-2] in _SECOND_LEVEL else labels[-2:])
