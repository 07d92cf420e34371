"""Lots with stops and targets, as the books and the fake broker have them once an entry has filled."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from tests.adapters.database.samples import an_alert, an_execution
from tests.bot import Bot
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.brokerage import Execution, OrderError, OrderReport, OrderState
from tradebot.domain.strategies import MAIN
from tradebot.domain.terms import OrderType, Terms, TimeInForce, columns
from tradebot.domain.trades import NewTrade, OrderRole, Trade
from tradebot.trading.broker_update import BrokerUpdate

STOP = Terms(OrderType.STOP, stop_price=Decimal(95), tif=TimeInForce.GTC)
TARGET = Terms(OrderType.LIMIT, limit_price=Decimal(110), tif=TimeInForce.GTC)


async def protect(bot: Bot, entry: Trade, role: OrderRole, terms: Terms, qty: int | None = None) -> Trade:
    """A protective order of this entry, which IB works on."""
    return await shown(bot, await stored(bot, entry, role, terms, qty))


async def stored(bot: Bot, entry: Trade, role: OrderRole, terms: Terms, qty: int | None = None) -> Trade:
    """Its intent, as it is stored with the entry's own."""
    new = NewTrade(
        alert_id=entry.alert_id,
        ticker=entry.ticker,
        con_id=entry.con_id,
        side=Side.SELL,
        requested_qty=entry.requested_qty if qty is None else Decimal(qty),
        order_ref=f"tb-{entry.alert_id}-{role.lower()}{entry.id}",
        ib_position_before=None,
        reserved=Decimal(0),
        decision={},
        created_at=bot.clock.now(),
        strategy=entry.strategy,
        role=role,
        group_id=f"{entry.order_ref}-g",
        parent_trade_id=entry.id,
        **columns(terms),
    )
    async with bot.ledger.begin() as books:
        return Trade.of(new, id=await books.insert_trade(new))


async def shown(bot: Bot, trade: Trade) -> Trade:
    """IB shows it at work for the first time."""
    report = _shown(bot, trade, trade.terms)
    bot.broker.working[trade.order_ref] = report
    return await booked(bot, trade.order_ref, seen=report)


async def bracket(
    bot: Bot, shares: int = 10, ticker: str = "AAPL", *, strategy: str = MAIN
) -> tuple[Trade, Trade, Trade]:
    """An entry at $100 of yesterday, its stop at $95 and its target at $110."""
    entry = await bot.owns(shares, ticker, strategy=strategy)
    stop = await stored(bot, entry, OrderRole.STOP, STOP)
    target = await stored(bot, entry, OrderRole.TARGET, TARGET)
    return entry, await shown(bot, stop), await shown(bot, target)


async def resting_entry(bot: Bot, terms: Terms, ask: str = "100") -> Trade:
    """A BUY of 10 AAPL that waits at IB for its price."""
    async with bot.ledger.begin() as books:
        alert_id = await books.insert_alert(an_alert(received_at=bot.clock.now()))
        assert alert_id is not None
        await books.move_alert(alert_id, (AlertStatus.RECEIVED,), AlertStatus.PROCESSING, None)
        new = NewTrade(
            alert_id=alert_id,
            ticker="AAPL",
            con_id=bot.broker.con_ids["AAPL"],
            side=Side.BUY,
            requested_qty=Decimal(10),
            order_ref=f"tb-{alert_id}-entry",
            ib_position_before=Decimal(0),
            reserved=Decimal(1000),
            decision={},
            created_at=bot.clock.now(),
            quote={"bid": ask, "ask": ask, "last": ask, "at": bot.clock.now().isoformat(), "delayed": False},
            **columns(terms),
        )
        trade = Trade.of(new, id=await books.insert_trade(new))
    return await shown(bot, trade)


async def fills(bot: Bot, order: Trade, shares: int, price: str, *, number: int = 1) -> Trade:
    """IB executes so many shares of it; the commission is a dollar."""
    execution = an_execution(
        f"{order.order_ref}.{number}.01",
        order_ref=order.order_ref,
        order_id=order.ib_order_id or 0,
        perm_id=order.perm_id or 0,
        con_id=order.con_id,
        ticker=order.ticker,
        side=order.side,
        shares=Decimal(shares),
        price=Decimal(price),
        commission=Decimal(1),
        time=bot.clock.now(),
    )
    return await booked(bot, order.order_ref, executions=[execution])


async def ends(bot: Bot, order: Trade, errors: Sequence[OrderError] = ()) -> Trade:
    """IB cancels what is left of it."""
    report = bot.broker.working.pop(order.order_ref)
    stored = await bot.trade(order.order_ref)
    ended = replace(report, state=OrderState.CANCELLED, ib_status="Cancelled", filled=stored.filled_qty)
    return await booked(bot, order.order_ref, seen=ended, errors=errors)


async def booked(
    bot: Bot,
    order_ref: str,
    *,
    seen: OrderReport | None = None,
    executions: Sequence[Execution] = (),
    errors: Sequence[OrderError] = (),
) -> Trade:
    trade = await bot.booking.book(order_ref, BrokerUpdate(seen=seen, executions=[*executions], errors=[*errors]))
    assert trade is not None
    return trade


def _shown(bot: Bot, trade: Trade, terms: Terms) -> OrderReport:
    order_id = bot.broker.next_order_id(1)
    return OrderReport(
        order_ref=trade.order_ref,
        order_id=order_id,
        perm_id=9000 + order_id,
        client_id=1,
        con_id=trade.con_id,
        ticker=trade.ticker,
        side=trade.side,
        qty=trade.requested_qty,
        filled=Decimal(0),
        state=OrderState.WORKING,
        ib_status="PreSubmitted",
        oca_group=trade.group_id or "",
        terms=terms,
    )
