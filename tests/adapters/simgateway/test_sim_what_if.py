"""What-if orders: what an order would lead to, or why it would not be taken, and never an order."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from ib_async import IB

from tests.adapters.simgateway.conftest import (
    DEADLINE_S,
    Connect,
    aapl,
    client,
    errors,
    filled,
    market,
    settings,
    until,
)
from tradebot.simgateway import Gateway, open_gateway
from tradebot.simgateway.switches import Switches


@pytest.mark.parametrize("version", [157, 163, 178])
async def test_what_it_would_lead_to(connect: Connect, version: int) -> None:
    """A client would take the check of an order for the order, or would see no figure, or wrong ones."""
    async with open_gateway(settings()) as gateway:
        ib = await connect(gateway, version=version)
        price = gateway.quote("AAPL").last
        state = await asyncio.wait_for(ib.whatIfOrderAsync(aapl(), market("BUY", 100)), DEADLINE_S)
        assert (state.status, state.commission, state.commissionCurrency) == ("PreSubmitted", 1.0, "USD")
        assert (float(state.initMarginBefore), float(state.initMarginChange)) == (0.0, float(price * 50))
        assert float(state.maintMarginAfter) == float(price * 25)
        assert float(state.equityWithLoanChange) == -1.0
        assert not await ib.reqAllOpenOrdersAsync()
        assert not await ib.reqCompletedOrdersAsync(False)
        assert gateway.book.orders == {}

        await filled(ib.placeOrder(aapl(), market("BUY", 100)))
        sold = await asyncio.wait_for(ib.whatIfOrderAsync(aapl(), market("SELL", 100)), DEADLINE_S)
        assert float(sold.initMarginAfter) == 0.0


@pytest.mark.parametrize(
    ("fault", "switches", "quantity", "code", "text"),
    [
        (None, Switches(read_only=True), 1, 321, "Read-Only mode"),
        ({"code": 383}, Switches(), 1, 383, "exceeds \nthe Size Limit"),
        ({"code": 451}, Switches(), 1, 451, "Total Value Limit"),
        (None, Switches(), 10_000, 201, "NOT ACCEPTED"),
    ],
)
async def test_refused(
    connect: Connect, *, fault: dict[str, int] | None, switches: Switches, quantity: int, code: int, text: str
) -> None:
    """Who asks first would hear that an order passes which the gateway then refuses."""
    async with open_gateway(settings(switches=switches)) as gateway:
        ib = await connect(gateway) if not switches.read_only else await _connect_read_only(gateway)
        if fault:
            gateway.faults.arm("deny", **fault)
        received = errors(ib)
        client(ib).placeOrder(ib.client.getReqId(), aapl(), market("BUY", quantity, whatIf=True))
        await until("refusal", lambda: received)
        assert (received[0][1], text in received[0][2]) == (code, True)
        assert gateway.book.orders == {}
        ib.disconnect()


async def _connect_read_only(gateway: Gateway) -> IB:
    """A login that asks for no list of orders, which a read-only gateway refuses."""
    ib = IB()
    await client(ib).connectAsync("127.0.0.1", gateway.port, 7, DEADLINE_S)
    return ib


async def test_swallowed_by_a_dialog(gateway: Gateway, ib: IB) -> None:
    """A dialog that swallows orders could not be found out by asking first."""
    gateway.faults.arm("swallow")
    client(ib).placeOrder(ib.client.getReqId(), aapl(), market("BUY", 1, whatIf=True))
    assert not await ib.reqAllOpenOrdersAsync()
    (line,) = [line for line in gateway.store.lines if line["kind"] == "received"]
    assert (line["fault"], line["fields"]["whatIf"]) == ("swallow", "1")
    assert (gateway.book.orders, gateway.book.cash) == ({}, Decimal(100_000))
