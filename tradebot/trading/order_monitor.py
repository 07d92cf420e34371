"""Watches the orders in flight.

Rules:
- What works though its time is over (`domain/order_life.py`), or is held for a short locate, is cancelled; under the kill switch
  every entry and exit; and what somebody wants cancelled (`entries_at_work.py`).
- A market order that is overdue is cancelled when it is an entry. One that waits for its price has no such time. An exit is not
  given up: it is told once, and works on.
- Stops and targets are left alone, whatever is cancelled beside them: they lower risk. But none may be held for a short locate,
  and a person may have one cancelled.
- Of two orders of one alert that are alive against all expectation, the newer one is cancelled.
- What IB lists as Inactive does not work: it is cancelled like an overdue entry.
- An UNKNOWN entry that was written with its stop and target, and of which IB has shown nothing, may wait at IB for the rest of
  them: it is cancelled by its id, once a connection. What has filled of it IB does not cancel, nor what protects that.
- A cancel is sent again while the order works on, for IB may refuse or lose it, and no longer than two minutes: then a person is
  needed, and told so, once. An order is never sent again.
- IB is asked about a trade soon after it came in doubt, and again and again about one that is UNKNOWN, was cancelled, is an
  exit over its time, or is not shown for so long: that it works on is IB's word, not a guess, and what IB does not show is
  offered to the owner.
- IB cancels what is good till cancelled with a quarter's end: that is told a week ahead, once an order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from loguru import logger

from tradebot.domain.brokerage import (
    BrokerEvent,
    Connected,
    ErrorKind,
    OrderError,
    OrdersTaken,
    OrderState,
    UpstreamBack,
)
from tradebot.domain.events import Facts, NewEvent
from tradebot.domain.facts.orders import CancelReason, ExitWorksOn, OrderCancelling, OrderExpires, OrderStuck, Stuck
from tradebot.domain.hours import Hours
from tradebot.domain.order_life import expires_on, is_over
from tradebot.domain.settings import TradingState
from tradebot.domain.terms import TimeInForce
from tradebot.domain.trades import LIVE, UNRESOLVED, OrderRole, Trade, TradeStatus
from tradebot.ports import Beat, Broker, Clock, Ledger, Pulse
from tradebot.trading.entries_at_work import WANTED, cancels_wanted
from tradebot.trading.every import every
from tradebot.trading.notices import Notices, store_notice_once
from tradebot.trading.switch import TradingSwitch

LOOK_EVERY_S = 1.0
LOOK_AGAIN_S = 2.0
"""After an error about an order, IB's own word on it usually comes within a second."""
CANCEL_GRACE_S = 10.0
CANCEL_AGAIN_S = 15.0
"""Later than the question that the cancel before was given its grace for."""
UNKNOWN_EVERY_S = 60.0
STUCK_AFTER_S = 120.0
"""What IB has not done by then it does not do by being asked again."""
EXPIRY_TOLD_BEFORE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class _Cancel:
    """What was asked of IB about one order, by the clock that only goes on."""

    why: CancelReason
    first: float
    last: float


class OrderMonitor:
    """Cancels what may not work on, and has IB asked about what is in doubt."""

    def __init__(
        self,
        ledger: Ledger,
        broker: Broker,
        notices: Notices,
        *,
        switch: TradingSwitch,
        hours: Hours,
        clock: Clock,
        pulse: Pulse,
        order_timeout_s: float,
        ask_ib: Callable[[], None],
    ) -> None:
        """`ask_ib` has IB asked about all trades that are in doubt, and returns at once."""
        self._ledger = ledger
        self._broker = broker
        self._notices = notices
        self._switch = switch
        self._hours = hours
        self._clock = clock
        self._pulse = pulse
        self._order_timeout_s = order_timeout_s
        self._ask_ib = ask_ib
        self._in_flight_since: dict[int, float] = {}  # trade id → monotonic time when first seen in flight
        self._cancels: dict[int, _Cancel] = {}  # by trade id
        self._inactive_since: dict[str, float] = {}  # order ref → monotonic time when IB first showed it as Inactive
        self._told: set[tuple[int, type[Facts]]] = set()  # trade ids with what was told of them, once
        self._ask_at: dict[str, float] = {}  # order ref → monotonic time of the next question
        self._held: set[str] = set()  # order refs that IB holds for a short locate

    # --- what booking reports: note and return ----------------------------------------------------------------------

    def connection_changed(self, event: BrokerEvent) -> None:
        if isinstance(event, Connected | UpstreamBack | OrdersTaken):
            self._cancels.clear()  # a cancel may have been lost with the connection

    def order_in_doubt(self, order_ref: str, error: OrderError | None) -> None:
        soon = self._clock.monotonic() + LOOK_AGAIN_S
        self._ask_at[order_ref] = min(soon, self._ask_at.get(order_ref, soon))
        if error is not None and error.kind is ErrorKind.HELD:
            self._held.add(order_ref)

    def order_shown(self, order_ref: str, state: OrderState) -> None:
        if state is OrderState.INACTIVE:
            self._inactive_since.setdefault(order_ref, self._clock.monotonic())
        else:
            self._inactive_since.pop(order_ref, None)

    # --- the loop ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Looks every second, and at once when the trading state changes."""
        what, beat = "orders in flight not looked at", self._pulse.of("order monitor")
        wake = self._switch.changed
        await every(LOOK_EVERY_S, lambda: self._look(beat), what=what, clock=self._clock, beat=beat, wake=wake)

    async def _look(self, beat: Beat) -> None:
        if not (self._broker.connection.up and self._broker.connection.upstream):
            return
        async with self._ledger.read() as books:
            unresolved = await books.trades(UNRESOLVED)
            wanted = await cancels_wanted(books, unresolved)
        self._forget_all_but(unresolved)
        for trade in unresolved:
            beat()
            if trade.status in LIVE:
                await self._cancel_if_due(trade, unresolved, wanted)
                await self._tell_of_inactive(trade)
                await self._tell_of_its_end(trade)
            elif _may_have_come_in_part(trade) and trade.id not in self._cancels:
                await self._cancel(trade, CancelReason.GROUP_IN_DOUBT)
        to_ask_about = [trade for trade in unresolved if self._takes_question(trade)]
        if to_ask_about:
            self._ask_ib()

    # --- cancelling -------------------------------------------------------------------------------------------------

    async def _cancel_if_due(
        self, trade: Trade, unresolved: Sequence[Trade], wanted: Mapping[int, CancelReason]
    ) -> None:
        why = self._why_cancel(trade, unresolved) or wanted.get(trade.id)
        if why is None:
            await self._tell_of_what_works_on(trade)
            return
        now, before = self._clock.monotonic(), self._cancels.get(trade.id)
        if before is not None and before.why is not why:
            before = None
        if before is not None and now - before.first > STUCK_AFTER_S:
            await self._tell_stuck(trade, Stuck.CANCEL_UNANSWERED, now - before.first)
            return
        if before is not None and now - before.last < CANCEL_AGAIN_S:
            return
        await self._cancel(trade, why, before)

    async def _cancel(self, trade: Trade, why: CancelReason, before: _Cancel | None = None) -> None:
        now = self._clock.monotonic()
        assert trade.ib_order_id is not None, "an intent is stored with its order id"
        self._broker.cancel(trade.ib_order_id, trade.order_ref)
        self._cancels[trade.id] = _Cancel(why, now, now) if before is None else replace(before, last=now)
        with logger.contextualize(alert_id=trade.alert_id, ticker=trade.ticker, order_ref=trade.order_ref):
            if before is not None:
                logger.warning("order {} still works: its cancel is sent again", trade.order_ref)
                return
            if why in WANTED:  # told when that was stored
                logger.info("order {} is cancelled: {}", trade.order_ref, why)
                return
            cancelling = OrderCancelling.of(trade, code=why, timeout_s=self._order_timeout_s)
            await self._notices.store(NewEvent(cancelling, self._clock.now(), trade.alert_id, trade.id))

    def _why_cancel(self, trade: Trade, unresolved: Sequence[Trade]) -> CancelReason | None:
        """The weightiest reason to cancel it; None when it may work on."""
        if trade.order_ref in self._held or trade.is_protective:
            return CancelReason.SHORT_LOCATE if trade.order_ref in self._held else None
        if self._switch.state is TradingState.KILLED:
            return CancelReason.KILLED
        if is_over(trade, self._clock.now(), self._hours):
            return CancelReason.TIME_OVER if trade.tif is TimeInForce.GTD else CancelReason.SESSION_OVER
        if any(
            other.alert_id == trade.alert_id and other.role is trade.role and other.id < trade.id
            for other in unresolved
        ):
            return CancelReason.OLDER_ALIVE
        if trade.role is OrderRole.ENTRY and not trade.waits_for_its_price:
            return CancelReason.OVERDUE if self._is_overdue(trade) else None
        return CancelReason.INACTIVE if self._inactive_s(trade) > self._order_timeout_s else None

    def _is_overdue(self, trade: Trade) -> bool:
        now = self._clock.monotonic()
        return now - self._in_flight_since.setdefault(trade.id, now) > self._order_timeout_s

    def _inactive_s(self, trade: Trade) -> float:
        """How long IB has shown it as Inactive."""
        now = self._clock.monotonic()
        return now - self._inactive_since.get(trade.order_ref, now)

    # --- telling ----------------------------------------------------------------------------------------------------

    async def _tell_of_what_works_on(self, trade: Trade) -> None:
        """Only what IB has shown: the other is asked about."""
        if trade.role is OrderRole.EXIT and self._is_overdue(trade) and trade.status is TradeStatus.SUBMITTED:
            since = trade.submitted_at or trade.created_at
            await self._tell_once(trade, ExitWorksOn.of(trade, since=since, timeout_s=self._order_timeout_s))

    async def _tell_of_inactive(self, trade: Trade) -> None:
        inactive_s = self._inactive_s(trade)
        if inactive_s > STUCK_AFTER_S:
            await self._tell_stuck(trade, Stuck.INACTIVE, inactive_s)

    async def _tell_of_its_end(self, trade: Trade) -> None:
        on = expires_on(trade, self._hours.calendar)
        today = self._hours.calendar.trading_date(self._clock.now())
        if on is not None and on - today <= EXPIRY_TOLD_BEFORE:
            await self._tell_once(trade, OrderExpires.of(trade, on=on, role=trade.role))

    async def _tell_stuck(self, trade: Trade, code: Stuck, for_s: float) -> None:
        await self._tell_once(trade, OrderStuck.of(trade, code=code, perm_id=trade.perm_id, for_s=for_s))

    async def _tell_once(self, trade: Trade, facts: Facts) -> None:
        if (trade.id, type(facts)) not in self._told:
            await store_notice_once(self._ledger, NewEvent(facts, self._clock.now(), trade.alert_id, trade.id))
            self._told.add((trade.id, type(facts)))

    # --- asking -----------------------------------------------------------------------------------------------------

    def _takes_question(self, trade: Trade) -> bool:
        """Whether IB is to be asked about this trade now; if so, the next time is set."""
        now, cancel = self._clock.monotonic(), self._cancels.get(trade.id)
        soon = trade.status is TradeStatus.SUBMITTING or (cancel is not None and now - cancel.first <= STUCK_AFTER_S)
        repeat_s = CANCEL_GRACE_S if soon else UNKNOWN_EVERY_S
        may_be_late = trade.role is OrderRole.EXIT or trade.status is TradeStatus.SUBMITTING
        over_its_time = may_be_late and trade.status in LIVE and self._is_overdue(trade)
        repeats = trade.status is TradeStatus.UNKNOWN or cancel is not None or over_its_time
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
        self._cancels = {key: cancel for key, cancel in self._cancels.items() if key in ids}
        self._inactive_since = {key: at for key, at in self._inactive_since.items() if key in refs}
        self._told = {(key, kind) for key, kind in self._told if key in ids}
        self._ask_at = {key: at for key, at in self._ask_at.items() if key in refs}
        self._held &= refs


def _may_have_come_in_part(trade: Trade) -> bool:
    never_shown = trade.status is TradeStatus.UNKNOWN and trade.perm_id is None and not trade.filled_qty
    return never_shown and trade.role is OrderRole.ENTRY and trade.group_id is not None
