"""What only a person can decide: whether an UNKNOWN order has filled.

Rules: he is asked about things as they stand now, and his word is booked only while they still stand so. It never raises what
the bot may sell: an order that "filled" is booked up to what it asked for. A price that is not IB's own is marked as an
estimate, with its source; executions that IB shows later take its place.
"""

from datetime import datetime
from decimal import Decimal

from tradebot.domain.brokerage import Execution, OrderReport, OrderState
from tradebot.domain.events import NewEvent
from tradebot.domain.facts.orders import OrderResolved, Resolution
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.trades import Trade, TradeStatus
from tradebot.ports import Broker, Ledger
from tradebot.queries.unknown_orders import presumed_fill
from tradebot.trading.booking import Booking
from tradebot.trading.broker_update import OWNERS_WORD, BrokerUpdate


async def book_as_filled(
    ledger: Ledger, broker: Broker, booking: Booking, trade_id: int, actor: str, now: datetime
) -> Trade | None:
    """Books the rest of the order as filled; None when there is nothing to decide. Raises LedgerUnavailable."""
    presumed = await presumed_fill(ledger, broker, trade_id)
    if presumed is None or presumed.price is None or presumed.source is None:
        return None
    trade = presumed.trade
    execution = Execution(
        exec_id=f"{OWNERS_WORD}{trade.id}.1",
        order_ref=trade.order_ref,
        order_id=trade.ib_order_id or 0,
        perm_id=trade.perm_id or 0,
        con_id=trade.con_id,
        ticker=trade.ticker,
        side=trade.side,
        shares=presumed.qty,
        price=presumed.price.quantize(Decimal("0.0001")),
        time=now,
    )
    after = await booking.book(trade.order_ref, BrokerUpdate(executions=[execution], by_owner=True))
    if after is not None and after.status is TradeStatus.FILLED:
        facts = OrderResolved.of(
            after, code=Resolution.FILLED_BY_OWNER, before=trade.status, reason=str(presumed.source)
        )
        await _add(ledger, facts, after, actor, now)
    return after


async def end_as_unfilled(ledger: Ledger, booking: Booking, trade_id: int, actor: str, now: datetime) -> Trade | None:
    """Ends the order with what has filled of it; None when there is nothing to decide. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        trade = await books.trade(trade_id)
    if trade is None or trade.status is not TradeStatus.UNKNOWN:
        return None
    if not trade.filled_qty:
        reason = Reason(ReasonCode.NEVER_EXISTED, {"by": actor})
        return await booking.conclude(trade.id, TradeStatus.FAILED, reason, drawn_from=trade)
    ended = OrderReport(
        order_ref=trade.order_ref,
        order_id=trade.ib_order_id or 0,
        perm_id=trade.perm_id or 0,
        client_id=None,
        con_id=trade.con_id,
        ticker=trade.ticker,
        side=trade.side,
        qty=trade.requested_qty,
        filled=trade.filled_qty,
        state=OrderState.CANCELLED,
        ib_status="ended by the owner's word",
    )
    after = await booking.book(trade.order_ref, BrokerUpdate(seen=ended, by_owner=True))
    if after is not None:
        facts = OrderResolved.of(after, code=Resolution.ENDED_BY_OWNER, before=trade.status)
        await _add(ledger, facts, after, actor, now)
    return after


async def _add(ledger: Ledger, facts: OrderResolved, trade: Trade, actor: str, now: datetime) -> None:
    async with ledger.begin() as books:
        await books.add_event(NewEvent(facts, now, trade.alert_id, trade.id, actor=actor))
