"""What New York dates brought: realised P&L, trades, and the curve of the picture."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from tradebot.domain import pnl
from tradebot.domain.hours import Hours
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.strategies import Strategies
from tradebot.domain.trades import Trade
from tradebot.ports import Books, Ledger
from tradebot.queries.strategies import names, of


@dataclass(frozen=True, slots=True)
class SinceStart:
    """All that ever closed, in USD net, and when the first lot was bought; None: nothing was."""

    realised: Decimal
    first: datetime | None


@dataclass(frozen=True, slots=True)
class Result:
    """What some New York dates brought, and how it came about: `curve` is net P&L added up lot by lot."""

    first: date
    last: date
    summary: pnl.Summary
    curve: Sequence[tuple[datetime, Decimal]]
    by_strategy: Mapping[str, pnl.Summary] = field(default_factory=dict)  # empty where there is one strategy
    unrealised: pnl.Unrealised | None = None  # of what is open now; None: not asked for
    since_start: SinceStart | None = None


async def read_result(
    books: Books,
    hours: Hours,
    now: datetime,
    days: int,
    strategy: str | None = None,
    strategies: Strategies | None = None,
) -> Result:
    """The last `days` New York dates, today included; of all strategies, or of one. Raises LedgerUnavailable."""
    last = hours.calendar.trading_date(now)
    first = last - timedelta(days=days - 1)
    closed, trades = await _since(books, hours, first, strategy)
    each = names(strategies, closed, trades) if strategies is not None and strategy is None else ()
    by_strategy = {name: pnl.summarise(first, last, of(name, closed), of(name, trades)) for name in each}
    return Result(first, last, pnl.summarise(first, last, closed, trades), list(_curve(closed)), by_strategy)


@dataclass(frozen=True, slots=True)
class DailyResults:
    """What each of some New York dates brought, and all of them."""

    days: Mapping[date, pnl.Summary]  # every date, the oldest first
    total: pnl.Summary
    by_strategy: Mapping[str, "DailyResults"] = field(default_factory=dict)  # of those that traded


async def daily_results(
    ledger: Ledger, hours: Hours, now: datetime, days: int, strategy: str | None = None
) -> DailyResults:
    """The last `days` New York dates, today included; of one strategy only. Raises LedgerUnavailable."""
    last = hours.calendar.trading_date(now)
    dates = [last - timedelta(days=ago) for ago in reversed(range(days))]
    async with ledger.read() as books:
        closed, trades = await _since(books, hours, dates[0], strategy)
    traded = sorted({lot.strategy for lot in closed} | {trade.strategy for trade in trades})
    by_strategy = {name: _each(dates, of(name, closed), of(name, trades)) for name in traded}
    return replace(_each(dates, closed, trades), by_strategy=by_strategy)


def _each(dates: Sequence[date], closed: Sequence[Lot], trades: Sequence[Trade]) -> DailyResults:
    each = {day: pnl.summarise(day, day, closed, trades) for day in dates}
    return DailyResults(each, pnl.summarise(dates[0], dates[-1], closed, trades))


async def _since(
    books: Books, hours: Hours, first: date, strategy: str | None
) -> tuple[Sequence[Lot], Sequence[Trade]]:
    """Lots that closed, and trades that filled."""
    since = hours.calendar.day_start(first)
    closed = await books.lots(LotStatus.CLOSED, strategy=strategy, closed_since=since)
    trades = [one for one in await books.trades_since_or_ended(since) if strategy in (None, one.strategy)]
    # A written-off SELL has no price: it is no trade of that day, its lots are counted apart.
    return closed, [trade for trade in trades if trade.avg_fill_price is not None]


def _curve(lots: Iterable[Lot]) -> Iterable[tuple[datetime, Decimal]]:
    total = Decimal(0)
    known = [(lot.exit_time, lot.pnl) for lot in lots if lot.exit_time is not None and lot.pnl is not None]
    for at, gain in sorted(known):
        total += gain
        yield at, total
