"""Alerts that are not decided yet, and what brings each to the queue again: an order's end, or some seconds.

Rules:
- Nothing here is stored: after a restart the requeue brings what is undecided.
- What waits for an order is let go by that order's end, and by a look every few seconds, should the end have been missed.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass

from loguru import logger

from tradebot.domain.alerts import Alert, Side
from tradebot.domain.trades import UNRESOLVED, OrderRole, Trade
from tradebot.errors import QueueUnavailable
from tradebot.ports import Clock, Ledger, Queue
from tradebot.trading.broker_waits import BrokerWaits
from tradebot.trading.decision import holds_back
from tradebot.trading.judging import Lift, PreTradeData, Wait
from tradebot.trading.lifting import Lifting

ASK_AGAIN_S = 1.0
LOOK_AGAIN_S = 5.0
"""Whether the owner has answered: an exit waits for him, and IB's positions are asked for anew each time."""


@dataclass(frozen=True, slots=True)
class _Parked:
    """An alert that waits for an order to end."""

    alert: Alert
    con_ids: frozenset[int]  # that its order would be of
    replaces: bool = False  # also for its strategy's entries that rest: they are being cancelled

    def waits_for(self, trade: Trade) -> bool:
        of_its_own = trade.ticker == self.alert.ticker or trade.con_id in self.con_ids
        cancelled = self.replaces and trade.strategy == self.alert.strategy and trade.role is OrderRole.ENTRY
        return of_its_own and (cancelled or holds_back(trade, self.alert))


class Waiting:
    """Keeps what waits, until it is put on the queue again."""

    def __init__(
        self, ledger: Ledger, queue: Queue, lifting: Lifting, broker_waits: BrokerWaits, *, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._queue = queue
        self._lifting = lifting
        self._broker_waits = broker_waits
        self._clock = clock
        self._parked: dict[int, _Parked] = {}  # by alert id
        self._for_a_while: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def parked(self) -> frozenset[int]:
        """Alerts that wait for an order to end."""
        return frozenset(self._parked)

    @property
    def for_a_while(self) -> frozenset[int]:
        """Alerts that wait for some seconds: whoever takes one from the queue meanwhile leaves it alone."""
        return frozenset(self._for_a_while)

    async def hold(self, alert: Alert, until: Wait | Lift, data: PreTradeData) -> None:
        """Has it wait for what its decision asked for. Raises LedgerUnavailable, LockLost."""
        if isinstance(until, Lift):
            await self._lift(alert, until, data)
        elif until in (Wait.TICKER, Wait.ENTRY) and alert.ticker is not None:
            logger.info("alert {} waits until the order of {} has ended", alert.id, alert.ticker)
            self._parked[alert.id] = _Parked(alert, data.con_ids, replaces=until is Wait.ENTRY)
        elif until is Wait.BROKER:
            reason = data.unavailable or "what it told is too old, or not complete yet"
            level = "INFO" if self._broker_waits.waits(alert.id, reason) else "DEBUG"
            logger.log(level, "alert {} waits for IB: {}", alert.id, reason)
            self.again(alert, ASK_AGAIN_S)
        elif until is Wait.OWNER:
            logger.debug("alert {} waits for the owner: was it a split?", alert.id)
            self.again(alert, LOOK_AGAIN_S)

    def again(self, alert: Alert, wait_s: float) -> None:
        """It is judged again in so many seconds."""
        self._for_a_while.add(alert.id)
        self.start(self._push_later(alert, wait_s), f"again {alert.id}")

    def trade_ended(self, trade: Trade) -> None:
        """What waited for it goes on."""
        waited = [one for one in self._parked.values() if one.waits_for(trade)]
        self.start(self._release(waited), f"release {trade.ticker}")

    async def release_idle(self) -> None:
        """Lets go on what waits for no order any more. Raises LedgerUnavailable."""
        if not self._parked:
            return
        async with self._ledger.read() as books:
            unresolved = await books.trades(UNRESOLVED)
        idle = [one for one in self._parked.values() if not any(one.waits_for(trade) for trade in unresolved)]
        await self._release(idle)

    def start(self, work: Coroutine[None, None, None], name: str) -> None:
        """Beside everything else, until it is over or the worker ends."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def end(self) -> None:
        """What merely waits is stored, and comes again with the next process."""
        for task in self._tasks:
            task.cancel()

    async def _lift(self, alert: Alert, lift: Lift, data: PreTradeData) -> None:
        logger.debug("alert {} waits until nothing protects the shares that it sells", alert.id)
        self._parked[alert.id] = _Parked(alert, data.con_ids)
        await self._lifting.lift(lift)
        if lift.cuts:  # no end of an order will release it
            self._parked.pop(alert.id, None)
            self.again(alert, ASK_AGAIN_S)

    async def _push_later(self, alert: Alert, wait_s: float) -> None:
        try:
            await self._clock.sleep(wait_s)
        finally:
            self._for_a_while.discard(alert.id)
        await self._push([alert])

    async def _release(self, parked: Iterable[_Parked]) -> None:
        await self._push([one.alert for one in parked if self._parked.pop(one.alert.id, None) is not None])

    async def _push(self, alerts: Iterable[Alert]) -> None:
        ordered = sorted(alerts, key=lambda alert: alert.id)
        try:
            for side in (Side.SELL, Side.BUY):
                if ids := [alert.id for alert in ordered if alert.action is side]:
                    await self._queue.push(side, ids)
        except QueueUnavailable as error:
            for alert in ordered:  # whatever order's end has freed them
                keyed = logger.bind(alert_id=alert.id, ticker=alert.ticker, order_ref=None)
                keyed.warning("alert {} waits: {}; the requeue brings it again", alert.id, error)
