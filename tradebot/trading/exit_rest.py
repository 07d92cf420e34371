"""What an exit may still sell after its first order has ended at IB.

Rules: never more than that order left, and never a lot that was opened after the exit's alert: it was not meant.
"""

from collections.abc import Sequence

from tradebot.domain.lots import Lot, LotStatus
from tradebot.ports import Books


async def older_lots(books: Books, ticker: str, alert_id: int) -> Sequence[Lot]:
    """The ticker's open lots that were bought for an alert before this one. Raises LedgerUnavailable."""
    lots = await books.lots(LotStatus.OPEN, ticker=ticker)
    openings = [await books.trade(lot.opening_trade_id) for lot in lots]
    return [lot for lot, opening in zip(lots, openings, strict=True) if opening and opening.alert_id < alert_id]
