"""The report of a week or a month, from its performance: facts for the message, and what its picture is drawn from."""

from decimal import Decimal
from typing import TypeVar

from tradebot.domain.analytics.performance import Performance
from tradebot.domain.facts.daemon import SessionPoint, TickerPnl
from tradebot.domain.facts.performance import PeriodReport, StrategyPeriod
from tradebot.domain.lots import Lot

R = TypeVar("R", bound=PeriodReport)


def report(kind: type[R], found: Performance) -> R:
    lots, account = found.trading.lots, found.account
    several = found.by_strategy if len(found.by_strategy) > 1 else {}
    return kind(
        first=found.first,
        last=found.last,
        sessions=found.sessions,
        net=lots.net,
        closed=lots.closed,
        won=lots.won,
        commissions=lots.commissions,
        best=_result(lots.best),
        worst=_result(lots.worst),
        equity=account.value if account else None,
        flows=account.flows if account else None,
        earned=account.time_weighted if account else None,
        spy=account.benchmark.total if account else None,
        drawdown=account.drawdown.worst.depth if account and account.drawdown.worst else None,
        slippage_bps=found.trading.slippage.bps.total if found.trading.slippage.bps else None,
        in_time=found.latency.share,
        orders=found.latency.orders,
        series=_series(found),
        by_strategy=tuple(
            StrategyPeriod(name, one.lots.net, one.lots.closed, one.lots.won) for name, one in several.items()
        ),
    )


def _series(found: Performance) -> tuple[SessionPoint, ...]:
    """Each session's realised P&L, and what the account was worth at its end."""
    worth = {one.day: one.value for one in found.account.days} if found.account else {}
    before, points = Decimal(0), []
    for day, total in found.trading.curve:
        points.append(SessionPoint(day, total - before, worth.get(day)))
        before = total
    return tuple(points)


def _result(lot: Lot | None) -> TickerPnl | None:
    return None if lot is None or lot.pnl is None else TickerPnl(lot.ticker, lot.pnl)
