"""Keeps the lists what they are: a function of the stored status. And brings pending alerts back when the market opens.

Rules: what is stored as RECEIVED or PENDING and stands in no list is pushed, in the order of arrival; a double id is
harmless. PENDING alerts become RECEIVED while the market is open, whenever that is noticed; those that waited too long
EXPIRE and are told.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from loguru import logger

from tradebot.domain import wording
from tradebot.domain.hours import Hours
from tradebot.domain.model import WAITING, Alert, AlertStatus, EventKind, NewEvent, Side
from tradebot.errors import LedgerUnavailable, QueueUnavailable
from tradebot.ports import Ledger, Queue
from tradebot.services.worker import Worker

SWEEP_EVERY_S = 2.0


class Sweep:
    def __init__(
        self,
        ledger: Ledger,
        queue: Queue,
        worker: Worker,
        hours: Hours,
        clock: Callable[[], datetime],
        *,
        pending_max_age: timedelta,
    ) -> None:
        self._ledger = ledger
        self._queue = queue
        self._worker = worker
        self._hours = hours
        self._clock = clock
        self._pending_max_age = pending_max_age
        self._failing = False

    async def run(self) -> None:
        while True:
            try:
                await self.sweep()
                self._failing = False
            except (LedgerUnavailable, QueueUnavailable) as error:
                if not self._failing:  # said once: the health of the parts is told elsewhere
                    logger.warning("sweep: {}; tried again every {:.0f} s", error, SWEEP_EVERY_S)
                self._failing = True
            await asyncio.sleep(SWEEP_EVERY_S)

    async def sweep(self) -> None:
        """One round. Raises LedgerUnavailable, QueueUnavailable."""
        await self._worker.release_idle()
        if self._hours.is_open(self._clock()):
            await self._flush_pending()
        async with self._ledger.read() as books:
            waiting = await books.alerts(WAITING)
        listed = await self._queue.contents()
        in_lists = {*listed.sell, *listed.buy}
        busy = self._worker.in_hand
        received = [
            a for a in waiting if a.status is AlertStatus.RECEIVED and a.id not in in_lists and a.id not in busy
        ]
        for side in (Side.SELL, Side.BUY):
            if ids := [alert.id for alert in received if alert.action is side]:
                await self._queue.push(side, ids)
        pending = [alert.id for alert in waiting if alert.status is AlertStatus.PENDING]
        if gone := set(listed.pending) - set(pending):
            await self._queue.remove(gone)
        if new := [alert_id for alert_id in pending if alert_id not in listed.pending]:
            await self._queue.put_pending(new)

    async def _flush_pending(self) -> None:
        async with self._ledger.read() as books:
            if not await books.alerts((AlertStatus.PENDING,), limit=1):
                return
        now = self._clock()
        async with self._ledger.begin() as books:
            pending = await books.alerts((AlertStatus.PENDING,))
            for alert in pending:
                if now - alert.received_at > self._pending_max_age:
                    reason = f"waited longer than {wording.seconds(self._pending_max_age.total_seconds())} for the market to open"
                    await books.move_alert(alert.id, (AlertStatus.PENDING,), AlertStatus.EXPIRED, reason)
                    await books.add_event(_expired(alert, reason, now))
                else:
                    await books.move_alert(alert.id, (AlertStatus.PENDING,), AlertStatus.RECEIVED, None)
        logger.info("the market is open: {} pending alerts looked at again", len(pending))


def _expired(alert: Alert, reason: str, now: datetime) -> NewEvent:
    text = f"{alert.action} {alert.ticker} expired: it {reason}. Nothing was ordered."
    return NewEvent(EventKind.ALERT_EXPIRED, now, text, alert.id, data={"ticker": alert.ticker, "side": alert.action})
