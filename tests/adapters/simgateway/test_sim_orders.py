"""Orders that get lost, wait, get error messages or fill before their cancel; market data that is refused or old."""

from __future__ import annotations

from decimal import Decimal

import pytest
from ib_async import IB

from tests.adapters.broker.helpers import AAPL, broker_for, connected, event, events_until, order, place
from tests.adapters.simgateway.conftest import aapl, caught_up, client, errors, filled, market, messages, until
from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import ErrorKind, Executed, NoQuote, OrderError, OrderState, OrderUpdate, Quote
from tradebot.simgateway import Gateway
from tradebot.simgateway.faults import ERROR_TEXTS


async def test_swallow(gateway: Gateway, ib: IB) -> None:
    """An order that a real gateway took into an unanswered dialog could not be tested against."""
    gateway.faults.arm("swallow")
    trade = ib.placeOrder(aapl(), market("BUY", 10, orderRef="tb-1"))
    assert not await ib.reqAllOpenOrdersAsync()
    assert not await ib.reqCompletedOrdersAsync(False)
    assert not await ib.reqExecutionsAsync()
    assert (trade.orderStatus.status, ib.isConnected(), gateway.book.orders) == ("PendingSubmit", True, {})
    (line,) = [line for line in gateway.store.lines if line["kind"] == "received"]
    assert (line["fault"], line["fields"]["orderRef"]) == ("swallow", "tb-1")
    received = errors(ib)
    client(ib).cancelOrder(trade.order.orderId)
    await until("refusal", lambda: [error[1] for error in received] == [10147])


async def test_swallowed_and_confirmed_later(gateway: Gateway, ib: IB) -> None:
    """An order that comes to life after it was given up could not be tested against."""
    gateway.faults.arm("swallow", delay_s=0.1)
    trade = ib.placeOrder(aapl(), market("BUY", 10, orderRef="tb-1"))
    assert not await ib.reqAllOpenOrdersAsync()
    await filled(trade)
    assert len([line for line in gateway.store.lines if line["kind"] == "received"]) == 1


async def test_deny(gateway: Gateway, ib: IB) -> None:
    """A gateway that takes no orders, as with Read-Only API, could not be tested against."""
    gateway.faults.arm("deny")
    gateway.faults.arm("deny", code=103)
    received = errors(ib)
    for _ in range(2):
        ib.placeOrder(aapl(), market("BUY", 10))
    await until("refusals", lambda: len(received) == 2)
    assert [error[1] for error in received] == [321, 103]
    assert "Read-Only" in received[0][2]
    assert not gateway.book.orders


async def test_held_until_the_open(gateway: Gateway) -> None:
    """Broken: an order that waits for the opening (399) would be taken for dead, or for filled."""
    async with broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.faults.arm("hold", status="PreSubmitted")
        gateway.faults.arm("order_message")
        place(broker, order())
        error = await event(broker, OrderError)
        assert (error.code, error.kind) == (399, ErrorKind.NOTICE)
        assert error.text.startswith("Order Message: BUY 10 AAPL") or error.text.startswith(
            "Order Message:\nBUY 10 AAPL"
        )
        (held,) = await broker.open_orders()
        assert (held.ib_status, held.state) == ("PreSubmitted", OrderState.WORKING)
        gateway.fill(held.perm_id)
        assert (await event(broker, Executed)).execution.shares == 10


@pytest.mark.parametrize("code", [10349, 399, 2109])
async def test_order_message(gateway: Gateway, ib: IB, code: int) -> None:
    """A live order with an error message, which ib_async then believes dead, could not be tested against."""
    gateway.faults.arm("order_message", code=code)
    received = errors(ib)
    trade = ib.placeOrder(aapl(), market("BUY", 10))
    await until("fill", lambda: trade.fills)
    assert [error[1] for error in received] == [code]
    assert received[0][2]


@pytest.mark.parametrize("status", ["Inactive", "PreSubmitted"])
async def test_locate(gateway: Gateway, status: str) -> None:
    """Broken: an Inactive order that is only held would be taken for rejected, and live on unseen."""
    async with broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.faults.arm("locate", status=status)
        order_id = place(broker, order(side=Side.SELL))
        update = await event(broker, OrderUpdate, lambda each: each.order.detail == "locate")
        assert update.order.ib_status == status
        error = await event(broker, OrderError)
        assert (error.code, error.kind) == (404, ErrorKind.HELD)
        (held,) = await broker.open_orders()
        assert (held.ib_status, held.detail) == (status, "locate")
        broker.cancel(order_id, held.order_ref)
        await event(broker, OrderUpdate, lambda each: each.order.state is OrderState.CANCELLED)
        assert await broker.open_orders() == []


async def test_located(gateway: Gateway, ib: IB) -> None:
    """An order that was held would not go on when its shares are found."""
    gateway.faults.arm("locate", delay_s=0.05)
    held: list[str] = []
    ib.orderStatusEvent += lambda trade: held.append(trade.orderStatus.whyHeld)
    trade = await filled(ib.placeOrder(aapl(), market("SELL", 10)))
    assert "locate" in held
    assert (trade.orderStatus.status, trade.orderStatus.whyHeld) == ("Filled", "")


async def test_late_status(gateway: Gateway, ib: IB) -> None:
    """A status that comes after the fill and says that nothing has filled could not be tested against."""
    gateway.faults.arm("late_status", delay_s=0.05)
    received: list[str] = []
    ib.orderStatusEvent += lambda trade: received.append(trade.orderStatus.status)
    ib.execDetailsEvent += lambda trade, fill: received.append("execution")
    ib.placeOrder(aapl(), market("BUY", 10))
    await until("all of them", lambda: received == ["execution", "PreSubmitted", "Filled"])


async def test_repeated_late(gateway: Gateway, ib: IB) -> None:
    """An old status that comes again after the order is done could not be tested against."""
    gateway.faults.arm("repeat_status", delay_s=0.05)
    received = bytearray()
    ib.client.conn.hasData += received.extend
    trade = await filled(ib.placeOrder(aapl(), market("BUY", 10)))
    seen: list[tuple[str, str]] = []

    def statuses() -> list[tuple[str, str]]:
        seen.extend((fields[2], fields[3]) for fields in messages(received) if fields[0] == "3")
        return seen

    once = [("PreSubmitted", "0"), ("Filled", "10")]
    await until("the repeats", lambda: statuses() == once * 2)
    assert trade.filled() == 10


@pytest.mark.parametrize("error_first", [False, True])
async def test_fill_before_cancel(gateway: Gateway, error_first: bool) -> None:
    """Broken: a cancel refused because the order has just filled (10148) would leave its shares unbooked."""
    async with broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.faults.arm("fill_before_cancel", error_first=error_first)
        order_id = place(broker, order())
        await event(broker, OrderUpdate, lambda each: each.order.ib_status == "Submitted")
        broker.cancel(order_id, order().order_ref)
        events = await events_until(broker, lambda each: isinstance(each, Executed) and each.execution.commission == 1)
        kinds = [type(each) for each in events if isinstance(each, OrderError | Executed)]
        if not error_first:
            kinds.append(type(await event(broker, OrderError)))
        assert kinds == ([OrderError, Executed, Executed] if error_first else [Executed, Executed, OrderError])
        (found,) = await broker.executions()
        assert found.shares == 10


@pytest.mark.parametrize("code", [10089, 10197])
async def test_refused_data_has_ibs_text(gateway: Gateway, ib: IB, code: int) -> None:
    """A missing subscription or a competing login could not be tested against."""
    gateway.faults.arm("no_market_data", code=code)
    received = errors(ib)
    ib.reqMktData(aapl())
    await until("refusal", lambda: received)
    assert received[0][1:] == (code, ERROR_TEXTS[code])


async def test_the_bot_goes_on_with_delayed_data(gateway: Gateway) -> None:
    """Broken: an account without a subscription (10089) could not buy, or a competing login would give a price."""
    async with broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.faults.arm("delayed_only", code=10089, times=2)
        quote = await broker.quote(AAPL)
        assert isinstance(quote, Quote)
        assert (quote.delayed, quote.ask) == (True, Decimal("227.51"))
        gateway.faults.arm("no_market_data", code=10197)
        assert await broker.quote(AAPL) == NoQuote(10197, "No market data during competing live session")


@pytest.mark.parametrize(("delayed", "kind", "tick"), [(False, 2, "45"), (True, 4, "88")])
async def test_stale(gateway: Gateway, ib: IB, *, delayed: bool, kind: int, tick: str) -> None:
    """Old ticks under a new question, frozen or delayed and frozen, could not be tested against."""
    if delayed:
        gateway.faults.arm("delayed_only")
        ib.reqMarketDataType(4)
    gateway.faults.arm("stale", age_s=7200, price="150")
    received = bytearray()
    ib.client.conn.hasData += received.extend
    ticker = ib.reqMktData(aapl())
    await until("quote", ticker.hasBidAsk)
    await caught_up(ib)
    assert (ticker.bid, ticker.ask, ticker.last, ticker.marketDataType) == (149.99, 150.01, 150, kind)
    (at,) = [int(fields[4]) for fields in messages(received) if fields[0] == "46" and fields[3] == tick]
    assert 7199 <= gateway.now().timestamp() - at <= 7260
    gateway.set_quote("AAPL", Decimal("100.00"), Decimal("100.02"))
    await ib.reqCurrentTimeAsync()
    assert ticker.ask == 150.01


async def test_stale_snapshot(gateway: Gateway, ib: IB) -> None:
    """A snapshot of old ticks could not be tested against."""
    gateway.faults.arm("stale", price="150")
    (ticker,) = await ib.reqTickersAsync(aapl())
    assert (ticker.last, ticker.marketDataType) == (150, 2)
