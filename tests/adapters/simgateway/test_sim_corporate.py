"""Splits, renames and new contracts, as clients see them."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ib_async import IB, Contract, Position, Stock

from tests.adapters.simgateway.conftest import (
    Connect,
    aapl,
    caught_up,
    errors,
    filled,
    limit,
    market,
    settings,
    until,
)
from tests.adapters.simgateway.test_sim_outages import post
from tradebot.simgateway import Gateway, exchange, open_gateway

APPLE = 265598


async def found(ib: IB, **fields: Any) -> list[Contract]:
    """The contracts that a client is told of."""
    asked = Contract(**{"secType": "STK", "exchange": "SMART", "currency": "USD"} | fields)
    return [details.contract for details in await ib.reqContractDetailsAsync(asked) if details.contract]


def held(positions: list[Position]) -> dict[tuple[int, str], tuple[float, float]]:
    """Quantity and average cost by contract and symbol."""
    return {(each.contract.conId, each.contract.symbol): (each.position, each.avgCost) for each in positions}


def shows(ib: IB, after: tuple[float, float]) -> bool:
    return held(ib.positions()) == {(APPLE, "AAPL"): after}


@pytest.mark.parametrize(
    ("new", "old", "after"), [(10, 1, (50, 20)), (3, 2, (7.5, 133.33333333)), (1, 2, (2.5, 400)), (2, 25, (0.4, 2500))]
)
async def test_split(gateway: Gateway, connect: Connect, *, new: int, old: int, after: tuple[float, float]) -> None:
    """Quantity, average cost or price would not follow the ratio, or a client not be told."""
    gateway.set_position("AAPL", Decimal(5), Decimal(200))
    gateway.set_quote("AAPL", Decimal("300.00"), Decimal("300.60"), Decimal(300))
    clients = [await connect(gateway, 7), await connect(gateway, 8)]
    await post(gateway, "/splits", symbol="AAPL", new=new, old=old)
    for ib in clients:
        await until("split", partial(shows, ib, after))
        (fresh,) = await ib.reqPositionsAsync()
        assert (fresh.position, fresh.avgCost) == after
    assert gateway.quote("AAPL").bid == (Decimal(300) * old / new).quantize(Decimal("0.01"))
    assert gateway.book.cash == 100_000


async def test_reverse_split_with_a_new_contract(tmp_path: Path, connect: Connect) -> None:
    """The position would stay with the old contract, or vanish; also after the gateway's restart."""
    start = settings(state=tmp_path / "state.jsonl", control_port=0)
    async with open_gateway(start) as gateway:
        ib = await connect(gateway)
        bought = await filled(ib.placeOrder(aapl(), market("BUY", 4)))
        root = bought.fills[0].execution.execId.rpartition(".")[0]
        await post(gateway, "/splits", symbol="AAPL", new=1, old=2, con_id=99)
        await until("new contract", lambda: held(ib.positions()) == {(99, "AAPL"): (2, 455.52)})
        received = errors(ib)
        assert await found(ib, conId=APPLE) == []
        assert [code for _, code, _ in received] == [200]
        cash = gateway.book.cash
    async with open_gateway(start) as gateway:
        ib = await connect(gateway)
        assert held(ib.positions()) == {(99, "AAPL"): (2, 455.52)}
        assert [each.conId for each in await found(ib, symbol="AAPL")] == [99]
        assert gateway.quote("AAPL").last == 455
        gateway.commit(*exchange.correct(gateway.book, root, Decimal(2), Decimal(100), gateway.now()))
        assert gateway.book.positions[99].quantity == 1
        assert gateway.book.cash > cash
        await filled(ib.placeOrder(Stock("AAPL", "SMART", "USD", conId=99), market("SELL", 1)))
        await until("nothing held", lambda: not ib.positions())


async def test_a_split_ends_the_orders(gateway: Gateway, ib: IB) -> None:
    """A GTC order would work on at the price and for the shares of before."""
    trade = ib.placeOrder(aapl(), limit("BUY", 5, 100, tif="GTC"))
    other = ib.placeOrder(Stock("MSFT", "SMART", "USD"), limit("BUY", 5, 100, tif="GTC"))
    await until("working", lambda: {each.orderStatus.status for each in (trade, other)} == {"Submitted"})
    received = errors(ib)
    await post(gateway, "/splits", symbol="AAPL", new=10, old=1)
    await until("cancelled", lambda: trade.orderStatus.status == "Cancelled")
    assert received == [(trade.order.orderId, 202, "Order Canceled - reason:Corporate action")]
    assert other.orderStatus.status == "Submitted"


async def test_rename(tmp_path: Path, connect: Connect) -> None:
    """The contract would change with its symbol, or still be found under the old one; also after the gateway's restart."""
    start = settings(state=tmp_path / "state.jsonl", control_port=0)
    async with open_gateway(start) as gateway:
        ib = await connect(gateway)
        await filled(ib.placeOrder(aapl(), market("BUY", 4)))
        working = ib.placeOrder(aapl(), limit("SELL", 1, 900, tif="GTC"))
        ticker = ib.reqMktData(aapl())
        await until("working", lambda: working.orderStatus.status == "Submitted" and ticker.hasBidAsk())
        await post(gateway, "/renames", symbol="AAPL", to="APL")
        await until("new symbol", lambda: (APPLE, "APL") in held(ib.positions()))
        await post(gateway, "/quotes", symbol="APL", bid="300", ask="300.02")
        await until("the stream goes on", lambda: ticker.bid == 300)
    async with open_gateway(start) as gateway:
        ib = await connect(gateway)
        await caught_up(ib)
        assert held(ib.positions()) == {(APPLE, "APL"): (4, 227.76)}
        assert [each.conId for each in await found(ib, symbol="APL")] == [APPLE]
        assert await found(ib, symbol="AAPL") == []
        assert [each.contract.symbol for each in ib.openTrades()] == ["APL"]
        assert [each.contract.symbol for each in await ib.reqExecutionsAsync()] == ["APL"]


async def test_two_contracts_of_one_symbol(gateway: Gateway, ib: IB) -> None:
    """An old contract that is still held could not be told from the new one of its symbol."""
    gateway.set_position("AAPL", Decimal(5), Decimal(200))
    await post(gateway, "/listings", symbol="AAPL", con_id=99, price="22.75")
    assert [each.conId for each in await found(ib, symbol="AAPL")] == [99]
    assert [each.conId for each in await found(ib, conId=APPLE)] == [APPLE]
    await filled(ib.placeOrder(Stock("AAPL", "SMART", "USD", conId=99), market("BUY", 1)))
    await until("both", lambda: {con_id for con_id, _ in held(ib.positions())} == {APPLE, 99})
    await filled(ib.placeOrder(aapl(), market("SELL", 5)))
    await until("the new one", lambda: {con_id for con_id, _ in held(ib.positions())} == {99})
