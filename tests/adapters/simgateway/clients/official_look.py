"""Everybody's open orders as the official ibapi, 10.x, sees them: one JSON line for each line that comes in.

Usage: official_look.py CLIENT_ID, with the library on PYTHONPATH. A line is the port of a gateway; each look is a connection
with an id of its own, from CLIENT_ID on. Ends with its input, or with status 1 when anything does not come in time.
"""

# ruff: noqa: N802, N803, T201

import json
import sys
import threading
from typing import Any

from ibapi.client import EClient
from ibapi.const import UNSET_DOUBLE
from ibapi.contract import Contract
from ibapi.order import Order
from ibapi.wrapper import EWrapper

DEADLINE_S = 60
NUMBERS = {"limit": "lmtPrice", "aux": "auxPrice", "trail_stop": "trailStopPrice", "trail_pct": "trailingPercent"}
WORDS = {
    **{"perm_id": "permId", "client_id": "clientId", "order_ref": "orderRef", "parent_id": "parentId"},
    **{"oca_group": "ocaGroup", "oca_type": "ocaType", "action": "action", "type": "orderType", "tif": "tif"},
    **{"good_till": "goodTillDate", "outside_rth": "outsideRth", "account": "account"},
}


class App(EWrapper, EClient):  # type: ignore[misc]  # ibapi has no types
    """Keeps what is told of the open orders until all of it is told."""

    def __init__(self) -> None:
        EClient.__init__(self, self)
        self.connected, self.all_told = threading.Event(), threading.Event()
        self.orders: dict[int, dict[str, Any]] = {}
        self.errors: list[object] = []

    def error(self, *told: object) -> None:
        self.errors.append(told)

    def nextValidId(self, orderId: int) -> None:
        self.connected.set()

    def openOrder(self, orderId: int, contract: Contract, order: Order, orderState: Any) -> None:
        seen = {"order_id": orderId, "symbol": contract.symbol, "quantity": float(order.totalQuantity)}
        seen |= {name: number(getattr(order, field)) for name, field in NUMBERS.items()}
        seen |= {name: getattr(order, field) for name, field in WORDS.items()}
        self.orders.setdefault(order.permId, {}).update(seen)

    def orderStatus(
        self, orderId: int, status: str, filled: Any, remaining: Any, avgFillPrice: float, permId: int, *rest: object
    ) -> None:
        self.orders.setdefault(permId, {}).update(status=status, filled=float(filled), remaining=float(remaining))

    def openOrderEnd(self) -> None:
        self.all_told.set()


def number(value: float) -> float | None:
    return None if value == UNSET_DOUBLE else float(value)


def look(port: int, client_id: int) -> list[dict[str, Any]]:
    app = App()
    app.connect("127.0.0.1", port, client_id)
    threading.Thread(target=app.run, daemon=True).start()
    if not app.connected.wait(DEADLINE_S):
        sys.exit(f"no next valid id; errors: {app.errors}")
    app.reqAllOpenOrders()
    if not app.all_told.wait(DEADLINE_S):
        sys.exit(f"the open orders never ended; errors: {app.errors}")
    app.disconnect()
    return sorted(app.orders.values(), key=lambda one: (one["client_id"], one["order_id"]))


def main() -> None:
    for client_id, line in enumerate(sys.stdin, int(sys.argv[1])):
        print(json.dumps(look(int(line), client_id)), flush=True)


main()
