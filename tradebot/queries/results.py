"""What New York dates brought: realised P&L, trades, and the curve of the picture."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from tradebot.domain import pnl
from tradebot.domain.hours import Hours
from tradebot.domain.lots import Lot, LotStatus
from tradebot.ports import Books


@dataclass(frozen=True, slots=True)
class Result:
    """What some New York dates brought, and how it came about: `curve` is net P&L added up lot by lot."""

    first: date
    last: date
    summary: pnl.Summary
    curve: Sequence[tuple[datetime, Decimal]]


async def read_result(books: Books, hours: Hours, now: datetime, days: int) -> Result:
    """The last `days` New York dates, today included. Raises LedgerUnavailable."""
    last = hours.calendar.trading_date(now)
    first = last - timedelta(days=days - 1)
    since = hours.calendar.day_start(first)
    closed = await books.lots(LotStatus.CLOSED, closed_since=since)
    # A written-off SELL has no price: it is no trade of that day, its lots are counted apart.
    trades = [trade for trade in await books.trades(since=since) if trade.avg_fill_price is not None]
    return Result(first, last, pnl.summarise(first, last, closed, trades), list(_curve(closed)))


def _curve(lots: Iterable[Lot]) -> Iterable[tuple[datetime, Decimal]]:
    total = Decimal(0)
    known = [(lot.exit_time, lot.pnl) for lot in lots if lot.exit_time is not None and lot.pnl is not None]
    for at, gain in sorted(known):
        total += gain
        yield at, total
