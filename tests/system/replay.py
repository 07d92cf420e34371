"""The gateway's journal, told once more: its account at the end, and whether the bot's SELLs ever went beyond what it held.

Rules: only the journal is read, and nothing of the bot. Orders of one group count once, with the largest; what is attached to an
entry counts up to what that has bought.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from tests.system.harness import Gateway
from tradebot.domain.trades import ORDER_REF_PREFIX
from tradebot.simgateway import entries as e
from tradebot.simgateway.book import Book
from tradebot.simgateway.entries import from_json
from tradebot.simgateway.model import Order

_NONE = Decimal(0)


async def account(gateway: Gateway) -> Book:
    """As the journal makes it. Raises AssertionError where a SELL of the bot's made it short, or could have when it arrived."""
    return replayed(await gateway.control("GET", "/journal"))


def replayed(lines: Iterable[Mapping[str, Any]]) -> Book:
    book = Book()
    for line in lines:
        entry = from_json(dict(line))
        book.apply(entry)
        if isinstance(entry, e.Accepted | e.Modified | e.Executed):
            order = book.orders[entry.perm_id]
            if _is_ours(order) and order.ticket.action == "SELL" and not forgets_its_group(order):
                held = _held(book, order.ticket.con_id)
                assert held >= 0, f"{order.ticket.order_ref} went short, to {held}, at {entry.at}"
                at_work = working_sells(book, order.ticket.con_id)
                arrives = not isinstance(entry, e.Executed)  # what a fill takes off the others comes right after it
                assert not arrives or at_work <= held, (
                    f"{order.ticket.order_ref} arrived at {entry.at}: {at_work} are being sold, {held} are held"
                )
    return book


def working_sells(book: Book, con_id: int) -> Decimal:
    """Shares that orders of the bot's can still sell."""
    largest: defaultdict[object, Decimal] = defaultdict(Decimal)
    for order in book.live_orders():
        ticket = order.ticket
        if _is_ours(order) and order.sent and (ticket.action, ticket.con_id) == ("SELL", con_id):
            group = ticket.oca_group or (ticket.parent_id, ticket.client_id) if ticket.parent_id else ticket.oca_group
            of = group or order.perm_id
            largest[of] = max(largest[of], may_sell(book, order))
    return sum(largest.values(), _NONE)


def may_sell(book: Book, order: Order) -> Decimal:
    """What is left of it, up to what its parent has bought."""
    ticket = order.ticket
    parent = book.orders.get(book.by_client.get((ticket.client_id, ticket.parent_id), 0)) if ticket.parent_id else None
    most = ticket.quantity if parent is None else min(ticket.quantity, parent.filled)
    return max(most - order.filled, _NONE)


def forgets_its_group(order: Order) -> bool:
    """A fault of the gateway's: both of a group may fill."""
    return "group_ignored" in order.plan


def _is_ours(order: Order) -> bool:
    return order.ticket.order_ref.startswith(ORDER_REF_PREFIX)


def _held(book: Book, con_id: int) -> Decimal:
    position = book.positions.get(con_id)
    return position.quantity if position else _NONE
