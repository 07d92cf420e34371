"""The account beside the market: SPY's total return on the same days, by IB's adjusted daily bars. Floats.

Alpha and beta are those of Jensen (1968) and Sharpe (1964), as empyrical's `alpha_beta_aligned` has them: beta is the slope
of the account's daily returns over SPY's, alpha what is left of a day, by the year: (1 + mean(r − beta·m))^252 − 1.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from tradebot.domain.analytics.correlation import pearson
from tradebot.domain.analytics.equity_curve import EquityDay
from tradebot.domain.analytics.ratios import RETURNS_MIN, YEAR, mean
from tradebot.domain.daily_bars import DailyBar

_FLAT = 1e-15


@dataclass(frozen=True, slots=True)
class Benchmark:
    """SPY over the account's days. None: too few of its bars, or of days."""

    total: float | None  # fraction, over the whole period
    ahead: float | None  # the account's time-weighted return less SPY's, fraction
    beta: float | None
    alpha: float | None  # fraction a year
    correlation: float | None
    index: Sequence[tuple[date, float]]  # what 1 at the account's first day has become


def closes(bars: Iterable[DailyBar]) -> Mapping[date, float]:
    return {bar.day: float(bar.close) for bar in sorted(bars, key=lambda bar: bar.day) if bar.close > 0}


def daily_returns(prices: Mapping[date, float]) -> Mapping[date, float]:
    """By the day on which each was made."""
    return {day: now / before - 1 for (_, before), (day, now) in pairwise(sorted(prices.items()))}


def benchmark(days: Sequence[EquityDay], prices: Mapping[date, float]) -> Benchmark:
    """`prices`: SPY's closes. A total over a period needs its first and its last day."""
    known = [one for one in days if one.day in prices]
    if len(known) < 2:
        return Benchmark(None, None, None, None, None, ())
    base, whole = prices[known[0].day], known[0] is days[0] and known[-1] is days[-1]
    total = prices[known[-1].day] / base - 1
    market = [prices[b.day] / prices[a.day] - 1 for a, b in pairwise(known)]
    mine = [b.index / a.index - 1 for a, b in pairwise(known)]
    slope = _beta(mine, market)
    return Benchmark(
        total=total if whole else None,
        ahead=days[-1].index / days[0].index - 1 - total if whole else None,
        beta=slope,
        alpha=None if slope is None else _alpha(mine, market, slope),
        correlation=pearson(mine, market),
        index=[(one.day, prices[one.day] / base) for one in known],
    )


def _beta(mine: Sequence[float], market: Sequence[float]) -> float | None:
    """From 20 days on."""
    if len(mine) < RETURNS_MIN:
        return None
    at, by = mean(mine), mean(market)
    scatter = mean([(one - by) ** 2 for one in market])
    together = mean([(one - at) * (other - by) for one, other in zip(mine, market, strict=True)])
    return None if scatter < _FLAT else together / scatter


def _alpha(mine: Sequence[float], market: Sequence[float], beta: float) -> float:
    left = mean([one - beta * other for one, other in zip(mine, market, strict=True)])
    return math.pow(1 + left, YEAR) - 1
