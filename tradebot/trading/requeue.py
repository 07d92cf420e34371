"""Keeps the lists what they are: a function of the stored status. And brings pending alerts back when the market opens.

Rules: what is stored as RECEIVED or PENDING and stands in no list is pushed, in the order of arrival; a double id is
harmless. What a queue does not take or give, and a SELL that nobody has taken within a second, is brought to the worker from
the database. PENDING alerts become RECEIVED while the market is open, whenever that is noticed: at the open by the market-open
job, later by any round, for instance that of a daemon which was down at the open. A session's first round tells, once,
how many go on. Those that waited too long EXPIRE, and the owner is notified.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from loguru import logger

from tradebot.domain.alerts import WAITING, Alert, AlertStatus, Side
from tradebot.domain.calendar import Session
from tradebot.domain.events import NewEvent
from tradebot.domain.exit_ends import left_unfilled
from tradebot.domain.facts.alerts import AlertExpired
from tradebot.domain.facts.daemon import MarketOpen, QueueJunk
from tradebot.domain.hours import Hours
from tradebot.domain.job_plan import MARKET_OPEN
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.errors import LedgerUnavailable, QueueUnavailable
from tradebot.ports import IDLE_S, Books, Clock, Ledger, Pulse, Queue
from tradebot.trading.every import every, happens
from tradebot.trading.worker import Worker

REQUEUE_EVERY_S = 2.0
SELLS_EVERY_S = 0.4
"""A SELL that waits in two looks is brought: within a second."""
JUNK_REPORTED_EVERY = timedelta(hours=1)


class Requeue:
    """Pushes what is stored and in no list, every two seconds."""

    def __init__(
        self,
        ledger: Ledger,
        queue: Queue,
        worker: Worker,
        hours: Hours,
        clock: Clock,
        *,
        pulse: Pulse,
        pending_max_age: timedelta,
    ) -> None:
        self._ledger = ledger
        self._queue = queue
        self._worker = worker
        self._hours = hours
        self._clock = clock
        self._pulse = pulse
        self._pending_max_age = pending_max_age
        self._requeueing = asyncio.Lock()
        self._sells_seen: set[int] = set()
        self._junk = 0
        self._junk_reported: datetime | None = None
        self._session: Session | None = None  # the one whose opening was reported last

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_the_lists(), name="requeue")
            group.create_task(self._watch_sells(), name="waiting SELLs")

    async def _keep_the_lists(self) -> None:
        beat = self._pulse.of("requeue")
        await every(REQUEUE_EVERY_S, self.run_once, what="requeue", clock=self._clock, beat=beat)

    async def _watch_sells(self) -> None:
        what, beat = "look at waiting SELLs", self._pulse.of("waiting SELLs")
        await every(SELLS_EVERY_S, self._look_at_sells, what=what, clock=self._clock, beat=beat)

    async def _look_at_sells(self) -> float:
        """As long as one waits, and from when one may: nobody looks at a bot that has nothing to do."""
        arrivals = self._ledger.arrivals
        if not self._sells_seen and not await happens(arrivals, IDLE_S):
            return 0
        await self._clock.sleep(SELLS_EVERY_S)
        arrivals.clear()
        try:
            await self.bring_late_sells()
        except LedgerUnavailable:
            arrivals.set()
            raise
        return 0

    async def bring_late_sells(self) -> None:
        """Whatever the queue does. Raises LedgerUnavailable."""
        async with self._ledger.read() as books:
            received = await books.alerts((AlertStatus.RECEIVED,))
        taken = self._worker.in_hand | self._worker.taking.brought
        waiting = {alert.id for alert in received if alert.action is Side.SELL} - taken
        self._worker.taking.bring(Side.SELL, sorted(waiting & self._sells_seen))
        self._sells_seen = waiting

    async def run_once(self) -> None:
        """One round. Raises LedgerUnavailable, QueueUnavailable."""
        async with self._requeueing:
            await self._worker.waiting.release_idle()
            waiting = await self._waiting()
            if await self._end_waiting([a for a in waiting if a.status is AlertStatus.PENDING], self._clock.now()):
                waiting = await self._waiting()
            await self._fill_lists(waiting)
            await self._report_junk(self._clock.now())

    async def _waiting(self) -> Sequence[Alert]:
        async with self._ledger.read() as books:
            return await books.alerts(WAITING)

    async def _fill_lists(self, waiting: Sequence[Alert]) -> None:
        taking = self._worker.taking
        busy = self._worker.in_hand | taking.brought
        received = [a for a in waiting if a.status is AlertStatus.RECEIVED and a.id not in busy]
        if received:
            self._ledger.arrivals.set()  # of an earlier run too, or stored by another process
        try:
            await self._push(received, [alert.id for alert in waiting if alert.status is AlertStatus.PENDING])
        except QueueUnavailable:
            self._bring(received)
            raise
        if not taking.queue_gives:
            self._bring(received)

    def _bring(self, received: Sequence[Alert]) -> None:
        for side in (Side.SELL, Side.BUY):
            self._worker.taking.bring(side, [alert.id for alert in received if alert.action is side])

    async def _push(self, received: Sequence[Alert], pending: Sequence[int]) -> None:
        """What is in no list. Raises QueueUnavailable."""
        listed = await self._queue.contents()
        received = [alert for alert in received if alert.id not in {*listed.sell, *listed.buy}]
        if gone := set(listed.pending) - set(pending):
            await self._queue.remove(gone)  # from every list: before what is gone from here is pushed elsewhere
        for side in (Side.SELL, Side.BUY):
            if ids := [alert.id for alert in received if alert.action is side]:
                await self._queue.push(side, ids)
        if new := [alert_id for alert_id in pending if alert_id not in listed.pending]:
            await self._queue.put_pending(new)

    async def _report_junk(self, now: datetime) -> None:
        new = self._queue.junk + self._worker.taking.junk - self._junk
        lately = self._junk_reported is not None and now - self._junk_reported < JUNK_REPORTED_EVERY
        if not new or lately:
            return
        async with self._ledger.begin() as books:
            await books.add_event(NewEvent(QueueJunk(self._queue.name, new), now))
        self._junk, self._junk_reported = self._junk + new, now

    async def _end_waiting(self, pending: Sequence[Alert], now: datetime) -> bool:
        """PENDING ends for what is too old, and for everything while the market is open. Whether anything may have changed."""
        is_open = self._hours.is_open(now)
        session = None if self._hours.always else self._hours.calendar.current(now)
        begins = session is not None and session != self._session
        if not (begins or [alert for alert in pending if is_open or self._is_old(alert, now)]):
            return False
        async with self._ledger.begin() as books:
            pending = await books.alerts((AlertStatus.PENDING,))
            # An exit that the close cut off waits for this open, whenever its alert came.
            old = [a for a in pending if self._is_old(a, now) and not await _was_at_ib(books, a)]
            for alert in old:
                await self._expire(books, alert, now)
            going_on = [alert for alert in pending if is_open and alert not in old]
            for alert in going_on:
                await books.move_alert(alert.id, (AlertStatus.PENDING,), AlertStatus.RECEIVED, None)
            # The opening is the market-open job's run of that instant, here too: reported once.
            if session is not None and await books.record_job(MARKET_OPEN, session.open):
                await books.add_event(NewEvent(_opened(session, going_on, len(old)), now))
        self._session = session or self._session
        for alert in going_on:
            logger.bind(alert_id=alert.id, ticker=alert.ticker).info("alert {} goes on: the market is open", alert.id)
        return True

    def _is_old(self, alert: Alert, now: datetime) -> bool:
        return now - alert.received_at > self._pending_max_age

    async def _expire(self, books: Books, alert: Alert, now: datetime) -> None:
        max_age = self._pending_max_age
        reason = Reason(ReasonCode.EXPIRED, {"max_age_s": Decimal(str(max_age.total_seconds()))})
        await books.move_alert(alert.id, (AlertStatus.PENDING,), AlertStatus.EXPIRED, reason)
        expired = AlertExpired(alert.ticker, alert.action, max_age.total_seconds())
        await books.add_event(NewEvent(expired, now, alert.id))


async def _was_at_ib(books: Books, alert: Alert) -> bool:
    return left_unfilled(await books.trades_of_alert(alert.id)) is not None


def _opened(session: Session, going_on: list[Alert], expired: int) -> MarketOpen:
    sells = sum(alert.action is Side.SELL for alert in going_on)
    return MarketOpen(
        session=session.date,
        closes=session.close,
        early=session.name if session.early else None,
        sells=sells,
        buys=len(going_on) - sells,
        expired=expired,
    )
