"""A bracket with the official ibapi, 9.81 and 10.x alike. Prints what it saw of its orders as one JSON line.

Usage: official_bracket.py PORT CLIENT_ID, with the library on PYTHONPATH. Ends with status 1 when anything does not come in time.
"""

# ruff: noqa: N802, N803, T201

import json
import sys
import threading
from typing import Any

from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.order import Order
from ibapi.wrapper import EWrapper

DEADLINE_S = 30


class App(EWrapper, EClient):  # type: ignore[misc]  # ibapi has no types
    """Keeps what is told of its orders."""

    def __init__(self) -> None:
        EClient.__init__(self, self)
        self.changed = threading.Condition()
        self.first_id = 0
        self.opened: dict[int, list[Any]] = {}
        self.statuses: dict[int, list[str]] = {}

    def nextValidId(self, orderId: int) -> None:
        with self.changed:
            self.first_id = orderId
            self.changed.notify_all()

    def openOrder(self, orderId: int, contract: Contract, order: Order, orderState: Any) -> None:
        terms = [order.orderType, order.tif, float(order.lmtPrice), float(order.auxPrice), float(order.totalQuantity)]
        self.opened[orderId] = [*terms, order.parentId, order.ocaGroup, order.ocaType]

    def orderStatus(self, orderId: int, status: str, *rest: object) -> None:
        with self.changed:
            seen = self.statuses.setdefault(orderId, [])
            if not seen or seen[-1] != status:
                seen.append(status)
            self.changed.notify_all()

    def until(self, what: str, order_id: int, status: str) -> None:
        with self.changed:
            if not self.changed.wait_for(lambda: status in self.statuses.get(order_id, []), DEADLINE_S):
                sys.exit(f"{what} never came; statuses: {self.statuses}")


def order(kind: str, action: str, **more: Any) -> Order:
    made = Order()
    made.orderType, made.action, made.totalQuantity, made.eTradeOnly, made.firmQuoteOnly = (
        kind,
        action,
        10,
        False,
        False,
    )
    for name, value in more.items():
        setattr(made, name, value)
    return made


def main() -> None:
    app = App()
    app.connect("127.0.0.1", int(sys.argv[1]), int(sys.argv[2]))
    threading.Thread(target=app.run, daemon=True).start()
    with app.changed:
        if not app.changed.wait_for(lambda: app.first_id, DEADLINE_S):
            sys.exit("no next valid id")
    stock = Contract()
    stock.symbol, stock.secType, stock.exchange, stock.currency = "AAPL", "STK", "SMART", "USD"
    first = app.first_id
    group = {"parentId": first, "ocaGroup": f"g{first}", "ocaType": 2, "tif": "GTC"}
    app.placeOrder(first, stock, order("LMT", "BUY", lmtPrice=230, tif="DAY", transmit=False))
    app.placeOrder(first + 1, stock, order("STP", "SELL", auxPrice=215, transmit=False, **group))
    app.placeOrder(first + 2, stock, order("LMT", "SELL", lmtPrice=250, transmit=True, **group))
    app.until("the entry's fill", first, "Filled")
    app.until("the stop", first + 1, "PreSubmitted")
    app.until("the stop's fill", first + 1, "Filled")
    app.until("the target's end", first + 2, "Cancelled")
    app.disconnect()
    print(json.dumps({"opened": list(app.opened.values()), "statuses": list(app.statuses.values())}))


main()
