"""How a cost grows with the size of what is measured."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The exponent over all sizes, by least squares: 1 is linear, less is better.

    Not a number where there are fewer than two sizes.
    """
    if len(sizes) < 2:
        return math.nan
    return statistics.linear_regression(
        [math.log(size) for size in sizes], [math.log(cost) for cost in costs]
    ).slope
