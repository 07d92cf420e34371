"""What a trial with real orders may be made with: tickers that nothing else is going on in. Read only."""

from collections.abc import Sequence
from datetime import datetime

from tradebot.domain.alerts import WAITING
from tradebot.domain.lots import Lot, LotStatus
from tradebot.domain.trades import UNRESOLVED
from tradebot.ports import Books, Ledger


async def untouched(ledger: Ledger, tickers: Sequence[str], since: datetime) -> str | None:
    """The first of these without a lot, a waiting alert, an order in flight and an order since that moment; None: there is none.

    A SELL sells all lots of its ticker and ends its waiting BUYs: on such a ticker it can touch nothing of the owner's.
    Raises LedgerUnavailable.
    """
    async with ledger.read() as books:
        for ticker in tickers:
            if await _is_untouched(books, ticker, since):
                return ticker
    return None


async def _is_untouched(books: Books, ticker: str, since: datetime) -> bool:
    return not (
        await books.lots(LotStatus.OPEN, ticker=ticker)
        or await books.alerts(WAITING, ticker=ticker)
        or await books.trades(UNRESOLVED, ticker=ticker)
        or await books.trades(ticker=ticker, since=since)
    )


async def lots_of(ledger: Ledger, ticker: str) -> Sequence[Lot]:
    """What is held of it, lot by lot. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        return await books.lots(LotStatus.OPEN, ticker=ticker)
