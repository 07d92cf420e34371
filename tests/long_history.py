"""A ticker that has been traded very often, long ago, and its next orders: for what must not grow with a history."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

from tests.adapters.database.samples import NOON, a_trade, an_execution
from tradebot.domain.alerts import AlertStatus, Side
from tradebot.domain.lots import fold
from tradebot.domain.trades import Trade, TradeStatus
from tradebot.ports import Books, Ledger
from tradebot.trading.booking import Booking
from tradebot.trading.broker_update import BrokerUpdate
from tradebot.trading.refold import filled

SHARES, PRICE, COMMISSION = Decimal(10), Decimal(100), Decimal(1)
_numbers = count(1)


async def long_history(books: Books, trades: int, *, held: int, ticker: str = "AAPL") -> None:
    """So many filled trades, of which the last `held` BUYs are open: each SELL has closed the oldest lot."""
    for number in range(trades):
        side = Side.BUY if number < held or (number - held) % 2 == 0 else Side.SELL
        await _filled(books, ticker, side, NOON + timedelta(seconds=number))
    await books.rewrite_lots("main", ticker, fold(ticker, await filled(books, await books.trades(ticker=ticker))).lots)


async def _filled(books: Books, ticker: str, side: Side, at: datetime) -> None:
    trade = await _placed(books, ticker, side, at)
    fill = an_execution(
        f"old{next(_numbers)}.01", order_ref=trade.order_ref, side=side, price=PRICE, commission=COMMISSION, time=at
    )
    await books.put_execution(trade.id, fill)
    figures = {"filled_qty": SHARES, "avg_fill_price": PRICE, "commission": COMMISSION, "finished_at": at}
    await books.save_trade(replace(trade, status=TradeStatus.FILLED, **figures))  # type: ignore[arg-type]
    await books.move_alert(trade.alert_id, (AlertStatus.PROCESSING,), AlertStatus.EXECUTED, None)


async def _placed(books: Books, ticker: str, side: Side, at: datetime) -> Trade:
    ref = f"tb-{next(_numbers)}-often"
    trade_id = await a_trade(books, ticker=ticker, side=side, created_at=at, order_ref=ref)
    trade = await books.trade(trade_id)
    assert trade is not None
    await books.move_alert(trade.alert_id, (AlertStatus.RECEIVED,), AlertStatus.PROCESSING, None)
    return trade


async def next_order(ledger: Ledger, side: Side, at: datetime, ticker: str = "AAPL") -> Trade:
    """An order that is at IB, and of which nothing has filled."""
    async with ledger.begin() as books:
        return await _placed(books, ticker, side, at)


async def fills(booking: Booking, order: Trade, at: datetime) -> None:
    """All of it in one execution, booked."""
    fill = an_execution(
        f"new{next(_numbers)}.01",
        order_ref=order.order_ref,
        ticker=order.ticker,
        side=order.side,
        price=PRICE,
        commission=COMMISSION,
        time=at,
    )
    assert await booking.book(order.order_ref, BrokerUpdate(executions=[fill])) is not None
