"""Why an account was, or was not, written to: what stands against it now, and message by message.

Three statements answer it. Where it is asked about a program that the account is not in, the entry
rules of that program are looked at as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from digital_cs.domain.programs.enrollment import Verdict
from digital_cs.domain.sending.reason import Reason
from digital_cs.domain.sending.why import Fate, Told, Wish
from digital_cs.domain.sending.why_now import InForce, coming, headline, in_force
from digital_cs.domain.sending.why_words import Teller, sentence
from digital_cs.domain.timing.zone import load_zone
from digital_cs.errors import NotFoundError, UsageError
from digital_cs.store.broadcasts import broadcasts
from digital_cs.store.programs import timeline
from digital_cs.store.sending import why as stories
from digital_cs.store.sending import why_now
from digital_cs.temporal.gateway import Connection, Gateway
from digital_cs.temporal.reasons import why

FURTHEST = timedelta(days=365)
"""How far back it is looked where nobody says: a year of messages."""


@dataclass(frozen=True, slots=True)
class Line:
    """One decision: its verdict and reason in words, the rule and version that decided, and how
    old the data was, in words. `contact` is an id."""

    at: datetime
    verdict: Verdict
    reason: Reason
    words: str
    rule: str | None
    program_version: int
    policy_version: int | None
    until: datetime | None
    data_as_of: datetime | None
    data_age: str | None
    contact: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One message that a program wanted to send, or (of one program) a step that sent nothing.

    `sentence` is the whole story; verdict, reason, rule, versions and age of the data are those
    of the decision that counts, `decisions` are all of them in order. `zone` is the one whose hours
    were kept, and `zone_of` whose it is. `returned` counts what came back by kind, `clicks` are
    those of people and `scans` those of machines. With `broadcast` it is of that, and `program` and
    its name are the broadcast's.
    """

    at: datetime | None
    fate: Fate
    sentence: str
    program: str
    program_name: str
    program_version: int
    enrollment: str
    step: str
    visit: int
    email: str | None
    contact: str | None
    contact_name: str | None
    message: str | None
    verdict: Verdict | None
    reason: Reason | None
    rule: str | None
    policy_version: int | None
    data_as_of: datetime | None
    data_age: str | None
    zone: str | None
    zone_of: str | None
    returned: dict[str, int]
    clicks: int
    scans: int
    decisions: list[Line]
    broadcast: str | None = None


@dataclass(frozen=True, slots=True)
class Next:
    """What a program that the account is in does next. `contact` is the name of the reader."""

    program: str
    enrollment: str
    program_version: int
    step: str
    at: datetime | None
    email: str | None
    contact: str | None
    sentence: str


@dataclass(frozen=True, slots=True)
class AccountWhy:
    """The answer. `headline` says in one sentence whether anything is sent now, `against` what
    stands against it, `entries` are newest first; `zone` is the one of its days.

    `entering` says why the account did or did not come into the program that was asked about, if it
    is not in it. `for_others`: messages left out because they were for others than the contact.
    """

    now: datetime
    zone: str
    account: str
    account_name: str
    contact: str | None
    contact_name: str | None
    program: str | None
    policy_version: int
    usage_through: date | None
    tickets_through: datetime | None
    headline: str
    against: list[InForce]
    coming: list[Next]
    entering: list[str]
    entries: list[Entry]
    for_others: int


async def account_why(
    gateway: Gateway, named: str, workspace_zone: str, *, by_name: bool = False,
    contact: str | None = None, program: str | None = None, since: date | None = None,
    most: int = 20,
) -> AccountWhy:  # fmt: skip
    """Answer for an account by its id, with `by_name` also by its name or a part that is unique.

    `contact` is an id or an e-mail address; `since` a day of the account's zone. Raises
    NotFoundError for who or what is not there, UsageError where several accounts may be meant.
    """
    async with gateway.pool.connection() as connection:
        subjects = await stories.find(connection, named, by_name=by_name)
        account = await _the_one(connection, subjects.found, named)
        now, zone = gateway.clock.now(), account.zone or workspace_zone
        teller = Teller(account.name, load_zone(zone), now)
        situation, meant = await why_now.situation(
            connection, account.id, subjects.policy, now, contact=contact, program=program
        )
        if contact is not None and not meant:
            raise await _nobody(connection, account, contact)
        people = [each.id for each in situation.people] if contact is not None else None
        start = (
            datetime.combine(since, datetime.min.time(), teller.zone)
            if since is not None else now - FURTHEST
        )  # fmt: skip
        wishes, for_others = await stories.wishes(
            connection, account.id, start, most=most, program=program, contacts=people
        )
        entering = []
        if program is not None and not (
            situation.inside or await broadcasts.get(connection, program)
        ):
            entering = await why(gateway, connection, account.id, program)
    person = situation.people[0] if contact is not None else None
    against = in_force(
        situation, subjects.policy, teller, contact=contact is not None, program=program is not None
    )
    whom = f"{person.name} of {account.name}" if person else account.name
    return AccountWhy(
        now=now, zone=zone, account=account.id, account_name=account.name,
        contact=person.id if person else None, contact_name=person.name if person else None,
        program=program, policy_version=subjects.policy_version,
        usage_through=situation.usage_through, tickets_through=situation.tickets_through,
        headline=headline(against, teller, whom, program), against=against,
        coming=[
            Next(each.program, each.enrollment, each.version, each.step, each.wake_at, each.email,
                 each.contact, coming(each, teller))
            for each in situation.inside
        ],
        entering=entering, entries=[_entry(wish, teller) for wish in wishes],
        for_others=for_others,
    )  # fmt: skip


async def _the_one(
    connection: Connection, found: list[stories.Subject], named: str
) -> stories.Subject:
    whole = [each for each in found if each.whole]
    if len(whole) == 1:
        return whole[0]
    if len(found) == 1:
        return found[0]
    if not found:
        near = await timeline.list_accounts(connection, search=named, most=5)
        names = ", ".join(f"{each.id} ({each.name})" for each in near)
        hint = f"Did you mean {names}?" if near else "`digital-cs account list` finds accounts."
        raise NotFoundError(f"There is no account '{named}'. {hint}")
    shown = found[: stories.MOST_NEAR - 1]
    names = ", ".join(f"{each.id} ({each.name})" for each in shown)
    more = " and others" if len(found) > len(shown) else ""
    raise UsageError(f"Several accounts may be meant by '{named}': {names}{more}. Name its id.")


async def _nobody(connection: Connection, account: stories.Subject, contact: str) -> NotFoundError:
    people = await timeline.people(connection, account.id)
    names = ", ".join(f"{each.id} ({each.name})" for each in people[:5])
    hint = f"There are: {names}." if people else "It has no contacts."
    return NotFoundError(f"Nobody of {account.name} is '{contact}'. {hint}")


def _entry(wish: Wish, teller: Teller) -> Entry:
    decision, ledger = wish.verdict, wish.ledger
    contact, name = wish.recipient
    return Entry(
        at=wish.at, fate=wish.fate, sentence=sentence(wish, teller), program=wish.program,
        program_name=wish.program_name, enrollment=wish.enrollment,
        program_version=decision.version if decision else wish.version, step=wish.step,
        visit=wish.visit, email=wish.email, contact=contact, contact_name=name,
        message=ledger.key if ledger else None,
        verdict=decision.verdict if decision else None,
        reason=decision.reason if decision else None,
        rule=decision.rule if decision else None,
        policy_version=_policy(wish),
        data_as_of=decision.data_as_of if decision else None,
        data_age=_age(decision) if decision else None,
        zone=ledger.zone if ledger else None, zone_of=ledger.zone_source if ledger else None,
        returned=dict(ledger.returned) if ledger else {}, clicks=ledger.clicks if ledger else 0,
        scans=ledger.scans if ledger else 0, decisions=[_line(each) for each in wish.told],
        broadcast=wish.broadcast,
    )  # fmt: skip


def _policy(wish: Wish) -> int | None:
    """The version of the policy behind the decision that counts, else behind the claim."""
    if wish.verdict is not None and wish.verdict.policy is not None:
        return wish.verdict.policy
    return wish.ledger.policy if wish.ledger else None


def _line(told: Told) -> Line:
    return Line(
        told.at, told.verdict, told.reason, told.words, told.rule, told.version, told.policy,
        told.until, told.data_as_of, _age(told), told.contact,
    )  # fmt: skip


def _age(told: Told) -> str | None:
    """How old the data was when it was decided: "3 minutes before"."""
    if told.data_as_of is None:
        return None
    seconds = (told.at - told.data_as_of).total_seconds()
    for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"data of {count} {unit}{'' if count == 1 else 's'} before"
    return "data of that minute"
