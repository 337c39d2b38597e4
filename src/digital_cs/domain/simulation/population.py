"""Made-up accounts that try every path of programs: the travellers of a simulation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from random import Random

from digital_cs.domain.account import Account, Contact
from digital_cs.domain.rules.condition import Verdict
from digital_cs.domain.simulation.played import Played
from digital_cs.domain.simulation.population_needs import CHANCE, Needs
from digital_cs.domain.simulation.sim_account import A_DAY, Change, SimAccount, used

PLACES = (
    ("US", "America/New_York"), ("US", "America/Chicago"), ("US", "America/Los_Angeles"),
    ("CA", "America/Toronto"), ("BR", "America/Sao_Paulo"), ("GB", "Europe/London"),
    ("GB", "Europe/London"), ("DE", "Europe/Berlin"), ("DE", "Europe/Berlin"),
    ("FR", "Europe/Paris"), ("ES", "Europe/Madrid"), ("PL", "Europe/Warsaw"),
    ("ZA", "Africa/Johannesburg"), ("AE", "Asia/Dubai"), ("IN", "Asia/Kolkata"),
    ("SG", "Asia/Singapore"), ("JP", "Asia/Tokyo"), ("AU", "Australia/Sydney"),
)  # fmt: skip
"""Countries and zones over the world; the more often one stands here, the more live there."""

MEAN_DAYS = 8.0
"""How long after entering things happen, on average."""

MOST_TRIES = 30
"""How often an account is made anew until it meets the rule of entry; then it enters anyway."""

_PLANS = ("free", "team", "pro")


@dataclass(frozen=True)
class Population:
    """`size` accounts that enter programs over `days` from `start` (UTC), made from `seed`.

    They are made one by one while they are iterated, each from the seed and its own number.
    Each is made for one of the programs in turn: it meets the `entry` of that one, as far as it
    names a date or a rule, and enters it for sure. It comes to the others at moments of its own,
    or at the date that brings it in, and enters those whose rule it happens to meet. Whatever
    the conditions of all of them look at is there, has every value that matters, and is missing
    in a few. `chances` gives the chance of one event or milestone, by "event:NAME" or
    "milestone:NAME".
    """

    programs: Sequence[Played]
    size: int
    start: datetime
    days: int
    seed: int = 1
    chances: Mapping[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[SimAccount]:
        for number in range(self.size):
            yield self.account(number)

    def account(self, number: int) -> SimAccount:
        """The account of that number, always the same one."""
        random = Random(f"{self.seed}/{number}")  # noqa: S311
        made_for = number % len(self.programs)
        order = (made_for, *(n for n in range(len(self.programs)) if n != made_for))
        enters = self._entering(random, order)
        made = self._made(random, number, order, enters)
        moment, rule = enters[made_for], self.programs[made_for].rule
        for _ in range(MOST_TRIES):
            then = used(made.account, made.active, moment)
            if rule is None or rule.verdict(then, moment, moment) is Verdict.YES:
                break
            made = self._made(random, number, order, enters)
        return made

    @cached_property
    def _needs(self) -> tuple[Needs, ...]:
        return tuple(Needs(program, self.chances) for program in self.programs)

    def _entering(self, random: Random, order: Sequence[int]) -> dict[int, datetime]:
        """When it comes to each program. A date that two go by brings it to both."""
        found: dict[int, datetime] = {}
        dates: dict[str, datetime] = {}
        for number in order:
            drawn = self.start + timedelta(minutes=int(random.random() * self.days * 1440))
            found[number] = enters = self._needs[number].enters_by(dates) or drawn
            for name, moment in self._needs[number].entry_dates(enters):
                dates.setdefault(name, moment)
        return found

    def _made(
        self, random: Random, number: int, order: Sequence[int], enters: Mapping[int, datetime]
    ) -> SimAccount:
        country, zone = random.choice(PLACES)
        happenings = self._happenings(random, order, enters)
        account = Account(
            id=f"account-{number}",
            stage=random.choice(self._needs[order[0]].stages),
            zone=zone if random.random() < 0.9 else None,
            country=country,
            traits=self._traits(random, order, enters),
            milestones=self._milestones(random, order, enters),
            contacts=tuple(self._contacts(random, zone, order)),
        )
        active = None
        for program in order:
            silence = self._needs[program].longest_silence
            if silence is not None:
                active, back = self._activity(random, enters[program], silence)
                happenings.extend(back)
                break
        happenings.sort(key=lambda change: change.at)
        # A date that lies so that it would have come in before the beginning does not bring it in.
        moments = tuple(
            enters[program] if enters[program] >= self.start else None
            for program in range(len(order))
        )
        return SimAccount(account, moments, tuple(happenings), active, order[0])

    def _happenings(
        self, random: Random, order: Sequence[int], enters: Mapping[int, datetime]
    ) -> list[Change]:
        drawn: dict[str, Change | None] = {}
        for number in order:
            for key, chance in self._needs[number].chances:
                if key not in drawn:
                    drawn[key] = None
                    if random.random() < chance:
                        after = random.expovariate(1 / MEAN_DAYS) * A_DAY
                        drawn[key] = Change(enters[number] + after, key)
        happenings = [change for change in drawn.values() if change is not None]
        for key, value, chance in self._needs[order[0]].leavings:
            if random.random() < chance:
                at = enters[order[0]] + random.random() * self.days * A_DAY
                happenings.append(Change(at, key, value))
        return happenings

    def _traits(
        self, random: Random, order: Sequence[int], enters: Mapping[int, datetime]
    ) -> dict[str, object]:
        traits: dict[str, object] = {
            "plan": random.choice(_PLANS),
            "seats": min(1 + int(random.expovariate(1 / 12)), 500),
        }
        known: set[str] = set()
        for number in order:
            needs, others = self._needs[number], frozenset(known)
            for name, values in needs.trait_values.items():
                if name not in others:
                    traits[name] = random.choice(values)
                    known.add(name)
            for name, ahead in needs.dates.items():
                if name not in others:
                    days = random.randrange(ahead // 2, ahead + 30)
                    traits[name] = (enters[number] + days * A_DAY).date()
                    known.add(name)
            for name, moment in needs.entry_dates(enters[number]):
                if name not in others:
                    traits[name] = moment.date()
                    known.add(name)
        return {name: value for name, value in traits.items() if random.random() < 0.97}

    def _milestones(
        self, random: Random, order: Sequence[int], enters: Mapping[int, datetime]
    ) -> dict[str, datetime]:
        reached: dict[str, datetime] = {}
        for number in order:
            for name in self._needs[number].reached_before:
                if random.random() < CHANCE:
                    before = random.expovariate(1 / MEAN_DAYS) * A_DAY
                    reached.setdefault(name, enters[number] - before)
        return reached

    def _contacts(self, random: Random, zone: str, order: Sequence[int]) -> Iterator[Contact]:
        asked = [role for number in order for role in self._needs[number].roles]
        roles = tuple(dict.fromkeys(asked)) or ("user",)
        for number in range(random.choice((0, *(1, 2, 3) * 9))):
            role = roles[number % len(roles)] if random.random() < 0.9 else "user"
            home = zone if random.random() < 0.9 else random.choice(PLACES)[1]
            yield Contact(
                f"contact-{number}", (role,), home if random.random() < 0.8 else None,
                quiet_because="unsubscribed" if random.random() < 0.04 else None,
            )  # fmt: skip

    def _activity(
        self, random: Random, enters: datetime, silence: timedelta
    ) -> tuple[tuple[tuple[date, date], ...], list[Change]]:
        """Active until about the time of entering or after it; half of them come back."""
        first = (enters - 400 * A_DAY).date()
        last = (enters + random.uniform(-2, 4) * silence).date()
        if random.random() < 0.5:
            return ((first, last),), []
        back = last + (1 + random.random() * 2) * silence
        spans = ((first, last), (back, back + 400 * A_DAY))
        at = datetime.combine(back, enters.timetz())
        return spans, [Change(at, "usage")] if at > enters else []
