"""Watches what protects held shares: in each reconciliation, before anything trades, then every few seconds and after each fill.

Rules:
- Decides nothing itself: `domain/protection.py` compares, this asks IB and the books, looks twice, and has it done.
- One answer of IB's is no proof: what is to be done is done when a second one, some seconds later, asks for the same.
- What cannot be mended is told as critical, once as long as it stands; after a restart once more.
- It places, changes and cancels protective orders also while the bot is paused or KILLED: held shares stay protected.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradebot.domain.break_even import break_even
from tradebot.domain.brokerage import BrokerEvent, Connected, Contract, OrderReport, OrdersTaken, Quote, UpstreamBack
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.orders import (
    CancelReason,
    Changed,
    OrderCancelling,
    OrderStuck,
    OrderTold,
    SharesUnprotected,
    Stuck,
    Unprotected,
)
from tradebot.domain.hours import Hours
from tradebot.domain.protection import (
    ON_ITS_WAY,
    Action,
    Adopt,
    Ask,
    Cancel,
    Change,
    Guarded,
    Moment,
    Place,
    Tell,
    compare,
)
from tradebot.domain.settings import TradingState
from tradebot.domain.strategies import Strategies, UnknownStrategy
from tradebot.domain.trades import OrderRole, Trade
from tradebot.ports import ASKS_IB_S, Broker, Clock, Ledger, LinkSession, PositionReport, Pulse
from tradebot.trading.booking import Listeners
from tradebot.trading.every import every
from tradebot.trading.gate import Gate
from tradebot.trading.guarded import OfContract, guarded, there_is
from tradebot.trading.notices import store_notice_once
from tradebot.trading.protective_orders import ProtectiveOrders
from tradebot.trading.switch import TradingSwitch

LOOK_EVERY_S = 5.0
CANCEL_AGAIN_S = 15.0
CUTS_MAX = 2
"""What IB does not make smaller then is cancelled: too much must not work on; a smaller one follows."""
CHANGES_MAX = 2
"""Any other change that IB does not take then is not tried again: the order stands as it was, and that is told."""
PLACE_AGAIN_S = 30.0
ASK_AGAIN_S = 30.0
STUCK_AFTER_S = 120.0
_MAY_PASS = frozenset({Unprotected.NOT_TRIGGERED, Unprotected.IN_DOUBT})
PASSES_WITHIN_S = 10.0
"""A stop that the market has crossed has this long to fill, and one that IB does not show to be booked as over."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """One comparison of everything that is protected."""

    actions: tuple[Action, ...]
    names: dict[int, str]  # what IB calls the contracts


@dataclass(slots=True)
class _Tried:
    """A change that IB has not shown yet."""

    qty: Decimal
    stop_price: Decimal | None
    times: int = 0


class Protection:
    """Has the gap between shares held and shares protected closed, or tells of it."""

    def __init__(
        self,
        ledger: Ledger,
        broker: Broker,
        orders: ProtectiveOrders,
        listeners: Listeners,
        *,
        gate: Gate,
        switch: TradingSwitch,
        hours: Hours,
        strategies: Strategies,
        clock: Clock,
        pulse: Pulse,
        second_look_delay_s: float,
    ) -> None:
        self._ledger = ledger
        self._broker = broker
        self._orders = orders
        self._gate = gate
        self._switch = switch
        self._hours = hours
        self._strategies = strategies
        self._clock = clock
        self._pulse = pulse
        self._second_look_delay_s = second_look_delay_s
        self._one_at_a_time = asyncio.Lock()
        self._wake = asyncio.Event()
        self._changed: dict[int, float] = {}  # trade id → when its change was written, by the clock that only goes on
        self._cuts: Counter[int] = Counter()  # by trade id, since IB last showed it as it is stored
        self._tried: dict[tuple[int, Changed], _Tried] = {}  # by trade id and why
        self._confirmed: set[int] = set()  # trade ids that IB once showed as they are stored
        self._cancels: dict[int, tuple[float, float]] = {}  # trade id → when its cancel was asked for, first and last
        self._placed: dict[tuple[int, OrderRole], float] = {}  # entry id and role → when one was placed last
        self._asked: dict[int, float] = {}  # trade id → when its executions were asked for last
        self._standing: dict[tuple[int, Unprotected], float] = {}  # entry id and code → since when it is so
        self._told: set[tuple[int, Unprotected, Decimal]] = set()
        self._doubt = listeners.doubt
        listeners.connection.append(self._connection_changed)
        listeners.filled.append(self._moved)
        listeners.ended.append(self._moved)

    def _connection_changed(self, event: BrokerEvent) -> None:
        if isinstance(event, Connected | UpstreamBack | OrdersTaken):
            self._cancels.clear()  # they may have been lost with the connection

    def _moved(self, _: Trade) -> None:
        self._wake.set()

    async def run(self) -> None:
        what = "protection"
        beat = self._pulse.of(what, ASKS_IB_S)
        await every(LOOK_EVERY_S, self._look, what=what, clock=self._clock, beat=beat, wake=self._wake)

    async def _look(self) -> None:
        link = self._broker.connection
        if link.up and link.upstream and link.tradable and self._gate.compared == link.link_session:
            await self.repair()

    async def repair(self) -> None:
        """One comparison, and what follows from it. Raises BrokerUnavailable, LedgerUnavailable."""
        async with self._one_at_a_time:
            await self._orders.book_not_sent()
            async with self._ledger.read() as books:
                if not await there_is(books):
                    return
            link = self._broker.connection.link_session
            first = await self._judge()
            if all(self._is_told(action) for action in first.actions):
                return
            await self._clock.sleep(self._second_look_delay_s)
            second = await self._judge()
            for action in second.actions:
                if action in first.actions:
                    await self._do(action, second.names, link)

    # --- judging ----------------------------------------------------------------------------------------------------

    async def _judge(self) -> _Judged:
        """IB first, then the books: these may know more than the answer, never less than what came before it."""
        report = await self._broker.position_report()
        async with self._ledger.read() as books:
            contracts = await guarded(books, self._hours, self._clock.now())
        actions: list[Action] = []
        names = {}
        for one in contracts:
            held = report.positions.get(one.con_id)
            names[one.con_id] = held.ticker if held is not None else one.guarded[0].entry.ticker
        quotes = await asyncio.gather(*(self._live_quote(one, names[one.con_id]) for one in contracts))
        for one, quote in zip(contracts, quotes, strict=True):
            at = self._moment(one, report, quote)
            self._confirm(one.guarded, at)
            found = compare(one.guarded, at)
            actions += found or self._break_even(one.guarded, at)
        self._forget(actions)
        return _Judged(tuple(actions), names)

    def _moment(self, one: OfContract, report: PositionReport, quote: Quote | None) -> Moment:
        held = report.positions.get(one.con_id)
        on_its_way = self._clock.monotonic() - ON_ITS_WAY.total_seconds()
        self._changed = {key: at for key, at in self._changed.items() if at > on_its_way}
        return Moment(
            now=self._clock.now(),
            con_id=one.con_id,
            position=held.qty if held is not None else Decimal(0),
            open_orders=report.open_orders,
            booked=one.booked,
            equal=one.equals(held),
            quote=quote,
            moving=one.moving,
            trailing=one.trailing,
            exiting=one.exiting,
            changing=frozenset(self._changed),
            confirmed=frozenset(self._confirmed),
            refused=frozenset(key for key, tried in self._tried.items() if tried.times >= CHANGES_MAX),
            killed=self._switch.state is TradingState.KILLED,
            in_session=self._hours.is_open(self._clock.now()),
        )

    async def _live_quote(self, one: OfContract, name: str) -> Quote | None:
        """None where it would change nothing, too."""
        stops = any(order.role is OrderRole.STOP for guard in one.guarded for order in guard.orders)
        if not (stops and one.booked and self._hours.is_open(self._clock.now())):
            return None
        quote = await self._broker.quote(Contract(one.con_id, name, ""))
        return quote if isinstance(quote, Quote) and not quote.delayed else None

    def _confirm(self, guards: Sequence[Guarded], at: Moment) -> None:
        shown = {one.order_ref: one for one in at.open_orders}
        for order in (order for guard in guards for order in guard.orders):
            report = shown.get(order.order_ref)
            if report is not None:
                self._tried = {
                    key: one for key, one in self._tried.items() if key[0] != order.id or not _is_so(one, report)
                }
            if report is not None and report.terms == order.terms:
                self._confirmed.add(order.id)
                if report.qty == order.requested_qty:
                    self._cuts.pop(order.id, None)

    def _break_even(self, guards: Sequence[Guarded], at: Moment) -> list[Action]:
        if at.moving or at.exiting or at.quote is None:
            return []
        found = []
        for guard in guards:
            try:
                strategy = self._strategies.named(guard.entry.strategy)
            except UnknownStrategy:
                continue
            change = break_even(guard, strategy, at.quote.bid)
            if change is None or (change.order.id, change.why) in at.refused:
                continue
            if change.order.id in self._confirmed and change.order.id not in self._changed:
                found.append(change)
        return list(found)

    def _forget(self, actions: Sequence[Action]) -> None:
        """What is not so any more is told again when it comes again."""
        now, stands = self._clock.monotonic(), {(one.entry.id, one.code) for one in actions if isinstance(one, Tell)}
        self._standing = {key: self._standing.get(key, now) for key in stands}
        self._told = {told for told in self._told if told[:2] in stands}

    # --- doing ------------------------------------------------------------------------------------------------------

    async def _do(self, action: Action, names: dict[int, str], link: LinkSession) -> None:
        now = self._clock.monotonic()
        match action:
            case Place(entry, role):
                if now - self._placed.get((entry.id, role), -PLACE_AGAIN_S) >= PLACE_AGAIN_S:
                    self._placed[entry.id, role] = now
                    await self._orders.place(action, names[action.con_id], link)
            case Change(order):
                if action.why is Changed.CUT and self._cuts[order.id] >= CUTS_MAX:
                    await self._cancel(Cancel(order, CancelReason.OVER_PROTECTED), now)
                elif await self._orders.change(action, names[order.con_id], link):
                    self._changed[order.id] = now
                    self._cuts[order.id] += action.why is Changed.CUT
                    self._try(action)
            case Cancel(order):
                await self._cancel(action, now)
            case Adopt():
                await self._orders.adopt(action)
            case Ask(order):
                self._ask(order, now)
            case Tell():
                await self._tell(action)

    def _try(self, one: Change) -> None:
        key, price = (one.order.id, one.why), one.terms.stop_price if one.why is Changed.BREAK_EVEN else None
        tried = self._tried.get(key)
        if tried is None or (tried.qty, tried.stop_price) != (one.qty, price):
            tried = self._tried[key] = _Tried(one.qty, price)
        tried.times += 1

    async def _cancel(self, one: Cancel, now: float) -> None:
        """Again while it works on, for IB may lose it; what it has not done in two minutes only a person does."""
        order = one.order
        first, last = self._cancels.get(order.id, (now, now - CANCEL_AGAIN_S))
        if now - last < CANCEL_AGAIN_S:
            return
        if now - first > STUCK_AFTER_S:
            facts = OrderStuck.of(order, code=Stuck.CANCEL_UNANSWERED, perm_id=order.perm_id, for_s=now - first)
            await store_notice_once(self._ledger, NewEvent(facts, self._clock.now(), order.alert_id, order.id))
            return
        await self._orders.cancel(one, again=order.id in self._cancels)
        self._cancels[order.id] = first, now

    def _ask(self, order: Trade, now: float) -> None:
        if now - self._asked.get(order.id, -ASK_AGAIN_S) >= ASK_AGAIN_S:
            self._asked[order.id] = now
            for ask in self._doubt:
                ask(order.order_ref, None)

    def _is_told(self, one: Action) -> bool:
        return isinstance(one, Tell) and (one.entry.id, one.code, one.qty) in self._told

    async def _tell(self, one: Tell) -> None:
        key = one.entry.id, one.code
        now = self._clock.monotonic()
        if one.code in _MAY_PASS and now - self._standing.get(key, now) < PASSES_WITHIN_S:
            return
        if self._is_told(one):
            return
        async with self._ledger.begin() as books:
            events = await books.events(alert_id=one.entry.alert_id)
            told = [event.facts for event in events if event.trade_id == one.stop.id]
            words = next((f"IB {f.code}: {f.text}" for f in reversed(told) if isinstance(f, OrderTold)), "")
            refused = one.stop.error_message
            asked = any(isinstance(f, OrderCancelling) and f.code is CancelReason.OWNER for f in told)
            facts = SharesUnprotected.of(
                one.stop,
                code=Unprotected.AS_ASKED if asked and one.code is Unprotected.CANCELLED else one.code,
                left=one.qty,
                role=one.stop.role,
                terms=str(one.stop.terms),
                entry_id=one.entry.id,
                words=refused if isinstance(refused, str) else words,
            )
            await books.add_event(NewEvent(facts, self._clock.now(), one.entry.alert_id, one.stop.id))
        self._told.add((*key, one.qty))
        if one.code is Unprotected.IN_DOUBT:
            for ask in self._doubt:
                ask(one.stop.order_ref, None)


def _is_so(tried: _Tried, shown: OrderReport) -> bool:
    price = None if shown.terms is None else shown.terms.stop_price
    return shown.qty == tried.qty and tried.stop_price in (None, price)
