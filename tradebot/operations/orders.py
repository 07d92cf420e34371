"""A person has an order cancelled. It is stored; the order monitor sends the cancel, and again, until the order has ended."""

from datetime import datetime

from tradebot.domain.facts.orders import CancelReason
from tradebot.domain.trades import UNRESOLVED
from tradebot.ports import Ledger
from tradebot.trading.entries_at_work import cancels_wanted, want_cancelled


async def cancel(ledger: Ledger, trade_id: int, actor: str, now: datetime) -> bool:
    """False where it has ended, or is being cancelled for somebody already. Raises LedgerUnavailable."""
    async with ledger.begin() as books:
        trade = await books.trade(trade_id)
        if trade is None or trade.status not in UNRESOLVED or await cancels_wanted(books, [trade]):
            return False
        await want_cancelled(books, [trade], CancelReason.OWNER, now, actor=actor)
    return True
