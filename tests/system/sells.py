"""What the gateway's journal says about selling, from its first line to its last: an independent account of it.

Rules: at no moment has the bot sold what was not there, and each order of its that arrives, or is made larger, finds as many
shares free as it may sell. Of a group the largest counts, and a child as far as its parent has filled. Groups that IB itself does
not keep to can sell twice, which the bot cannot prevent: such a journal is asked about its arrivals alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tradebot.domain.trades import ORDER_REF_PREFIX

_NONE = Decimal(0)


@dataclass
class _Order:
    """One order as the journal has it so far."""

    ticket: Mapping[str, Any]
    qty: Decimal
    filled: Decimal = _NONE
    live: bool = True

    @property
    def ours(self) -> bool:
        return str(self.ticket["order_ref"]).startswith(ORDER_REF_PREFIX)

    @property
    def sells(self) -> bool:
        return bool(self.ticket["action"] == "SELL")

    @property
    def group(self) -> object:
        client, ticket = self.ticket["client_id"], self.ticket
        return (client, ticket["oca_group"] or ticket["parent_id"] or f"alone {ticket['order_id']}")


class Sells:
    """The account as it was after each line."""

    def __init__(self) -> None:
        self.orders: dict[int, _Order] = {}
        self.held: defaultdict[int, Decimal] = defaultdict(Decimal)
        self.problems: list[str] = []
        self._fills: dict[str, tuple[int, Decimal]] = {}  # by execution, without its revision

    def read(self, lines: Iterable[Mapping[str, Any]]) -> None:
        for number, line in enumerate(lines, 1):
            if (fold := getattr(self, f"_{line['kind']}", None)) is not None:
                fold(line, f"line {number}")

    def working(self, con_id: int) -> Decimal:
        """Shares that live orders may sell, all clients'."""
        largest: defaultdict[object, Decimal] = defaultdict(Decimal)
        for order in self.orders.values():
            if order.live and order.sells and order.ticket["con_id"] == con_id:
                largest[order.group] = max(largest[order.group], self._may_sell(order))
        return sum(largest.values(), _NONE)

    def _may_sell(self, order: _Order) -> Decimal:
        client, parent_id = order.ticket["client_id"], order.ticket["parent_id"]
        parents = [
            one
            for one in self.orders.values()
            if parent_id and (one.ticket["client_id"], one.ticket["order_id"]) == (client, parent_id)
        ]
        bought = min((one.filled for one in parents), default=order.qty)
        return max(min(order.qty, bought) - order.filled, _NONE)

    def _arrives(self, order: _Order, where: str) -> None:
        con_id = order.ticket["con_id"]
        if order.ours and order.sells and self.working(con_id) > self.held[con_id]:
            self.problems.append(
                f"{where}: {order.ticket['order_ref']} for {order.qty} arrives where {self.held[con_id]} are held "
                f"and {self.working(con_id)} are being sold"
            )

    # --- by kind of line --------------------------------------------------------------------------------------------

    def _accepted(self, line: Mapping[str, Any], where: str) -> None:
        order = self.orders[line["perm_id"]] = _Order(line["ticket"], Decimal(line["ticket"]["quantity"]))
        self._arrives(order, where)

    def _modified(self, line: Mapping[str, Any], where: str) -> None:
        order, qty = self.orders[line["perm_id"]], Decimal(line["quantity"])
        larger, order.qty = qty > order.qty, qty
        if larger:
            self._arrives(order, where)

    def _reduced(self, line: Mapping[str, Any], _: str) -> None:
        self.orders[line["perm_id"]].qty = Decimal(line["quantity"])

    def _executed(self, line: Mapping[str, Any], where: str) -> None:
        order, shares = self.orders[line["perm_id"]], Decimal(line["shares"])
        order.filled += shares
        order.live = order.live and order.filled < order.qty
        con_id = order.ticket["con_id"]
        self.held[con_id] += -shares if order.sells else shares
        self._fills[line["exec_id"].rpartition(".")[0]] = (line["perm_id"], shares)
        if order.ours and order.sells and self.held[con_id] < 0:
            self.problems.append(f"{where}: {order.ticket['order_ref']} goes short: {self.held[con_id]} are held")

    def _corrected(self, line: Mapping[str, Any], _: str) -> None:
        root = line["exec_id"].rpartition(".")[0]
        perm_id, before = self._fills[root]
        order, shares = self.orders[perm_id], Decimal(line["shares"])
        order.filled += shares - before
        self.held[order.ticket["con_id"]] += (before - shares) if order.sells else (shares - before)
        self._fills[root] = (perm_id, shares)

    def _cancelled(self, line: Mapping[str, Any], _: str) -> None:
        self.orders[line["perm_id"]].live = False

    _refused = _cancelled

    def _position_set(self, line: Mapping[str, Any], _: str) -> None:
        self.held[line["con_id"]] = Decimal(line["quantity"])

    def _split(self, line: Mapping[str, Any], _: str) -> None:
        held = self.held.pop(line["con_id"], _NONE) * Decimal(line["new"]) / Decimal(line["old"])
        self.held[line["new_con_id"] or line["con_id"]] += held


def sells(lines: Iterable[Mapping[str, Any]]) -> Sells:
    """The account at the end of the journal, with what was not as it should be on the way."""
    account = Sells()
    account.read(lines)
    return account
