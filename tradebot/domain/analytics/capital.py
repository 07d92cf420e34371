"""How much of the money is at work, how often, and how quickly it turns over. Money is Decimal (USD), shares are floats.

What a lot has invested is its cost, from its entry to its exit. Time is that of trading hours: only the seconds of sessions
count, so that nights and weekends, which nobody can choose, do not; where the bot trades always, every second does.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tradebot.domain.calendar import Session
from tradebot.domain.lots import Lot

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class CapitalUse:
    """Of a period. None: there were no trading hours in it, or the account's worth is not known."""

    average_invested: Decimal | None  # USD, over the seconds of its trading hours
    most_invested: Decimal | None  # USD, at any moment of them
    in_market: float | None  # fraction of their seconds in which anything was held
    exposure: float | None  # average invested ÷ average equity, fraction
    turnover: float | None  # (bought + sold) ÷ 2 ÷ average equity, times in the period
    bought: Decimal  # USD
    sold: Decimal  # USD


def capital_use(
    lots: Iterable[Lot], sessions: Sequence[Session], now: datetime, average_equity: Decimal | None
) -> CapitalUse:
    """`lots`: open ones, and those that closed in the period or after it; all shares that were held in it. `sessions`: when
    alerts were executed."""
    if not sessions:
        return CapitalUse(None, None, None, None, None, ZERO, ZERO)
    begin, end = sessions[0].open, min(sessions[-1].close, now)
    held = [(lot, max(lot.entry_time, begin), min(lot.exit_time or now, end)) for lot in lots]
    within = [(lot, since, until) for lot, since, until in held if since < until]
    clock = _SessionClock(sessions)
    length = clock.at(end)
    seconds = [(float(lot.cost), clock.at(since), clock.at(until)) for lot, since, until in within]
    invested = sum(cost * (until - since) for cost, since, until in seconds)
    bought = sum((lot.cost for lot, _, _ in held if begin <= lot.entry_time < end), ZERO)
    sold = sum(
        (
            lot.qty * lot.exit_price
            for lot, _, _ in held
            if lot.exit_time and lot.exit_price and begin <= lot.exit_time <= end
        ),
        ZERO,
    )
    average = Decimal(round(invested / length, 2)) if length else None
    return CapitalUse(
        average_invested=None if average is None else average.quantize(Decimal("0.01")),
        most_invested=_most(within),
        in_market=_covered([(since, until) for _, since, until in seconds]) / length if length else None,
        exposure=None if average is None or not average_equity else float(average / average_equity),
        turnover=None if not average_equity else float((bought + sold) / 2 / average_equity),
        bought=bought,
        sold=sold,
    )


class _SessionClock:
    """Counts the seconds of sessions, from the first one's open on."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        self._closes = [one.close for one in sessions]
        self._sessions = sessions
        self._before = [0.0]
        for one in sessions:
            self._before.append(self._before[-1] + (one.close - one.open).total_seconds())

    def at(self, moment: datetime) -> float:
        place = bisect_left(self._closes, moment)
        if place == len(self._sessions):
            return self._before[-1]
        return self._before[place] + max(0.0, (moment - self._sessions[place].open).total_seconds())


def _most(held: Iterable[tuple[Lot, datetime, datetime]]) -> Decimal:
    """At one moment what ends goes before what begins."""
    changes = [change for lot, since, until in held for change in ((since, 1, lot.cost), (until, 0, -lot.cost))]
    now = most = ZERO
    for _, _, usd in sorted(changes, key=lambda change: change[:2]):
        now += usd
        most = max(most, now)
    return most


def _covered(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds that at least one of these spans covers."""
    total, reached = 0.0, 0.0
    for since, until in sorted(spans):
        total += max(0.0, until - max(since, reached))
        reached = max(reached, until)
    return total
