"""ib_async, unmodified, against the gateway over a real socket."""

from __future__ import annotations

import asyncio
import random
import struct
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from ib_async import IB, ExecutionFilter, Order, Stock, util

from tests.adapters.simgateway.conftest import (
    ACCOUNT,
    DEADLINE_S,
    Connect,
    aapl,
    caught_up,
    client,
    errors,
    filled,
    limit,
    market,
    settings,
    until,
)
from tradebot.errors import GatewayError
from tradebot.simgateway import Gateway, Listing, open_gateway
from tradebot.simgateway.requests import SHAPES
from tradebot.simgateway.wire import frame


@pytest.mark.parametrize("version", [157, 158, 160, 162, 163, 164, 166, 169, 170, 173, 176, 177, 178])
async def test_every_version(gateway: Gateway, connect: Connect, version: int) -> None:
    """Some version's fields would be read or written at the wrong place."""
    ib = await connect(gateway, version=version)
    assert ib.client.serverVersion() == version
    (details,) = await ib.reqContractDetailsAsync(aapl())
    contract = details.contract
    assert contract is not None
    assert (contract.conId, contract.primaryExchange, details.longName) == (265598, "NASDAQ", "APPLE INC")
    ticker = ib.reqMktData(aapl())
    await until("quote", lambda: ticker.hasBidAsk() and ticker.last > 0)
    assert (ticker.bid, ticker.ask, ticker.last, ticker.bidSize) == (227.49, 227.51, 227.50, 300)
    samples = await ib.reqMatchingSymbolsAsync("AAPL")
    assert [each.contract and each.contract.conId for each in samples or []] == [265598]
    trade = await filled(ib.placeOrder(contract, market("BUY", 10, orderRef="tb-1-abcd")))
    assert trade.orderStatus.status == "Filled"
    working = ib.placeOrder(contract, limit("BUY", 3, 1.5, orderRef="tb-2"))
    await until("working", lambda: working.orderStatus.status == "Submitted")
    (opened,) = await ib.reqAllOpenOrdersAsync()
    assert (opened.order.orderRef, opened.order.lmtPrice, opened.order.totalQuantity) == ("tb-2", 1.5, 3)
    ib.cancelOrder(working.order)
    await until("cancel", lambda: working.orderStatus.status == "Cancelled")
    completed = await ib.reqCompletedOrdersAsync(False)
    seen = [(each.order.orderRef, each.orderStatus.status, each.order.filledQuantity) for each in completed]
    assert seen == [("tb-1-abcd", "Filled", 10), ("tb-2", "Cancelled", 0)]
    assert [each.order.permId for each in completed] == [trade.order.permId, working.order.permId]


async def test_buy_and_sell(gateway: Gateway, ib: IB) -> None:
    """The recorded order of messages, the commission, position and cash would not come, or be wrong."""
    received: list[str] = []
    ib.openOrderEvent += lambda trade: received.append(f"open {trade.orderStatus.status}")
    ib.orderStatusEvent += lambda trade: received.append(f"status {trade.orderStatus.status}")
    ib.execDetailsEvent += lambda trade, fill: received.append("execution")
    ib.commissionReportEvent += lambda trade, fill, report: received.append("commission")
    began = datetime.now(UTC).replace(microsecond=0)  # executions carry whole seconds
    buy = await filled(ib.placeOrder(aapl(), market("BUY", 10, orderRef="tb-7-0a0b0c0d")))
    (fill,) = buy.fills
    # ib_async changes its status with orderStatus only, so that each openOrder shows the status before.
    expected = [
        "open PendingSubmit",
        "status PreSubmitted",
        "execution",
        "open PreSubmitted",
        "status Filled",
        "commission",
    ]
    assert received == expected
    assert (fill.execution.price, fill.execution.side, fill.execution.orderRef) == (227.51, "BOT", "tb-7-0a0b0c0d")
    assert (fill.commissionReport.commission, fill.commissionReport.currency) == (1.0, "USD")
    assert util.isNan(fill.commissionReport.realizedPNL) or fill.commissionReport.realizedPNL == 0
    assert began <= fill.execution.time <= datetime.now(UTC)
    cash = 100_000 - 2275.1 - 1
    await until("cash", lambda: value(ib, "TotalCashBalance", "USD") == cash)
    await until("position", ib.positions)  # news of their own, which may come a moment after those of the values
    await caught_up(ib)
    assert value(ib, "TotalCashBalance", "BASE") == value(ib, "TotalCashValue") == value(ib, "SettledCash") == cash
    assert value(ib, "AvailableFunds") == cash
    assert value(ib, "BuyingPower") == 4 * cash
    assert value(ib, "NetLiquidation") == cash + 2275
    (held,), (item,) = ib.positions(), ib.portfolio()
    assert (held.contract.conId, held.position, held.avgCost) == (265598, 10, 227.61)
    assert (item.position, item.marketPrice, item.unrealizedPNL) == (10, 227.5, -1.1)
    sell = await filled(ib.placeOrder(aapl(), market("SELL", 10)))
    assert sell.fills[0].commissionReport.realizedPNL == pytest.approx(-2.2)
    await until("flat", lambda: not ib.positions() and not ib.portfolio())


def value(ib: IB, tag: str, currency: str = "USD") -> float:
    return next(float(each.value) for each in ib.accountValues() if (each.tag, each.currency) == (tag, currency))


async def test_account_values(ib: IB) -> None:
    """The tags that a bot sizes its orders from would be missing."""
    tags = {each.tag: each.value for each in ib.accountValues()}
    assert (tags["AccountReady"], tags["AccountType"], tags["AccountCode"]) == ("true", "INDIVIDUAL", ACCOUNT)
    summary = {each.tag: each.value for each in await ib.accountSummaryAsync() if each.account == ACCOUNT}
    assert (summary["NetLiquidation"], summary["AvailableFunds"]) == ("100000.00", "100000.00")
    assert ib.managedAccounts() == [ACCOUNT]


async def test_profit_and_loss(gateway: Gateway, ib: IB) -> None:
    """P&L subscriptions would stay empty or not follow the quote."""
    await filled(ib.placeOrder(aapl(), market("BUY", 10)))
    whole, single = ib.reqPnL(ACCOUNT), ib.reqPnLSingle(ACCOUNT, "", 265598)
    await until("first figures", lambda: not util.isNan(whole.unrealizedPnL) and not util.isNan(single.value))
    gateway.set_quote("AAPL", Decimal("299.99"), Decimal("300.01"))
    await until("new figures", lambda: single.value == 3000)
    assert whole.unrealizedPnL == pytest.approx(3000 - 2276.1)
    assert single.position == 10


async def test_orders_belong_to_their_client(gateway: Gateway, connect: Connect) -> None:
    """A client could cancel, or be notified of, another client's order."""
    mine, other = await connect(gateway, 7), await connect(gateway, 8)
    trade = mine.placeOrder(aapl(), limit("BUY", 1, 1.0))
    await until("working", lambda: trade.orderStatus.status == "Submitted")
    assert [each.order.permId for each in await other.reqAllOpenOrdersAsync()] == [trade.order.permId]
    received = errors(other)
    client(other).cancelOrder(trade.order.orderId)
    await until("refusal", lambda: [error[1] for error in received] == [10147])
    assert gateway.book.orders[trade.order.permId].live
    await filled(mine.placeOrder(aapl(), market("BUY", 1)))
    assert not other.fills()
    assert len(await other.reqExecutionsAsync()) == 1
    assert not await other.reqExecutionsAsync(ExecutionFilter(clientId=8))


async def test_client_id_in_use(gateway: Gateway, connect: Connect) -> None:
    """Two clients would share one id."""
    first, second = await connect(gateway, 7), IB()
    received = errors(second)
    connecting = asyncio.ensure_future(second.connectAsync("127.0.0.1", gateway.port, 7, timeout=DEADLINE_S))
    await until("refusal", lambda: received and client(second).conn.transport is None)
    connecting.cancel()  # ib_async waits for its answers until the timeout, also when the socket has closed
    with pytest.raises((ConnectionError, asyncio.CancelledError)):
        await connecting
    assert [code for _, code, _ in received] == [326]
    assert first.isConnected()
    await connect(gateway, 8)


@pytest.mark.parametrize(
    ("contract", "order", "code", "text"),
    [
        (aapl(), market("BUY", 1.5), 10243, "Fractional-sized order cannot be placed via API"),
        (aapl(), market("BUY", 10_000), 201, "Order rejected - reason:"),
        (Stock("NOSUCH", "SMART", "USD"), market("BUY", 1), 200, "No security definition"),
        (Stock("AAPL", "SMART", "EUR"), market("BUY", 1), 200, "No security definition"),
        (aapl(), Order(action="BUY", totalQuantity=1, orderType="MOC", tif="DAY"), 387, "Unsupported"),
        (aapl(), market("BUY", 1, account="U999"), 321, "Invalid account code"),
    ],
)
async def test_refused_orders(ib: IB, gateway: Gateway, *, contract: Stock, order: Order, code: int, text: str) -> None:
    """An order that IB would refuse would fill."""
    received = errors(ib)
    trade = ib.placeOrder(contract, order)
    await until("refusal", lambda: received)
    assert (received[0][0], received[0][1]) == (trade.order.orderId, code)
    assert text in received[0][2]
    assert not gateway.book.executions


async def test_duplicate_order_id(ib: IB, gateway: Gateway) -> None:
    """The same id twice would buy twice."""
    trade = await filled(ib.placeOrder(aapl(), market("BUY", 1)))
    received = errors(ib)
    client(ib).placeOrder(trade.order.orderId, aapl(), market("BUY", 1))
    await until("refusal", lambda: received)
    assert received[0][:2] == (trade.order.orderId, 103)
    assert len(gateway.book.orders) == 1


async def test_time_in_force_preset(ib: IB, gateway: Gateway) -> None:
    """The warning that makes ib_async believe a live order dead would not be there to be tested against."""
    received = errors(ib)
    trade = ib.placeOrder(aapl(), market("BUY", 1, tif=""))
    await until("fill", lambda: trade.fills)
    assert [code for _, code, _ in received] == [10349]
    assert gateway.book.orders[trade.order.permId].status == "Filled"


async def test_change_of_a_working_order(ib: IB, gateway: Gateway) -> None:
    """A changed limit would make a second order or never take effect."""
    trade = ib.placeOrder(aapl(), limit("BUY", 1, 1.0))
    await until("working", lambda: trade.orderStatus.status == "Submitted")
    trade.order.lmtPrice = 2.0
    ib.placeOrder(aapl(), trade.order)
    await until("change", lambda: gateway.book.orders[trade.order.permId].ticket.limit == 2)
    gateway.set_quote("AAPL", Decimal("1.98"), Decimal("1.99"))
    await filled(trade)
    assert (trade.fills[0].execution.price, len(gateway.book.orders)) == (1.99, 1)


async def test_global_cancel(ib: IB) -> None:
    """An order would survive reqGlobalCancel."""
    trades = [ib.placeOrder(aapl(), limit("BUY", 1, 1.0)) for _ in range(3)]
    await until("working", lambda: all(trade.orderStatus.status == "Submitted" for trade in trades))
    client(ib).reqGlobalCancel()
    await until("cancels", lambda: all(trade.orderStatus.status == "Cancelled" for trade in trades))


async def test_reconnect_sees_what_happened(gateway: Gateway, connect: Connect) -> None:
    """After a lost connection a client could not find out what became of its orders."""
    ib = await connect(gateway)
    gateway.faults.arm("slow_fill", delay_s=0.05)
    trade = ib.placeOrder(aapl(), market("BUY", 10, orderRef="tb-1"))
    await until("taken", lambda: trade.orderStatus.status == "PreSubmitted")
    gateway.drop_all()
    await until("fill without a client", lambda: gateway.book.executions)
    again = await connect(gateway)
    (fill,) = await again.reqExecutionsAsync()
    assert (fill.execution.orderRef, fill.execution.shares, fill.execution.permId) == ("tb-1", 10, trade.order.permId)
    await until("commission", lambda: again.fills()[0].commissionReport.execId)
    assert [each.position for each in again.positions()] == [10]
    assert again.client.getReqId() > trade.order.orderId


async def test_contracts(ib: IB) -> None:
    """Contracts could not be found by id, by class share or venue; or found where IB finds none."""
    found = {}
    for contract in (
        Stock(conId=76792991),
        Stock("BRK B", "SMART", "USD"),
        Stock("SPY", "SMART", "USD", primaryExchange="ARCA"),
        Stock("AAPL", "ISLAND", "USD", primaryExchange="ISLAND"),
        Stock("AAPL", "SMART", "USD", primaryExchange="NYSE"),
        Stock("BRK.B", "SMART", "USD"),
    ):
        details = await ib.reqContractDetailsAsync(contract)
        found[contract.symbol or contract.conId, contract.primaryExchange] = [
            each.contract and each.contract.conId for each in details
        ]
    assert found == {
        (76792991, ""): [76792991],
        ("BRK B", ""): [72063691],
        ("SPY", "ARCA"): [756733],
        ("AAPL", "ISLAND"): [265598],
        ("AAPL", "NYSE"): [],
        ("BRK.B", ""): [],
    }
    assert await ib.reqMarketRuleAsync(26)
    began = datetime.now(UTC).replace(microsecond=0)  # the answer is in whole seconds
    assert began <= await ib.reqCurrentTimeAsync() <= datetime.now(UTC)


async def test_snapshot_and_delayed_type(ib: IB) -> None:
    """A snapshot would never end, or delayed data would come to a subscriber of live data."""
    ib.reqMarketDataType(3)
    (ticker,) = await ib.reqTickersAsync(Stock("MSFT", "SMART", "USD", conId=272093))
    assert (ticker.bid, ticker.ask, ticker.marketDataType) == (415.18, 415.22, 1)


async def test_streams_follow_the_quote(gateway: Gateway, ib: IB) -> None:
    """A streaming quote would stand still while the market moves."""
    ticker = ib.reqMktData(aapl())
    await until("quote", ticker.hasBidAsk)
    gateway.set_quote("AAPL", Decimal("200.00"), Decimal("200.02"))
    await until("move", lambda: ticker.ask == 200.02)
    trade = await filled(ib.placeOrder(aapl(), market("BUY", 1)))
    assert trade.fills[0].execution.price == 200.02


async def test_unsupported_requests(ib: IB, gateway: Gateway) -> None:
    """A request that is not simulated would kill the connection or never be answered."""
    received = errors(ib)
    client(ib).reqHeadTimeStamp(4711, aapl(), "TRADES", True, 1)
    client(ib).send(9999, 1)
    client(ib).send(3, "x", "y")
    client(ib).send(7, 3, "nonsense")
    await until("answers", lambda: len(received) == 4)
    assert [(req_id, code) for req_id, code, _ in received] == [(4711, 321), (-1, 321), (-1, 321), (-1, 321)]
    assert (await ib.reqCurrentTimeAsync()).tzinfo
    assert next(line["message"] for line in gateway.store.lines if line["kind"] == "received") == "message 87"


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n", b"API\0" + struct.pack(">I", 1 << 31), b"API\0\0\0\0\x04v1.."]
)
async def test_strangers(gateway: Gateway, ib: IB, data: bytes) -> None:
    """One bad connection would take the gateway, or other clients, down."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(data)
    assert await asyncio.wait_for(reader.read(), DEADLINE_S) == b""
    writer.close()
    await writer.wait_closed()
    assert ib.isConnected()
    await filled(ib.placeOrder(aapl(), market("BUY", 1)))


async def test_nonsense_in_known_messages(ib: IB, gateway: Gateway) -> None:
    """Some field, wrong or missing, would break the connection instead of being answered with an error."""
    rng = random.Random(3)
    values = [
        "",
        "0",
        "1",
        "-1",
        "x",
        "AAPL",
        "STK",
        "SMART",
        "BUY",
        "MKT",
        "LMT",
        "1e999",
        "nan",
        "9" * 30,
        "é",
        "1.5",
    ]
    ids = [*SHAPES, 1, 3, 4, 9]
    for number in range(3000):
        length = rng.choice((1, 2, 3, 8, 17, 20, 102))
        client(ib).conn.sendMsg(frame([str(ids[number % len(ids)]), *rng.choices(values, k=length)]))
    assert (await ib.reqCurrentTimeAsync()).tzinfo
    assert ib.isConnected()
    assert not gateway.book.orders


async def test_bad_frame_in_a_session(gateway: Gateway, ib: IB, connect: Connect) -> None:
    """A client that loses its framing would be answered on, or hurt the others."""
    other = await connect(gateway, 8)
    client(ib).conn.sendMsg(frame(["49", "1"])[:-1] + b"x")
    await until("close", lambda: not ib.isConnected())
    assert (await other.reqCurrentTimeAsync()).tzinfo


async def test_many_orders_at_once(gateway: Gateway, ib: IB) -> None:
    """A burst would lose or double orders, or overspend the account."""
    trades = [ib.placeOrder(aapl(), market("BUY", 10, orderRef=f"tb-{number}")) for number in range(40)]
    await until("fills", lambda: all(trade.fills for trade in trades))
    assert len({trade.order.permId for trade in trades}) == 40
    assert gateway.book.positions[265598].quantity == 400


async def test_executions_of_today_only(connect: Connect) -> None:
    """Yesterday's executions and completed orders would be reported again, which IB never does."""
    clock = [datetime(2025, 4, 16, 3, 59, tzinfo=UTC)]  # 23:59 in New York
    async with open_gateway(settings(clock=lambda: clock[0])) as gateway:
        ib = await connect(gateway)
        await filled(ib.placeOrder(aapl(), market("BUY", 1)))
        assert len(await ib.reqExecutionsAsync()) == len(await ib.reqCompletedOrdersAsync(False)) == 1
        clock[0] += timedelta(minutes=2)
        again = await connect(gateway, 8)
        assert not await again.reqExecutionsAsync()
        assert not await again.reqCompletedOrdersAsync(False)
        assert [each.position for each in again.positions()] == [1]


async def test_times_are_the_gateways_own(connect: Connect) -> None:
    """Executions carry the gateway's wall clock without a zone: a client elsewhere must know which one it is."""
    zone = ZoneInfo("Asia/Tokyo")
    async with open_gateway(settings(zone=zone)) as gateway:
        ib = await connect(gateway)
        ib.TimezoneTWS = "Asia/Tokyo"
        began = datetime.now(UTC).replace(microsecond=0)
        trade = await filled(ib.placeOrder(aapl(), market("BUY", 1)))
        assert began <= trade.fills[0].execution.time <= datetime.now(UTC)
        assert len(await ib.reqExecutionsAsync(ExecutionFilter(time=f"{datetime.now(UTC):%Y%m%d}-00:00:00"))) == 1
        later = datetime.now(zone) + timedelta(hours=1)
        assert not await ib.reqExecutionsAsync(ExecutionFilter(time=f"{later:%Y%m%d %H:%M:%S}"))


async def test_configured_account(connect: Connect) -> None:
    """Cash, positions, account or extra tickers given at the start would not be there."""
    extra = Listing("ACME", 4242, Decimal(50), "ACME CORP", "NYSE")
    start = settings(cash=Decimal(5), account="DU42", tickers=(extra,), positions=(("ACME", Decimal(7), Decimal(40)),))
    async with open_gateway(start) as gateway:
        ib = await connect(gateway)
        assert (ib.managedAccounts(), value(ib, "TotalCashBalance")) == (["DU42"], 5)
        assert [(each.contract.conId, each.position, each.avgCost) for each in ib.positions()] == [(4242, 7, 40)]


async def test_seeded_quotes_move_alike() -> None:
    """A seed would not repeat its day, or quotes would not move or make no sense."""
    async with open_gateway(settings(seed=5)) as first, open_gateway(settings(seed=5)) as second:
        for _ in range(200):
            first.quotes.step()
            second.quotes.step()
        pairs = [(first.quote(symbol), second.quote(symbol)) for symbol in first.catalogue.by_symbol]
        assert all(left == right for left, right in pairs)
        moved = [left for left, _ in pairs if left.bid != left.open]
        assert len(moved) > 25
        assert all(0 < each.bid < each.ask and each.low <= each.last <= each.high for each in moved)
        assert all(abs(each.bid / each.open - 1) < Decimal("0.05") for each in moved)


async def test_port_in_use(gateway: Gateway) -> None:
    """A second gateway would fail without naming the port."""
    with pytest.raises(GatewayError, match=f"{gateway.port}.*choose another"):
        async with open_gateway(settings(port=gateway.port)):
            pass
