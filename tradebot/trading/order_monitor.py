"""Watches the orders in flight.

Rules:
- What is overdue, works when the session has ended, or is held for a short locate is cancelled; under the kill switch everything.
- A cancel is sent again and again while the order works on, for IB may refuse or lose it. An order is never sent again.
- IB is asked about a trade soon after it came in doubt, and again and again about one that is UNKNOWN or was cancelled.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

from loguru import logger

from tradebot.domain.brokerage import BrokerEvent, Connected, ErrorKind, OrderError, OrdersTaken, UpstreamBack
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.orders import CancelReason, OrderCancelling
from tradebot.domain.hours import Hours
from tradebot.domain.settings import TradingState
from tradebot.domain.trades import LIVE, UNRESOLVED, Trade, TradeStatus
from tradebot.ports import Broker, Clock, Ledger
from tradebot.trading.every import every
from tradebot.trading.notices import store_notice
from tradebot.trading.switch import TradingSwitch

LOOK_EVERY_S = 1.0
LOOK_AGAIN_S = 2.0
"""After an error about an order, IB's own word on it usually comes within a second."""
CANCEL_GRACE_S = 10.0
CANCEL_AGAIN_S = 15.0
"""Later than the question that the cancel before was given its grace for."""
UNKNOWN_EVERY_S = 60.0
CLOSE_GRACE = timedelta(seconds=2)
"""A fill of the session's last second is still on its way to the books this long."""


class OrderMonitor:
    """Cancels what may not work on, and has IB asked about what is in doubt."""

    def __init__(
        self,
        ledger: Ledger,
        broker: Broker,
        *,
        switch: TradingSwitch,
        hours: Hours,
        clock: Clock,
        order_timeout_s: float,
        ask_ib: Callable[[], None],
    ) -> None:
        """`ask_ib` has IB asked about all trades that are in doubt, and returns at once."""
        self._ledger = ledger
        self._broker = broker
        self._switch = switch
        self._hours = hours
        self._clock = clock
        self._order_timeout_s = order_timeout_s
        self._ask_ib = ask_ib
        self._in_flight_since: dict[int, float] = {}  # trade id → monotonic time when first seen in flight
        self._cancelled_at: dict[int, float] = {}  # trade id → monotonic time of the last cancel
        self._ask_at: dict[str, float] = {}  # order ref → monotonic time of the next question
        self._held: set[str] = set()  # order refs that IB holds for a short locate

    # --- what booking reports: note and return ----------------------------------------------------------------------

    def connection_changed(self, event: BrokerEvent) -> None:
        if isinstance(event, Connected | UpstreamBack | OrdersTaken):
            self._cancelled_at.clear()  # a cancel may have been lost with the connection

    def order_in_doubt(self, order_ref: str, error: OrderError | None) -> None:
        soon = self._clock.monotonic() + LOOK_AGAIN_S
        self._ask_at[order_ref] = min(soon, self._ask_at.get(order_ref, soon))
        if error is not None and error.kind is ErrorKind.HELD:
            self._held.add(order_ref)

    # --- the loop ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Looks every second, and at once when the trading state changes."""
        what, changed = "orders in flight not looked at", self._switch.changed
        await every(LOOK_EVERY_S, self._look, what=what, clock=self._clock, wake=changed)

    async def _look(self) -> None:
        if not (self._broker.connection.up and self._broker.connection.upstream):
            return
        async with self._ledger.read() as books:
            unresolved = await books.trades(UNRESOLVED)
        self._forget_all_but(unresolved)
        for trade in unresolved:
            if trade.status in LIVE:
                await self._cancel_if_due(trade)
        to_ask_about = [trade for trade in unresolved if self._takes_question(trade)]
        if to_ask_about:
            self._ask_ib()

    # --- cancelling -------------------------------------------------------------------------------------------------

    async def _cancel_if_due(self, trade: Trade) -> None:
        why = self._why_cancel(trade)
        if why is None:
            return
        now, before = self._clock.monotonic(), self._cancelled_at.get(trade.id)
        if before is not None and now - before < CANCEL_AGAIN_S:
            return
        assert trade.ib_order_id is not None, "an intent is stored with its order id"
        self._broker.cancel(trade.ib_order_id, trade.order_ref)
        self._cancelled_at[trade.id] = now
        with logger.contextualize(alert_id=trade.alert_id, ticker=trade.ticker, order_ref=trade.order_ref):
            if before is not None:
                logger.warning("order {} still works: its cancel is sent again", trade.order_ref)
                return
            cancelling = OrderCancelling.of(trade, code=why, timeout_s=self._order_timeout_s)
            await store_notice(self._ledger, NewEvent(cancelling, self._clock.now(), trade.alert_id, trade.id))

    def _why_cancel(self, trade: Trade) -> CancelReason | None:
        """The weightiest reason to cancel it; None when it may work on."""
        now = self._clock.monotonic()
        overdue = now - self._in_flight_since.setdefault(trade.id, now) > self._order_timeout_s
        if trade.order_ref in self._held:
            return CancelReason.SHORT_LOCATE
        if self._switch.state is TradingState.KILLED:
            return CancelReason.KILLED
        if not self._hours.is_open(self._clock.now() - CLOSE_GRACE):
            return CancelReason.SESSION_OVER
        return CancelReason.OVERDUE if overdue else None

    # --- asking -----------------------------------------------------------------------------------------------------

    def _takes_question(self, trade: Trade) -> bool:
        """Whether IB is to be asked about this trade now; if so, the next time is set."""
        now = self._clock.monotonic()
        repeat_s = UNKNOWN_EVERY_S if trade.status is TradeStatus.UNKNOWN else CANCEL_GRACE_S
        repeats = trade.status is TradeStatus.UNKNOWN or trade.id in self._cancelled_at
        if repeats:
            self._ask_at.setdefault(trade.order_ref, now + repeat_s)
        if now < self._ask_at.get(trade.order_ref, float("inf")):
            return False
        del self._ask_at[trade.order_ref]
        if repeats:
            self._ask_at[trade.order_ref] = now + repeat_s
        return True

    def _forget_all_but(self, unresolved: Sequence[Trade]) -> None:
        ids, refs = {trade.id for trade in unresolved}, {trade.order_ref for trade in unresolved}
        self._in_flight_since = {key: at for key, at in self._in_flight_since.items() if key in ids}
        self._cancelled_at = {key: at for key, at in self._cancelled_at.items() if key in ids}
        self._ask_at = {key: at for key, at in self._ask_at.items() if key in refs}
        self._held &= refs
