"""What a program reads page by page: orders, events, equity, deliveries. Each in one short transaction."""

from collections.abc import Sequence
from datetime import datetime

from tradebot.domain.delivery import Delivery
from tradebot.domain.equity import Equity
from tradebot.domain.events import Event, Severity
from tradebot.domain.trades import Trade
from tradebot.ports import Ledger

TOLD = tuple(one for one in Severity if one is not Severity.TRACE)


async def orders_page(
    ledger: Ledger, limit: int, *, before_id: int | None = None, strategy: str | None = None
) -> Sequence[Trade]:
    """The newest first. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        return await books.newest_trades(limit, before_id=before_id, strategy=strategy)


async def order(ledger: Ledger, trade_id: int) -> Trade | None:
    """Raises LedgerUnavailable."""
    async with ledger.read() as books:
        return await books.trade(trade_id)


async def events_after(ledger: Ledger, after_id: int, limit: int) -> Sequence[Event]:
    """The oldest first, traces among them. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        return await books.events(after_id=after_id, limit=limit)


async def newest_events(ledger: Ledger, limit: int, *, traces: bool) -> Sequence[Event]:
    """The oldest of them first. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        return await books.newest_events(limit, tuple(Severity) if traces else TOLD)


async def equity_since(ledger: Ledger, account: str, since: datetime) -> Sequence[Equity]:
    """In time order. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        return await books.equity(account, since)


async def newest_deliveries(ledger: Ledger, limit: int, channel: str | None) -> Sequence[Delivery]:
    """The newest first; `channel` None: of all. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        return (await books.newest_deliveries(limit, channel=channel))[::-1]
