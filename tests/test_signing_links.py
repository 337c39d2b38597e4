"""Tokens of links: they lead where we wrote that they lead, name nobody, and stay short."""

from __future__ import annotations

import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from digital_cs.channels.mail import message_id_for
from digital_cs.domain.sending.click import HIDDEN
from digital_cs.signing_links import MOST_DESTINATION, MOST_LINKS, Link, LinkSigner, followable

MESSAGE = message_id_for("welcome:acme:1/1/ada", "mail.test")[1:41]
SIGNER = LinkSigner("a-key-of-this-test")
LINK = Link(MESSAGE, 2, 3, "https://app.company.test/guide?step=1&of=2#top")
TOKEN = SIGNER.sign(LINK)
PICTURE = SIGNER.sign_picture(MESSAGE)

addresses = st.builds(
    "{}://{}{}".format,
    st.sampled_from(["http", "https", "HTTPS"]),
    st.from_regex(r"[a-z0-9][a-z0-9.-]{0,30}(:[0-9]{1,5})?", fullmatch=True),
    st.just("") | st.from_regex(r"[/?#][!#-;=?-Z_a-z~-]{0,200}", fullmatch=True),
)


@given(
    destination=addresses, nth=st.integers(1, 255),
    key=st.text("0123456789abcdef", min_size=40, max_size=40),
)  # fmt: skip
def test_what_is_signed_is_read_back(destination: str, nth: int, key: str) -> None:
    link = Link(key, nth, 255, destination)
    assert SIGNER.read(SIGNER.sign(link)) == link


def test_the_link_that_people_do_not_see_leads_nowhere() -> None:
    hidden = Link(MESSAGE, 0, 3, "")
    assert SIGNER.read(SIGNER.sign(hidden)) == hidden
    with pytest.raises(ValueError, match="no link"):
        SIGNER.sign(Link(MESSAGE, 0, 3, "https://company.test"))


def test_keys_are_rotated_without_breaking_links_that_are_out() -> None:
    rotated = LinkSigner("a-new-key", "a-key-of-this-test")
    assert rotated.read(TOKEN) == LINK
    assert rotated.read_picture(PICTURE) == MESSAGE
    assert rotated.sign(LINK) == LinkSigner("a-new-key").sign(LINK) != TOKEN
    assert SIGNER.read(rotated.sign(LINK)) is None


def test_a_token_names_nobody() -> None:
    """No id of a contact or an account, where the key of the ledger would hold both."""
    packed = base64.urlsafe_b64decode(TOKEN.partition(".")[0] + "==")
    assert packed == bytes.fromhex(MESSAGE) + b"\x02\x03" + LINK.destination.encode()


@pytest.mark.parametrize(("characters", "most"), [(40, 160), (80, 215), (120, 270), (140, 300)])
def test_an_address_stays_short_enough_for_mail_clients(characters: int, most: int) -> None:
    destination = "https://app.company.test/".ljust(characters, "x")
    token = SIGNER.sign(Link(MESSAGE, 1, 4, destination))
    assert len(f"https://mail.company.test/c/{token}") < most


changed = st.tuples(st.integers(0, len(TOKEN) - 1), st.characters()).map(
    lambda change: TOKEN[: change[0]] + change[1] + TOKEN[change[0] + 1 :]
)
cut = st.integers(0, len(TOKEN) - 1).map(lambda length: TOKEN[:length])
swapped = addresses.map(
    lambda address: (
        base64.urlsafe_b64encode(bytes.fromhex(MESSAGE) + b"\x01\x03" + address.encode())
        .decode()
        .rstrip("=")
        + "."
        + TOKEN.partition(".")[2]
    )
)


@given(token=st.text() | changed | cut | swapped)
@example("")
@example(".")
@example(TOKEN + "=")
@example(" " + TOKEN)
@example(TOKEN.replace(".", ".."))
@example("\ud800")
@example(PICTURE)
@example("x" * 100_000)
@example(LinkSigner("another key").sign(LINK))
def test_nothing_but_what_we_signed_is_read(token: str) -> None:
    """Every other spelling of a token is none, so that there is no way but the whole signature."""
    assert SIGNER.read(token) == (LINK if token == TOKEN else None)
    assert SIGNER.read_picture(token) == (MESSAGE if token == PICTURE else None)


@pytest.mark.parametrize(
    "destination",
    [
        "", "/relative", "//company.test", "company.test", "mailto:a@company.test",
        "javascript:alert(1)", "data:text/html,x", "ftp://company.test", "https:company.test",
        "https://", "https:///company.test", "https://user@company.test",
        "https://user:word@company.test/", "https://company.test@evil.test/",
        "https://company.test\\@evil.test", "https:\\\\evil.test", "https://company.test/\\evil",
        "https://company.test/\r\nSet-Cookie: a=b", "https://company.test/a b",
        "https://company.test/\t", "https://company.test/\x00", " https://company.test",
        "https://company.test\n", "https://company.test/é", "https://émail.test/",
        "https://company.test/<b>", 'https://company.test/"', "https://company.test/\u2028x",
        "https://company.test/".ljust(MOST_DESTINATION + 1, "x"),
    ],
)  # fmt: skip
def test_we_send_nobody_to_what_is_not_a_plain_web_address(destination: str) -> None:
    assert not followable(destination)
    with pytest.raises(ValueError, match="no link"):
        SIGNER.sign(Link(MESSAGE, 1, 1, destination))


@pytest.mark.parametrize(("nth", "of"), [(2, 1), (1, 256), (256, 256), (-1, 1)])
def test_a_number_that_no_link_has_is_not_signed(nth: int, of: int) -> None:
    with pytest.raises(ValueError, match="no link"):
        SIGNER.sign(Link(MESSAGE, nth, of, "https://company.test"))


def test_all_links_of_a_message_are_signed_as_each_by_itself() -> None:
    message, leads = "ab" * 20, ["https://a.example/1", "https://b.example/2"]
    signer = LinkSigner("k" * 40)
    tokens = signer.sign_all(message, leads)
    assert [signer.read(token) for token in tokens] == [
        Link(message, HIDDEN, 2, ""),
        Link(message, 1, 2, leads[0]),
        Link(message, 2, 2, leads[1]),
    ]
    assert tokens[2] == signer.sign(Link(message, 2, 2, leads[1]))
    with pytest.raises(ValueError, match="no message of ours"):
        signer.sign_all("ab", leads)
    with pytest.raises(ValueError, match="no message of ours"):
        signer.sign_all(message, leads * MOST_LINKS)
