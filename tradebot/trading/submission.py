"""The last step before the wire: rechecks what may have changed since the decision, and writes the order.

Rules:
- From its look on it awaits nothing: kill switch, lock, gate, link session, age and throttle are checked and the order is written
  in one go, under the lock of the stored settings: a kill of another process comes strictly before or after it.
- An intent that grew old on the way is never sent.
- What certainly did not leave is judged again, or not sent at all where the owner's word stopped it: kill switch, pause. What may
  have left is left to recovery. The proof that nothing left is this process's: after a restart recovery asks IB.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from loguru import logger

from tradebot.domain.alerts import Side
from tradebot.domain.instance import EPOCH_KEY
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import UNRESOLVED, Trade, TradeStatus
from tradebot.errors import BrokerUnavailable, LedgerUnavailable, LockLost, OrderUncertain
from tradebot.ports import Books, Broker, Clock, InstanceLock, Ledger, LinkSession
from tradebot.trading.booking import Booking, Listeners
from tradebot.trading.gate import Gate
from tradebot.trading.judging import Intent
from tradebot.trading.switch import TradingSwitch

SEND_WITHIN_S = 5
"""An intent older than this when its turn to be written comes is not sent."""
_OWNERS_WORD = frozenset({ReasonCode.KILLED, ReasonCode.PAUSED})


@dataclass(frozen=True, slots=True)
class DecidedUnder:
    """What an intent was decided under: it leaves under nothing else."""

    generation: int  # of the gate
    link_session: LinkSession
    began: float  # the decision, by the clock that only goes on


class Submission:
    """The last step of a decided order."""

    def __init__(
        self,
        ledger: Ledger,
        broker: Broker,
        lock: InstanceLock,
        gate: Gate,
        switch: TradingSwitch,
        booking: Booking,
        listeners: Listeners,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._broker = broker
        self._lock = lock
        self._gate = gate
        self._switch = switch
        self._booking = booking
        self._listeners = listeners
        self._clock = clock

    async def submit(self, intent: Intent, under: DecidedUnder) -> Reason | None:
        """Sends the order. Returns why it certainly did not leave, where its alert is to be judged again.

        What the owner's word stopped is booked as not sent. Raises LedgerUnavailable, LockLost.
        """
        not_sent = await self._look_and_send(intent, under)
        if not_sent is None or not_sent.code not in _OWNERS_WORD:
            return not_sent
        logger.debug("order {} not sent: {}", intent.order.order_ref, not_sent)
        await self._booking.conclude(intent.trade.id, TradeStatus.FAILED, not_sent)
        return None

    async def _look_and_send(self, intent: Intent, under: DecidedUnder) -> Reason | None:
        """Under the lock of the settings: another process kills, or takes over, before this or after the order has left."""
        not_sent: Reason | None = Reason(ReasonCode.DATABASE_SILENT)
        try:
            async with self._ledger.begin() as books:
                settings = await books.settings()
                check_epoch(settings, self._lock)
                not_sent = await _older_alive(books, intent.trade)
                if not_sent is None:
                    not_sent = self._send(intent, self._switch.in_force(settings), under)
        except LedgerUnavailable as error:
            logger.warning("order {}: {}", intent.order.order_ref, error)
        return not_sent

    def _send(self, intent: Intent, state: TradingState, under: DecidedUnder) -> Reason | None:
        """One synchronous block. Returns why the order certainly did not leave, or None."""
        order = intent.order
        obstacle = self._obstacle(order.side, state, under)
        if obstacle is not None:
            return obstacle
        try:
            self._broker.place_group(intent.group, under.link_session.generation)
        except BrokerUnavailable as error:
            return Reason(ReasonCode.NOT_CONNECTED, {"detail": str(error)})
        except OrderUncertain as error:
            logger.critical("order {} may have been sent: {}", order.order_ref, error)
            return None  # looked for when it is overdue: until then it may still be on its way
        for one in intent.group:
            sent = one.order
            logger.info(
                "order {} sent: {} {:f} {} {}", sent.order_ref, sent.side, sent.qty, sent.contract.ticker, sent.terms
            )
        for hear in self._listeners.sent:  # in a turn of their own: their mistakes are not this order's
            asyncio.get_running_loop().call_soon(hear, order.order_ref)
        return None

    def _obstacle(self, side: Side, state: TradingState, under: DecidedUnder) -> Reason | None:
        """The first thing that stands in the order's way."""
        link_session = self._broker.connection.link_session
        interrupted = self._gate.generation != under.generation or link_session != under.link_session
        late = self._clock.monotonic() - under.began > SEND_WITHIN_S
        obstacles = (
            (state is TradingState.KILLED, Reason(ReasonCode.KILLED)),
            (state is TradingState.PAUSED and side is Side.BUY, Reason(ReasonCode.PAUSED)),
            (not self._lock.held, Reason(ReasonCode.LOCK_LOST)),
            (interrupted, Reason(ReasonCode.LINK_INTERRUPTED)),
            (late, Reason(ReasonCode.TOO_LATE, {"within_s": SEND_WITHIN_S})),
            (self._broker.throttled(), Reason(ReasonCode.THROTTLED)),
        )
        return next((reason for stands, reason in obstacles if stands), None)


async def _older_alive(books: Books, trade: Trade) -> Reason | None:
    """That another order of the alert came to life since the decision: nothing ever has two orders alive."""
    if trade.n == 1:
        return None
    others = [one for one in await books.trades_of_alert(trade.alert_id) if one.id != trade.id]
    alive = next((one for one in others if one.status in UNRESOLVED), None)
    return None if alive is None else Reason(ReasonCode.OLDER_ALIVE, {"order_ref": alive.order_ref})


def check_epoch(settings: Mapping[str, str], lock: InstanceLock) -> None:
    """Raises LockLost when another instance has begun an epoch of its own."""
    if settings.get(EPOCH_KEY, "0") != str(lock.epoch):
        raise LockLost("Another instance has taken this database over: this one sends nothing any more.")
