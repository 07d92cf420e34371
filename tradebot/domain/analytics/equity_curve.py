"""The account's worth day by day, and what it earned, apart from what its owner paid in or took out.

The rows of `equity` are IB's net liquidation every quarter of an hour in a session: the whole account, the owner's own shares
included. A deposit is no gain: where net liquidation moves by more than IB's own unrealised and realised P&L account for,
and that is more than `FLOW_SHARE` of the account, it was paid in or taken out. Less than that is dividends, interest and
fees, and counts.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby

from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.equity import Equity

FLOW_SHARE = Decimal("0.005")
ZERO = Decimal(0)
YEAR_DAYS = 365.25


@dataclass(frozen=True, slots=True)
class EquityDay:
    """One New York date of the account."""

    day: date
    value: Decimal  # USD, the last that IB reported that day
    flow: Decimal  # USD, paid in that day; below zero: taken out
    earned: float | None  # of what there was the day before, as a fraction; None: the first day
    index: float  # what 1 at the beginning has become, flows left out


def equity_days(rows: Iterable[Equity]) -> Sequence[EquityDay]:
    """By day, from rows in time order. Returns are linked from row to row (time-weighted, as the GIPS standards demand of daily
    valuation: 2020, 2.A.24), so that neither size nor time of a flow changes them. Rows without worth are left out."""
    days: list[EquityDay] = []
    before: Equity | None = None
    index = 1.0
    for day, found in groupby((row for row in rows if row.net_liquidation > 0), key=_day):
        flow, began = ZERO, index
        first = before is None
        for row in found:
            if before is not None:
                paid_in = _paid_in(before, row)
                flow += paid_in
                index *= float((row.net_liquidation - paid_in) / before.net_liquidation)
            before = row
        assert before is not None, "a group has a row"
        days.append(EquityDay(day, before.net_liquidation, flow, None if first else index / began - 1, index))
    return days


def returns(days: Sequence[EquityDay]) -> Sequence[float]:
    """Daily returns as fractions, the first day left out."""
    return [one.earned for one in days if one.earned is not None]


def money_weighted(days: Sequence[EquityDay]) -> float | None:
    """The internal rate of return over the whole period, as a fraction of it (not by the year): the one rate at which what was
    there at first and what was paid in since would have become what is there. Unlike the time-weighted return it tells what
    the owner's own money did, flows at bad times included. None: fewer than two days, or no rate does it."""
    if len(days) < 2:
        return None
    paid = [(days[0].day, float(days[0].value)), *((one.day, float(one.flow)) for one in days[1:] if one.flow)]
    rate = internal_rate(paid, days[-1].day, float(days[-1].value))
    return None if rate is None else _of_period(rate, days[0].day, days[-1].day)


def internal_rate(paid: Sequence[tuple[date, float]], end: date, worth: float) -> float | None:
    """By the year of 365.25 days: the rate at which these payments grow to `worth` at `end`; found by halving, so that it
    cannot run away. None where none between −99.99 % and +1,000,000 % does it."""

    def missing(rate: float) -> float:
        return sum(usd * math.pow(1 + rate, (end - day).days / YEAR_DAYS) for day, usd in paid) - worth

    low, high = -0.9999, 1e4
    try:
        if missing(low) > 0 or missing(high) < 0:
            return None
        for _ in range(200):
            middle = (low + high) / 2
            low, high = (middle, high) if missing(middle) < 0 else (low, middle)
    except OverflowError:
        return None
    return (low + high) / 2


def _of_period(rate: float, first: date, last: date) -> float:
    return math.pow(1 + rate, (last - first).days / YEAR_DAYS) - 1


def _paid_in(before: Equity, row: Equity) -> Decimal:
    """IB counts realised P&L anew every day, at an hour of its own: whichever reading explains more is taken."""
    if before.unrealised is None or row.unrealised is None or row.realised_today is None:
        return ZERO
    moved = row.net_liquidation - before.net_liquidation - (row.unrealised - before.unrealised)
    unexplained = min(
        (moved - row.realised_today, moved - row.realised_today + (before.realised_today or ZERO)), key=abs
    )
    return unexplained if abs(unexplained) > FLOW_SHARE * before.net_liquidation else ZERO


def _day(row: Equity) -> date:
    return row.at.astimezone(NEW_YORK).date()


def days_between(days: Sequence[EquityDay], first: date, last: date) -> Sequence[EquityDay]:
    """Of a period, with the last day before it: what it began with. The index begins at 1."""
    before = [one for one in days if one.day < first][-1:]
    within = [*before, *(one for one in days if first <= one.day <= last)]
    if not within:
        return []
    base = within[0].index
    return [
        EquityDay(one.day, one.value, one.flow if number else ZERO, one.earned if number else None, one.index / base)
        for number, one in enumerate(within)
    ]
