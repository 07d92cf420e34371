"""Storing notices that are part of no booking."""

from dataclasses import asdict

from loguru import logger

from tradebot.domain.events import EventKind, NewEvent
from tradebot.errors import LedgerUnavailable
from tradebot.ports import Books, Ledger

KEPT = 1000  # the newest ones; the log has them all


async def store_notice_once(ledger: Ledger, notice: NewEvent) -> None:
    """Stores it unless this order has such a notice already, perhaps from before a restart. Raises LedgerUnavailable."""
    async with ledger.begin() as books:
        if not await was_told(books, notice.facts.kind, alert_id=notice.alert_id, trade_id=notice.trade_id):
            await books.add_event(notice)


async def was_told(books: Books, kind: EventKind, *, alert_id: int | None, trade_id: int | None) -> bool:
    """Whether there is an event of this kind about this order. Raises LedgerUnavailable."""
    events = await books.events(alert_id=alert_id)
    return any(event.kind == kind and event.trade_id == trade_id for event in events)


class Notices:
    """Stores notices that are part of no booking. While the database is away they are kept, and stored once it is back."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._late: list[NewEvent] = []

    async def store(self, notice: NewEvent) -> None:
        """Stores it, now or later: what is not stored is in the log too. Never raises LedgerUnavailable."""
        self._late.append(notice)
        error = await self.store_late()
        if error is not None:
            facts = asdict(notice.facts)
            keyed = logger.bind(alert_id=notice.alert_id, ticker=facts.get("ticker"), order_ref=facts.get("order_ref"))
            told = ", ".join(f"{name} {value}" for name, value in facts.items() if value is not None)
            keyed.error("{} ({}): stored and told once the database is back ({})", notice.facts.kind, told, error)

    async def store_late(self) -> LedgerUnavailable | None:
        """Stores what waits, in the order in which it happened; returns why that was not possible."""
        batch, self._late = self._late, []
        if not batch:
            return None
        try:
            async with self._ledger.begin() as books:
                for notice in batch:
                    await books.add_event(notice)
        except LedgerUnavailable as error:
            self._late = (batch + self._late)[-KEPT:]
            return error
        return None
