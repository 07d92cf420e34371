"""What moves together: Pearson's coefficient of daily figures (floats, −1 to 1), from `CORRELATED_MIN` common days on."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

from tradebot.domain.analytics.ratios import mean

CORRELATED_MIN = 20
_FLAT = 1e-12


@dataclass(frozen=True, slots=True)
class Correlation:
    """Of two series. None: fewer common days than needed, or one of the two never moved."""

    one: str
    other: str
    days: int  # common to both
    value: float | None


def correlations(series: Mapping[str, Mapping[date, float]]) -> Sequence[Correlation]:
    """Each pair once, by the days that both have."""
    return [_pair(one, other, series[one], series[other]) for one, other in combinations(series, 2)]


def _pair(one: str, other: str, left: Mapping[date, float], right: Mapping[date, float]) -> Correlation:
    common = sorted(left.keys() & right.keys())
    value = pearson([left[day] for day in common], [right[day] for day in common])
    return Correlation(one, other, len(common), value)


def pearson(left: Sequence[float], right: Sequence[float]) -> float | None:
    """Covariance ÷ the product of both standard deviations."""
    if len(left) < CORRELATED_MIN:
        return None
    at, by = mean(left), mean(right)
    together = math.fsum((a - at) * (b - by) for a, b in zip(left, right, strict=True))
    scatter = math.sqrt(math.fsum((a - at) ** 2 for a in left)) * math.sqrt(math.fsum((b - by) ** 2 for b in right))
    return None if scatter < _FLAT else max(-1.0, min(1.0, together / scatter))
