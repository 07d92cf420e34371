"""Day by day, week by week, month by month: what the account earned beside SPY, and what closed. USD are Decimal, returns
floats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import prod

from tradebot.domain.analytics.closed_lots import new_york_day
from tradebot.domain.analytics.equity_curve import EquityDay
from tradebot.domain.calendar_units import Unit
from tradebot.domain.lots import Lot

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Span:
    """One piece. Returns are fractions, time-weighted; None: what they are counted from is not known."""

    first: date
    last: date
    earned: float | None  # by the account
    spy: float | None  # on the same days
    net: Decimal  # USD, realised
    closed: int  # lots with a known P&L
    won: int

    @property
    def ahead(self) -> float | None:
        return None if self.earned is None or self.spy is None else self.earned - self.spy


def spans(days: Sequence[EquityDay], spy: Mapping[date, float], lots: Sequence[Lot], unit: Unit) -> Sequence[Span]:
    """Each of which anything is known, the oldest first. `spy`: its closes; `lots`: closed ones."""
    earned: dict[date, list[EquityDay]] = {}
    before: dict[date, date] = {}  # the day that its first return is counted from
    for number, one in enumerate(days):
        if one.earned is not None:
            earned.setdefault(unit.begin(one.day), []).append(one)
            before.setdefault(unit.begin(one.day), days[number - 1].day)
    made: dict[date, list[Decimal]] = {}
    for lot in lots:
        if lot.exit_time is not None and lot.pnl is not None:
            made.setdefault(unit.begin(new_york_day(lot.exit_time)), []).append(lot.pnl)
    return [
        _span(
            first,
            unit,
            earned.get(first, []),
            _gained(spy, before.get(first), earned.get(first, [])),
            made.get(first, []),
        )
        for first in sorted(earned.keys() | made.keys())
    ]


def _span(first: date, unit: Unit, days: Sequence[EquityDay], spy: float | None, made: Sequence[Decimal]) -> Span:
    return Span(
        first=first,
        last=unit.end(first),
        earned=prod(1 + (one.earned or 0.0) for one in days) - 1 if days else None,
        spy=spy,
        net=sum(made, ZERO),
        closed=len(made),
        won=sum(pnl > 0 for pnl in made),
    )


def _gained(spy: Mapping[date, float], before: date | None, days: Sequence[EquityDay]) -> float | None:
    begin, end = spy.get(before) if before else None, spy.get(days[-1].day) if days else None
    return end / begin - 1 if begin and end else None
