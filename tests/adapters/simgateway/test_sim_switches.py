"""Switches: what holds at the gateway until it is changed."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from math import isnan
from typing import Any

import pytest
from ib_async import IB

from tests.adapters.simgateway.conftest import (
    DEADLINE_S,
    Connect,
    aapl,
    caught_up,
    client,
    errors,
    filled,
    limit,
    market,
    messages,
    settings,
    until,
)
from tests.adapters.simgateway.test_sim_outages import post
from tradebot.simgateway import Gateway, open_gateway
from tradebot.simgateway.switches import Switches, from_text, switched


def test_from_text() -> None:
    """The command line would set a switch to something else than was written."""
    assert from_text(["read_only=true", "clock_ahead_s=-2.5"]) == Switches(read_only=True, clock_ahead_s=-2.5)
    assert from_text(["execution_times=utc"]) == Switches(execution_times="utc")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"readonly": True}, "there is no switch readonly; there is read_only"),
        ({"read_only": 1}, "true or false"),
        ({"clock_ahead_s": "x"}, "a number"),
        ({"clock_ahead_s": True}, "a number"),
        ({"execution_times": "gmt"}, "local or named or utc"),
    ],
)
def test_mistakes(given: dict[str, Any], why: str) -> None:
    """A misspelt switch would look as if it had worked."""
    with pytest.raises(ValueError, match=why):
        switched(Switches(), given)


async def test_the_box_is_ticked_and_unticked(gateway: Gateway, ib: IB) -> None:
    """The Read-Only API could not come and go under a connection that stays."""
    working = ib.placeOrder(aapl(), limit("BUY", 1, 100))
    await until("working", lambda: working.orderStatus.status == "Submitted")
    received = errors(ib)
    await post(gateway, "/switches", read_only=True)
    refused = ib.placeOrder(aapl(), market("BUY", 1))
    client(ib).cancelOrder(working.order.orderId, "")
    client(ib).reqAllOpenOrders()
    client(ib).reqCompletedOrders(False)
    await until("refusals", lambda: len(received) == 4)
    assert [(req_id, code) for req_id, code, _ in received] == [
        (refused.order.orderId, 321), (working.order.orderId, 321), (-1, 321), (-1, 321)
    ]  # fmt: skip
    assert all("Read-Only" in text for _, _, text in received)
    assert await ib.reqExecutionsAsync() == []
    assert len(gateway.book.live_orders()) == len(gateway.book.orders) == 1
    await post(gateway, "/switches", read_only=False)
    await filled(ib.placeOrder(aapl(), market("BUY", 1)))


@pytest.mark.parametrize("ahead_s", [30.0, -7200.0])
async def test_a_clock_that_is_off(connect: Connect, ahead_s: float) -> None:
    """A gateway whose clock is wrong would tell the right time, or trade at the wrong one."""
    async with open_gateway(settings(switches=Switches(clock_ahead_s=ahead_s))) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(b"API\0" + struct.pack(">I", 9) + b"v157..178")
        (size,) = struct.unpack(">I", await asyncio.wait_for(reader.readexactly(4), DEADLINE_S))
        greeting = (await reader.readexactly(size)).decode().split("\0")[1]
        writer.close()
        ib = await connect(gateway)
        told = await ib.reqCurrentTimeAsync()
        assert abs((told - gateway.now()).total_seconds() - ahead_s) < DEADLINE_S
        assert greeting[:8] == f"{gateway.local_now():%Y%m%d}"
        trade = await filled(ib.placeOrder(aapl(), market("BUY", 1)))
        assert abs((trade.fills[0].execution.time - gateway.now()).total_seconds()) < DEADLINE_S


async def test_the_link_comes_back_untold(gateway: Gateway, ib: IB) -> None:
    """A gateway that says its farms are well after 1100, and never 1102, could not be tested against."""
    received = errors(ib)
    await post(gateway, "/upstream", up=False, farms=True)
    await post(gateway, "/upstream", up=True, told=False)
    await until("farms", lambda: len(received) == 7)
    assert [code for _, code, _ in received] == [1100, 2103, 2105, 2157, 2104, 2106, 2158]
    await filled(ib.placeOrder(aapl(), market("BUY", 1)))


async def test_losses_in_a_row(gateway: Gateway, ib: IB) -> None:
    """A link that goes and comes several times in a row could not be tested against."""
    received = errors(ib)
    await post(gateway, "/upstream/flaps", times=3, every_s=0.02)
    await until("flaps", lambda: [code for _, code, _ in received].count(2158) == 3)
    codes = [code for _, code, _ in received]
    assert (codes.count(1100), codes.count(2103), codes.count(1102), codes.count(1101)) == (3, 3, 0, 0)
    assert gateway.upstream.up


@pytest.mark.parametrize(("sent_as", "price"), [("unsent", None), ("minus_one", "-1"), ("zero", "0")])
@pytest.mark.parametrize(
    ("of", "kinds"), [("bid", "1"), ("ask", "2"), ("last", "4"), ("bid_ask", "12"), ("all", "124")]
)
async def test_prices_that_are_not_to_be_had(
    connect: Connect, of: str, kinds: str, sent_as: str, price: str | None
) -> None:
    """A stock without an offer or a trade would have one, or nothing instead of IB's -1."""
    async with open_gateway(settings(switches=Switches(no_price_of=of, no_price_as=sent_as))) as gateway:
        ib = await connect(gateway)
        received = bytearray()
        ib.client.conn.hasData += received.extend
        ib.reqMktData(aapl())
        await caught_up(ib)
        gateway.set_quote("AAPL", Decimal(100), Decimal(101), Decimal(100))
        await caught_up(ib)
        told = [fields for fields in messages(received) if fields[0] == "1" and fields[3] in "124"]
        real = {fields[3] for fields in told if Decimal(fields[4]) > 0}
        assert real == set("124") - set(kinds)
        missing = [tuple(fields[3:6]) for fields in told if fields[3] not in real]
        assert missing == ([] if price is None else [(kind, price, "0") for kind in kinds] * 2)


async def test_ticks_come_one_by_one(gateway: Gateway, ib: IB, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each price would be there with the first, or a cancelled request still get them."""
    usual, due = gateway.later, dict[float, Callable[[], None]]()

    def later(delay_s: float, act: Callable[..., None], *args: Any) -> None:
        if delay_s < 1000:
            usual(delay_s, act, *args)
        else:
            due[delay_s] = partial(act, *args)

    monkeypatch.setattr(gateway, "later", later)
    await post(gateway, "/switches", ticks_delay_s=1000)
    slow = ib.reqMktData(aapl())
    shown = []
    for delay_s in (0, 1000, 2000, 3000, 4000):
        if delay_s:
            due[delay_s]()
        gateway.set_quote("AAPL", Decimal(100 + delay_s), Decimal(101 + delay_s), Decimal(100 + delay_s))
        await caught_up(ib)
        shown.append([None if isnan(each) else each for each in (slow.bid, slow.ask, slow.last)])
    assert shown == [
        [None, None, None], [100, None, None], [100, 1101, None], [100, 1101, 2100], [4100, 4101, 4100],
    ]  # fmt: skip
    ib.cancelMktData(aapl())
    due.clear()
    ib.reqMktData(aapl())
    ib.cancelMktData(aapl())
    await caught_up(ib)
    received = bytearray()
    ib.client.conn.hasData += received.extend
    for act in due.values():
        act()
    await caught_up(ib)
    assert len(due) == 4
    assert "1" not in {fields[0] for fields in messages(received)}


async def test_a_slow_snapshot_ends(gateway: Gateway, ib: IB) -> None:
    """A snapshot would end before its prices, or never."""
    await post(gateway, "/switches", ticks_delay_s=0.02)
    (ticker,) = await asyncio.wait_for(ib.reqTickersAsync(aapl()), DEADLINE_S)
    assert ticker.hasBidAsk()
    assert not next(iter(gateway.sessions.values())).subscriptions.streams
