"""The link to IB, the nightly restart and midnight: what is not reported, and what is forgotten."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from ib_async import IB

from tests.adapters.broker.helpers import broker_for, connected, event, order, place, waiting
from tests.adapters.simgateway.conftest import (
    DEADLINE_S,
    Connect,
    aapl,
    client,
    errors,
    filled,
    limit,
    market,
    settings,
    until,
)
from tradebot.domain.brokerage import Disconnected, Executed, OrderUpdate, UpstreamBack, UpstreamLost
from tradebot.errors import BrokerUnavailable
from tradebot.simgateway import Gateway, open_gateway


async def post(gateway: Gateway, path: str, **body: Any) -> None:
    url = f"http://127.0.0.1:{gateway.control_port}{path}"
    async with aiohttp.ClientSession() as http, http.post(url, json=body) as answer:
        assert answer.status == 200, await answer.text()


@pytest.mark.parametrize("data_lost", [False, True])
async def test_a_fill_during_an_outage_is_found_by_asking_only(gateway: Gateway, data_lost: bool) -> None:
    """Broken: what filled while IB's link was down would never be booked, for it is not reported."""
    async with broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.faults.arm("hold")
        place(broker, order())
        shown = await event(broker, OrderUpdate, lambda each: each.order.ib_status == "Submitted")
        await post(gateway, "/upstream", up=False)
        await event(broker, UpstreamLost)
        gateway.fill(shown.order.perm_id)
        with pytest.raises(BrokerUnavailable, match="lost its link"):
            await broker.executions()
        assert not broker.connection.upstream
        assert waiting(broker) == []
        await post(gateway, "/upstream", up=True, data_lost=data_lost)
        back = await event(broker, UpstreamBack)
        assert back.data_lost == data_lost
        assert await broker.open_orders() == []
        assert not any(isinstance(each, Executed | OrderUpdate) for each in waiting(broker))
        (found,) = await broker.executions()
        assert (found.order_ref, found.shares, found.commission) == (order().order_ref, Decimal(10), Decimal(1))


async def test_an_outage_ends_by_itself(gateway: Gateway, ib: IB) -> None:
    """An outage of a given length could not be simulated."""
    received = errors(ib)
    await post(gateway, "/upstream", up=False, seconds=0.05, data_lost=True)
    await until("end", lambda: [error[:2] for error in received] == [(-1, 1100), (-1, 1101)])
    assert gateway.upstream.up


@pytest.mark.parametrize("sent", ["later", "lost"])
async def test_orders_of_an_outage(gateway: Gateway, ib: IB, connect: Connect, sent: str) -> None:
    """One of the two things that can become of an order sent in an outage could not be tested against."""
    gateway.upstream.lose(sent)
    ib.placeOrder(aapl(), market("BUY", 10, orderRef="tb-1"))
    await ib.reqCurrentTimeAsync()
    assert not gateway.book.orders
    gateway.drop_all()
    gateway.upstream.restore()
    await until("the fill", lambda: bool(gateway.book.executions) == (sent == "later"))
    again = await connect(gateway)
    assert [fill.execution.orderRef for fill in again.fills()] == (["tb-1"] if sent == "later" else [])
    received = [line["fields"]["orderRef"] for line in gateway.store.lines if line["kind"] == "received"]
    assert received == (["tb-1"] if sent == "later" else [])


@pytest.mark.parametrize("data_lost", [False, True])
async def test_subscriptions_after_an_outage(gateway: Gateway, ib: IB, data_lost: bool) -> None:
    """1101 and 1102 would be the same: with 1101 the subscriptions are gone."""
    ticker = ib.reqMktData(aapl())
    await until("quote", ticker.hasBidAsk)
    gateway.upstream.lose()
    gateway.set_quote("AAPL", Decimal("100.00"), Decimal("100.02"))
    await ib.reqCurrentTimeAsync()
    assert ticker.ask == 227.51
    gateway.upstream.restore(data_lost)
    gateway.set_quote("AAPL", Decimal("101.00"), Decimal("101.02"))
    await ib.reqCurrentTimeAsync()
    assert ticker.ask == (227.51 if data_lost else 101.02)


async def test_a_client_that_comes_during_an_outage(gateway: Gateway, ib: IB) -> None:
    """A new client would be greeted as if the link were up, or be answered."""
    gateway.upstream.lose()
    late = IB()
    received = errors(late)
    await client(late).connectAsync("127.0.0.1", gateway.port, 8, DEADLINE_S)
    await until("2110", lambda: [error[1] for error in received] == [2110])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ib.reqPositionsAsync(), 0.05)
    late.disconnect()
    await until("disconnected", lambda: late.client.conn.transport is None)


async def test_bad_outages(gateway: Gateway) -> None:
    """A misspelt mode, or a second outage within one, would do something else than asked for."""
    with pytest.raises(ValueError, match="later or lost"):
        gateway.upstream.lose("maybe")
    gateway.upstream.lose()
    with pytest.raises(ValueError, match="down already"):
        gateway.upstream.lose()


async def test_restart_rolls_order_ids_back(gateway: Gateway, ib: IB, connect: Connect) -> None:
    """Order ids handed out a second time, as after a real nightly restart, could not be tested against."""
    first = await filled(ib.placeOrder(aapl(), market("BUY", 1, orderRef="tb-1")))
    working = ib.placeOrder(aapl(), limit("BUY", 1, 1.0, orderRef="tb-2"))
    await until("working", lambda: working.orderStatus.status == "Submitted")
    await post(gateway, "/restart", seconds=1, rollback=99)
    await until("drop", lambda: not ib.isConnected())
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", gateway.port)
    await until("the port again", lambda: gateway.listening)
    again = IB()
    await client(again).connectAsync("127.0.0.1", gateway.port, 7, DEADLINE_S)
    assert again.client.getReqId() == 1
    again.disconnect()
    await until("disconnected", lambda: again.client.conn.transport is None)
    ib = await connect(gateway)
    assert [each.order.orderRef for each in ib.openTrades()] == ["tb-2"]
    client(ib).placeOrder(first.order.orderId, aapl(), market("BUY", 2, orderRef="tb-3"))
    await until("the second use of the id", lambda: len(gateway.book.executions) == 2)
    fills = [fill.execution for fill in await ib.reqExecutionsAsync()]
    assert [(each.orderRef, each.orderId) for each in fills] == [
        ("tb-1", first.order.orderId),
        ("tb-3", first.order.orderId),
    ]
    assert fills[0].permId != fills[1].permId


async def test_the_bot_uses_no_order_id_twice(gateway: Gateway) -> None:
    """Broken: after a restart an answer about an old order would be taken for an update of a new one."""
    async with broker_for(gateway.port) as broker:
        await connected(broker)
        used = place(broker, order())
        await event(broker, Executed, lambda each: each.execution.commission is not None)
        await post(gateway, "/restart", seconds=0.05, rollback=99)
        await event(broker, Disconnected)
        await connected(broker)
        assert broker.next_order_id(1) > used


async def test_midnight(tmp_path: Path, connect: Connect) -> None:
    """What happened yesterday would be reported again, or the position it made be forgotten; also after a restart."""
    start = settings(state=tmp_path / "state.jsonl", control_port=0)
    async with open_gateway(start) as gateway:
        ib = await connect(gateway)
        await filled(ib.placeOrder(aapl(), market("BUY", 1)))
        working = ib.placeOrder(aapl(), limit("BUY", 1, 1.0, orderRef="tb-2"))
        await until("working", lambda: working.orderStatus.status == "Submitted")
        assert len(await ib.reqExecutionsAsync()) == len(await ib.reqCompletedOrdersAsync(False)) == 1
        await post(gateway, "/midnight")
        assert not await ib.reqExecutionsAsync()
    async with open_gateway(start) as gateway:
        ib = await connect(gateway)
        assert not await ib.reqExecutionsAsync()
        assert not await ib.reqCompletedOrdersAsync(False)
        assert [each.position for each in ib.positions()] == [1]
        assert [each.order.orderRef for each in ib.openTrades()] == ["tb-2"]
        await filled(ib.placeOrder(aapl(), market("SELL", 1)))
        assert [fill.execution.side for fill in await ib.reqExecutionsAsync()] == ["SLD"]
