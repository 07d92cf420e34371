"""The figures that may have a limit of the owner's and take a history to be counted. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tradebot.domain.analytics import drawdown
from tradebot.domain.analytics.closed_lots import streaks
from tradebot.domain.analytics.equity_curve import equity_days
from tradebot.domain.analytics.latency import latency
from tradebot.domain.analytics.sent_orders import SentOrder
from tradebot.domain.analytics.slippage import slippage
from tradebot.domain.equity import Equity
from tradebot.domain.lots import Lot


@dataclass(frozen=True, slots=True)
class Watched:
    """As they stand; None: not known yet, or of nothing."""

    drawdown_pct: float | None  # that the account is below its best
    losses: Mapping[str, int]  # in a row, by strategy
    in_time_pct: float | None
    slippage_bps: float | None


def watched(
    equity: Sequence[Equity],
    lots: Sequence[Lot],
    orders: Sequence[SentOrder],
    strategies: Sequence[str],
    is_open: Callable[[datetime], bool],
) -> Watched:
    """Of closed lots and orders in their order."""
    share, bps = latency(orders, is_open).share, slippage(orders).bps
    return Watched(
        drawdown_pct=_below_the_best(equity),
        losses={name: max(0, -streaks(lot for lot in lots if lot.strategy == name).now) for name in strategies},
        in_time_pct=None if share is None else 100 * share,
        slippage_bps=None if bps is None else bps.total,
    )


def _below_the_best(rows: Sequence[Equity]) -> float | None:
    """% of it."""
    days = equity_days(rows)
    if len(days) < 2:
        return None
    now = drawdown.of_index([(one.day, one.index) for one in days]).now
    return 100 * now.depth if now else 0.0
