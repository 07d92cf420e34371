"""Shares that SELL orders at IB may still sell, of any client: what of a position is spoken for. Pure.

Rules:
- Orders of one OCA group, and the children of one parent, exclude each other: the largest of them counts.
- A child cannot sell more than its parent has bought so far, less what the child has sold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from tradebot.domain.alerts import Side
from tradebot.domain.brokerage import OrderReport

_NONE = Decimal(0)


@dataclass(frozen=True, slots=True)
class WorkingSells:
    """How many shares are being sold, and by which orders."""

    qty: Decimal
    orders: tuple[OrderReport, ...]  # one a group, the largest


def working_sells(orders: Sequence[OrderReport], con_id: int) -> WorkingSells:
    """The contract's SELL orders among the open orders of all clients."""
    largest: dict[object, tuple[Decimal, OrderReport]] = {}
    for order in orders:
        if order.con_id != con_id or order.side is not Side.SELL:
            continue
        may_sell = _remaining(order, orders)
        group = _group(order)
        if may_sell > largest.get(group, (_NONE, order))[0]:
            largest[group] = (may_sell, order)
    total = sum((qty for qty, _ in largest.values()), _NONE)
    return WorkingSells(total, tuple(order for _, order in largest.values()))


def _group(order: OrderReport) -> object:
    if order.oca_group:
        return (order.client_id, order.oca_group)
    return (order.client_id, order.parent_id) if order.parent_id else (order.perm_id, order.order_ref)


def _remaining(order: OrderReport, orders: Sequence[OrderReport]) -> Decimal:
    sold = order.filled or _NONE
    remaining = order.qty - sold
    parent = _parent(order, orders)
    if parent is None or parent.side is not Side.BUY:
        return remaining
    return min(remaining, max((parent.filled or _NONE) - sold, _NONE))


def _parent(order: OrderReport, orders: Sequence[OrderReport]) -> OrderReport | None:
    """None where it is over: then all of it that will ever be bought is."""
    if not order.parent_id:
        return None
    same = (one for one in orders if one.client_id == order.client_id and one.order_id == order.parent_id)
    return next(same, None)
