"""The gateway's state as JSON, for the control port and for checks of the bot's ledger against it."""

from __future__ import annotations

from typing import Any

from tradebot.simgateway import account
from tradebot.simgateway.gateway import Gateway
from tradebot.simgateway.model import ZERO, Execution, Order, Position
from tradebot.simgateway.wire import number


def state(gateway: Gateway) -> dict[str, Any]:
    """Account, positions, orders and executions; amounts as text, times in UTC."""
    book = gateway.book
    now = account.figures(gateway.standing(), gateway.quote)
    return {
        "account": book.account,
        "cash": number(book.cash),
        "available": number(now.available),
        "net_liquidation": number(now.net),
        "realised": number(sum((each.realised for each in book.positions.values()), ZERO)),
        "clients": sorted(gateway.sessions),
        "upstream": gateway.upstream.up,
        "market": {
            "open": gateway.market.open,
            "late": sorted(gateway.market.not_yet),
            "halted": sorted(gateway.market.halts),
        },
        "positions": [_position(each) for each in book.positions.values() if each.quantity],
        "orders": [_order(each) for each in book.orders.values()],
        "executions": [_execution(each, book.orders[each.perm_id]) for each in book.executions.values()],
    }


def _position(each: Position) -> dict[str, Any]:
    cells = {"con_id": each.con_id, "symbol": each.symbol, "quantity": number(each.quantity)}
    return cells | {"avg_cost": number(each.avg_cost), "realised": number(each.realised)}


def _order(each: Order) -> dict[str, Any]:
    ticket = each.ticket
    return {
        "perm_id": each.perm_id,
        "client_id": ticket.client_id,
        "order_id": ticket.order_id,
        "order_ref": ticket.order_ref,
        "con_id": ticket.con_id,
        "symbol": ticket.symbol,
        "action": ticket.action,
        "quantity": number(ticket.quantity),
        "order_type": ticket.order_type,
        "limit": None if ticket.limit is None else number(ticket.limit),
        "stop": None if each.stop is None else number(each.stop),
        "tif": ticket.tif,
        "status": each.status,
        "why_held": each.why_held,
        "filled": number(each.filled),
        "avg_price": number(each.avg_price),
        "reason": each.reason,
        "accepted_at": each.accepted_at.isoformat(),
        "done_at": each.done_at and each.done_at.isoformat(),
        "faults": sorted(each.plan),
    }


def _execution(each: Execution, order: Order) -> dict[str, Any]:
    return {
        "exec_id": each.exec_id,
        "perm_id": each.perm_id,
        "client_id": order.ticket.client_id,
        "order_ref": order.ticket.order_ref,
        "symbol": order.ticket.symbol,
        "action": order.ticket.action,
        "shares": number(each.shares),
        "price": number(each.price),
        "commission": number(each.commission),
        "realised": None if each.realised is None else number(each.realised),
        "at": each.at.isoformat(),
    }
