"""What the gateway decides: pure functions from the book and a request to the entries to write.

Nothing here changes anything, waits or reads a clock: time, quote and fault plan are arguments. Refusals have IB's codes and
texts. A market order fills at the ask (BUY) or bid (SELL); a limit order when the quote crosses its limit, at the quote; a stop
becomes one of them when it is triggered. A BUY that costs more than the available funds is refused (201); a SELL beyond the
position is a short, as in IB's margin accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from tradebot.simgateway import entries as e
from tradebot.simgateway import groups, natural
from tradebot.simgateway.book import Book, commission
from tradebot.simgateway.faults import error_text
from tradebot.simgateway.model import CENT, ZERO, Order, Position, Quote, Ticket
from tradebot.simgateway.wire import number

NO_DEFINITION = (200, "No security definition has been found for the request")
FRACTIONS = (10243, "Fractional-sized order cannot be placed via API. Please use desktop version to place this order.")
DUPLICATE = (103, "Duplicate order id")
NOT_FOUND = (10147, "OrderId {id} that needs to be cancelled is not found.")
NOT_CANCELLABLE = (10148, "OrderId {id} that needs to be cancelled can not be cancelled, state: {state}.")
INVALID = "Error validating request.-'bN' : cause - "
NO_PARENT = (10006, "Missing parent order.")
STALE_PARENT = (135, "Can't find order with id ={id}")
PRICE_STEP = (110, "The price does not conform to the minimum price variation for this contract.")
UNSUPPORTED = (387, "Unsupported order type for this exchange and security type")
TIFS = ("DAY", "GTC", "IOC", "FOK", "GTD")
TYPES = ("MKT", "LMT", "STP", "STP LMT", "TRAIL")
REJECTED = "Order rejected - reason:"
MARGIN = (
    "YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR AVAILABLE FUNDS [{free:.2f} USD] "
    "MUST EXCEED THE ORDER'S COST [{cost:.2f} USD]"
)

ORDER_ID_MAX = 2**31 - 1
SHARES_MAX = 10**9
PRICE_MAX = 10**7
LIMITS = frozenset({"LMT", "STP LMT"})
HELD = frozenset({"hold", "fill_after_cancel", "fill_before_cancel"})
SHORT_COLLATERAL = Decimal("1.5")

Refusal = tuple[int, str]
Asks = Callable[[str], Decimal]


def refusal(book: Book, ticket: Ticket) -> Refusal | None:
    """Why this ticket never becomes an order: IB's code and text."""
    return next((refused for check in CHECKS if (refused := check(book, ticket))), None)


def _understood(_: Book, ticket: Ticket) -> Refusal | None:
    odd = {
        "order id": None if 0 <= ticket.order_id <= ORDER_ID_MAX else ticket.order_id,
        "order action": None if ticket.action in ("BUY", "SELL") else ticket.action,
        "time in force": None if ticket.tif in TIFS else ticket.tif,
        "OCA type": None if ticket.oca_type in (0, 1, 2) else ticket.oca_type,
        "order size": None if ticket.quantity <= SHARES_MAX else number(ticket.quantity),
    }
    wrong = next((f"Invalid {what}: {value}" for what, value in odd.items() if value is not None), None)
    if wrong is None and ticket.tif == "GTD" and ticket.good_till is None:
        wrong = "Invalid good till date:"
    return (321, INVALID + wrong) if wrong else None


def _size(_: Book, ticket: Ticket) -> Refusal | None:
    if ticket.quantity <= 0:
        return 434, "The order size cannot be zero"
    return None if ticket.quantity == ticket.quantity.to_integral_value() else FRACTIONS


def _type(_: Book, ticket: Ticket) -> Refusal | None:
    return None if ticket.order_type in TYPES else UNSUPPORTED


def _prices(_: Book, ticket: Ticket) -> Refusal | None:
    """Each price that the type needs, in whole steps of the price (the contract's market rule); and none beyond all measure."""
    needed = {"LMT": [ticket.limit], "STP": [ticket.stop], "STP LMT": [ticket.limit, ticket.stop]}
    if ticket.order_type == "TRAIL":
        trails = [each for each in (ticket.trail, ticket.trail_pct) if each is not None]
        if len(trails) != 1 or not 0 < trails[0] <= PRICE_MAX:
            return 321, f"{INVALID}Trailing amount or percent is missing, or both are given"
        needed["TRAIL"] = [each for each in (ticket.stop, ticket.trail) if each is not None]
    return None if all(_on_step(each) for each in needed.get(ticket.order_type, [])) else PRICE_STEP


def _on_step(price: Decimal | None) -> bool:
    return price is not None and 0 < price <= PRICE_MAX and price % CENT == 0


def _group(book: Book, ticket: Ticket) -> Refusal | None:
    """A child needs its parent: a new one may not miss it, and the change of one may not name it once it is over."""
    if not ticket.parent_id:
        return None
    parent = groups.parent_of(book, ticket)
    if parent is not None and parent.live:
        return None
    if (ticket.client_id, ticket.order_id) in book.by_client:
        return STALE_PARENT[0], STALE_PARENT[1].format(id=ticket.parent_id)
    return NO_PARENT


def _fresh_id(book: Book, ticket: Ticket) -> Refusal | None:
    known = book.by_client.get((ticket.client_id, ticket.order_id))
    return None if known is None or _changes(book.orders[known], ticket) else DUPLICATE


CHECKS: tuple[Callable[[Book, Ticket], Refusal | None], ...] = (_understood, _size, _type, _prices, _group, _fresh_id)


def place(book: Book, ticket: Ticket, asks: Asks, plan: dict[str, Any], now: datetime) -> list[e.Entry]:
    """A new order, or the change of a working one under the same id. The ticket passed ``refusal``.

    What is not transmitted waits, unseen; the order that is takes along what waited for it, parent first.
    """
    known = book.by_client.get((ticket.client_id, ticket.order_id))
    if known is not None and ticket.order_id > 0:
        trail = {"stop": ticket.stop, "trail": ticket.trail, "trail_pct": ticket.trail_pct}
        return [e.Modified(now, known, ticket.quantity, ticket.limit, **trail)]
    perm_id = book.perm_next
    if "tif_becomes" in plan:
        ticket = replace(ticket, tif=plan["tif_becomes"]["tif"])
    accepted = e.Accepted(now, perm_id, ticket, plan)
    if not ticket.transmit:
        return [accepted]
    waited: list[e.Entry] = []
    for each in groups.going_out(book, ticket):
        waited += [
            e.Transmitted(now, each.perm_id),
            *_at_arrival(book, each.perm_id, each.ticket, asks, each.plan, now),
        ]
    return [*waited, accepted, *_at_arrival(book, perm_id, ticket, asks, plan, now)]


def _at_arrival(
    book: Book, perm_id: int, ticket: Ticket, asks: Asks, plan: dict[str, Any], now: datetime
) -> list[e.Entry]:
    """What an order meets when it comes to IB."""
    locate = plan.get("locate")
    if reason := margin(book, ticket, asks):
        return [e.Refused(now, perm_id, 201, REJECTED + reason)]
    if reject := plan.get("reject"):
        text = error_text(reject, **blanks(ticket)) if reject["code"] else ""
        return [e.Refused(now, perm_id, reject["code"], text, reject["listed"])]
    return [e.Held(now, perm_id, locate["status"], "locate")] if locate else []


def blanks(ticket: Ticket) -> dict[str, str]:
    """What the text of an error about an order names."""
    quantity = number(ticket.quantity)
    return {"id": str(ticket.order_id), "action": ticket.action, "quantity": quantity, "symbol": ticket.symbol}


def _changes(order: Order, ticket: Ticket) -> bool:
    """Whether a ticket under a used id is a valid change of that order."""
    old = order.ticket
    same = (old.con_id, old.action, old.order_type) == (ticket.con_id, ticket.action, ticket.order_type)
    return order.live and same and ticket.quantity > order.filled


def margin(book: Book, ticket: Ticket, asks: Asks) -> str | None:
    """Why the account cannot carry this order: IB's text."""
    if ticket.action != "BUY":
        return None
    held = book.positions.get(ticket.con_id, Position(0, "", ZERO, ZERO)).quantity
    opening = ticket.quantity - min(ticket.quantity, max(ZERO, -held))
    if not opening:
        return None
    cost = opening * (ticket.limit or ticket.stop or asks(ticket.symbol)) + commission(ticket.quantity)
    free = available(book, asks)
    return MARGIN.format(free=free, cost=cost) if cost > free else None


class Funds(Protocol):
    """What the available funds follow from."""

    @property
    def cash(self) -> Decimal: ...

    @property
    def positions(self) -> Mapping[int, Position]: ...

    def live_orders(self) -> list[Order]: ...


def available(book: Funds, asks: Asks) -> Decimal:
    """Available funds: cash less what working BUY orders may need, and less the collateral of shorts (150 %)."""
    free = book.cash
    for order in book.live_orders():
        if order.signed > 0 and order.sent:
            free -= order.remaining * (order.ticket.limit or order.ticket.stop or asks(order.ticket.symbol))
    for position in book.positions.values():
        if position.quantity < 0:
            free += position.quantity * asks(position.symbol) * SHORT_COLLATERAL
    return free


def crosses(order: Order, quote: Quote) -> bool:
    """Whether the market would take the order now."""
    limit = order.ticket.limit
    if order.waits_for_trigger:
        return False
    if order.ticket.order_type not in LIMITS or limit is None:
        return True
    return quote.ask <= limit if order.signed > 0 else quote.bid >= limit


def due(order: Order, quote: Quote) -> Decimal:
    """How many shares would fill now, by quote and fault plan; zero for none."""
    if not order.live or order.why_held or order.plan.keys() & HELD or not crosses(order, quote):
        return ZERO
    if partial := order.plan.get("partial") or order.plan.get("ended"):
        return ZERO if order.filled else min(Decimal(partial["filled"]), order.remaining)
    piece = natural.following(order)
    return min(piece.shares, order.remaining) if piece else order.remaining


def reaches_market(order: Order) -> bool:
    """Whether an order that is not due goes to work there, instead of waiting for the opening or for shares."""
    waits = order.plan.get("hold", {}).get("status") == "PreSubmitted"
    return order.status == "PreSubmitted" and not (waits or order.why_held or order.waits_for_trigger)


def fill(book: Book, order: Order, shares: Decimal, price: Decimal, *, venue: str, now: datetime) -> list[e.Entry]:
    """Shares change hands. Raises ValueError for more than the order has left."""
    if not 0 < shares <= order.remaining:
        raise ValueError(f"order {order.perm_id} has {number(order.remaining)} shares left, not {number(shares)}")
    return [e.Executed(now, order.perm_id, book.next_exec_id(), shares, price, venue)]


def correct(book: Book, root: str, shares: Decimal, price: Decimal, now: datetime) -> list[e.Entry]:
    """An execution reported again under the next revision. Raises ValueError for an unknown one."""
    if root not in book.executions:
        raise ValueError(f"no such execution: {root}")
    revision = int(book.executions[root].exec_id.rpartition(".")[2]) + 1
    return [e.Corrected(now, f"{root}.{revision:02d}", shares, price)]


def cancel_refusal(book: Book, client_id: int, order_id: int) -> Refusal | None:
    """Why this client cannot cancel this order."""
    perm_id = book.by_client.get((client_id, order_id))
    if perm_id is None:
        return NOT_FOUND[0], NOT_FOUND[1].format(id=order_id)
    order = book.orders[perm_id]
    if not (order.live or order.listed) or order.status == "PendingCancel":
        return NOT_CANCELLABLE[0], NOT_CANCELLABLE[1].format(id=order_id, state=order.status)
    return None


def unanswered(order: Order) -> str:
    """The fault by which a cancel of this order is read and comes to nothing, or to nothing yet; or none."""
    if "cancel_unanswered" in order.plan:
        return "cancel_unanswered"
    return "reject" if order.listed and not order.plan.get("reject", {}).get("cancel_answered", True) else ""


def cancel(order: Order, now: datetime) -> list[e.Entry]:
    """What follows from an accepted cancel: Cancelled at once, or PendingCancel where a fault lets it fill after all."""
    late = order.plan.get("fill_after_cancel")
    if late and late.get("status") == "PendingCancel":
        return [e.CancelAsked(now, order.perm_id)]
    return [e.Cancelled(now, order.perm_id)]
