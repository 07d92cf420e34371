"""Writes orders that protect held shares: placed anew, changed, cancelled.

Rules:
- Each is stored before it is written: a new order's intent, another size or other prices, why one is cancelled. Written under the
  lock of the stored settings, with nothing awaited, after a last look at what could make it too much.
- Stops may be placed and changed while KILLED: they sell only what is held. Targets may only be made smaller.
- What certainly did not leave is booked so; what may have left is left to recovery.
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from loguru import logger

from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import Contract, Order
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.orders import Changed, OrderCancelling, ProtectionChanged, ProtectionPlaced
from tradebot.domain.lots import LotStatus
from tradebot.domain.protection import Adopt, Cancel, Change, Place
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.settings import TradingState
from tradebot.domain.terms import Terms, columns, plain
from tradebot.domain.trades import ORDER_REF_PREFIX, UNRESOLVED, NewTrade, OrderRole, Trade, TradeStatus
from tradebot.errors import BrokerUnavailable, LedgerUnavailable, OrderUncertain
from tradebot.ports import Books, Broker, Chance, Clock, InstanceLock, Ledger, LinkSession
from tradebot.trading.booking import Booking
from tradebot.trading.exit_rest import lifted_now
from tradebot.trading.submission import check_epoch
from tradebot.trading.switch import TradingSwitch

_BOTS_OWN = frozenset({Changed.CUT, Changed.RAISED, Changed.BREAK_EVEN})


class ProtectiveOrders:
    """Each method raises BrokerUnavailable, LedgerUnavailable, LockLost."""

    def __init__(
        self,
        ledger: Ledger,
        broker: Broker,
        lock: InstanceLock,
        booking: Booking,
        switch: TradingSwitch,
        clock: Clock,
        chance: Chance,
    ) -> None:
        self._ledger = ledger
        self._broker = broker
        self._lock = lock
        self._booking = booking
        self._switch = switch
        self._clock = clock
        self._chance = chance
        self._not_sent: dict[int, Reason] = {}  # by trade id: stored, certainly not sent, and not booked so yet

    # --- anew -------------------------------------------------------------------------------------------------------

    async def place(self, one: Place, name: str, link: LinkSession) -> Trade | None:
        """`name`: what IB calls the contract. None: it was not wanted any more, or certainly did not leave."""
        if self._obstacle(one.role, self._switch.state, link, sells_more=True) is not None:
            return None  # no row for what could not leave anyway
        async with self._ledger.begin() as books:
            check_epoch(await books.settings(), self._lock)
            trade = await self._intend(books, one) if await _is_wanted(books, one, self._clock.now()) else None
        if trade is None:
            return None
        order = Order(
            trade.order_ref, Contract(one.con_id, name, ""), Side.SELL, one.qty, one.terms, oca_group=one.group
        )
        not_sent = await self._write(trade, order, link, sells_more=True)
        if not_sent is not None:
            self._not_sent[trade.id] = not_sent
            await self.book_not_sent()
            return None
        return trade

    async def book_not_sent(self) -> None:
        """While the database is away that waits: this process alone has the proof."""
        for trade_id, why in list(self._not_sent.items()):
            await self._booking.conclude(trade_id, TradeStatus.FAILED, why)
            del self._not_sent[trade_id]

    async def _intend(self, books: Books, one: Place) -> Trade:
        entry, now = one.entry, self._clock.now()
        earlier = [order for order in await books.orders_of_alerts([entry.alert_id]) if order.role is one.role]
        new = NewTrade(
            alert_id=entry.alert_id,
            ticker=entry.ticker,
            con_id=one.con_id,
            side=Side.SELL,
            requested_qty=one.qty,
            order_ref=f"{ORDER_REF_PREFIX}{entry.alert_id}-{self._chance(4)}",
            ib_position_before=_position(self._broker, one.con_id),
            reserved=Decimal(0),
            created_at=now,
            strategy=entry.strategy,
            role=one.role,
            n=1 + max((order.n for order in earlier), default=0),
            group_id=one.group,
            parent_trade_id=entry.id,
            decision={"protects": entry.order_ref, "held": f"{one.qty:f}"},
            **columns(one.terms),
        )
        order_id = self._broker.next_order_id(await books.last_order_id() + 1)
        trade = Trade.of(new, id=await books.insert_trade(new, order_id), ib_order_id=order_id)
        facts = ProtectionPlaced.of(trade, role=one.role, terms=str(one.terms))
        await books.add_event(NewEvent(facts, now, trade.alert_id, trade.id))
        return trade

    # --- at work ----------------------------------------------------------------------------------------------------

    async def change(self, one: Change, name: str, link: LinkSession) -> bool:
        """False: it certainly did not leave, and the books have it as it was."""
        order, sells_more = one.order, one.why is Changed.RAISED or one.qty > one.order.requested_qty
        if self._obstacle(order.role, self._switch.state, link, sells_more=sells_more) is not None:
            return False
        async with self._ledger.begin() as books:
            check_epoch(await books.settings(), self._lock)
            if await books.trade(order.id) != order:
                return False
            await self._store(books, order, one.terms, one.qty, one.why)
        changed = Order(
            order.order_ref,
            Contract(order.con_id, name, ""),
            Side.SELL,
            one.qty,
            one.terms,
            oca_group=order.group_id or "",
        )
        not_sent = await self._write(order, changed, link, sells_more=sells_more)
        if not_sent is not None:
            async with self._ledger.begin() as books:
                changed_to = replace(order, requested_qty=one.qty, **columns(one.terms))
                await self._store(books, changed_to, order.terms, order.requested_qty, Changed.NOT_SENT)
            logger.warning("order {} not changed: {}", order.order_ref, not_sent)
        return not_sent is None

    async def adopt(self, one: Adopt) -> None:
        """The books take over what IB shows; what the owner did is told."""
        async with self._ledger.begin() as books:
            if await books.trade(one.order.id) != one.order:
                return
            if one.owners:
                why = Changed.NOT_TAKEN if await _was_before(books, one) else Changed.BY_OWNER
                await self._store(books, one.order, one.terms, one.qty, why)
            else:
                await books.change_terms(one.order.id, one.terms, one.qty)

    async def cancel(self, one: Cancel, *, again: bool) -> None:
        """`again`: it was asked for before."""
        order = one.order
        async with self._ledger.begin() as books:
            check_epoch(await books.settings(), self._lock)
            if not again:
                facts = OrderCancelling.of(order, code=one.why, timeout_s=0.0)
                await books.add_event(NewEvent(facts, self._clock.now(), order.alert_id, order.id))
        assert order.ib_order_id is not None, "an intent is stored with its order id"
        self._broker.cancel(order.ib_order_id, order.order_ref)

    async def _store(self, books: Books, order: Trade, terms: Terms, qty: Decimal, why: Changed) -> None:
        await books.change_terms(order.id, terms, qty)
        before, after = _as_text(order.requested_qty, order.terms), _as_text(qty, terms)
        facts = ProtectionChanged.of(
            replace(order, requested_qty=qty, **columns(terms)),
            code=why,
            role=order.role,
            before=before,
            after=after,
            was=order.terms,
            was_qty=order.requested_qty,
        )
        await books.add_event(NewEvent(facts, self._clock.now(), order.alert_id, order.id))

    # --- the wire ---------------------------------------------------------------------------------------------------

    async def _write(self, trade: Trade, order: Order, link: LinkSession, *, sells_more: bool) -> Reason | None:
        """Why it certainly did not leave, or None. `sells_more`: than IB has at work now."""
        assert trade.ib_order_id is not None, "an intent is stored with its order id"
        not_sent: Reason | None = Reason(ReasonCode.DATABASE_SILENT)
        try:
            async with self._ledger.begin() as books:
                not_sent = await self._obstacle_now(books, trade, order, link, sells_more=sells_more)
                if not_sent is None:
                    not_sent = self._send(order, trade.ib_order_id, link)
        except LedgerUnavailable as error:
            logger.warning("order {}: {}", order.order_ref, error)
        return not_sent

    async def _obstacle_now(
        self, books: Books, trade: Trade, order: Order, link: LinkSession, *, sells_more: bool
    ) -> Reason | None:
        settings = await books.settings()
        check_epoch(settings, self._lock)
        obstacle = self._obstacle(trade.role, self._switch.in_force(settings), link, sells_more=sells_more)
        lifted = {one.order.id for one in await lifted_now(books, self._clock.now()) if not one.keeps}
        if obstacle is None and trade.id in lifted:  # it is being cancelled: IB would take this for another order
            obstacle = Reason(ReasonCode.OTHER_IN_DOUBT, {"order_ref": trade.order_ref})
        if obstacle is None and sells_more:
            obstacle = await _exit_at_work(books, trade.con_id, self._clock.now())
        return obstacle

    def _send(self, order: Order, order_id: int, link: LinkSession) -> Reason | None:
        """Why it certainly did not leave, or None."""
        try:
            self._broker.place(order, order_id, link.generation)
        except BrokerUnavailable as error:
            return Reason(ReasonCode.NOT_CONNECTED, {"detail": str(error)})
        except OrderUncertain as error:
            logger.critical("order {} may have been sent: {}", order.order_ref, error)
            return None
        logger.info(
            "order {} sent: {} {:f} {} {}",
            *(order.order_ref, order.side, order.qty, order.contract.ticker, order.terms),
        )
        return None

    def _obstacle(self, role: OrderRole, state: TradingState, link: LinkSession, *, sells_more: bool) -> Reason | None:
        killed = state is TradingState.KILLED and role is not OrderRole.STOP and sells_more
        obstacles = (
            (killed, Reason(ReasonCode.KILLED)),
            (not self._lock.held, Reason(ReasonCode.LOCK_LOST)),
            (self._broker.connection.link_session != link, Reason(ReasonCode.LINK_INTERRUPTED)),
            (self._broker.throttled(), Reason(ReasonCode.THROTTLED)),
        )
        return next((reason for stands, reason in obstacles if stands), None)


async def _was_before(books: Books, one: Adopt) -> bool:
    """Whether it is what it was before the bot's own last change: IB did not take that, or it never left, the process died."""
    events = await books.events(alert_id=one.order.alert_id)
    changes = [e.facts for e in events if e.trade_id == one.order.id and isinstance(e.facts, ProtectionChanged)]
    last = changes[-1] if changes else None
    return last is not None and last.code in _BOTS_OWN and last.before == _as_text(one.qty, one.terms)


def _as_text(qty: Decimal, terms: Terms) -> str:
    return f"{plain(qty)} {terms}"


async def _is_wanted(books: Books, one: Place, now: datetime) -> bool:
    """Whether everything is as it was when it was judged: the entry, its shares, its orders; and nothing sells them."""
    if await books.trade(one.entry.id) != one.entry or await _exit_at_work(books, one.con_id, now) is not None:
        return False
    protection = await books.protection_of([one.entry.id])
    alive = any(order.status in UNRESOLVED and order.role is one.role for order in protection)
    lots = await books.lots(LotStatus.OPEN, ticker=one.entry.ticker, strategy=one.entry.strategy)
    mine = [lot.qty for lot in lots if lot.opening_trade_id == one.entry.id and lot.con_id == one.con_id]
    return not alive and sum(mine, Decimal(0)) >= one.qty


async def _exit_at_work(books: Books, con_id: int, now: datetime) -> Reason | None:
    """A SELL that protects nothing, and may sell the same shares; or one that is about to be sent, and has lifted protection."""
    unresolved = await books.trades(UNRESOLVED)
    exits = [one for one in unresolved if one.side is Side.SELL and one.con_id == con_id and not one.is_protective]
    if exits:
        return Reason(ReasonCode.OTHER_IN_DOUBT, {"order_ref": exits[0].order_ref})
    exits = [one.order for one in await lifted_now(books, now) if one.order.con_id == con_id]
    return Reason(ReasonCode.OTHER_IN_DOUBT, {"order_ref": exits[0].order_ref}) if exits else None


def _position(broker: Broker, con_id: int) -> Decimal | None:
    positions = broker.positions()
    if positions is None:
        return None
    return positions[con_id].qty if con_id in positions else Decimal(0)
