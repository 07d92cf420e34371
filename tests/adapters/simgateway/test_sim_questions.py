"""Requests that are answered late, without an end, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from ib_async import IB, ExecutionFilter

from tests.adapters.broker.helpers import broker_for, connected, event, order, place
from tests.adapters.simgateway.conftest import (
    ACCOUNT,
    DEADLINE_S,
    Connect,
    aapl,
    caught_up,
    client,
    messages,
    settings,
    until,
)
from tradebot.domain.brokerage import Disconnected, Executed
from tradebot.errors import BrokerUnavailable
from tradebot.simgateway import Gateway, open_gateway
from tradebot.simgateway.faults import QUESTIONS
from tradebot.simgateway.switches import Switches

REQ_ID = 9001
ASK: dict[str, Callable[[Any], object]] = {
    "reqAccountUpdates": lambda client: client.reqAccountUpdates(True, ACCOUNT),
    "reqAccountSummary": lambda client: client.reqAccountSummary(REQ_ID, "All", "NetLiquidation"),
    "reqAccountUpdatesMulti": lambda client: client.reqAccountUpdatesMulti(REQ_ID, ACCOUNT, "", False),
    "reqPositions": lambda client: client.reqPositions(),
    "reqOpenOrders": lambda client: client.reqOpenOrders(),
    "reqAllOpenOrders": lambda client: client.reqAllOpenOrders(),
    "reqCompletedOrders": lambda client: client.reqCompletedOrders(False),
    "reqExecutions": lambda client: client.reqExecutions(REQ_ID, ExecutionFilter()),
    "reqContractDetails": lambda client: client.reqContractDetails(REQ_ID, aapl()),
    "reqMktData": lambda client: client.reqMktData(REQ_ID, aapl(), "", True, False, []),
    "reqHistoricalData": lambda client: client.reqHistoricalData(
        *(REQ_ID, aapl(), "", "5 D", "1 day", "ADJUSTED_LAST", 1, 1, False, [])
    ),
    "reqMatchingSymbols": lambda client: client.reqMatchingSymbols(REQ_ID, "AAPL"),
    "reqMarketRule": lambda client: client.reqMarketRule(26),
    "reqManagedAccts": lambda client: client.reqManagedAccts(),
    "reqPnL": lambda client: client.reqPnL(REQ_ID, ACCOUNT, ""),
    "reqPnLSingle": lambda client: client.reqPnLSingle(REQ_ID, ACCOUNT, "", 265598),
    "reqIds": lambda client: client.reqIds(1),
    "reqCurrentTime": lambda client: client.reqCurrentTime(),
}
TIME, NEXT_ID = "49", "9"


async def answer(ib: IB, question: str) -> list[str]:
    """The numbers of the messages that come until a later question, which is always answered, has its own answer."""
    received = bytearray()
    ib.client.conn.hasData += received.extend
    ASK[question](ib.client)
    barrier = NEXT_ID if question == "reqCurrentTime" else TIME
    ASK["reqIds" if question == "reqCurrentTime" else "reqCurrentTime"](ib.client)
    found: list[str] = []

    def read() -> bool:
        found.extend(fields[0] for fields in messages(received))
        return barrier in found

    await until("the later answer", read)
    ib.client.conn.hasData -= received.extend
    return found[: found.index(barrier)]


def test_every_question_is_tried() -> None:
    """A question could be armed with a fault that nobody has seen work."""
    assert ASK.keys() == QUESTIONS.keys()


@pytest.mark.parametrize("question", QUESTIONS)
async def test_no_answer(gateway: Gateway, ib: IB, question: str) -> None:
    """A question that the gateway never answers could not be tested against, or would keep others unanswered too."""
    gateway.set_position("AAPL", Decimal(10), Decimal(200))
    await until("position", ib.positions)
    await caught_up(ib)
    gateway.faults.arm("no_answer", question=question)
    assert await answer(ib, question) == []
    assert await answer(ib, question) != []


@pytest.mark.parametrize("question", [name for name, end in QUESTIONS.items() if end])
async def test_no_end(gateway: Gateway, ib: IB, question: str) -> None:
    """An answer whose end got lost could not be tested against, or would lose more than its end."""
    gateway.set_position("AAPL", Decimal(10), Decimal(200))
    await until("position", ib.positions)
    await caught_up(ib)
    gateway.faults.arm("no_end", question=question)
    torn = await answer(ib, question)
    whole = await answer(ib, question)
    assert whole == [*torn, str(QUESTIONS[question])]


async def test_a_stream_has_no_end_to_lose(gateway: Gateway, ib: IB) -> None:
    """The fault would be used up by a request whose answer never ends."""
    gateway.faults.arm("no_end")
    ticker = ib.reqMktData(aapl())
    await until("quote", ticker.hasBidAsk)
    assert [each["fault"] for each in gateway.faults.armed()] == ["no_end"]


@pytest.mark.parametrize("question", [name for name, end in QUESTIONS.items() if end])
async def test_empty_answer(gateway: Gateway, ib: IB, question: str) -> None:
    """An answer that ends at once with nothing in it could not be tested against, or would come more than once."""
    gateway.set_position("AAPL", Decimal(10), Decimal(200))
    await until("position", ib.positions)
    await caught_up(ib)
    gateway.faults.arm("empty_answer", question=question)
    assert await answer(ib, question) == [str(QUESTIONS[question])]
    assert (await answer(ib, question))[-1] == str(QUESTIONS[question])


async def test_an_answer_leaves_one_stock_out(gateway: Gateway, ib: IB) -> None:
    """A position that is missing in one answer only could not be tested against, or would take others with it."""
    for symbol in ("AAPL", "MSFT", "TSLA"):
        gateway.set_position(symbol, Decimal(10), Decimal(200))
    await until("positions", lambda: len(ib.positions()) == 3)
    await caught_up(ib)
    gateway.faults.arm("leave_out", question="reqPositions", symbol="MSFT")
    assert [each.contract.symbol for each in await ib.reqPositionsAsync()] == ["AAPL", "TSLA"]
    assert [each.contract.symbol for each in await ib.reqPositionsAsync()] == ["AAPL", "MSFT", "TSLA"]


@pytest.mark.parametrize(
    ("form", "zone", "text"),
    [
        ("local", "Japan", "%Y%m%d  %H:%M:%S"),
        ("named", "US/Eastern", "%Y%m%d %H:%M:%S US/Eastern"),
        ("utc", "UTC", "%Y%m%d-%H:%M:%S"),
    ],
)
async def test_the_bot_reads_each_form_of_an_executions_time(form: str, zone: str, text: str, connect: Connect) -> None:
    """Broken: an execution would be booked hours from when it happened, on the wrong day perhaps, or not at all."""
    at = datetime.now(UTC).replace(microsecond=0)
    japan = settings(zone=ZoneInfo("Japan"), clock=lambda: at, switches=Switches(execution_times=form))
    async with open_gateway(japan) as gateway, broker_for(gateway.port) as broker:
        await connected(broker)
        place(broker, order())
        assert (await event(broker, Executed)).execution.time == at
        assert [each.time for each in await broker.executions()] == [at]
        other = client(await connect(gateway, 8))
        received = bytearray()
        other.conn.hasData += received.extend
        other.reqExecutions(REQ_ID, ExecutionFilter())
        await until("execution", lambda: b"55\x001\x00" in received)
        assert [each[15] for each in messages(received) if each[0] == "11"] == [
            f"{at.astimezone(ZoneInfo(zone)):{text}}"
        ]


async def test_slow_answer(gateway: Gateway, ib: IB) -> None:
    """An answer that comes long after its question, perhaps into the next one's, could not be tested against."""
    gateway.faults.arm("slow_answer", question="reqPositions", delay_s=1)
    positions = asyncio.ensure_future(ib.reqPositionsAsync())
    await ib.reqCurrentTimeAsync()
    assert not positions.done()
    gateway.set_position("AAPL", Decimal(10), Decimal(200))
    assert {each.position for each in await asyncio.wait_for(positions, DEADLINE_S)} == {10}


async def test_the_bot_gives_a_question_up_and_asks_again(gateway: Gateway) -> None:
    """Broken: one unanswered question would stop recovery for ever, or be taken for "nothing there"."""
    async with broker_for(gateway.port, question_timeout_s=0.2) as broker:
        await connected(broker)
        gateway.faults.arm("no_answer", question="reqAllOpenOrders")
        gateway.faults.arm("no_end", question="reqExecutions")
        gateway.faults.arm("slow_answer", question="reqCompletedOrders", delay_s=0.3)
        for ask, name in (
            (broker.open_orders, "open orders"),
            (broker.executions, "executions"),
            (broker.completed_orders, "completed orders"),
        ):
            with pytest.raises(BrokerUnavailable, match=f"{name} within"):
                await ask()
            assert await ask() == []


async def test_the_bot_does_not_count_a_connection_without_its_account(gateway: Gateway) -> None:
    """Broken: the bot would trade on an account that it has not seen."""
    gateway.faults.arm("no_answer", question="reqAccountUpdates")
    gateway.faults.arm("no_end", question="reqPositions")
    async with broker_for(gateway.port, connect_timeout_s=0.2) as broker:
        assert (await connected(broker)).generation == 1
        assert gateway.faults.armed() == []
        account = broker.account()
        assert account is not None
        assert account.cash == 100_000


async def test_drop_question(gateway: Gateway) -> None:
    """A connection that breaks in the middle of recovery could not be tested against."""
    async with broker_for(gateway.port) as broker:
        await connected(broker)
        gateway.faults.arm("drop_question", question="reqExecutions", client_id=1)
        with pytest.raises(BrokerUnavailable, match="lost"):
            await broker.executions()
        await event(broker, Disconnected)
        await connected(broker)
        assert await broker.executions() == []


async def test_other_clients_are_answered(connect: Connect) -> None:
    """A fault for one client would hit another."""
    async with open_gateway(settings()) as gateway:
        one, other = await connect(gateway, 7), await connect(gateway, 8)
        gateway.faults.arm("no_answer", client_id=8, times=0)
        assert await answer(one, "reqPositions") == ["62"]
        received = bytearray()
        other.client.conn.hasData += received.extend
        for ask in ASK.values():
            ask(other.client)
        client(other).cancelOrder(999)  # no question: the word on it shows that those before it have arrived
        await until("word on an order that there is not", lambda: bool(received))
        received.clear()
        await one.reqCurrentTimeAsync()
        gateway.faults.clear()
        assert await answer(other, "reqPositions") == ["62"]
        assert [fields[0] for fields in messages(received)] == ["62", TIME]
