"""How a rate changed against an earlier one, with an interval that says how sure that is.

The counts of two spans are compared: given how many there are in both, the share that fell into
the later one is binomial, and its exact interval (Clopper and Pearson 1934) is turned into one of
the ratio of the rates. Tickets of one account come in bursts, so that they say less than as many
tickets of different accounts: the counts are first divided by the design effect, the variance
between accounts over that of independent tickets (Korn and Graubard 1998; never below 1).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, inf, lgamma, log, log1p

LEVEL = 0.95
_TINY = 1e-300


@dataclass(frozen=True, slots=True)
class RateChange:
    """How many times as often as before: `ratio` with its interval, from `low` to `high`.

    `ratio` is None where there was nothing before, or nothing at all; `high` is infinite then.
    """

    now: int
    before: int
    ratio: float | None
    low: float
    high: float

    @property
    def is_more(self) -> bool:
        """Whether it is more often than before, as far as can be told."""
        return self.low > 1

    @property
    def is_less(self) -> bool:
        """The same for less often."""
        return self.high < 1

    def words(self) -> str:
        """ "1.8 times as often (1.2 to 2.6)", "about as often", "too few to tell"."""
        if self.ratio is None:
            new = self.now and self.low > 1
            return "new" if new else "too few to tell"
        between = f"{_short(self.low)} to {_short(self.high)}"
        if self.is_more or self.is_less:
            return f"{_short(self.ratio)} times as often ({between})"
        return f"no clear change ({between})"


@dataclass(frozen=True, slots=True)
class Counts:
    """Tickets in the span and before it, and the sums over accounts that tell how they cluster.

    `squares_now` is the sum of the squares of each account's count; `products` that of its count
    now times its count before.
    """

    now: int
    before: int
    squares_now: int
    squares_before: int
    products: int

    @classmethod
    def of(cls, accounts: Iterable[tuple[int, int]]) -> Counts:
        """From the counts (now, before) of each account."""
        pairs = list(accounts)
        return cls(
            sum(a for a, _ in pairs), sum(b for _, b in pairs), sum(a * a for a, _ in pairs),
            sum(b * b for _, b in pairs), sum(a * b for a, b in pairs),
        )  # fmt: skip

    @property
    def design_effect(self) -> float:
        """How many times as uncertain as if each ticket came from another account, 1 at least."""
        a, b = self.now, self.before
        if not a or not b:
            squares, count = (self.squares_now, a) if a else (self.squares_before, b)
            return max(1.0, squares / count) if count else 1.0
        variance = self.squares_now / a**2 + self.squares_before / b**2
        variance -= 2 * self.products / (a * b)
        return max(1.0, variance / (1 / a + 1 / b))


def rate_change(
    counts: Counts, exposure_now: float, exposure_before: float, level: float = LEVEL
) -> RateChange:
    """Compare the rates of two spans; an exposure is days times accounts, in both alike."""
    scale = exposure_before / exposure_now if exposure_now and exposure_before else 0.0
    if not scale or not (counts.now or counts.before):
        return RateChange(counts.now, counts.before, None, 0.0, inf)
    effect = counts.design_effect
    share_low, share_high = share_interval(counts.now / effect, counts.before / effect, level)
    ratio = counts.now / counts.before * scale if counts.before else None
    return RateChange(
        counts.now, counts.before, ratio, _odds(share_low) * scale, _odds(share_high) * scale
    )


def share_interval(some: float, others: float, level: float = LEVEL) -> tuple[float, float]:
    """The exact interval of a share: `some` of `some` + `others`, which need not be whole."""
    tail = (1 - level) / 2
    low = _beta_quantile(tail, some, others + 1) if some else 0.0
    high = _beta_quantile(1 - tail, some + 1, others) if others else 1.0
    return low, high


def _odds(share: float) -> float:
    return share / (1 - share) if share < 1 else inf


def _short(number: float) -> str:
    if number == inf:
        return "any"
    return f"{number:.1f}" if number < 10 else f"{number:,.0f}"


def _beta_quantile(probability: float, a: float, b: float) -> float:
    """Where the beta distribution reaches a probability: by halving, to the last bit or two."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _beta_below(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _beta_below(x: float, a: float, b: float) -> float:
    """The regularized incomplete beta function."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _continued(x, a, b) / a
    return 1 - front * _continued(1 - x, b, a) / b


def _continued(x: float, a: float, b: float) -> float:
    """Its continued fraction, by Lentz's method (Numerical Recipes, 6.4)."""
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > _TINY else _TINY)
    result = d
    for m in range(1, 500):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + numerator * d
            d = 1 / (d if abs(d) > _TINY else _TINY)
            c = 1 + numerator / c
            c = c if abs(c) > _TINY else _TINY
            result *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return result
