"""A trading session with the official ibapi, 9.81 and 10.x alike. Prints what it saw as one JSON line.

Usage: official.py PORT CLIENT_ID, with the library on PYTHONPATH. Ends with status 1 when anything does not come in time.
"""

# ruff: noqa: N802, N803, T201

import json
import sys
import threading
from collections.abc import Callable
from typing import Any

from ibapi.client import EClient
from ibapi.common import MarketDataTypeEnum  # noqa: F401 - proves that the library is whole
from ibapi.contract import Contract
from ibapi.execution import ExecutionFilter
from ibapi.order import Order
from ibapi.wrapper import EWrapper

try:
    from ibapi.order_cancel import OrderCancel
except ImportError:  # 9.81 has none
    OrderCancel = None

DEADLINE_S = 30
HALTED = 49


class App(EWrapper, EClient):  # type: ignore[misc]  # ibapi has no types
    """Keeps everything it receives and lets the session wait for it."""

    def __init__(self) -> None:
        EClient.__init__(self, self)
        self.changed = threading.Condition()
        self.ids: list[int] = []
        self.errors: list[list[int | str]] = []
        self.ended: set[str] = set()
        self.details: list[Any] = []
        self.completed: list[list[str | float]] = []
        self.summary: dict[str, str] = {}
        self.values: dict[str, str] = {}
        self.positions: dict[str, list[float]] = {}
        self.portfolio: dict[str, list[float]] = {}
        self.prices: dict[int, dict[int, float]] = {}
        self.halted: dict[int, float] = {}
        self.sizes: dict[int, dict[int, float]] = {}
        self.statuses: dict[int, list[list[str | float]]] = {}
        self.executions: dict[int, dict[str, list[int | str | float]]] = {}
        self.commissions: dict[str, float] = {}
        self.opened: dict[int, list[list[str]]] = {}
        self.what_if: list[float] = []

    def wait(self, what: str, test: Callable[[], bool]) -> None:
        with self.changed:
            if not self.changed.wait_for(test, DEADLINE_S):
                sys.exit(f"no {what} within {DEADLINE_S} s; errors: {self.errors}")

    def note(self, act: Callable[[], object]) -> None:
        with self.changed:
            act()
            self.changed.notify_all()

    def nextValidId(self, orderId: int) -> None:
        self.note(lambda: self.ids.append(orderId))

    def error(self, reqId: int, *rest: object) -> None:
        text = [part for part in rest if isinstance(part, str) and part]
        codes = [part for part in rest if isinstance(part, int)]
        self.note(lambda: self.errors.append([reqId, codes[-1], text[0]]))

    def accountSummary(self, reqId: int, account: str, tag: str, value: str, currency: str) -> None:
        self.note(lambda: self.summary.update({tag: value}))

    def accountSummaryEnd(self, reqId: int) -> None:
        self.note(lambda: self.ended.add("summary"))

    def updateAccountValue(self, key: str, val: str, currency: str, accountName: str) -> None:
        self.note(lambda: self.values.update({f"{key} {currency}".strip(): val}))

    def updatePortfolio(
        self,
        contract: Contract,
        position: Any,
        marketPrice: float,
        marketValue: float,
        averageCost: float,
        *rest: object,
    ) -> None:
        self.note(lambda: self.portfolio.update({contract.symbol: [float(position), averageCost]}))

    def accountDownloadEnd(self, accountName: str) -> None:
        self.note(lambda: self.ended.add("account"))

    def position(self, account: str, contract: Contract, position: Any, avgCost: float) -> None:
        self.note(lambda: self.positions.update({contract.symbol: [float(position), avgCost]}))

    def positionEnd(self) -> None:
        self.note(lambda: self.ended.add("positions"))

    def contractDetails(self, reqId: int, contractDetails: Any) -> None:
        self.note(lambda: self.details.append(contractDetails))

    def contractDetailsEnd(self, reqId: int) -> None:
        self.note(lambda: self.ended.add("details"))

    def tickPrice(self, reqId: int, tickType: int, price: float, attrib: object) -> None:
        self.note(lambda: self.prices.setdefault(reqId, {}).update({int(tickType): price}))

    def tickSize(self, reqId: int, tickType: int, size: Any) -> None:
        self.note(lambda: self.sizes.setdefault(reqId, {}).update({int(tickType): float(size)}))

    def tickGeneric(self, reqId: int, tickType: int, value: float) -> None:
        if int(tickType) == HALTED:
            self.note(lambda: self.halted.update({reqId: value}))

    def tickSnapshotEnd(self, reqId: int) -> None:
        self.note(lambda: self.ended.add("snapshot"))

    def openOrder(self, orderId: int, contract: Contract, order: Order, orderState: Any) -> None:
        if order.whatIf:
            fee = getattr(orderState, "commission", None) or orderState.commissionAndFees
            self.note(lambda: self.what_if.extend([float(orderState.initMarginChange), fee]))
            return
        self.note(lambda: self.opened.setdefault(orderId, []).append([order.orderRef, orderState.status]))

    def openOrderEnd(self) -> None:
        self.note(lambda: self.ended.add("open orders"))

    def orderStatus(
        self, orderId: int, status: str, filled: Any, remaining: Any, avgFillPrice: float, *rest: object
    ) -> None:
        seen: list[str | float] = [status, float(filled), float(remaining), avgFillPrice]
        self.note(lambda: self.statuses.setdefault(orderId, []).append(seen))

    def execDetails(self, reqId: int, contract: Contract, execution: Any) -> None:
        each = execution
        seen = [each.orderId, each.side, float(each.shares), each.price, each.orderRef]
        self.note(lambda: self.executions.setdefault(reqId, {}).update({each.execId: seen}))

    def execDetailsEnd(self, reqId: int) -> None:
        self.note(lambda: self.ended.add(f"executions {reqId}"))

    def commissionReport(self, commissionReport: Any) -> None:
        each = commissionReport
        self.note(lambda: self.commissions.update({each.execId: each.commission}))

    def commissionAndFeesReport(self, commissionAndFeesReport: Any) -> None:
        each = commissionAndFeesReport
        self.note(lambda: self.commissions.update({each.execId: each.commissionAndFees}))

    def completedOrder(self, contract: Contract, order: Order, orderState: Any) -> None:
        seen: list[str | float] = [
            contract.symbol,
            order.action,
            order.orderRef,
            orderState.status,
            float(order.filledQuantity),
        ]
        self.note(lambda: self.completed.append(seen))

    def completedOrdersEnd(self) -> None:
        self.note(lambda: self.ended.add("completed"))


def stock(symbol: str) -> Contract:
    contract = Contract()
    contract.symbol, contract.secType, contract.exchange, contract.currency = symbol, "STK", "SMART", "USD"
    return contract


def order(action: str, quantity: int, ref: str, limit: float | None = None) -> Order:
    made = Order()
    made.action, made.totalQuantity, made.tif, made.orderRef = action, quantity, "DAY", ref
    made.orderType = "MKT" if limit is None else "LMT"
    if limit is not None:
        made.lmtPrice = limit
    made.eTradeOnly = made.firmQuoteOnly = False  # 9.81 sets what gateways of today refuse
    return made


def connect(port: int, client_id: int) -> App:
    app = App()
    app.connect("127.0.0.1", port, client_id)
    threading.Thread(target=app.run, daemon=True).start()
    app.wait("next valid id", lambda: bool(app.ids))
    return app


def leave(app: App) -> None:
    """Disconnect for good: 9.81's socket closes only when its reader has noticed."""
    reader = app.reader
    app.disconnect()
    reader.join(DEADLINE_S)


def look(app: App) -> dict[str, Any]:
    """Account, positions, contract and quotes; the account as it was then."""
    app.reqAccountSummary(9001, "All", "NetLiquidation,TotalCashValue,AccountType")
    app.wait("account summary", lambda: "summary" in app.ended)
    app.reqAccountUpdates(True, "")
    app.wait("account updates", lambda: "account" in app.ended)
    app.reqPositions()
    app.wait("positions", lambda: "positions" in app.ended)
    app.reqContractDetails(9002, stock("AAPL"))
    app.wait("contract details", lambda: "details" in app.ended)
    app.reqContractDetails(9003, stock("NOSUCH"))
    app.wait("error 200", lambda: any(error[:2] == [9003, 200] for error in app.errors))
    app.reqMktData(9004, stock("AAPL"), "", False, False, [])
    app.wait("streaming quote", lambda: {1, 2, 4} <= app.prices.get(9004, {}).keys())
    app.cancelMktData(9004)
    app.reqMktData(9005, stock("MSFT"), "", True, False, [])
    app.wait("snapshot", lambda: "snapshot" in app.ended)
    app.reqMktData(9008, stock("KO"), "", False, False, [])
    app.wait("halted", lambda: 9008 in app.halted)
    return {"summary": dict(app.summary), "cash": app.values["TotalCashBalance USD"], "positions": dict(app.positions)}


def trade(app: App, first: int) -> None:
    """Buy, cancel a limit order, sell."""
    app.placeOrder(first, stock("AAPL"), order("BUY", 10, "buy"))
    app.wait("buy", lambda: has(app, first, "Filled") and len(app.commissions) == 1)
    app.placeOrder(first + 1, stock("AAPL"), order("BUY", 5, "limit", 1.0))
    app.wait("working limit order", lambda: has(app, first + 1, "Submitted"))
    app.reqOpenOrders()
    app.wait("open orders", lambda: "open orders" in app.ended)
    app.cancelOrder(first + 1, *([OrderCancel()] if OrderCancel else []))
    app.wait("cancel", lambda: has(app, first + 1, "Cancelled"))
    app.placeOrder(first + 2, stock("AAPL"), order("SELL", 10, "sell"))
    app.wait("sell", lambda: has(app, first + 2, "Filled") and len(app.commissions) == 2)
    what_if = order("BUY", 100, "what if")
    what_if.whatIf = True
    app.placeOrder(first + 3, stock("AAPL"), what_if)
    app.wait("what it would lead to", lambda: bool(app.what_if))


def has(app: App, order_id: int, status: str) -> bool:
    return any(seen[0] == status for seen in app.statuses.get(order_id, []))


def history(app: App, req_id: int) -> None:
    app.reqExecutions(req_id, ExecutionFilter())
    app.wait("executions", lambda: f"executions {req_id}" in app.ended)
    app.reqCompletedOrders(False)
    app.wait("completed orders", lambda: "completed" in app.ended)


def main() -> None:
    port, client_id = int(sys.argv[1]), int(sys.argv[2])
    app = connect(port, client_id)
    first = app.ids[0]
    seen = look(app)
    trade(app, first)
    history(app, 9006)
    version = app.serverVersion()
    leave(app)
    again = connect(port, client_id)
    history(again, 9007)
    leave(again)
    details = app.details[0]
    seen |= {
        "version": version,
        "first_id": first,
        "next_id": again.ids[0],
        "con_id": details.contract.conId,
        "name": details.longName,
        "stock_type": details.stockType,
        "quote": [app.prices[9004][kind] for kind in (1, 2, 4)],
        "bid_size": app.sizes[9004][0],
        "snapshot": [app.prices[9005][kind] for kind in (1, 2, 4)],
        "statuses": {str(number - first): seen for number, seen in app.statuses.items()},
        "open": {str(number - first): seen for number, seen in app.opened.items()},
        "live_executions": list(app.executions[-1].values()),
        "executions": list(app.executions[9006].values()),
        "commissions": list(app.commissions.values()),
        "completed": app.completed,
        "what_if": app.what_if,
        "halted": app.halted[9008],
        "warned": [[int(error[0]) - first, error[1]] for error in app.errors if error[1] == 399],
        "after_reconnect": [list(again.executions[9007].values()), again.completed],
    }
    print(json.dumps(seen))


main()
