"""Exits are not given up: what follows when IB has ended an exit's order with shares left.

Rules:
- What IB itself ended is armed again: its alert is judged anew and gets another order. Only where it is proven what had filled:
  executions and positions, both asked after the end, agree with the books, and 10 s have passed since the contract's last fill.
- Never beside another SELL of the ticker in flight, nor one of its strategy that waits; never after a kill, nor in restored
  books; three times at most, later each time. It concerns its strategy's lots alone.
- What the close cuts off waits for the next open. All else is told, and offered again by a button.
- Nothing is stored beside trades and events: a restart finds there what was ended and what was told, and waits anew.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from tradebot.domain.alerts import WAITING, Alert, AlertStatus, Side
from tradebot.domain.brokerage import Execution, OrderReport, OrderState
from tradebot.domain.events import EventKind, Facts, NewEvent
from tradebot.domain.exit_ends import AT_IB, WAITS_S, Follow, Told, contract_now, ends_at_ib, what_follows
from tradebot.domain.facts.account import ExitLeft
from tradebot.domain.facts.orders import CancelReason, ExitArmedAgain, ExitWaitsForOpen, OrderCancelling, OrderTold
from tradebot.domain.hours import Hours
from tradebot.domain.lots import summarise
from tradebot.domain.orders import ALERT_OF_TRADE
from tradebot.domain.positions import nothing_else_filled
from tradebot.domain.settings import TradingState, restored_at
from tradebot.domain.trades import OrderRole, Place, Trade
from tradebot.ports import ASKS_IB_S, Beat, Books, Broker, Clock, Ledger, Pulse
from tradebot.trading.booking import Booking, Listeners
from tradebot.trading.every import every
from tradebot.trading.exit_rest import LOOK_BACK, exit_waits_for, is_partial, left_of, older_lots
from tradebot.trading.gate import Gate
from tradebot.trading.order_events import exit_incomplete
from tradebot.trading.snapshot import position_before
from tradebot.trading.switch import TradingSwitch

LOOK_EVERY_S = 1.0
WORDS_WITHIN_S = 2.0
"""IB's reason comes right before or after the order's end."""
SETTLED_AFTER = timedelta(seconds=10)
NEWER_MAX = 100
"""After so many later orders of its ticker an exit is nothing to go on with."""
PROVE_AGAIN_S = 5.0
PROVE_WITHIN_S = 120.0
CUT_OFF_WITHIN = timedelta(minutes=5)
"""IB ends what works at the close within minutes; what is found ended later may have been ended by anyone, at any time."""


@dataclass(slots=True)
class _Ended:
    """An exit that ended with shares left. Times by the clock that only goes on."""

    since: float  # when this process first saw it ended
    asked: float | None = None  # when IB was asked last for the proof
    asking_since: float | None = None


@dataclass(frozen=True, slots=True)
class _Case:
    trade: Trade
    alert: Alert
    orders: Sequence[Trade]  # of the alert
    left: Decimal  # shares
    follows: Follow | ExitLeft
    words: str  # IB's last
    told_of_arming: bool


class Rearm:
    """Arms exits again, puts them off until the next open, or offers them to the owner."""

    def __init__(
        self,
        ledger: Ledger,
        broker: Broker,
        booking: Booking,
        listeners: Listeners,
        *,
        gate: Gate,
        switch: TradingSwitch,
        hours: Hours,
        clock: Clock,
        pulse: Pulse,
    ) -> None:
        self._ledger = ledger
        self._broker = broker
        self._booking = booking
        self._gate = gate
        self._switch = switch
        self._hours = hours
        self._clock = clock
        self._pulse = pulse
        self._ended: dict[int, _Ended] = {}  # by trade id
        self._looked_back = False
        listeners.ended.append(self.trade_ended)

    def trade_ended(self, trade: Trade) -> None:
        if _is_exit_with_rest(trade):
            self._ended.setdefault(trade.id, _Ended(self._clock.monotonic()))

    async def run(self) -> None:
        what = "exits with shares left"
        beat = self._pulse.of(what, ASKS_IB_S)
        await every(LOOK_EVERY_S, lambda: self._look(beat), what=what, clock=self._clock, beat=beat)

    async def _look(self, beat: Beat) -> None:
        if not self._looked_back:
            async with self._ledger.read() as books:
                for trade in await books.trades(tuple(AT_IB), since=self._clock.now() - LOOK_BACK):
                    self.trade_ended(trade)
            self._looked_back = True
        for trade_id in list(self._ended):
            beat()
            if await self._is_settled(trade_id, self._ended[trade_id]):
                del self._ended[trade_id]

    async def _is_settled(self, trade_id: int, ended: _Ended) -> bool:
        """One look at one exit; True when there is nothing more to do. Raises BrokerUnavailable, LedgerUnavailable."""
        if self._clock.monotonic() - ended.since < WORDS_WITHIN_S:
            return False
        async with self._ledger.read() as books:
            case = await self._case(books, trade_id)
            in_the_way = case is not None and await _another_sell(books, case)
        if case is None:
            return True
        if in_the_way:
            ended.since = self._clock.monotonic()  # what it leaves is to be seen
            return False
        follows: Follow | ExitLeft = case.follows
        if isinstance(follows, Follow) and self._switch.state is TradingState.KILLED:
            follows = ExitLeft.KILLED
        if follows is Follow.ARM and ends_at_ib(case.orders) > len(WAITS_S):
            follows = ExitLeft.TRIED
        if isinstance(follows, Follow):
            return await self._follow(case, follows, ended)
        return await self._offer(case, follows)

    async def _follow(self, case: _Case, follows: Follow, ended: _Ended) -> bool:
        now = self._clock.monotonic()
        wait_s = WAITS_S[ends_at_ib(case.orders) - 1] if follows is Follow.ARM else WAITS_S[0]
        if follows is Follow.ARM and not case.told_of_arming:
            facts = ExitArmedAgain.of(case.trade, left=case.left, words=case.words, in_s=wait_s)
            await self._store(facts, case.trade)
        if not self._may_ask():
            ended.asking_since = None
            return False
        if now - ended.since < wait_s:
            return False
        if ended.asked is not None and now - ended.asked < PROVE_AGAIN_S:
            return False
        ended.asked = now
        ended.asking_since = now if ended.asking_since is None else ended.asking_since
        if now - ended.asking_since > PROVE_WITHIN_S:
            return await self._offer(case, ExitLeft.NOT_PROVEN)
        if not await self._is_proven(case.trade):
            return False
        return await self._arm(case)

    async def _arm(self, case: _Case) -> bool:
        now = self._clock.now()
        if self._hours.is_open(now):
            if case.follows is Follow.ARM:
                return await self._booking.arm_again(case.trade, AlertStatus.RECEIVED, None)
            to, opens = AlertStatus.RECEIVED, now  # the open has come while IB was away
        else:
            to, opens = AlertStatus.PENDING, self._hours.calendar.next_open(now)
        return await self._booking.arm_again(
            case.trade, to, ExitWaitsForOpen.of(case.trade, left=case.left, opens_at=opens)
        )

    async def _offer(self, case: _Case, left: ExitLeft) -> bool:
        trade = case.trade
        async with self._ledger.begin() as books:
            as_it_stands = await self._case(books, trade.id)
            await exit_incomplete(
                books,
                trade.ticker,
                as_it_stands.left if as_it_stands else Decimal(0),
                self._clock.now(),
                alert_id=trade.alert_id,
                trade_id=trade.id,
                code=left,
                detail=case.words,
            )
        return True

    async def _store(self, facts: Facts, trade: Trade) -> None:
        async with self._ledger.begin() as books:
            await books.add_event(NewEvent(facts, self._clock.now(), trade.alert_id, trade.id))

    # --- what is known ----------------------------------------------------------------------------------------------

    async def _case(self, books: Books, trade_id: int) -> _Case | None:
        """None when nothing is left to do: sold meanwhile, taken over by another exit, offered already, or alive after all."""
        trade = await books.trade(trade_id)
        assert trade is not None, f"trade {trade_id} has ended"
        alert = await books.alert(trade.alert_id)
        assert alert is not None, f"trade {trade_id} belongs to a stored alert"
        orders = await books.trades_of_alert(alert.id)
        if not _is_exit_with_rest(trade) or alert.status is not ALERT_OF_TRADE[trade.status]:
            return None
        con_id = contract_now(trade, await books.corporate_actions(trade.strategy, trade.ticker))
        lots = [lot for lot in await older_lots(books, trade.strategy, trade.ticker, alert.id) if lot.con_id == con_id]
        left = min(await left_of(books, orders) or Decimal(0), sum((lot.qty for lot in lots), Decimal(0)))
        newer = await books.trades_from(trade.strategy, trade.ticker, Place(trade_id + 1, 0, 0), NEWER_MAX)
        taken_over = len(newer) == NEWER_MAX or await _sells_all(books, newer)
        events = await books.events(alert_id=alert.id)
        mine = [event for event in events if event.trade_id == trade_id]
        if left <= 0 or taken_over or any(event.kind == EventKind.EXIT_INCOMPLETE for event in mine):
            return None
        told = [Told(event.facts.code, event.facts.text) for event in mine if isinstance(event.facts, OrderTold)]
        follows = what_follows(told, _cancelled_for(event.facts for event in mine), cut_off=self._cut_off(trade))
        if orders[-1].id != trade_id:
            follows = ExitLeft.NOT_PROVEN  # it came to life after it had been followed by another one
        since = restored_at(await books.settings())
        if isinstance(follows, Follow) and since is not None and trade.created_at <= since:
            follows = ExitLeft.RESTORED
        return _Case(
            trade=trade,
            alert=alert,
            orders=orders,
            left=left,
            follows=follows,
            words=str(told[-1]) if told else "",
            told_of_arming=any(event.kind == EventKind.EXIT_ARMED_AGAIN for event in events),
        )

    def _cut_off(self, trade: Trade) -> bool:
        """Whether it ended in the minutes after the close."""
        at = trade.finished_at
        return at is not None and not self._hours.is_open(at) and self._hours.is_open(at - CUT_OFF_WITHIN)

    def _may_ask(self) -> bool:
        connection = self._broker.connection
        return self._gate.is_open and self._gate.compared == connection.link_session

    async def _is_proven(self, trade: Trade) -> bool:
        """Whether IB shows what the books say had filled, and nothing of the order at work. Raises BrokerUnavailable."""
        executions = await self._broker.executions()
        report = await self._broker.position_report()
        alive = [o for o in report.open_orders if _is_of(o, trade) and o.state is not OrderState.CANCELLED]
        fills = [one for one in executions if one.con_id == trade.con_id]
        own = [one for one in fills if _is_of(one, trade)]
        last = max((one.time for one in fills), default=None)
        at_ib = report.positions[trade.con_id].qty if trade.con_id in report.positions else Decimal(0)
        async with self._ledger.read() as books:
            whole = trade.ib_position_before == await position_before(books, trade)
        agrees = summarise(own).qty == trade.filled_qty and nothing_else_filled(trade, at_ib, fills, whole=whole)
        return agrees and not alive and _is_settled(last, self._clock.now())


def _is_exit_with_rest(trade: Trade) -> bool:
    return trade.role is OrderRole.EXIT and trade.status in AT_IB


async def _another_sell(books: Books, case: _Case) -> bool:
    """An order that must end first, or a SELL of its strategy that waits: it may sell the rest."""
    strategy, ticker = case.trade.strategy, case.trade.ticker
    if await exit_waits_for(books, strategy, ticker):
        return True
    waiting = await books.alerts(WAITING, ticker=ticker, strategy=strategy)
    return any(other.action is Side.SELL for other in waiting)


async def _sells_all(books: Books, newer: Iterable[Trade]) -> bool:
    """Whether an exit among them was to sell all that its strategy held, this one's rest too."""
    # A write-off is an exit without an order.
    exits = [one for one in newer if one.role is OrderRole.EXIT and one.ib_order_id is not None]
    alerts = [await books.alert(one.alert_id) for one in exits]
    return any(alert is not None and not is_partial(alert) for alert in alerts)


def _cancelled_for(facts_of_order: Iterable[object]) -> CancelReason | None:
    """Why the bot cancelled the order: the kill, whatever came after it, else what came last."""
    codes = [facts.code for facts in facts_of_order if isinstance(facts, OrderCancelling)]
    return CancelReason.KILLED if CancelReason.KILLED in codes else next(reversed(codes), None)


def _is_of(shown: Execution | OrderReport, trade: Trade) -> bool:
    return shown.order_ref == trade.order_ref or (trade.perm_id is not None and shown.perm_id == trade.perm_id)


def _is_settled(last_fill: datetime | None, now: datetime) -> bool:
    """A fill in the future happened before the clock was set back: how long ago is not known."""
    return last_fill is None or now - last_fill >= SETTLED_AFTER
