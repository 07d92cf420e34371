"""The exchange's hours, late opens, halts, and orders that IB ends by itself, seen from clients' sides."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from ib_async import IB

from tests.adapters.broker.helpers import broker_for, connected, event, order, place
from tests.adapters.simgateway.conftest import Connect, aapl, caught_up, errors, filled, limit, market, settings, until
from tradebot.domain.brokerage import OrderError, OrderState, OrderUpdate
from tradebot.simgateway import Gateway, open_gateway, sessions
from tradebot.simgateway.market import Market

SESSION = (time(9, 30), time(16))


@pytest.mark.parametrize(
    ("now", "is_open", "opens"),
    [
        ("2026-03-02 14:29:59", False, "2026-03-02 09:30:00 US/Eastern"),
        ("2026-03-02 14:30:00", True, "2026-03-03 09:30:00 US/Eastern"),
        ("2026-03-02 21:00:00", False, "2026-03-03 09:30:00 US/Eastern"),
        ("2026-04-02 20:00:00", False, "2026-04-06 09:30:00 US/Eastern"),  # Good Friday and a weekend follow
    ],
)
def test_hours(now: str, is_open: bool, opens: str) -> None:
    """The exchange would be open at night or on a holiday, or name a wrong next open."""
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    exchange = Market(SESSION, at)
    assert (exchange.open, exchange.opens(at)) == (is_open, opens)
    assert Market(None, at).open


async def test_a_market_order_waits_for_the_open(gateway: Gateway, ib: IB) -> None:
    """An order outside the session would fill, be refused, or not say until when it waits."""
    sessions.close_now(gateway)
    received = errors(ib)
    trade = ib.placeOrder(aapl(), market("BUY", 10))
    await until("warning", lambda: received)
    assert received[0][1] == 399
    assert f"exchange until {gateway.market.opens(gateway.now())}" in received[0][2]
    (shown,) = await ib.reqAllOpenOrdersAsync()
    assert (shown.orderStatus.status, trade.fills) == ("PreSubmitted", [])
    statuses: list[str] = []
    ib.orderStatusEvent += lambda trade: statuses.append(trade.orderStatus.status)
    sessions.open_now(gateway)
    await filled(trade)
    assert statuses == ["Submitted", "Filled"]


async def test_hours_open_and_close_the_exchange(connect: Connect) -> None:
    """The exchange would not follow its hours, or orders not wait for them."""
    now = datetime(2026, 3, 2, 14, 29, tzinfo=UTC)
    async with open_gateway(settings(session=SESSION, clock=lambda: now)) as gateway:
        ib = await connect(gateway)
        trade = ib.placeOrder(aapl(), market("BUY", 10))
        await until("order", lambda: gateway.book.orders)
        now += timedelta(minutes=2)
        await filled(trade)
        assert gateway.market.open
        now += timedelta(hours=7)
        await until("close", lambda: not gateway.market.open)


async def test_a_stock_opens_late(gateway: Gateway, ib: IB) -> None:
    """An order of a stock that opens after the exchange would fill before it does, or not be shown as working."""
    sessions.open_late(gateway, "AAPL", 0.1)
    sessions.close_now(gateway)
    late = ib.placeOrder(aapl(), market("BUY", 10))
    await until("order", lambda: gateway.book.orders)
    statuses: list[str] = []
    ib.orderStatusEvent += lambda trade: statuses.append(trade.orderStatus.status)
    sessions.open_now(gateway)
    assert gateway.market.not_yet == {"AAPL"}
    await filled(late)
    assert statuses[0] == "Submitted"
    (execution,) = gateway.book.executions.values()
    (working,) = [line for line in gateway.store.lines if line["kind"] == "working"]
    assert (execution.at - datetime.fromisoformat(working["at"])).total_seconds() > 0.05
    sessions.open_late(gateway, "AAPL", 0)
    assert not gateway.market.late_s


async def test_a_halt(gateway: Gateway, ib: IB) -> None:
    """An order of a halted stock would fill, or the halt not be told, or nothing go on after it."""
    ticker = ib.reqMktData(aapl())
    await until("quote", ticker.hasBidAsk)
    sessions.halt(gateway, "AAPL")
    await until("halted", lambda: ticker.halted == 2)
    trade = ib.placeOrder(aapl(), market("BUY", 10))
    bound = ib.placeOrder(aapl(), limit("BUY", 10, 100))
    await until("working", lambda: {trade.orderStatus.status, bound.orderStatus.status} == {"Submitted"})
    gateway.set_quote("AAPL", Decimal("99.98"), Decimal("100.00"))
    again = ib.reqMktData(aapl(), genericTickList="233")
    await until("halted from the start", lambda: again.halted == 2)
    await caught_up(ib)
    assert not trade.fills + bound.fills
    sessions.resume(gateway, "AAPL")
    await filled(trade)
    await filled(bound)
    await until("resumed", lambda: ticker.halted == 0)


async def test_the_close_ends_day_orders(gateway: Gateway, ib: IB) -> None:
    """IB's own end of a DAY order would take its fills away, end GTC orders too, or not be told."""
    gateway.faults.arm("partial", filled=3)
    day = ib.placeOrder(aapl(), market("BUY", 10))
    gtc = ib.placeOrder(aapl(), limit("BUY", 10, 1, tif="GTC"))
    await until("part", lambda: day.filled() == 3 and gtc.orderStatus.status == "Submitted")
    received = errors(ib)
    sessions.close_now(gateway)
    await until("end", lambda: received)
    assert (day.orderStatus.status, day.orderStatus.filled, day.orderStatus.remaining) == ("Cancelled", 3, 7)
    assert [error[1:] for error in received] == [(202, "Order Canceled - reason:")]
    assert [each.order.permId for each in await ib.reqAllOpenOrdersAsync()] == [gtc.order.permId]
    early = ib.placeOrder(aapl(), market("BUY", 1))
    await until("next day's order", lambda: [error[1] for error in received] == [202, 399])
    sessions.close_now(gateway)
    assert gateway.book.orders[early.order.permId].live


async def test_outside_regular_hours(gateway: Gateway, ib: IB) -> None:
    """A limit order that may trade outside the session would wait for it."""
    sessions.close_now(gateway)
    await filled(ib.placeOrder(aapl(), limit("BUY", 1, 500, outsideRth=True)))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, [(202, "Order Canceled - reason:")]),
        ({"reason": "Closing only", "error_first": True}, [(202, "Order Canceled - reason:Closing only")]),
        ({"code": 10147, "reason": "gone"}, [(10147, "gone")]),
        ({"code": 0}, []),
    ],
)
@pytest.mark.parametrize("shares", [0, 4])
async def test_ended_by_ib(
    gateway: Gateway, ib: IB, given: dict[str, Any], told: list[tuple[int, str]], shares: int
) -> None:
    """An order that IB itself ends, with or without a word, could not be tested against."""
    gateway.faults.arm("ended", filled=shares, **given)
    received = errors(ib)
    trade = ib.placeOrder(aapl(), market("BUY", 10))
    await until("end", lambda: trade.orderStatus.status == "Cancelled" and len(received) == len(told))
    await caught_up(ib)
    assert [error[1:] for error in received] == told
    (ended,) = gateway.book.orders.values()
    assert (ended.status, ended.filled, ended.plan.keys()) == ("Cancelled", shares, {"ended"})
    assert (trade.filled(), await ib.reqAllOpenOrdersAsync()) == (shares, [])


@pytest.mark.parametrize(
    ("given", "codes"), [({}, [201]), ({"status_first": True, "delay_s": 0.02}, [201]), ({"code": 0}, [])]
)
async def test_rejected_and_still_listed(gateway: Gateway, given: dict[str, Any], codes: list[int]) -> None:
    """A rejected order that IB still lists, told or not, could not be tested against, or not be cancelled."""
    async with broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.faults.arm("reject", listed=True, **given)
        order_id = place(broker, order())
        await event(broker, OrderUpdate, lambda each: each.order.state is OrderState.INACTIVE)
        for code in codes if given.get("status_first") else []:
            assert (await event(broker, OrderError)).code == code
        (shown,) = await broker.open_orders()
        assert (shown.ib_status, shown.filled) == ("Inactive", 0)
        assert await broker.completed_orders() == []
        assert not gateway.book.live_orders()
        broker.cancel(order_id, shown.order_ref)
        await event(broker, OrderUpdate, lambda each: each.order.state is OrderState.CANCELLED)
        assert await broker.open_orders() == []


async def test_a_cancel_that_is_not_answered(gateway: Gateway, ib: IB) -> None:
    """A rejected order whose cancel comes to nothing could not be tested against, or would outlive its day."""
    gateway.faults.arm("reject", code=0, listed=True, cancel_answered=False)
    trade = ib.placeOrder(aapl(), market("SELL", 10))
    await until("rejected", lambda: trade.orderStatus.status == "Inactive")
    received = errors(ib)
    ib.cancelOrder(trade.order)
    await caught_up(ib)
    (shown,) = await ib.reqAllOpenOrdersAsync()
    assert (shown.orderStatus.status, received) == ("Inactive", [])
    assert [line["fault"] for line in gateway.store.lines if line["kind"] == "received"] == ["", "reject"]
    gateway.midnight()
    assert await ib.reqAllOpenOrdersAsync() == []


@pytest.mark.parametrize("delay_s", [None, 0.05])
async def test_the_cancel_of_a_live_order_that_is_not_answered(gateway: Gateway, ib: IB, delay_s: float | None) -> None:
    """A bot that waits for IB's word on a cancel could not be tried without that word, or with one that comes late."""
    gateway.faults.arm("cancel_unanswered", delay_s=delay_s)
    order = limit("SELL", 10, 1000)
    trade = ib.placeOrder(aapl(), order)
    await until("listed", lambda: trade.orderStatus.status in ("PreSubmitted", "Submitted"))
    received = errors(ib)
    ib.cancelOrder(trade.order)
    await caught_up(ib)
    assert received == []
    if delay_s is None:
        assert [each.status for each in gateway.book.orders.values()] != ["Cancelled"]
    else:
        await until("cancelled", lambda: [each.status for each in gateway.book.orders.values()] == ["Cancelled"])


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (383, "Size Limit of 500"),
        (451, "Total Value Limit"),
        (109, "Percentage constraint"),
        (10268, "EtradeOnly"),
        (154, "halted"),
    ],
)
@pytest.mark.parametrize("alone", [False, True])
async def test_precautions(gateway: Gateway, ib: IB, code: int, words: str, alone: bool) -> None:
    """A refusal by the presets, with a status or without one, could not be tested against in IB's words."""
    gateway.faults.arm("deny" if alone else "reject", code=code)
    received = errors(ib)
    trade = ib.placeOrder(aapl(), market("BUY", 101))
    await until("refusal", lambda: received)
    await caught_up(ib)
    assert (received[0][0], received[0][1]) == (trade.order.orderId, code)
    assert words in received[0][2]
    assert ("Precautionary Settings" in received[0][2]) == (code < 10000 and code != 154)
    assert [each.status for each in gateway.book.orders.values()] == ([] if alone else ["Inactive"])
