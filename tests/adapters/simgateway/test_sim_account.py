"""The account's kinds, its lag and its day, as clients see them."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from ib_async import IB

from tests.adapters.broker.helpers import broker_for, connected
from tests.adapters.simgateway.conftest import (
    ACCOUNT,
    Connect,
    aapl,
    caught_up,
    errors,
    filled,
    market,
    messages,
    settings,
    until,
)
from tests.adapters.simgateway.test_sim_outages import post
from tradebot.simgateway import Gateway, open_gateway
from tradebot.simgateway.switches import Switches


def values(ib: IB, tag: str, account: str = ACCOUNT) -> dict[str, str]:
    """An account value by currency."""
    return {each.currency: each.value for each in ib.accountValues(account) if each.tag == tag}


def shows(ib: IB, quantity: float) -> bool:
    return [each.position for each in ib.positions()] == [each.position for each in ib.portfolio()] == [quantity]


async def test_positions_trail_what_happens(gateway: Gateway, ib: IB) -> None:
    """Positions would follow a fill at once, and a bot that trusts them be proved by nothing."""
    await post(gateway, "/switches", positions_lag_s=60)
    await filled(ib.placeOrder(aapl(), market("BUY", 10)))
    await until("values", lambda: values(ib, "TotalCashBalance").get("USD") == "97723.90")
    assert not ib.positions()
    assert [each.position for each in await ib.reqPositionsAsync()] == [10]


async def test_what_trails_arrives(connect: Connect) -> None:
    """News that are late would never come."""
    start = settings(switches=Switches(positions_lag_s=0.1, values_lag_s=0.1))
    async with open_gateway(start) as gateway:
        ib = await connect(gateway)
        for bought, held in ((10, 10), (5, 15)):
            await filled(ib.placeOrder(aapl(), market("BUY", bought)))
            await until("position and portfolio", partial(shows, ib, held))


async def test_answers_lag_too_when_set(gateway: Gateway, ib: IB) -> None:
    """A question about positions could not be answered with those of a while ago."""
    await post(gateway, "/switches", positions_lag_s=60, lagging_answers=True)
    gateway.set_position("AAPL", Decimal(10), Decimal(200))
    assert await ib.reqPositionsAsync() == []
    await post(gateway, "/switches", positions_lag_s=0)
    await until("position", lambda: [each.position for each in ib.positions()] == [10])
    assert [each.position for each in await ib.reqPositionsAsync()] == [10]


async def test_values_trail_what_happens(gateway: Gateway, connect: Connect) -> None:
    """Cash and portfolio would follow a fill at once; answers to a client that comes meanwhile too."""
    await post(gateway, "/switches", values_lag_s=60)
    ib = await connect(gateway)
    await filled(ib.placeOrder(aapl(), market("BUY", 10)))
    await until("position", lambda: [each.position for each in ib.positions()] == [10])
    late = await connect(gateway, 8)
    for each in (ib, late):
        assert values(each, "TotalCashBalance")["USD"] == "100000.00"
        assert not each.portfolio()
    await post(gateway, "/switches", values_lag_s=0)
    await until("values", lambda: values(ib, "TotalCashBalance")["USD"] == "97723.90" and ib.portfolio())


async def test_news_of_changed_values_only(gateway: Gateway, ib: IB) -> None:
    """Each batch of values would hold all of them, so that a value that is not told again is never met."""
    await post(gateway, "/switches", changed_values_only=True)
    await post(gateway, "/cash", cash="99999")
    await until("first", lambda: values(ib, "TotalCashBalance")["USD"] == "99999.00")
    await caught_up(ib)
    received = bytearray()
    ib.client.conn.hasData += received.extend
    await post(gateway, "/cash", cash="5000")
    await until("cash", lambda: values(ib, "TotalCashBalance")["USD"] == "5000.00")
    await caught_up(ib)
    told = {fields[2] for fields in messages(received) if fields[0] == "6"}
    assert {"TotalCashBalance", "NetLiquidation", "BuyingPower"} <= told
    assert not told & {"AccountReady", "AccountType", "StockMarketValue", "RealizedPnL"}


async def test_a_cash_account(gateway: Gateway, ib: IB) -> None:
    """What was sold today would count as settled, or a cash account have leverage."""
    await post(gateway, "/switches", cash_account=True, account_type="STKCASH", trading_type="STKCASH")
    await filled(ib.placeOrder(aapl(), market("BUY", 10)))
    await filled(ib.placeOrder(aapl(), market("SELL", 10)))
    cash, proceeds = gateway.book.cash, Decimal("2274.90") - 1
    # What is settled is the same after the BUY already: the cash says that the SELL has come.
    await until("the cash of both", lambda: values(ib, "TotalCashBalance")["USD"] == f"{cash:.2f}")
    await caught_up(ib)
    assert values(ib, "SettledCash") == {"USD": f"{cash - proceeds:.2f}"}
    assert values(ib, "AvailableFunds") == values(ib, "BuyingPower") == values(ib, "SettledCash")
    assert values(ib, "AccountType") == values(ib, "TradingType-S") == {"": "STKCASH"}
    await post(gateway, "/midnight")
    await until("next day", lambda: values(ib, "SettledCash") == {"USD": f"{cash:.2f}"})


@pytest.mark.parametrize("usd", [0, 20_000])
async def test_another_base_currency(connect: Connect, usd: int) -> None:
    """An account in euros, with dollars or without, would look like one in dollars."""
    kind = Switches(base_currency="EUR", base_cash=80_000.0, usd_rate=0.9)
    async with open_gateway(settings(cash=Decimal(usd), switches=kind)) as gateway:
        ib = await connect(gateway)
        total = f"{80_000 + usd * 0.9:.2f}"
        dollars: dict[str, str] = {"USD": f"{usd}.00"} if usd else {}
        assert values(ib, "TotalCashBalance") == {"BASE": total, "EUR": "80000.00"} | dollars
        assert values(ib, "SettledCash") == values(ib, "NetLiquidation") == {"EUR": total}
        assert values(ib, "ExchangeRate").get("USD") == ("0.9000000" if usd else None)
        async with broker_for(gateway.port) as broker:
            await connected(broker)
            account = broker.account()
            assert account is not None
            assert account.cash == (usd or None)


async def test_a_login_with_several_accounts(connect: Connect) -> None:
    """An adviser's login would be one account, or its accounts' cash and positions one heap."""
    start = settings(control_port=0, switches=Switches(other_accounts="DU7, DU8"))
    async with open_gateway(start) as gateway:
        await post(gateway, "/positions", symbol="AAPL", quantity=7, avg_cost=100, account="DU8")
        await post(gateway, "/positions", symbol="AAPL", quantity=3, avg_cost=100)
        ib = await connect(gateway)
        assert ib.managedAccounts() == [ACCOUNT, "DU7", "DU8"]
        held = {(each.account, each.position) for each in await ib.reqPositionsAsync()}
        assert held == {(ACCOUNT, 3), ("DU8", 7)}
        cash = {(each.account, each.value) for each in await ib.accountSummaryAsync() if each.tag == "TotalCashValue"}
        assert cash == {(ACCOUNT, "100000.00"), ("DU7", "25000.00"), ("DU8", "25000.00")}
        received = errors(ib)
        nobodys = ib.placeOrder(aapl(), market("BUY", 1, account=""))
        await until("refusal", lambda: received)
        assert received[0][:2] == (nobodys.order.orderId, 435)
        await filled(ib.placeOrder(aapl(), market("BUY", 1)))


async def test_daily_result(gateway: Gateway, ib: IB) -> None:
    """IB's own daily P&L would count what earlier days brought, or lose a part of today's."""
    await post(gateway, "/positions", symbol="AAPL", quantity=10, avg_cost="200")
    pnl = ib.reqPnL(ACCOUNT)

    async def told(**wanted: Any) -> None:
        await until(f"{wanted}", lambda: {name: round(getattr(pnl, name), 6) for name in wanted} == wanted)

    await told(dailyPnL=0, unrealizedPnL=275, realizedPnL=0)
    await post(gateway, "/quotes", symbol="AAPL", bid="230", ask="230", last="230")
    await told(dailyPnL=25, unrealizedPnL=300, realizedPnL=0)
    await filled(ib.placeOrder(aapl(), market("SELL", 4)))
    await told(dailyPnL=24, unrealizedPnL=180, realizedPnL=119)
    await until("value", lambda: values(ib, "RealizedPnL")["USD"] == "119.00")
    await post(gateway, "/midnight")
    await told(dailyPnL=0, unrealizedPnL=180, realizedPnL=0)
    await until("value", lambda: values(ib, "RealizedPnL")["USD"] == "0.00")
    await post(gateway, "/splits", symbol="AAPL", new=10, old=1)
    await told(dailyPnL=0, unrealizedPnL=180, realizedPnL=0)
    await post(gateway, "/quotes", symbol="AAPL", bid="22", ask="22", last="22")
    await told(dailyPnL=-60, unrealizedPnL=120, realizedPnL=0)
