"""A simulated gateway on a free port, and real clients connected to it."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from ib_async import IB, Contract, LimitOrder, MarketOrder, Order, Stock, Trade

from tradebot.simgateway import Gateway, GatewaySettings, open_gateway

ACCOUNT = "DU1234567"
# Never reached by a test that passes, however busy the machine is.
DEADLINE_S = 30.0
Connect = Callable[..., Awaitable[IB]]


async def until(what: str, test: Callable[[], Any], deadline_s: float = DEADLINE_S) -> Any:
    """Poll a condition; its value, or a failure that says what never came."""
    end = time.monotonic() + deadline_s
    while not (value := test()):
        if time.monotonic() > end:
            pytest.fail(f"never came: {what}")
        await asyncio.sleep(0.005)
    return value


def settings(**changes: Any) -> GatewaySettings:
    """A gateway that stands still and fills at once."""
    return GatewaySettings(**{"port": 0, "moving": False, "fill_latency_s": 0.0, "seed": 1} | changes)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with open_gateway(settings(control_port=0)) as opened:
        yield opened


@pytest.fixture
async def connect(request: pytest.FixtureRequest) -> AsyncIterator[Connect]:
    """``await connect(gateway, client_id=7, version=178)``; disconnected at the end."""
    clients: list[IB] = []

    async def open_client(gateway: Gateway, client_id: int = 7, version: int = 178) -> IB:
        ib = IB()
        ib.client.MaxClientVersion = version
        clients.append(ib)
        await ib.connectAsync("127.0.0.1", gateway.port, client_id, timeout=DEADLINE_S, raiseSyncErrors=True)
        return ib

    yield open_client
    for ib in clients:
        ib.disconnect()
    await until("disconnected clients", lambda: all(ib.client.conn.transport is None for ib in clients))


@pytest.fixture
async def ib(gateway: Gateway, connect: Connect) -> IB:
    return await connect(gateway)


async def caught_up(ib: IB) -> None:
    """Wait until the client has read all that the gateway has sent so far.

    One change of the account, or one quote, is a burst of messages that TCP may deliver in parts: the first of them is no proof
    that the others are there. The answer to a later request is, for it travels behind them.
    """
    assert (await asyncio.wait_for(ib.reqCurrentTimeAsync(), DEADLINE_S)).tzinfo


def client(ib: IB) -> Any:
    """ib_async's lower half, which has no types: single requests, as they are sent."""
    return ib.client


def aapl() -> Contract:
    return Stock("AAPL", "SMART", "USD", conId=265598)


def market(action: str, quantity: float, **more: Any) -> Order:
    return MarketOrder(action, quantity, **{"tif": "DAY", "account": ACCOUNT} | more)


def limit(action: str, quantity: float, price: float, **more: Any) -> Order:
    return LimitOrder(action, quantity, price, **{"tif": "DAY", "account": ACCOUNT} | more)


async def filled(trade: Trade) -> Trade:
    """Wait until an order is filled and its commission known."""
    await until("fill", lambda: trade.fills and trade.fills[-1].commissionReport.execId and trade.remaining() == 0)
    return trade


def errors(ib: IB) -> list[tuple[int, int, str]]:
    """Collects (request id, code, text) from here on."""
    received: list[tuple[int, int, str]] = []
    ib.errorEvent += lambda req_id, code, text, contract: received.append((req_id, code, text))
    return received


def messages(data: bytearray) -> list[list[str]]:
    """The fields of every whole message in what came over the socket; they are taken out of it."""
    found = []
    while len(data) >= 4 and len(data) >= 4 + (size := struct.unpack_from(">I", data)[0]):
        found.append(bytes(data[4 : 4 + size]).decode().split("\0"))
        del data[: 4 + size]
    return found
