"""What an exit may still sell after its first order has ended at IB.

Rules: never more than that order left, in the shares of today where they were split since; and never a lot that was opened after
the exit's alert: it was not meant.
"""

from collections.abc import Sequence
from decimal import Decimal

from tradebot.domain.exit_ends import left_unfilled
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.trades import Trade
from tradebot.ports import Books


async def left_of(books: Books, orders: Sequence[Trade]) -> Decimal | None:
    """What the next of an alert's orders may sell at most; None when it is the first. Raises LedgerUnavailable."""
    if left_unfilled(orders) is None:
        return None
    return left_unfilled(orders, await books.corporate_actions(orders[0].strategy, orders[0].ticker))


async def older_lots(books: Books, strategy: str, ticker: str, alert_id: int) -> Sequence[Lot]:
    """The strategy's open lots of the ticker that were bought for an alert before this one. Raises LedgerUnavailable."""
    lots = await books.lots(LotStatus.OPEN, ticker=ticker, strategy=strategy)
    openings = [await books.trade(lot.opening_trade_id) for lot in lots]
    return [lot for lot, opening in zip(lots, openings, strict=True) if opening and opening.alert_id < alert_id]
