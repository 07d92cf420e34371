"""Storing a notice that is part of no booking."""

from loguru import logger

from tradebot.domain.events import EventKind, NewEvent
from tradebot.errors import LedgerUnavailable
from tradebot.ports import Books, Ledger


async def store_notice_once(ledger: Ledger, notice: NewEvent) -> None:
    """Stores it unless this order has such a notice already, perhaps from before a restart. Raises LedgerUnavailable."""
    async with ledger.begin() as books:
        if not await was_told(books, notice.facts.kind, alert_id=notice.alert_id, trade_id=notice.trade_id):
            await books.add_event(notice)


async def was_told(books: Books, kind: EventKind, *, alert_id: int | None, trade_id: int | None) -> bool:
    """Whether there is an event of this kind about this order. Raises LedgerUnavailable."""
    events = await books.events(alert_id=alert_id)
    return any(event.kind == kind and event.trade_id == trade_id for event in events)


async def store_notice(ledger: Ledger, notice: NewEvent) -> None:
    """Stores it; when the database is away, the log has it. Never raises LedgerUnavailable."""
    try:
        async with ledger.begin() as books:
            await books.add_event(notice)
    except LedgerUnavailable as error:
        ticker, order_ref = (getattr(notice.facts, name, None) for name in ("ticker", "order_ref"))
        keyed = logger.bind(alert_id=notice.alert_id, ticker=ticker, order_ref=order_ref)
        keyed.error("not stored: {} ({})", notice.facts, error)
