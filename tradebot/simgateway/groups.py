"""Orders that hang together: a parent with its children, and groups of which one order's fill changes the others. Pure.

Children of one parent without a group of their own are one: what one fills is taken off the others (reported of TWS, which
shows them as a group under the parent's permId). How far a child works while its parent fills, whether a part of an order
already ends a group of type 1, and what becomes of the children of a parent that ended partly filled, is known from reports at
most: each is a switch, and ``docs/simgateway.md`` says what it rests on.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from tradebot.simgateway import entries as e
from tradebot.simgateway.book import Book
from tradebot.simgateway.model import ZERO, Order, Ticket
from tradebot.simgateway.switches import Switches

CANCEL_WITH_BLOCK = 1
OCA = "One of a group was filled"


def parent_of(book: Book, ticket: Ticket) -> Order | None:
    """The order that this one is attached to; None where it is attached to none, or IB does not know it any more."""
    perm_id = book.by_client.get((ticket.client_id, ticket.parent_id)) if ticket.parent_id else None
    return None if perm_id is None else book.orders[perm_id]


def children(book: Book, parent: Order) -> list[Order]:
    """Those that are still live."""
    mine = (parent.ticket.client_id, parent.ticket.order_id)
    return [
        each
        for each in book.live_orders()
        if each.ticket.parent_id and (each.ticket.client_id, each.ticket.parent_id) == mine
    ]


def going_out(book: Book, ticket: Ticket) -> list[Order]:
    """What waited for this order to be transmitted: its parent first, then the parent's other children."""
    parent = parent_of(book, ticket)
    group = [] if parent is None else [parent, *children(book, parent)]
    return [each for each in group if not each.sent]


def working(book: Book, order: Order, switches: Switches) -> Decimal:
    """How many of its shares may fill: a child's follow what its parent has filled."""
    parent = parent_of(book, order.ticket)
    if parent is None:
        return order.ticket.quantity
    if switches.children_work == "whole" and parent.live:
        return ZERO
    return min(parent.filled, order.ticket.quantity)


def follows(book: Book, entry: e.Entry, switches: Switches, now: datetime) -> list[e.Entry]:
    """What an order's fill or end does to the orders that hang together with it."""
    if isinstance(entry, e.Executed):
        return _filled(book, book.orders[entry.perm_id], entry.shares, switches, now)
    if isinstance(entry, e.Cancelled | e.Refused):
        return _ended(book, book.orders[entry.perm_id], switches, now)
    return []


def _filled(book: Book, order: Order, shares: Decimal, switches: Switches, now: datetime) -> list[e.Entry]:
    ends = order.ticket.oca_type == CANCEL_WITH_BLOCK and (switches.oca_1_acts == "part" or not order.live)
    found: list[e.Entry] = []
    for other in _beside(book, order):
        left = other.ticket.quantity - shares
        if ends or (order.ticket.oca_type != CANCEL_WITH_BLOCK and left <= other.filled):
            found.append(e.Cancelled(now, other.perm_id, OCA))
        elif order.ticket.oca_type != CANCEL_WITH_BLOCK:
            found.append(e.Reduced(now, other.perm_id, left))
    return found


def _beside(book: Book, order: Order) -> list[Order]:
    """The other live ones of its group, except where a fault has made IB forget the group."""
    group = _group(order.ticket)
    if group is None or "group_ignored" in order.plan:
        return []
    others = [each for each in book.live_orders() if each.perm_id != order.perm_id and _group(each.ticket) == group]
    return [each for each in others if "group_ignored" not in each.plan]


def _group(ticket: Ticket) -> tuple[int, str | int] | None:
    return (ticket.client_id, ticket.oca_group or ticket.parent_id) if ticket.oca_group or ticket.parent_id else None


def _ended(book: Book, parent: Order, switches: Switches, now: datetime) -> list[e.Entry]:
    found: list[e.Entry] = []
    for child in children(book, parent):
        if not parent.filled or switches.cut_parent == "cancels":
            found.append(e.Cancelled(now, child.perm_id, "Parent order was cancelled"))
        elif child.ticket.quantity > parent.filled:
            found.append(e.Reduced(now, child.perm_id, parent.filled))
    return found
