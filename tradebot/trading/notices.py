"""Storing a notice that is part of no booking."""

from loguru import logger

from tradebot.domain.events import NewEvent
from tradebot.errors import LedgerUnavailable
from tradebot.ports import Ledger


async def store_notice(ledger: Ledger, notice: NewEvent) -> None:
    """Stores it; when the database is away, the log has it. Never raises LedgerUnavailable."""
    try:
        async with ledger.begin() as books:
            await books.add_event(notice)
    except LedgerUnavailable as error:
        ticker, order_ref = (getattr(notice.facts, name, None) for name in ("ticker", "order_ref"))
        keyed = logger.bind(alert_id=notice.alert_id, ticker=ticker, order_ref=order_ref)
        keyed.error("not stored: {} ({})", notice.facts, error)
