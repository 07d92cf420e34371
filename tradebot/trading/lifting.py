"""Cancels the stops and targets of shares that an exit is about to sell, or makes them smaller, and has IB asked until it has
said how each has ended.

Rules:
- What is lifted is stored already (`judging_exits.py`). The exit is judged every few seconds until nothing is left to be lifted,
  and each time comes by here, as long as nothing else stops it: the kill switch, the close, a link that is away.
- A cancel may be lost, or refused because the order is just filling: it is sent again while the order works, and IB is asked.
- After ten seconds without an end the owner is told, once. The exit goes on by itself when IB has shown the end.
- Nothing is stored here: after a restart the exit is judged anew, and the cancels are sent again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from loguru import logger

from tradebot.domain.brokerage import BrokerEvent, Connected, OrdersTaken, UpstreamBack
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.orders import OrderStuck, Stuck
from tradebot.domain.protection import Change
from tradebot.domain.trades import Trade
from tradebot.errors import BrokerUnavailable
from tradebot.ports import Broker, Clock, InstanceLock, Ledger
from tradebot.trading.booking import Listeners
from tradebot.trading.judging import Lift
from tradebot.trading.notices import store_notice_once
from tradebot.trading.protective_orders import ProtectiveOrders

ASK_AFTER_S = 2.0
ASK_AGAIN_S = 10.0
CANCEL_AGAIN_S = 15.0
TELL_AFTER_S = 10.0


@dataclass(slots=True)
class _Asked:
    """What was asked of IB about one order, by the clock that only goes on."""

    first: float
    cancelled: float | None = None  # the last time; None: not on this connection
    questioned: float | None = None


class Lifting:
    """Has the protection of shares end for an exit."""

    def __init__(
        self,
        ledger: Ledger,
        broker: Broker,
        lock: InstanceLock,
        listeners: Listeners,
        orders: ProtectiveOrders,
        *,
        clock: Clock,
        ask_ib: Callable[[], None],
    ) -> None:
        """`ask_ib` has IB asked about all trades that are in doubt, and returns at once."""
        self._ledger = ledger
        self._broker = broker
        self._lock = lock
        self._orders = orders
        self._clock = clock
        self._ask_ib = ask_ib
        self._asked: dict[int, _Asked] = {}  # whose cancel is to come, by trade id
        self._cut_at: dict[int, float] = {}  # when a cut was asked for on this connection, by trade id
        listeners.connection.append(self._connection_changed)
        listeners.ended.append(self._ended)

    def _connection_changed(self, event: BrokerEvent) -> None:
        if isinstance(event, Connected | UpstreamBack | OrdersTaken):
            for asked in self._asked.values():
                asked.cancelled = None  # it may have been lost with the connection
            self._cut_at.clear()

    def _ended(self, trade: Trade) -> None:
        self._asked.pop(trade.id, None)
        self._cut_at.pop(trade.id, None)

    async def lift(self, wanted: Lift) -> None:
        """Has each cancelled or made smaller, unless that was asked for just now. Raises LedgerUnavailable, LockLost."""
        now, orders = self._clock.monotonic(), wanted.orders
        for order in orders:
            self._cancel(order, self._asked.setdefault(order.id, _Asked(now)), now)
        for cut in wanted.cuts:
            await self._cut(cut, wanted.name, now)
        if any(self._takes_question(self._asked[order.id], now) for order in orders):
            self._ask_ib()
        for order in orders:
            for_s = now - self._asked[order.id].first
            if for_s > TELL_AFTER_S:
                stuck = OrderStuck.of(order, code=Stuck.EXIT_WAITS, perm_id=order.perm_id, for_s=for_s)
                notice = NewEvent(stuck, self._clock.now(), order.alert_id, order.id)
                await store_notice_once(self._ledger, notice)

    def _cancel(self, order: Trade, asked: _Asked, now: float) -> None:
        if not self._lock.held or (asked.cancelled is not None and now - asked.cancelled < CANCEL_AGAIN_S):
            return
        assert order.ib_order_id is not None, "an intent is stored with its order id"
        keyed = logger.bind(alert_id=order.alert_id, ticker=order.ticker, order_ref=order.order_ref)
        try:
            self._broker.cancel(order.ib_order_id, order.order_ref)
        except BrokerUnavailable as error:
            keyed.warning("order {} is not cancelled yet: {}", order.order_ref, error)
            return
        asked.cancelled = now
        keyed.info("order {} is being cancelled: an exit sells its shares", order.order_ref)

    async def _cut(self, cut: Change, name: str, now: float) -> None:
        """Stored before it is written, as any change of a protective order."""
        if now - self._cut_at.get(cut.order.id, -CANCEL_AGAIN_S) >= CANCEL_AGAIN_S:
            self._cut_at[cut.order.id] = now
            await self._orders.change(cut, name, self._broker.connection.link_session)

    def _takes_question(self, asked: _Asked, now: float) -> bool:
        """Whether IB is to be asked now what became of it; if so, that is noted."""
        last = asked.questioned
        due = now - asked.first >= ASK_AFTER_S if last is None else now - last >= ASK_AGAIN_S
        if due:
            asked.questioned = now
        return due
