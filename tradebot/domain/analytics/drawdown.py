"""How far something is, or once was, below its best, and for how long.

Of an index the depth is a fraction of the best (float); of P&L added up, which may begin at zero, it is USD (Decimal).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Generic, TypeVar

N = TypeVar("N", float, Decimal)


@dataclass(frozen=True, slots=True)
class Fall(Generic[N]):
    """From a best to the next time that it is reached."""

    depth: N  # above zero
    peak: date  # the last day of the best before it
    trough: date
    back: date | None  # the day on which the best was reached again; None: not yet
    sessions: int  # from the peak to its end, or until now


@dataclass(frozen=True, slots=True)
class Drawdown(Generic[N]):
    """None: it never fell, or stands at its best."""

    worst: Fall[N] | None
    longest: Fall[N] | None
    now: Fall[N] | None


def of_index(points: Sequence[tuple[date, float]]) -> Drawdown[float]:
    """Depth as a fraction of the best: 1 − value ÷ peak (as empyrical's `max_drawdown`, without its sign)."""
    return _drawdown(points, lambda peak, value: 1 - value / peak)


def of_pnl(points: Sequence[tuple[date, Decimal]]) -> Drawdown[Decimal]:
    """Depth in USD: peak − value. What it begins with is the first best."""
    return _drawdown(points, lambda peak, value: peak - value)


def _drawdown(points: Sequence[tuple[date, N]], depth: Callable[[N, N], N]) -> Drawdown[N]:
    falls: list[Fall[N]] = []
    top, low = 0, 0  # places in `points`
    for place, (day, value) in enumerate(points):
        if value >= points[top][1]:
            if low > top:
                falls.append(_fall(points, depth, top, low, place, day))
            top = low = place
        elif low == top or value < points[low][1]:
            low = place
    now = _fall(points, depth, top, low, len(points) - 1, None) if low > top else None
    if now is not None:
        falls.append(now)
    if not falls:
        return Drawdown(None, None, None)
    worst = max(falls, key=lambda one: one.depth)
    longest = max(falls, key=lambda one: one.sessions)
    return Drawdown(worst, longest, now and _as_it_stands(points, depth, top, now))


def _fall(
    points: Sequence[tuple[date, N]], depth: Callable[[N, N], N], top: int, low: int, end: int, back: date | None
) -> Fall[N]:
    return Fall(depth(points[top][1], points[low][1]), points[top][0], points[low][0], back, end - top)


def _as_it_stands(points: Sequence[tuple[date, N]], depth: Callable[[N, N], N], top: int, now: Fall[N]) -> Fall[N]:
    """The depth of this moment, not of the trough. By its place, for two points may have the day of the best."""
    return Fall(depth(points[top][1], points[-1][1]), now.peak, now.trough, None, now.sessions)
