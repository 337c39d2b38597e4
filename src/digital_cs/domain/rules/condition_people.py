"""Conditions over the people of an account, and over what it bought."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from pydantic import Field, model_validator

from digital_cs.domain.account import GONE_BECAUSE, Account, Contact, Subscription
from digital_cs.domain.grammar import SpanField
from digital_cs.domain.rules.condition_traits import Comparison
from digital_cs.domain.rules.verdict import Rule, Verdict, every, shown, some, texts

ANY = "any"


class ContactIs(Comparison):
    """The account has a person of this role who can be written to, and whose trait is as said."""

    contact: str = Field(description='A role, or "any".', min_length=1)
    trait: str | None = Field(None, description="Name of a trait of the contact.", min_length=1)

    @model_validator(mode="after")
    def _compares(self) -> ContactIs:
        asks = self.compared() or self.exists is not None
        if asks is not (self.trait is not None):
            raise ValueError(
                "a contact condition compares a trait: add both trait and a comparison, or neither"
            )
        return self

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        return some(
            Verdict.YES if self.trait is None else self.compare(person.traits.get(self.trait))
            for person in account.contacts
            if _has_role(person, self.contact) and person.reachable
        )

    def listens(self) -> Iterator[str]:
        yield "contacts"

    def words(self, no: str = "") -> str:
        who = "somebody" if self.contact == ANY else _one(self.contact)
        if no:
            who = "nobody" if self.contact == ANY else f"no {self.contact}"
        if self.trait is None:
            return f"there is {who} to write to"
        return f"there is {who} whose {self.trait} {self.comparison_words()}"

    def figure(self, account: Account, now: datetime) -> str:
        found = [p for p in account.contacts if _has_role(p, self.contact) and p.reachable]
        return f"{len(found)} of this role can be written to"


class ContactGone(Rule):
    """The account had somebody of this role, and has nobody any more who can be reached.

    Left, deactivated, or with an address that bounces. Who unsubscribed is still there.
    """

    gone: str = Field(description="A role, like champion.", min_length=1)

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        people = [person for person in account.contacts if _has_role(person, self.gone)]
        former = account.former_roles
        if not people and not (former if self.gone == ANY else self.gone in former):
            return Verdict.NO
        return Verdict.of(all(not p.active or p.quiet_because in GONE_BECAUSE for p in people))

    def listens(self) -> Iterator[str]:
        yield "contacts"

    def words(self) -> str:
        return f"the {self.gone} is gone"

    def figure(self, account: Account, now: datetime) -> str:
        people = [person for person in account.contacts if _has_role(person, self.gone)]
        active = [person for person in people if person.active]
        lost = sum(person.quiet_because in GONE_BECAUSE for person in active)
        counts = {
            "can be reached": len(active) - lost, "deactivated": len(people) - len(active),
            "without an address that works": lost,
        }  # fmt: skip
        found = [f"{count} {what}" for what, count in counts.items() if count]
        found += ["one left before"] * (self.gone in account.former_roles)
        return ", ".join(found) or "nobody is known of this role"


def _has_role(person: Contact, role: str) -> bool:
    return role == ANY or role in person.roles


def _one(role: str) -> str:
    return f"{'an' if role[:1].lower() in 'aeiou' else 'a'} {role}"


State = Literal["active", "trial", "ended", "any"]


class SubscriptionIs(Rule):
    """The account has a subscription in this state of which all that is said holds.

    Unknown for an account of which nobody told us any.
    """

    subscription: State = Field(description="active (trials too), trial, ended, or any.")
    product: str | tuple[str, ...] | None = Field(None, description="Of this product.")
    plan: str | tuple[str, ...] | None = Field(None, description="On this plan.")
    mrr_at_least: float | None = Field(None, description="Worth so much a month, or more.")
    mrr_at_most: float | None = Field(None, description="Worth so much a month, or less.")
    seats_at_least: int | None = Field(None, description="With so many seats, or more.")
    seats_at_most: int | None = Field(None, description="With so many seats, or fewer.")
    ends_within: SpanField | None = Field(None, description='Ends so soon: "30 days".')

    def verdict(self, account: Account, since: datetime, now: datetime) -> Verdict:
        if not account.subscriptions:
            return Verdict.UNKNOWN
        return some(self._one(each, now) for each in account.subscriptions)

    @property
    def days_to_end(self) -> int | None:
        """The days of `ends_within`, rounded down."""
        if self.ends_within is None:
            return None
        return int(self.ends_within.approx_seconds // 86_400)

    def _one(self, each: Subscription, now: datetime) -> Verdict:
        today = now.date()
        begun, over = each.starts_on <= today, each.ends_on is not None and each.ends_on <= today
        states = {
            "any": True, "ended": over, "active": begun and not over,
            "trial": begun and not over and each.trial,
        }  # fmt: skip
        asked = [Verdict.of(states[self.subscription])]
        asked += [
            Verdict.UNKNOWN if value is None else Verdict.of(value in texts(wanted))
            for value, wanted in ((each.product, self.product), (each.plan, self.plan))
            if wanted is not None
        ]
        for value, least, most in (
            (each.mrr, self.mrr_at_least, self.mrr_at_most),
            (each.seats, self.seats_at_least, self.seats_at_most),
        ):
            if least is not None:
                asked.append(Verdict.UNKNOWN if value is None else Verdict.of(value >= least))
            if most is not None:
                asked.append(Verdict.UNKNOWN if value is None else Verdict.of(value <= most))
        if self.days_to_end is not None:
            days = (each.ends_on - today).days if each.ends_on is not None else None
            asked.append(Verdict.of(days is not None and 0 <= days <= self.days_to_end))
        return every(asked)

    def next_flip(self, account: Account, now: datetime) -> datetime | None:
        moments = []
        for each in account.subscriptions:
            moments.append(_midnight(each.starts_on))
            if each.ends_on is not None:
                ends = _midnight(each.ends_on)
                moments += [ends, ends + timedelta(days=1)]
                if self.days_to_end is not None:
                    moments.append(ends - timedelta(days=self.days_to_end))
        return min((moment for moment in moments if moment > now), default=None)

    def listens(self) -> Iterator[str]:
        yield "subscriptions"

    def words(self) -> str:
        what = {
            "active": "an active subscription", "trial": "a trial",
            "ended": "a subscription that ended", "any": "a subscription",
        }[self.subscription]  # fmt: skip
        parts = [
            f"{name} {' or '.join(texts(value))}"
            for name in ("product", "plan")
            if (value := getattr(self, name)) is not None
        ]
        parts += [
            f"{name.replace('_', ' ')} {shown(value)}"
            for name in ("mrr_at_least", "mrr_at_most", "seats_at_least", "seats_at_most")
            if (value := getattr(self, name)) is not None
        ]
        if parts:
            what = f"{what} with {' and '.join(parts)}"
        if self.ends_within is None:
            return what
        return f"{what}{' and' if parts else ''} ending within {self.ends_within.words()}"

    def figure(self, account: Account, now: datetime) -> str:
        count = len(account.subscriptions)
        return f"{count} subscription{'' if count == 1 else 's'}" if count else "none known"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
