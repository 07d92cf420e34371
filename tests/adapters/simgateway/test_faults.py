"""What can be made to go wrong, seen from ib_async's side."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from ib_async import IB, Contract, Stock

from tests.adapters.simgateway.conftest import Connect, aapl, errors, filled, limit, market, messages, until
from tradebot.simgateway import Gateway
from tradebot.simgateway.faults import (
    ALL,
    CHOICES,
    CONNECTION_FAULTS,
    DATA_FAULTS,
    ORDER_FAULTS,
    QUESTION_FAULTS,
    FaultError,
    Faults,
)
from tradebot.simgateway.model import Ticket


def ticket(symbol: str, action: str, client_id: int) -> Ticket:
    return Ticket(client_id, 1, 265598, symbol, action, Decimal(1), "MKT")


def test_tables_are_whole() -> None:
    """A fault of the table could not be armed with its own defaults."""
    faults = Faults()
    tables = (ORDER_FAULTS, DATA_FAULTS, QUESTION_FAULTS, CONNECTION_FAULTS)
    for name in ALL:
        faults.arm(name)
    assert [each["fault"] for each in faults.armed()] == [name for table in tables for name in table]
    assert faults.order(ticket("AAPL", "BUY", 7)) == ORDER_FAULTS
    assert faults.data("AAPL", 7) == DATA_FAULTS
    assert faults.question("reqPositions", 7) == QUESTION_FAULTS
    assert faults.connection() == CONNECTION_FAULTS
    assert not faults.armed()
    assert all(ALL[name][key] in allowed for (name, key), allowed in CHOICES.items())


def test_matching_and_times() -> None:
    """A fault would hit orders that it does not match, or more or fewer than asked for."""
    faults = Faults()
    faults.arm("hold", symbol="AAPL", action="BUY", times=2)
    faults.arm("mute_status", client_id=9, times=0)
    assert faults.order(ticket("MSFT", "BUY", 7)) == {}
    assert faults.order(ticket("AAPL", "SELL", 9)).keys() == {"mute_status"}
    assert [faults.order(ticket("AAPL", "BUY", 7)).keys() for _ in range(3)] == [{"hold"}, {"hold"}, set()]
    faults.clear("hold")
    assert [each["fault"] for each in faults.armed()] == ["mute_status"]
    faults.clear()
    assert not faults.armed()


@pytest.mark.parametrize(
    ("name", "more", "why"),
    [
        ("boom", {}, "there are"),
        ("mute_status", {"x": 1}, "it has none, and it matches by symbol"),
        ("hold", {"status": "Filled"}, "one of Submitted, PreSubmitted, not 'Filled'"),
        ("no_answer", {"question": "reqPosition"}, "no such question: 'reqPosition'"),
        ("half_open", {"client_id": 7}, "no parameter client_id; it has greets, and it matches by none"),
        ("partial", {"times": True}, "times"),
        ("partial", {"times": -1}, "times"),
        ("partial", {"k": 1}, "filled"),
        ("partial", {"filled": "x"}, "filled cannot be 'x'"),
        ("correction", {"price": "nonsense"}, "price"),
        ("drop_after", {"filled": 1}, "by default it is True"),
    ],
)
def test_bad_faults(name: str, more: dict[str, Any], why: str) -> None:
    """A misspelt fault would be armed and never happen."""
    with pytest.raises(FaultError, match=why):
        Faults().arm(name, **more)


def between(gateway: Gateway, earlier: str, later: str) -> float:
    """Seconds between the journal's entries of these kinds: what happened when, however late a client reads of it."""
    at = {line["kind"]: datetime.fromisoformat(line["at"]) for line in gateway.store.lines}
    return (at[later] - at[earlier]).total_seconds()


async def test_drop_before(gateway: Gateway, ib: IB) -> None:
    """An order lost on its way would be taken, or the connection survive."""
    gateway.faults.arm("drop_before")
    ib.placeOrder(aapl(), market("BUY", 10, orderRef="tb-1"))
    await until("drop", lambda: not ib.isConnected())
    assert not gateway.book.orders
    (line,) = [line for line in gateway.store.lines if line["kind"] == "received"]
    assert (line["fault"], line["fields"]["orderRef"]) == ("drop_before", "tb-1")


@pytest.mark.parametrize(("fill", "status"), [(True, "Filled"), (False, "Submitted")])
async def test_drop_after(gateway: Gateway, ib: IB, connect: Connect, fill: bool, status: str) -> None:
    """An order taken just before the connection broke would be answered, lost, or not (un)filled as asked."""
    gateway.faults.arm("drop_after", filled=fill)
    trade = ib.placeOrder(aapl(), market("BUY", 10, orderRef="tb-1"))
    await until("drop", lambda: not ib.isConnected())
    assert (trade.orderStatus.status, trade.fills) == ("PendingSubmit", [])
    (order,) = gateway.book.orders.values()
    await until("state", lambda: gateway.book.orders[order.perm_id].status == status)
    again = await connect(gateway, 7)
    assert len(again.fills()) == fill
    assert [each.order.orderRef for each in again.openTrades()] == ([] if fill else ["tb-1"])


async def test_partial(gateway: Gateway, ib: IB) -> None:
    """A partly filled order would not stay working with its rest, or its cancel would lose the filled part."""
    gateway.faults.arm("partial", filled=3)
    trade = ib.placeOrder(aapl(), market("BUY", 10))
    await until("part", lambda: trade.filled() == 3 and trade.orderStatus.filled == 3)
    assert (trade.orderStatus.status, trade.orderStatus.remaining) == ("Submitted", 7)
    ib.cancelOrder(trade.order)
    await until("cancel", lambda: trade.orderStatus.status == "Cancelled")
    assert (trade.orderStatus.filled, trade.orderStatus.remaining) == (3, 7)
    assert gateway.book.positions[265598].quantity == 3


async def test_slow_fill(gateway: Gateway, ib: IB) -> None:
    """A slow fill would come at once, or never."""
    gateway.faults.arm("slow_fill", delay_s=0.1)
    trade = await filled(ib.placeOrder(aapl(), market("BUY", 10)))
    assert [entry.status for entry in trade.log] == ["PendingSubmit", "PreSubmitted", "PreSubmitted", "Filled"]
    assert between(gateway, "accepted", "executed") >= 0.1


async def test_hold_and_manual_fill(gateway: Gateway, ib: IB) -> None:
    """A held order would fill by itself, or could not be filled manually."""
    gateway.faults.arm("hold")
    trade = ib.placeOrder(aapl(), market("BUY", 10))
    await until("working", lambda: trade.orderStatus.status == "Submitted")
    gateway.set_quote("AAPL", Decimal("1.00"), Decimal("1.01"))
    gateway.fill(trade.order.permId, Decimal(4), Decimal("99.5"))
    await until("part", lambda: trade.filled() == 4)
    gateway.fill(trade.order.permId)
    await filled(trade)
    assert [fill.execution.price for fill in trade.fills] == [99.5, 1.01]


@pytest.mark.parametrize("status_first", [False, True])
async def test_reject_in_both_orders(gateway: Gateway, ib: IB, status_first: bool) -> None:
    """One of the two orders in which IB reports a rejection could not be tested against."""
    gateway.faults.arm("reject", status_first=status_first, delay_s=0.02, text="Order rejected - reason:Because")
    received: list[str] = []
    ib.errorEvent += lambda req_id, code, text, contract: received.append(f"{code} {text}")
    ib.openOrderEvent += lambda trade: received.append("Inactive")
    trade = ib.placeOrder(aapl(), market("BUY", 10))
    rejected = "201 Order rejected - reason:Because"
    expected = ["Inactive", rejected] if status_first else [rejected, "Inactive"]
    await until("both", lambda: received[-2:] == expected)
    order = gateway.book.orders[trade.order.permId]
    assert (order.status, order.filled) == ("Inactive", Decimal(0))


async def test_mute_status(gateway: Gateway, ib: IB) -> None:
    """A fast market order without orderStatus could not be tested against."""
    gateway.faults.arm("mute_status")
    trade = await filled(ib.placeOrder(aapl(), market("BUY", 10)))
    assert (trade.orderStatus.status, trade.filled()) == ("PendingSubmit", 10)


async def test_repeat_status(gateway: Gateway, ib: IB) -> None:
    """Repeated orderStatus messages, which are normal, could not be tested against."""
    gateway.faults.arm("repeat_status", times_more=2)
    received = bytearray()
    ib.client.conn.hasData += received.extend
    await filled(ib.placeOrder(aapl(), market("BUY", 10)))
    statuses = [fields[2] for fields in messages(received) if fields[0] == "3"]
    assert statuses == ["PreSubmitted"] * 3 + ["Filled"] * 3


async def test_late_commission(gateway: Gateway, ib: IB) -> None:
    """A late commission report would come with the fill or never."""
    gateway.faults.arm("late_commission", delay_s=0.1)
    trade = await filled(ib.placeOrder(aapl(), market("BUY", 10)))
    assert trade.fills[0].commissionReport.commission == 1
    assert between(gateway, "executed", "commission") >= 0.1


async def test_no_commission(gateway: Gateway, ib: IB, connect: Connect) -> None:
    """A commission report that never comes would come after a reconnect."""
    gateway.faults.arm("no_commission")
    trade = ib.placeOrder(aapl(), market("BUY", 10))
    await until("fill", lambda: trade.orderStatus.status == "Filled")
    again = await connect(gateway, 8)
    (fill,) = await again.reqExecutionsAsync()
    assert (fill.execution.shares, again.fills()[0].commissionReport.execId) == (10, "")


@pytest.mark.parametrize("status", ["Cancelled", "PendingCancel"])
async def test_fill_after_cancel(gateway: Gateway, ib: IB, status: str) -> None:
    """A fill that overtakes its cancel could not be tested against."""
    gateway.faults.arm("fill_after_cancel", status=status)
    trade = ib.placeOrder(aapl(), market("BUY", 10))
    await until("working", lambda: trade.orderStatus.status == "Submitted")
    ib.cancelOrder(trade.order)
    await until("cancel taken", lambda: any(entry.status == status for entry in trade.log))
    await filled(trade)
    assert gateway.book.orders[trade.order.permId].status == "Filled"


async def test_correction(gateway: Gateway, ib: IB, connect: Connect) -> None:
    """A corrected execution would not come under the next revision, or reqExecutions would report both."""
    gateway.faults.arm("correction", price="100.5", delay_s=0.01)
    trade = ib.placeOrder(aapl(), market("BUY", 10))
    await until("correction", lambda: len(trade.fills) == 2)
    first, second = [fill.execution for fill in trade.fills]
    assert first.execId.rpartition(".")[0] == second.execId.rpartition(".")[0]
    assert (first.execId[-3:], second.execId[-3:]) == (".01", ".02")
    assert (second.price, second.shares) == (100.5, 10)
    again = await connect(gateway, 8)
    assert [fill.execution.execId for fill in await again.reqExecutionsAsync()] == [second.execId]
    assert gateway.book.cash == 100_000 - 1005 - 1


async def test_no_market_data(gateway: Gateway, ib: IB) -> None:
    """A missing subscription could not be tested against."""
    gateway.faults.arm("no_market_data", symbol="AAPL")
    received = errors(ib)
    ticker = ib.reqMktData(aapl())
    await until("refusal", lambda: received)
    assert received[0][1] == 354
    assert not ticker.hasBidAsk()


async def test_delayed_only(gateway: Gateway, ib: IB) -> None:
    """Delayed data would come without its warning, as live ticks, or to those who did not ask for it."""
    gateway.faults.arm("delayed_only", times=0)
    received = errors(ib)
    ib.reqMktData(aapl())
    await until("refusal", lambda: received)
    assert received[0][1] == 354
    ib.cancelMktData(aapl())
    ib.reqMarketDataType(3)
    msft: Contract = Stock("MSFT", "SMART", "USD", conId=272093)
    ticker = ib.reqMktData(msft)
    await until("delayed quote", ticker.hasBidAsk)
    assert (received[1][1], ticker.marketDataType, ticker.bid) == (10167, 3, 415.18)


async def test_limit_order_keeps_its_fault(gateway: Gateway, ib: IB) -> None:
    """A fault would be forgotten when the order waits for its price."""
    gateway.faults.arm("partial", filled=1)
    trade = ib.placeOrder(aapl(), limit("BUY", 2, 100.0))
    await until("working", lambda: trade.orderStatus.status == "Submitted")
    gateway.set_quote("AAPL", Decimal("99.00"), Decimal("99.01"))
    await until("part", lambda: trade.filled() == 1)
    gateway.set_quote("AAPL", Decimal("98.00"), Decimal("98.01"))
    assert gateway.book.orders[trade.order.permId].filled == 1
