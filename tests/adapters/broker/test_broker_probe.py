"""The doctor's connection: what it asks beside a bot that trades, and what it may be told besides an answer."""

import asyncio
from decimal import Decimal

import ib_async
import pytest

from tests.adapters.broker.helpers import AAPL, DEADLINE_S, broker_for, connected, waiting
from tests.adapters.simgateway.conftest import settings
from tradebot.broker import WhatIf, open_probe
from tradebot.broker.requests import RequestRefused, Requests
from tradebot.broker.wrapper import Session
from tradebot.simgateway import open_gateway


async def test_a_what_if_order_is_none_to_anybody() -> None:
    """Broken, looking whether orders are taken would send one, or the bot would book an order that nobody placed."""
    async with (
        open_gateway(settings()) as gateway,
        broker_for(gateway.port) as broker,
        open_probe("127.0.0.1", gateway.port, DEADLINE_S) as probe,
    ):
        await connected(broker)
        assert probe.choose_account(None) == "DU1234567"
        answer = await probe.what_if(AAPL, Decimal(100), DEADLINE_S)
        assert answer == WhatIf(Decimal(1), "USD")
        assert await probe.open_orders(DEADLINE_S) == []
        assert list(await broker.open_orders()) == []
        assert waiting(broker) == []
        assert broker.connection.up
        assert gateway.book.orders == {}


async def test_the_doctors_order_answers_no_question_of_the_daemons() -> None:
    """A master client is shown other clients' orders: the daemon's question of the same number, for executions perhaps, would
    end early, with an answer that is none."""
    session = Session(1, lambda _: None)
    asking = asyncio.create_task(session.requests.numbered(4, "executions", lambda: None, DEADLINE_S))
    await asyncio.sleep(0)
    order = ib_async.Order(orderId=4, clientId=912_345, whatIf=True)
    session.openOrder(4, ib_async.Contract(secType="STK"), order, ib_async.OrderState())
    session.requests.end(4)
    assert await asking == []


async def test_a_notice_is_no_answer() -> None:
    """Broken, a what-if order outside trading hours passes for one that IB refuses: 399 comes beside its answer."""
    requests = Requests()
    asking = asyncio.create_task(requests.numbered(7, "x", lambda: None, DEADLINE_S, notices=frozenset({399})))
    await asyncio.sleep(0)
    assert requests.refuse(7, 399, "your order will not be placed until the open")
    assert not asking.done()
    requests.answer(7, "margins")
    assert await asking == ["margins"]

    refused = asyncio.create_task(requests.numbered(8, "x", lambda: None, DEADLINE_S, notices=frozenset({399})))
    await asyncio.sleep(0)
    assert requests.refuse(8, 383, "too large")
    with pytest.raises(RequestRefused, match="too large"):
        await refused


async def test_it_takes_nobodys_place() -> None:
    """Broken, the doctor would throw the daemon out, or be refused because the daemon is there."""
    async with open_gateway(settings()) as gateway, broker_for(gateway.port, client_id=1) as broker:
        await connected(broker)
        before = broker.connection
        async with open_probe("127.0.0.1", gateway.port, DEADLINE_S) as probe:
            assert probe.server_version == 178
            assert len(gateway.sessions) == 2
        assert broker.connection == before
