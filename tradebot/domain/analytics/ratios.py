"""Return against risk, from daily returns. Floats.

Every definition is that of the library empyrical (github.com/stefan-jansen/empyrical-reloaded, `empyrical/stats.py`), which
the tests compare these with. Returns are fractions (0.01 is one per cent), a year has 252 sessions, the risk-free rate is zero.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

YEAR = 252
RETURNS_MIN = 20
"""A month of sessions: with fewer, how much returns scatter is not known."""
YEARLY_MIN = 60
"""A quarter of a year: with fewer, what they would make in a year says nothing."""
_FLAT = 1e-12  # returns scatter less than this by rounding alone


@dataclass(frozen=True, slots=True)
class Ratios:
    """Of one series of daily returns. Each is None while there are too few of them, or where it is not defined."""

    sessions: int  # returns there are
    total: float | None  # fraction, of the whole period
    annual: float | None  # fraction a year
    volatility: float | None  # fraction a year
    sharpe: float | None
    sortino: float | None
    calmar: float | None


def ratios(returns: Sequence[float]) -> Ratios:
    return Ratios(
        sessions=len(returns),
        total=total(returns),
        annual=annual(returns),
        volatility=volatility(returns),
        sharpe=sharpe(returns),
        sortino=sortino(returns),
        calmar=calmar(returns),
    )


def total(returns: Sequence[float]) -> float | None:
    """All of them linked: ∏(1 + r) − 1 (empyrical `cum_returns_final`). None without any."""
    return math.prod(1 + one for one in returns) - 1 if returns else None


def annual(returns: Sequence[float]) -> float | None:
    """What a year of such days would bring, compounded: (1 + total)^(252 ÷ n) − 1 (empyrical `annual_return`). From 60
    sessions on."""
    made = total(returns)
    if made is None or len(returns) < YEARLY_MIN or made <= -1:
        return None
    return math.pow(1 + made, YEAR / len(returns)) - 1


def volatility(returns: Sequence[float]) -> float | None:
    """Standard deviation (of a sample) × √252 (empyrical `annual_volatility`). From 20 sessions on."""
    return None if len(returns) < RETURNS_MIN else deviation(returns) * math.sqrt(YEAR)


def sharpe(returns: Sequence[float]) -> float | None:
    """Mean ÷ standard deviation × √252 (Sharpe 1994; empyrical `sharpe_ratio`). From 20 sessions on; None where nothing
    moved."""
    if len(returns) < RETURNS_MIN or (scatter := deviation(returns)) < _FLAT:
        return None
    return mean(returns) / scatter * math.sqrt(YEAR)


def sortino(returns: Sequence[float]) -> float | None:
    """Mean ÷ downside deviation, which is √(mean of min(r, 0)²), × √252 (Sortino and Price 1994; empyrical `sortino_ratio`).
    From 20 sessions on; None where no day lost."""
    if len(returns) < RETURNS_MIN:
        return None
    downside = math.sqrt(mean([min(one, 0.0) ** 2 for one in returns]))
    return None if downside < _FLAT else mean(returns) / downside * math.sqrt(YEAR)


def calmar(returns: Sequence[float]) -> float | None:
    """Annual return ÷ depth of the worst drawdown (Young 1991; empyrical `calmar_ratio`). From 60 sessions on; None without
    one."""
    yearly, depth = annual(returns), deepest(returns)
    return None if yearly is None or depth < _FLAT else yearly / depth


def deepest(returns: Sequence[float]) -> float:
    """How far it once was below what it had been: a fraction, above zero (empyrical `max_drawdown` has it below)."""
    value = peak = 1.0
    depth = 0.0
    for one in returns:
        value *= 1 + one
        peak = max(peak, value)
        depth = max(depth, 1 - value / peak)
    return depth


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def median(values: Sequence[float]) -> float:
    """The middle one; of an even number the mean of both."""
    ranked, half = sorted(values), len(values) // 2
    return ranked[half] if len(ranked) % 2 else (ranked[half - 1] + ranked[half]) / 2


def deviation(values: Sequence[float]) -> float:
    """Of a sample: divided by n − 1."""
    middle = mean(values)
    return math.sqrt(math.fsum((one - middle) ** 2 for one in values) / (len(values) - 1))
