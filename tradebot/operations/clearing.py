"""The owner empties the queue: waiting alerts end as CLEARED. What arrives after the question was asked is not touched."""

from collections.abc import Collection, Sequence

from loguru import logger

from tradebot.domain.alerts import WAITING, Alert, AlertStatus
from tradebot.domain.events import EventKind, NewEvent
from tradebot.errors import QueueUnavailable
from tradebot.ports import Clock, Ledger, Queue


class Clearing:
    def __init__(self, ledger: Ledger, queue: Queue, clock: Clock) -> None:
        self._ledger = ledger
        self._queue = queue
        self._clock = clock

    async def waiting(self) -> Sequence[Alert]:
        """Raises LedgerUnavailable."""
        async with self._ledger.read() as books:
            return await books.alerts(WAITING)

    async def clear(self, alert_ids: Collection[int], by: str) -> int:
        """Clears those of these alerts that still wait; returns how many. Raises LedgerUnavailable."""
        cleared, now = [], self._clock.now()
        async with self._ledger.begin() as books:
            for alert in await books.alerts(WAITING):
                if alert.id not in alert_ids:
                    continue
                # An alert that is decided this very moment has left WAITING, and keeps its order.
                if await books.move_alert(alert.id, WAITING, AlertStatus.CLEARED, f"cleared by {by}"):
                    text = f"{alert.action} {alert.ticker} was cleared from the queue by {by}. Nothing was ordered."
                    data = {"ticker": alert.ticker, "side": alert.action}
                    await books.add_event(NewEvent(EventKind.ALERT_CLEARED, now, text, alert.id, actor=by, data=data))
                    cleared.append(alert.id)
        try:
            await self._queue.remove(cleared)
        except QueueUnavailable as error:
            logger.warning("cleared alerts are still listed in the queue, which harms nothing: {}", error)
        return len(cleared)
