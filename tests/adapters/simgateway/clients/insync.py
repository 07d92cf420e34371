"""A trading session with ib_insync. Prints what it saw as one JSON line.

Usage: insync.py PORT CLIENT_ID, with the library on PYTHONPATH. Ends with a traceback when anything does not come in time.
"""

# ruff: noqa: T201

import asyncio
import json
import sys
from collections.abc import Callable
from typing import Any

from ib_insync import IB, LimitOrder, MarketOrder, Order, Stock

DEADLINE_S = 30


async def until(ib: IB, what: str, test: Callable[[], object]) -> None:
    """Wait for a condition; every message from the gateway is a reason to check again."""
    updated = asyncio.Event()
    ib.updateEvent += updated.set
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not test():
                updated.clear()
                await updated.wait()
    except TimeoutError:
        sys.exit(f"no {what} within {DEADLINE_S} s")
    finally:
        ib.updateEvent -= updated.set


async def connect(port: int, client_id: int) -> IB:
    ib = IB()
    await ib.connectAsync("127.0.0.1", port, client_id, timeout=DEADLINE_S)
    return ib


def order(kind: Callable[..., Order], action: str, quantity: int, ref: str, *limit: float) -> Order:
    return kind(action, quantity, *limit, tif="DAY", orderRef=ref)


async def history(ib: IB) -> list[Any]:
    fills = await ib.reqExecutionsAsync()
    completed = await ib.reqCompletedOrdersAsync(False)
    return [
        [[fill.execution.side, fill.execution.shares, fill.execution.orderRef] for fill in fills],
        [[each.contract.symbol, each.order.orderRef, each.orderStatus.status] for each in completed],
    ]


async def main() -> None:
    port, client_id = int(sys.argv[1]), int(sys.argv[2])
    ib = await connect(port, client_id)
    version = ib.client.serverVersion()
    cash = {each.tag: each.value for each in ib.accountValues() if each.currency == "USD"}
    positions = {each.contract.symbol: [each.position, each.avgCost] for each in ib.positions()}
    details = (await ib.reqContractDetailsAsync(Stock("AAPL", "SMART", "USD")))[0]
    unknown = await ib.reqContractDetailsAsync(Stock("NOSUCH", "SMART", "USD"))
    ticker = ib.reqMktData(details.contract)
    await until(ib, "quote", lambda: ticker.bid > 0 and ticker.ask > 0 and ticker.last > 0)
    ib.cancelMktData(details.contract)
    (snapshot,) = await ib.reqTickersAsync(Stock("MSFT", "SMART", "USD"))
    buy = ib.placeOrder(details.contract, order(MarketOrder, "BUY", 10, "buy"))
    await until(ib, "buy", lambda: buy.fills and buy.fills[0].commissionReport.execId)
    limit = ib.placeOrder(details.contract, order(LimitOrder, "BUY", 5, "limit", 1.0))
    await until(ib, "working limit order", lambda: limit.orderStatus.status == "Submitted")
    ib.cancelOrder(limit.order)
    await until(ib, "cancel", lambda: limit.orderStatus.status == "Cancelled")
    sell = ib.placeOrder(details.contract, order(MarketOrder, "SELL", 10, "sell"))
    await until(ib, "sell", lambda: sell.fills and sell.fills[0].commissionReport.execId)
    seen = {
        "version": version,
        "cash": cash["TotalCashBalance"],
        "positions": positions,
        "con_id": details.contract.conId,
        "unknown": len(unknown),
        "quote": [ticker.bid, ticker.ask, ticker.last],
        "snapshot": [snapshot.bid, snapshot.ask, snapshot.last],
        "statuses": [each.orderStatus.status for each in (buy, limit, sell)],
        "commissions": [each.fills[0].commissionReport.commission for each in (buy, sell)],
        "history": await history(ib),
    }
    ib.disconnect()
    again = await connect(port, client_id)
    seen["after_reconnect"] = await history(again)
    again.disconnect()
    print(json.dumps(seen))


asyncio.run(main())
