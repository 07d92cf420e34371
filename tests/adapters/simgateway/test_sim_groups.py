"""Stops, trailing stops, brackets and groups, as ib_async places them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from ib_async import IB, Order, Trade

from tests.adapters.simgateway.conftest import (
    ACCOUNT,
    Connect,
    aapl,
    caught_up,
    client,
    errors,
    limit,
    market,
    settings,
    until,
)
from tradebot.simgateway import Gateway, open_gateway, sessions

D = Decimal


def quote(gateway: Gateway, price: str) -> None:
    """AAPL trades at this price, a cent to either side."""
    gateway.set_quote("AAPL", D(price) - D("0.01"), D(price) + D("0.01"), D(price))


def stop(action: str, quantity: float, price: float, **more: Any) -> Order:
    return Order(action=action, totalQuantity=quantity, orderType="STP", auxPrice=price, account=ACCOUNT, **_gtc(more))


def trailing(action: str, quantity: float, **more: Any) -> Order:
    return Order(action=action, totalQuantity=quantity, orderType="TRAIL", account=ACCOUNT, **_gtc(more))


def _gtc(more: dict[str, Any]) -> dict[str, Any]:
    return {"tif": "GTC"} | more


def bracket(ib: IB, parent: Order, *children: Order) -> list[Trade]:
    """As one group: the last one alone is transmitted, and takes the others along."""
    parent.orderId, parent.transmit = client(ib).getReqId(), False
    trades = [ib.placeOrder(aapl(), parent)]
    for child in children:
        child.orderId, child.parentId, child.transmit = client(ib).getReqId(), parent.orderId, child is children[-1]
        trades.append(ib.placeOrder(aapl(), child))
    return trades


def status(gateway: Gateway) -> list[tuple[str, str, Decimal]]:
    """Every order of the account: type, status, shares filled."""
    return [(each.ticket.order_type, each.status, each.filled) for each in gateway.book.orders.values()]


async def test_a_stop_waits_and_triggers(ib: IB, gateway: Gateway) -> None:
    """A stop would sell at once, or never; or at IB's side of it nobody could see that it waits."""
    quote(gateway, "200")
    trade = ib.placeOrder(aapl(), stop("SELL", 4, 195))
    await until("it is shown", lambda: trade.orderStatus.status == "PreSubmitted")
    assert (trade.orderStatus.whyHeld, trade.order.auxPrice) == ("trigger", 195)
    quote(gateway, "195.01")
    assert status(gateway) == [("STP", "PreSubmitted", 0)]
    quote(gateway, "195")
    await until("it has filled", trade.isDone)
    assert [fill.execution.price for fill in trade.fills] == [194.99]


async def test_a_stop_limit_waits_for_its_limit_too(ib: IB, gateway: Gateway) -> None:
    """A stop-limit would sell below its limit."""
    quote(gateway, "200")
    order = stop("SELL", 4, 195, lmtPrice=194.5)
    order.orderType = "STP LMT"
    ib.placeOrder(aapl(), order)
    await until("it is there", lambda: gateway.book.orders)
    quote(gateway, "190")
    assert status(gateway) == [("STP LMT", "Submitted", 0)]
    quote(gateway, "194.60")
    assert status(gateway) == [("STP LMT", "Filled", 4)]


@pytest.mark.parametrize(("by", "stands"), [({"auxPrice": 3.0}, "207"), ({"trailingPercent": 2.0}, "205.80")])
async def test_a_trailing_stop_follows_and_never_goes_back(
    ib: IB, gateway: Gateway, connect: Connect, *, by: dict[str, float], stands: str
) -> None:
    """A trailing stop would stand still, or fall with the market that it protects from."""
    quote(gateway, "200")
    ib.placeOrder(aapl(), trailing("SELL", 4, **by))
    await until("it is there", lambda: gateway.book.orders and next(iter(gateway.book.orders.values())).stop)
    for price in ("210", "207.50", "208"):
        quote(gateway, price)
    (order,) = gateway.book.orders.values()
    assert (order.stop, order.status) == (D(stands), "PreSubmitted")
    (shown,) = await (await connect(gateway, 8)).reqAllOpenOrdersAsync()
    assert shown.order.trailStopPrice == float(stands)
    assert (shown.order.trailingPercent if "trailingPercent" in by else shown.order.auxPrice) in by.values()
    quote(gateway, stands)
    assert status(gateway) == [("TRAIL", "Filled", 4)]


async def test_stops_sleep_outside_the_session(ib: IB, gateway: Gateway) -> None:
    """A stop would trigger on a price of the night; or one that is told to would not."""
    quote(gateway, "200")
    sessions.close_now(gateway)
    ib.placeOrder(aapl(), stop("SELL", 4, 195))
    ib.placeOrder(aapl(), stop("SELL", 5, 195, outsideRth=True))
    await until("both are there", lambda: len(gateway.book.orders) == 2)
    quote(gateway, "190")
    assert status(gateway) == [("STP", "PreSubmitted", 0), ("STP", "Filled", 5)]
    sessions.open_now(gateway)
    await until("the other one follows", lambda: status(gateway)[0] == ("STP", "Filled", 4))


async def test_a_bracket_is_taken_whole(ib: IB, gateway: Gateway) -> None:
    """Children would work before there is anything to protect, or both of them sell."""
    quote(gateway, "200")
    parent, lower, upper = bracket(ib, limit("BUY", 10, 199), stop("SELL", 10, 195), limit("SELL", 10, 220, tif="GTC"))
    await until("it is shown", lambda: parent.orderStatus.status == "Submitted")
    assert status(gateway) == [("LMT", "Submitted", 0), ("STP", "PreSubmitted", 0), ("LMT", "PreSubmitted", 0)]
    assert [trade.orderStatus.parentId for trade in (lower, upper)] == [parent.order.orderId] * 2
    quote(gateway, "194")  # below the stop: the parent fills, and only then the stop goes to work
    await until("it was stopped out", lambda: lower.isDone() and upper.isDone())
    assert status(gateway) == [("LMT", "Filled", 10), ("STP", "Filled", 10), ("LMT", "Cancelled", 0)]
    assert gateway.book.positions[265598].quantity == 0


async def test_what_is_not_transmitted_is_nowhere(gateway: Gateway, connect: Connect) -> None:
    """A half bracket would look as if it were whole, or come to life after its connection broke."""
    ib = await connect(gateway)
    received = errors(ib)
    ib.placeOrder(aapl(), limit("BUY", 10, 300, transmit=False))
    await caught_up(ib)
    assert (status(gateway), received) == ([("LMT", "PreSubmitted", 0)], [])
    assert not await ib.reqAllOpenOrdersAsync()
    gateway.switches = replace(gateway.switches, untransmitted_listed=True)
    assert len(await ib.reqAllOpenOrdersAsync()) == 1
    ib.disconnect()
    await until("it is gone with its connection", lambda: status(gateway) == [("LMT", "Cancelled", 0)])


async def test_a_parent_takes_its_children_along(ib: IB, gateway: Gateway) -> None:
    """Children of an entry that was given up would sell short one day."""
    quote(gateway, "200")
    parent, *children = bracket(ib, limit("BUY", 10, 150), stop("SELL", 10, 140), limit("SELL", 10, 220))
    await until("it works", lambda: parent.orderStatus.status == "Submitted")
    ib.cancelOrder(parent.order)
    await until("all are over", lambda: all(trade.isDone() for trade in (parent, *children)))
    assert [each[1] for each in status(gateway)] == ["Cancelled"] * 3


@pytest.mark.parametrize(
    ("cut_parent", "left"), [("keeps", ("STP", "PreSubmitted", 0)), ("cancels", ("STP", "Cancelled", 0))]
)
async def test_a_parent_that_ended_partly_filled(
    ib: IB, gateway: Gateway, cut_parent: str, left: tuple[str, str, Decimal]
) -> None:
    """Its stop would be larger than what is held; and both of the ways that are reported must be there to test against."""
    gateway.switches = replace(gateway.switches, cut_parent=cut_parent)
    quote(gateway, "200")
    parent, lower = bracket(ib, limit("BUY", 10, 199), stop("SELL", 10, 195))
    await until("it works", lambda: parent.orderStatus.status == "Submitted")
    perm_id = next(iter(gateway.book.orders))
    gateway.fill(perm_id, D(3), D(199))
    ib.cancelOrder(parent.order)
    await until("it is over", lambda: parent.isDone() and parent.orderStatus.filled == 3)
    assert status(gateway)[1] == left
    if cut_parent == "keeps":
        await until("the stop is as large as what is held", lambda: lower.orderStatus.remaining == 3)


@pytest.mark.parametrize(("children_work", "sold"), [("part", 3), ("whole", 0)])
async def test_children_follow_their_parent_s_fills(ib: IB, gateway: Gateway, children_work: str, sold: int) -> None:
    """A stop would sell shares that the entry has not bought yet."""
    gateway.switches = replace(gateway.switches, children_work=children_work)
    quote(gateway, "200")
    bracket(ib, limit("BUY", 10, 150), stop("SELL", 10, 195))
    await until("it is there", lambda: len(gateway.book.orders) == 2)
    gateway.fill(next(iter(gateway.book.orders)), D(3), D(150))
    quote(gateway, "190")
    await until("it sold what the entry has bought", lambda: status(gateway)[1][2] == sold)
    assert gateway.book.positions[265598].quantity == 3 - sold


@pytest.mark.parametrize(
    ("oca_type", "acts", "other"),
    [(1, "part", ("Cancelled", 10)), (1, "whole", ("PreSubmitted", 10)), (2, "part", ("PreSubmitted", 7))],
)
async def test_groups(ib: IB, gateway: Gateway, oca_type: int, acts: str, other: tuple[str, int]) -> None:
    """A target that fills in part would leave a stop that sells more than is held, or none at all."""
    gateway.switches = replace(gateway.switches, oca_1_acts=acts)
    gateway.set_position("AAPL", D(10), D(200))
    quote(gateway, "200")
    group = {"ocaGroup": "g", "ocaType": oca_type}
    ib.placeOrder(aapl(), stop("SELL", 10, 195, **group))
    ib.placeOrder(aapl(), limit("SELL", 10, 220, **group))
    await until("both are there", lambda: len(gateway.book.orders) == 2)
    lower, upper = gateway.book.orders
    gateway.fill(upper, D(3), D(220))
    order = gateway.book.orders[lower]
    assert (order.status, order.ticket.quantity) == other
    gateway.fill(upper, D(7), D(220))
    assert not gateway.book.orders[lower].live
    assert gateway.book.positions[265598].quantity == 0


async def test_both_can_fill_when_the_group_is_forgotten(ib: IB, gateway: Gateway) -> None:
    """The commonest damage of brackets could not be tested against: stop and target both sell."""
    gateway.faults.arm("group_ignored", order_type="STP")
    gateway.set_position("AAPL", D(10), D(200))
    quote(gateway, "200")
    group = {"ocaGroup": "g", "ocaType": 2}
    ib.placeOrder(aapl(), stop("SELL", 10, 195, **group))
    ib.placeOrder(aapl(), limit("SELL", 10, 220, **group))
    await until("both are there", lambda: len(gateway.book.orders) == 2)
    quote(gateway, "221")
    quote(gateway, "194")
    await until("both filled", lambda: [each[1] for each in status(gateway)] == ["Filled", "Filled"])
    assert gateway.book.positions[265598].quantity == -10


async def test_a_stop_can_fail_to_trigger(ib: IB, gateway: Gateway) -> None:
    """A stop that IB acknowledged and never triggers could not be tested against."""
    gateway.faults.arm("never_triggers")
    quote(gateway, "200")
    ib.placeOrder(aapl(), stop("SELL", 4, 195))
    await until("it is there", lambda: gateway.book.orders)
    quote(gateway, "150")
    assert status(gateway) == [("STP", "PreSubmitted", 0)]


async def test_children_can_get_lost_be_rejected_or_arrive_as_day(ib: IB, gateway: Gateway) -> None:
    """A bracket whose child is missing, refused or of another time in force could not be tested against."""
    quote(gateway, "200")
    gateway.faults.arm("tif_becomes", order_type="STP")
    gateway.faults.arm("reject", order_type="LMT", action="SELL")
    parent, lower, upper = bracket(ib, market("BUY", 10), stop("SELL", 10, 195), limit("SELL", 10, 220, tif="GTC"))
    await until("the entry has filled", parent.isDone)
    await until("the target was refused", lambda: upper.orderStatus.status == "Inactive")
    assert [(each.ticket.tif, each.status) for each in gateway.book.orders.values()][1] == ("DAY", "PreSubmitted")
    assert lower.orderStatus.status == "PreSubmitted"
    gateway.faults.arm("swallow", order_type="STP")
    bracket(ib, market("BUY", 10), stop("SELL", 10, 195))
    await caught_up(ib)
    assert [(each.sent, each.filled) for each in gateway.book.orders.values()][3:] == [(False, 0)]


async def test_working_orders_can_be_changed(ib: IB, gateway: Gateway) -> None:
    """A stop could not be moved to break-even; or a change under a stale parent would pass here and fail at IB."""
    quote(gateway, "200")
    parent, lower = bracket(ib, market("BUY", 10), stop("SELL", 10, 195))
    await until("the entry has filled", parent.isDone)
    received = errors(ib)
    lower.order.auxPrice = 199
    ib.placeOrder(aapl(), lower.order)
    await until("it was refused", lambda: [code for _, code, _ in received] == [135])
    changed = stop("SELL", 10, 199, orderId=lower.order.orderId)
    client(ib).placeOrder(changed.orderId, aapl(), changed)
    await until("it has moved", lambda: list(gateway.book.orders.values())[1].stop == 199)
    assert len(gateway.book.orders) == 2


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (stop("SELL", 1, 195.005), 110),
        (Order(action="BUY", totalQuantity=1, orderType="LMT", lmtPrice=195.001, tif="DAY", account=ACCOUNT), 110),
        (stop("SELL", 1, 0), 110),
        (trailing("SELL", 1), 321),
        (trailing("SELL", 1, auxPrice=1.0, trailingPercent=1.0), 321),
        (stop("SELL", 1, 195, parentId=77), 10006),
        (stop("SELL", 1, 195, tif="GTD"), 321),
        (stop("SELL", 1, 195, ocaGroup="g", ocaType=3), 321),
        (Order(action="SELL", totalQuantity=1, orderType="MOC", tif="DAY", account=ACCOUNT), 387),
        (Order(action="SELL", totalQuantity=1, orderType="LOC", lmtPrice=1, tif="DAY", account=ACCOUNT), 387),
        (Order(action="BUY", totalQuantity=1, orderType="MKT", tif="OPG", account=ACCOUNT), 321),
    ],
)
async def test_refused(ib: IB, gateway: Gateway, order: Order, code: int) -> None:
    """An order that IB refuses would be taken."""
    received = errors(ib)
    ib.placeOrder(aapl(), replace(order))
    await until("it was refused", lambda: received)
    assert (received[0][1], gateway.book.orders) == (code, {})


async def test_good_till(ib: IB, gateway: Gateway) -> None:
    """An order would outlive the moment that it is good till."""
    quote(gateway, "200")
    till = gateway.now() + timedelta(seconds=1)
    trade = ib.placeOrder(aapl(), limit("BUY", 1, 150, tif="GTD", goodTillDate=f"{till:%Y%m%d-%H:%M:%S}"))
    await until("it is over", trade.isDone)
    assert status(gateway) == [("LMT", "Cancelled", 0)]


async def test_a_bracket_outlives_nights_and_restarts(tmp_path: Any, connect: Connect) -> None:
    """A stop would end with the day, or be forgotten with the gateway, and nobody be protected."""
    start = settings(state=tmp_path / "gateway.jsonl")
    async with open_gateway(start) as gateway:
        ib = await connect(gateway)
        quote(gateway, "200")
        parent, *_ = bracket(ib, market("BUY", 10), stop("SELL", 10, 195), limit("SELL", 10, 220, tif="GTC"))
        await until("the entry has filled", parent.isDone)
        sessions.close_now(gateway)
        gateway.midnight()
        before = dict(gateway.book.orders)
        ib.disconnect()
    async with open_gateway(start) as gateway:
        assert gateway.book.orders == before
        sessions.open_now(gateway)
        quote(gateway, "194")
        await until("it was stopped out", lambda: [each[1] for each in status(gateway)][1:] == ["Filled", "Cancelled"])
        assert gateway.book.positions[265598].quantity == 0
