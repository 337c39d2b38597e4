"""What messages say of people and accounts, kept before the events of the same batch."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from psycopg import AsyncConnection

from digital_cs.catalog.countries import check_country
from digital_cs.channels.mail import MailError, wire_address
from digital_cs.domain.timing.zone import UnknownZoneError, load_zone
from digital_cs.errors import DigitalCsError
from digital_cs.ingest.events.collector_batch import Batch, Call, People
from digital_cs.ingest.events.incoming import Alias, Group, Identify
from digital_cs.store.people import accounts, people
from digital_cs.store.people.accounts import AccountRecord
from digital_cs.store.people.people import Joining, PersonRecord
from digital_cs.store.product import events, usage_sums
from digital_cs.store.product.usage_sums import Sums
from digital_cs.store.rules import changes

Connection = AsyncConnection[Any]

NEW_ACCOUNT = ("stage", "managed", "contacts")
"""What is said to have changed of an account that nobody knew before."""


class LinksAreNewError(Exception):
    """Somebody joins an account, or two ids are one: that needs the people for oneself."""


@dataclass(slots=True)
class News:
    """What is different by what was said of people: keys by account, and events that found home."""

    keys: dict[str, set[str]] = field(default_factory=dict)
    assigned: Sums = field(default_factory=Sums)

    def tell(self, account: str, *keys: str) -> None:
        """Say that these keys changed for an account."""
        self.keys.setdefault(account, set()).update(keys)


async def keep_people(connection: Connection, batch: Batch, *, alone: bool) -> News:
    """Keep what a batch says of people and accounts.

    `alone`: `people.change` was asked for, else `people.look`. Raises LinksAreNewError, before
    anything is written, where only the first of them would do.
    """
    news = News()
    if batch.people:
        said = _Said(await _names(connection, batch.people), batch.received_at)
        for call, index, message in sorted(batch.people, key=lambda one: one[2].at or said.now):
            problem = said.hear(call.source, message)
            if problem is not None:
                call.refused[index] = problem
        await _write(connection, said, news, alone=alone)
    return news


async def _names(
    connection: Connection, messages: Sequence[tuple[Call, int, People]]
) -> dict[str, str]:
    ids: set[str | None] = set()
    for _, _, message in messages:
        ids.add(message.user_id)
        ids.add(message.previous_id if isinstance(message, Alias) else message.anonymous_id)
    return await people.known_as(connection, (id for id in ids if id))


@dataclass(frozen=True, slots=True)
class _Merging:
    alias: str
    contact: str
    at: datetime
    source: str


class _Said:
    """All that a batch says, the newest last, put together by account and by contact."""

    def __init__(self, known_as: dict[str, str], now: datetime) -> None:
        self.now = now
        self.accounts: dict[str, AccountRecord] = {}
        self.people: dict[str, PersonRecord] = {}
        self.joinings: dict[tuple[str, str], Joining] = {}
        self.mergings: list[_Merging] = []
        self.roles: dict[tuple[str, str | None], tuple[str, ...]] = {}
        self.source = ""
        self._known_as = known_as

    def hear(self, source: str, message: People) -> str | None:
        """Take up what one message says; returns why that cannot be, if it cannot."""
        self.source = source
        at = min(message.at or self.now, self.now)
        if isinstance(message, Alias):
            return self._alias(message, at)
        if isinstance(message, Group):
            self._account(message.account_id, message.traits)
            contact = self._contact(message)
            if contact is not None:
                self._person(contact)
                self.join(contact, message.account_id, at)
        else:
            self._identify(message, at)
        return None

    def _identify(self, message: Identify, at: datetime) -> None:
        contact = self._contact(message)
        if contact is None:
            return  # a visitor whom nobody knows yet; their events wait
        roles = _complete(self._person(contact), message.traits)
        if roles:
            self.roles[contact, message.account_id] = roles
        if message.user_id is not None and message.anonymous_id not in (None, message.user_id):
            # A browser that two people use stays with the first of them.
            self._merge(message.anonymous_id, contact, at)
        if message.account_id is not None:
            self._account(message.account_id, {})
            self.join(contact, message.account_id, at)

    def _alias(self, message: Alias, at: datetime) -> str | None:
        contact = self._known_as.get(message.user_id, message.user_id)
        if self._known_as.get(message.previous_id, contact) != contact:
            return "previousId: it is another id of somebody else already, which stays so."
        self._person(contact)
        self._merge(message.previous_id, contact, at)
        return None

    def _contact(self, message: Group | Identify) -> str | None:
        if message.user_id is not None:
            return self._known_as.get(message.user_id, message.user_id)
        return self._known_as.get(message.anonymous_id or "")

    def _merge(self, alias: str, contact: str, at: datetime) -> None:
        if alias == contact or alias in self._known_as:
            return
        self.mergings.append(_Merging(alias, contact, at, self.source))
        self._known_as[alias] = contact
        for other, known_as in self._known_as.items():
            if known_as == alias:
                self._known_as[other] = contact

    def join(self, contact: str, account: str, at: datetime) -> None:
        """A contact belongs to an account."""
        self.joinings[contact, account] = Joining(contact, account, at)

    def _person(self, id: str) -> PersonRecord:
        return self.people.setdefault(id, PersonRecord(id))

    def _account(self, id: str, traits: Mapping[str, Any]) -> None:
        known = self.accounts.get(id) or AccountRecord(id)
        others = dict(traits)
        managed, domains = others.get("managed"), _texts(others, "domains", "domain")
        self.accounts[id] = replace(
            known,
            name=_take(others, "name") or known.name,
            stage=_take(others, "stage") or known.stage,
            managed=others.pop("managed") if isinstance(managed, bool) else known.managed,
            zone=_zone(others) or known.zone,
            country=_country(others) or known.country,
            domains=tuple(domain.lower() for domain in domains) or known.domains,
            traits=known.traits | others,
        )


def _complete(person: PersonRecord, traits: Mapping[str, Any]) -> tuple[str, ...]:
    """Put traits where we know what they are; what we cannot use as such stays a trait.

    Returns the roles of the person, which are theirs in an account.
    """
    others = dict(traits)
    first, last = (_text(others.get(key)) for key in ("firstName", "lastName"))
    full = _text(others.get("name")) or " ".join(filter(None, (first, last)))
    person.email = _address(others) or person.email
    person.first_name = first or person.first_name
    person.full_name = full or person.full_name
    person.zone = _zone(others) or person.zone
    person.language = _take(others, "language") or person.language
    for key in ("name", "firstName", "lastName"):
        others.pop(key, None)
    roles = _texts(others, "roles", "role")
    person.traits |= others
    return roles


def _address(traits: dict[str, Any]) -> str | None:
    """The e-mail address, taken out of the traits; None where it is none that can be written to."""
    text = _text(traits.get("email"))
    if text is not None:
        with contextlib.suppress(MailError):
            wire_address(text)
            del traits["email"]
            return text
    return None


def _zone(traits: dict[str, Any]) -> str | None:
    text = _text(traits.get("timezone"))
    if text is not None:
        with contextlib.suppress(UnknownZoneError):
            load_zone(text)
            del traits["timezone"]
            return text
    return None


def _country(traits: dict[str, Any]) -> str | None:
    code = _known_country(_text(traits.get("country")) or "")
    if code is not None:
        del traits["country"]
    return code


@lru_cache(maxsize=1000)
def _known_country(text: str) -> str | None:
    """A country's code, if it is one: to find out that it is none takes a while."""
    with contextlib.suppress(DigitalCsError):
        return check_country(text)
    return None


def _texts(traits: dict[str, Any], several: str, one: str) -> tuple[str, ...]:
    """A list of texts, or a single one under its own name, taken out of the traits."""
    given = traits.get(several)
    if isinstance(given, list) and all(_text(each) for each in given):
        return tuple(each.strip() for each in traits.pop(several))
    text = _take(traits, one)
    return (text,) if text is not None else ()


def _take(traits: dict[str, Any], name: str) -> str | None:
    text = _text(traits.get(name))
    if text is not None:
        del traits[name]
    return text


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


async def _write(connection: Connection, said: _Said, news: News, *, alone: bool) -> None:
    """Accounts first, which others lock first too; then people, and where they belong."""
    await _join_by_address(connection, said)
    joined_already = await people.members(connection, {one for one, _ in said.joinings})
    joinings = [one for pair, one in said.joinings.items() if pair not in joined_already]
    if (joinings or said.mergings) and not alone:
        raise LinksAreNewError
    touched = await people.accounts_ever(connection, said.people)
    there = await accounts.lock(connection, {*said.accounts, *touched})
    different = await accounts.different(connection, [*said.accounts.values()])
    for account, keys in (await accounts.save_accounts(connection, different, said.now)).items():
        news.tell(account, *keys, *(() if account in there else NEW_ACCOUNT))
    changed = await people.save(connection, [*said.people.values()], said.now)
    joined = await people.join(connection, joinings, said.source)
    for merging in said.mergings:
        await _merge(connection, merging, news, said.now)
        changed.add(merging.contact)
    linked = {contact for contact, _ in joined} | {one.contact for one in said.mergings}
    if linked:
        news.assigned = await events.assign_waiting(connection, linked)
    changed |= await people.give_roles(connection, said.roles)
    for account in await people.accounts_of(connection, changed | linked):
        news.tell(account, "contacts")


async def _join_by_address(connection: Connection, said: _Said) -> None:
    """Who is in no account joins the one to which the domain of their address belongs."""
    domains = {
        id: person.email.rpartition("@")[2].lower()
        for id, person in said.people.items() if person.email
    }  # fmt: skip
    for contact, _ in said.joinings:
        domains.pop(contact, None)
    if not domains:
        return
    homes = await people.homes(connection, domains)
    found = await people.accounts_by_domain(connection, set(domains.values()))
    for contact, domain in domains.items():
        if contact not in homes and domain in found:
            said.join(contact, found[domain], said.now)


async def _merge(connection: Connection, merging: _Merging, news: News, now: datetime) -> None:
    """Merge one id into a contact, and count what was done under it as done by the contact."""
    alias, contact = merging.alias, merging.contact
    where = {
        *await people.accounts_ever(connection, [alias, contact]),
        *await events.accounts_of_visitor(connection, alias),
    }
    await people.merge(connection, alias, contact, merging.at, merging.source, now)
    for account, event in await usage_sums.rename_user(connection, where, alias, contact):
        news.tell(account, *changes.usage_keys(event, past=False))
