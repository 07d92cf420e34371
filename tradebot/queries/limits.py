"""What is used of the limits."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradebot.domain.alerts import Side
from tradebot.domain.lots import Lot
from tradebot.domain.trades import Trade


@dataclass(frozen=True, slots=True)
class Use:
    """What is used of the limits now: the sums that the risk rules compare."""

    open_positions: int
    buys_today: int
    invested: Decimal
    fullest: tuple[str, int] | None  # ticker with the most positions
    lost_today: Decimal  # realised loss of the New York date, as a positive figure


def use(lots: Sequence[Lot], unresolved: Sequence[Trade], buys_today: int, realised_today: Decimal) -> Use:
    """Lots, and BUYs in flight in place of the lots they have begun."""
    buying = [trade for trade in unresolved if trade.side is Side.BUY]
    begun = {trade.id for trade in buying}
    settled = [lot for lot in lots if lot.opening_trade_id not in begun]
    tickers = Counter([lot.ticker for lot in settled] + [trade.ticker for trade in buying])
    return Use(
        open_positions=len(settled) + len(buying),
        buys_today=buys_today,
        invested=sum((lot.cost for lot in settled), Decimal(0)) + sum((t.reserved for t in buying), Decimal(0)),
        fullest=tickers.most_common(1)[0] if tickers else None,
        lost_today=max(-realised_today, Decimal(0)),
    )
