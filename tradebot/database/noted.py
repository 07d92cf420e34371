"""Books that note what they change, for who hears of it after the commit. Where nobody does, the plain ones are handed out."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from tradebot.database.books import SqlBooks
from tradebot.database.driver import Transaction
from tradebot.domain.alerts import AlertStatus, NewAlert
from tradebot.domain.brokerage import Execution
from tradebot.domain.changes import (
    AlertAdded,
    AlertMoved,
    AlertRepeated,
    Attempt,
    Change,
    DeliveryTried,
    FillBooked,
    JobRecorded,
)
from tradebot.domain.events import NewEvent, Severity
from tradebot.domain.reasons import Reason
from tradebot.domain.trades import NewTrade


class NotedBooks(SqlBooks):
    """See `tradebot.ports.Books`."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction)
        self.changes: list[Change] = []

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        before = len(self.changes)
        try:
            async with super().savepoint():
                yield
        except BaseException:
            del self.changes[before:]
            raise

    async def insert_alert(self, alert: NewAlert) -> int | None:
        alert_id = await super().insert_alert(alert)
        if alert_id is not None:
            self.changes.append(AlertAdded(alert_id, alert))
        return alert_id

    async def insert_alerts(self, alerts: Sequence[NewAlert]) -> Mapping[str, int]:
        ids = await super().insert_alerts(alerts)
        stored = (alert for alert in alerts if alert.idempotency_key in ids)
        self.changes.extend(AlertAdded(ids[alert.idempotency_key], alert) for alert in stored)
        return ids

    async def count_duplicate(self, alert_id: int) -> None:
        await super().count_duplicate(alert_id)
        self.changes.append(AlertRepeated(alert_id))

    async def _moved(
        self, alert_id: int, from_: Collection[AlertStatus], to: AlertStatus, reason: Reason | str | None
    ) -> str | None:
        strategy = await super()._moved(alert_id, from_, to, reason)
        if strategy is not None:
            self.changes.append(AlertMoved(alert_id, strategy, to, reason))
        return strategy

    async def insert_trade(self, trade: NewTrade, ib_order_id: int | None = None) -> int:
        trade_id = await super().insert_trade(trade, ib_order_id)
        self.changes.append(trade)
        return trade_id

    async def _is_new(self, trade_id: int, execution: Execution) -> bool:
        new = await super()._is_new(trade_id, execution)
        if new:
            self.changes.append(FillBooked(execution))
        return new

    async def add_event(self, event: NewEvent) -> int:
        event_id = await super().add_event(event)
        self.changes.append(event)
        return event_id

    async def add_events(self, events: Sequence[NewEvent]) -> None:
        await super().add_events(events)  # which adds what is more than a trace by itself
        self.changes.extend(event for event in events if event.severity is Severity.TRACE)

    async def mark_delivered(self, channel: str, event_ids: Collection[int], at: datetime) -> None:
        await super().mark_delivered(channel, event_ids, at)
        self.changes.append(DeliveryTried(channel, len(event_ids), Attempt.DELIVERED))

    async def delivery_failed(self, channel: str, event_ids: Collection[int], error: str) -> None:
        await super().delivery_failed(channel, event_ids, error)
        self.changes.append(DeliveryTried(channel, len(event_ids), Attempt.FAILED))

    async def give_up_delivery(self, channel: str, event_ids: Collection[int], error: str) -> None:
        await super().give_up_delivery(channel, event_ids, error)
        self.changes.append(DeliveryTried(channel, len(event_ids), Attempt.GIVEN_UP))

    async def record_job(self, job: str, slot: datetime) -> bool:
        recorded = await super().record_job(job, slot)
        if recorded:
            self.changes.append(JobRecorded(job))
        return recorded
