"""Connections that deliver late, in pieces, nonsense or nothing."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from ib_async import IB

from tests.adapters.broker.helpers import broker_for, connected, event, events_until, order, place
from tests.adapters.simgateway.conftest import Connect, aapl, filled, market, until
from tradebot.domain.brokerage import Disconnected, Executed
from tradebot.simgateway import Gateway
from tradebot.simgateway.faults import CHOICES, FaultError
from tradebot.simgateway.line import GARBAGE


@pytest.mark.parametrize("greets", [False, True])
async def test_half_open_from_the_start(gateway: Gateway, greets: bool) -> None:
    """Broken: a gateway that accepts and sends nothing would hold the bot for ever."""
    gateway.faults.arm("half_open", greets=greets)
    async with broker_for(gateway.port, connect_timeout_s=0.5) as broker:
        await until("the dead connection", lambda: gateway.connections)
        (dead,) = gateway.connections
        assert (await connected(broker)).generation == 1
        assert dead not in gateway.connections
        assert (dead.version > 0) == greets


async def test_half_open_while_in_use(gateway: Gateway) -> None:
    """Broken: the bot would go on sending orders into a dead socket, or never come back from it."""
    async with broker_for(gateway.port, heartbeat_s=0.1) as broker:
        await connected(broker)
        gateway.degrade("half_open", {})
        place(broker, order())
        lost = await event(broker, Disconnected)
        assert "heartbeat" in lost.reason
        assert [line["kind"] for line in gateway.store.lines] == ["opened"]
        assert (await connected(broker)).generation == 2
        assert await broker.executions() == []


async def test_a_fill_does_not_reach_a_dead_connection(gateway: Gateway, ib: IB, connect: Connect) -> None:
    """The exchange would stop with the socket, though it knows nothing of it."""
    gateway.faults.arm("hold")
    trade = ib.placeOrder(aapl(), market("BUY", 10))
    await until("working", lambda: trade.orderStatus.status == "Submitted")
    gateway.degrade("half_open", {"greets": True})
    gateway.fill(trade.order.permId)
    other = await connect(gateway, 8)
    assert [each.position for each in other.positions()] == [10]
    assert (trade.fills, ib.isConnected()) == ([], True)


async def test_fragmented(gateway: Gateway) -> None:
    """Broken: a frame that arrives byte by byte would be misread."""
    gateway.faults.arm("fragmented")
    async with broker_for(gateway.port) as broker:
        await connected(broker)
        place(broker, order())
        execution = (await event(broker, Executed, lambda each: each.execution.commission is not None)).execution
        assert (execution.shares, execution.commission) == (Decimal(10), Decimal(1))
        assert [each.exec_id for each in await broker.executions()] == [execution.exec_id]
        (session,) = gateway.sessions.values()
        session.close()
        await event(broker, Disconnected)


async def test_fragments_of_a_size(gateway: Gateway, connect: Connect) -> None:
    """Pieces would not be of the size asked for, or be put together wrongly."""
    gateway.faults.arm("fragmented", piece_bytes=7)
    pieces: list[int] = []
    ib = await connect(gateway)
    ib.client.conn.hasData += lambda data: pieces.append(len(data))
    await filled(ib.placeOrder(aapl(), market("BUY", 10)))
    assert max(pieces) == 7


async def test_slow_line(gateway: Gateway, ib: IB) -> None:
    """A slow gateway could not be tested against, or would mix up what it sends."""
    gateway.degrade("slow_line", {"delay_s": 0.1})
    began = asyncio.get_running_loop().time()
    trade = ib.placeOrder(aapl(), market("BUY", 10))
    assert (await ib.reqCurrentTimeAsync()).tzinfo
    assert asyncio.get_running_loop().time() - began >= 0.1
    await filled(trade)
    assert [entry.status for entry in trade.log] == ["PendingSubmit", "PreSubmitted", "PreSubmitted", "Filled"]


async def test_garbage_in_frames(gateway: Gateway) -> None:
    """Broken: any message of a newer gateway that nobody needs would end the connection."""
    async with broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.degrade("garbage", {"kind": "unknown_message"})
        place(broker, order())
        events = await events_until(broker, lambda each: isinstance(each, Executed))
        assert not any(isinstance(each, Disconnected) for each in events)
        assert len(await broker.executions()) == 1


async def test_garbage_in_fields_that_matter(gateway: Gateway) -> None:
    """Broken: an order or a fill that cannot be read would count as none, on a connection that is trusted on."""
    async with broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.degrade("garbage", {"kind": "bad_fields"})
        assert "cannot be read" in (await event(broker, Disconnected)).reason
        assert (await connected(broker)).generation == 2


@pytest.mark.parametrize("kind", ["endless_frame", "web_page"])
async def test_garbage_that_ends_the_framing(gateway: Gateway, ib: IB, kind: str) -> None:
    """A client that has lost the framing would read the gateway again, so that its recovery could not be tested."""
    gateway.degrade("garbage", {"kind": kind})
    trade = ib.placeOrder(aapl(), market("BUY", 10))
    await until("fill", lambda: gateway.book.executions)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ib.reqCurrentTimeAsync(), 0.2)
    assert trade.fills == []


@pytest.mark.parametrize("kind", list(GARBAGE))
async def test_garbage_instead_of_a_greeting(gateway: Gateway, kind: str) -> None:
    """Broken: something that is no gateway on the port would stop the bot for ever."""
    gateway.faults.arm("garbage", kind=kind)
    async with broker_for(gateway.port, connect_timeout_s=0.3) as broker:
        assert (await connected(broker)).generation == 1
        place(broker, order())
        await event(broker, Executed)


def test_kinds_of_garbage() -> None:
    """A kind could be armed that there is not."""
    assert CHOICES["garbage", "kind"] == tuple(GARBAGE)


@pytest.mark.parametrize(
    ("name", "parameters", "why"),
    [("hold", {}, "no such fault of a connection"), ("slow_line", {"delay_s": "x"}, "cannot be 'x'")],
)
async def test_bad_degrading(gateway: Gateway, name: str, parameters: dict[str, object], why: str) -> None:
    """A misspelt fault would look as if the connections suffered it."""
    with pytest.raises((FaultError, ValueError), match=why):
        gateway.degrade(name, parameters)
