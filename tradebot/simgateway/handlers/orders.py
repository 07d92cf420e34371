"""Requests about orders: placing, cancelling, and lists of orders and executions."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tradebot.simgateway import account, exchange, notifications, replies
from tradebot.simgateway import entries as e
from tradebot.simgateway.days import NEW_YORK
from tradebot.simgateway.faults import ERROR_TEXTS, error_text
from tradebot.simgateway.gateway import Gateway, RequestHandler
from tradebot.simgateway.model import STOPS, Execution, Order, Ticket
from tradebot.simgateway.requests import Request
from tradebot.simgateway.session import Session


def _place(gateway: Gateway, session: Session, request: Request) -> None:
    order_id = request.integer("orderId")
    ticket, denied = _ticket(gateway, session, request)
    if ticket is not None:
        denied = exchange.refusal(gateway.book, ticket)
    if ticket is None or denied is not None:
        _log(gateway, session, request)
        gateway.deny(session, order_id, *(denied or exchange.NO_DEFINITION))
        return
    if request.flag("whatIf"):
        _what_if(gateway, session, request, ticket)
        return
    known = gateway.book.by_client.get((ticket.client_id, order_id))
    plan = gateway.faults.order(ticket) if known is None else {}
    lost = next((name for name in ("drop_before", "swallow", "deny") if name in plan), "")
    _log(gateway, session, request, lost)
    if "drop_before" in plan:
        session.abort()
    elif "drop_after" in plan:
        session.cut()
    if lost == "swallow":
        if (confirmed_s := plan["swallow"]["delay_s"]) is not None:
            gateway.later(float(confirmed_s), _confirmed, gateway, ticket, plan)
    elif lost == "deny":
        gateway.deny(session, order_id, plan["deny"]["code"], error_text(plan["deny"], **exchange.blanks(ticket)))
    elif not lost:
        _take(gateway, ticket, plan)
        if not request.text("tif"):
            session.error(order_id, 10349, ERROR_TEXTS[10349])


def _what_if(gateway: Gateway, session: Session, request: Request, ticket: Ticket) -> None:
    """What an order would cost: it is answered, or refused, as the order would be, and is none."""
    plan = gateway.faults.what_if(ticket)
    _log(gateway, session, request, "swallow" if "swallow" in plan else "")
    if "swallow" in plan:
        return
    if denied := plan.get("deny"):
        gateway.deny(session, ticket.order_id, denied["code"], error_text(denied, **exchange.blanks(ticket)))
        return
    if reason := exchange.margin(gateway.book, ticket, lambda symbol: gateway.quote(symbol).ask):
        gateway.deny(session, ticket.order_id, 201, exchange.REJECTED + reason)
        return
    order = Order(perm_id=0, ticket=ticket, accepted_at=gateway.now())
    outcome = account.what_if(gateway.standing(), ticket, gateway.quote)
    listing = gateway.listing(ticket.con_id, ticket.symbol)
    session.send(replies.open_order(session.version, gateway.book.account, order, listing, outcome))


def _confirmed(gateway: Gateway, ticket: Ticket, plan: dict[str, Any]) -> None:
    """The dialog was confirmed after all; an order that has become impossible meanwhile is dropped."""
    if exchange.refusal(gateway.book, ticket) is None:
        _take(gateway, ticket, plan)


def _take(gateway: Gateway, ticket: Ticket, plan: dict[str, Any]) -> None:
    """Accept the order; it fills after its latency."""
    dropped = plan.get("drop_after")
    if dropped and not dropped["filled"]:
        plan |= {"hold": {}}
    order = gateway.desk.take(ticket, plan)
    if dropped and (shares := gateway.desk.due(order)):
        gateway.fill(order.perm_id, shares)
    elif order.live:
        gateway.schedule(order)


def _ticket(gateway: Gateway, session: Session, request: Request) -> tuple[Ticket | None, exchange.Refusal | None]:
    """The order as understood, or why there is none."""
    kind = request.text("orderType").upper()
    listing = gateway.catalogue.find(
        request.integer("conId"), request.text("symbol"), request.text("exchange"), request.text("primaryExchange"),
        request.text("currency"),
    )  # fmt: skip
    if listing is None or request.text("secType") not in ("", "STK"):
        return None, exchange.NO_DEFINITION
    if request.integer("orderId") <= 0:
        return None, (321, f"{exchange.INVALID}Invalid order id: {request.text('orderId')}")
    name = request.text("account")
    if not name and gateway.switches.others:
        return None, (435, "You must specify an account.")
    if name not in ("", gateway.book.account):
        return None, (321, f"{exchange.INVALID}Invalid account code '{name}'")
    return Ticket(
        client_id=session.client_id,
        order_id=request.integer("orderId"),
        con_id=listing.con_id,
        symbol=listing.symbol,
        action=request.text("action").upper(),
        quantity=request.decimal("quantity") or Decimal(0),
        order_type=kind,
        limit=request.decimal("limit") if kind in exchange.LIMITS else None,
        tif=request.text("tif").upper() or "DAY",
        order_ref=request.text("orderRef"),
        exchange=request.text("exchange") or "SMART",
        oca_group=request.text("ocaGroup"),
        outside_rth=request.flag("outsideRth"),
        stop=_stop(request, kind),
        trail=_given(request.decimal("aux")) if kind == "TRAIL" else None,
        trail_pct=_given(request.decimal("trailPercent")) if kind == "TRAIL" else None,
        parent_id=request.integer("parentId"),
        transmit=request.flag("transmit"),
        oca_type=request.integer("ocaType") if request.text("ocaGroup") else 0,
        good_till=_good_till(gateway, request.text("goodTill")) if request.text("tif").upper() == "GTD" else None,
    ), None


def _stop(request: Request, kind: str) -> Decimal | None:
    """Where it triggers; of a trailing stop where it begins, which its client may leave to IB."""
    if kind == "TRAIL":
        return _given(request.decimal("trailStop"))
    return request.decimal("aux") if kind in STOPS else None


def _given(value: Decimal | None) -> Decimal | None:
    """Clients send 0 for what they leave out, where they do not send the largest double."""
    return value or None


def _good_till(gateway: Gateway, text: str) -> datetime | None:
    """``yyyymmdd hh:mm:ss``, with a zone, UTC with a dash between, or the gateway's own time. Raises ValueError."""
    zone = text.split()[2] if len(text.split()) > 2 else ""
    if not zone:
        return _filter_time(gateway, text)
    return datetime.strptime(" ".join(text.split()[:2]), "%Y%m%d %H:%M:%S").replace(tzinfo=ZoneInfo(zone))


def _log(gateway: Gateway, session: Session, request: Request, fault: str = "") -> None:
    """Write the request to the journal, without its unset fields."""
    fields = {name: text for name, text in request.fields.items() if text not in ("", "0") and text[:7] != "1.79769"}
    gateway.commit(e.Received(gateway.now(), session.client_id, request.name, fields, fault))


def _cancel(gateway: Gateway, session: Session, request: Request) -> None:
    order_id = request.integer("orderId")
    known = gateway.book.by_client.get((session.client_id, order_id))
    ignored = "" if known is None else exchange.unanswered(gateway.book.orders[known])
    _log(gateway, session, request, ignored)
    if ignored and known is not None:
        late = gateway.book.orders[known].plan.get("cancel_unanswered", {})
        if late.get("delay_s") is not None:
            gateway.later(float(late["delay_s"]), _cancelled_late, gateway, known)
        return
    if denied := exchange.cancel_refusal(gateway.book, session.client_id, order_id):
        gateway.deny(session, order_id, *denied)
        return
    order = gateway.book.orders[gateway.book.by_client[session.client_id, order_id]]
    if race := order.plan.get("fill_before_cancel"):
        _fill_first(gateway, session, order, bool(race["error_first"]))
    else:
        gateway.desk.cancel(order)


def _cancelled_late(gateway: Gateway, perm_id: int) -> None:
    if gateway.book.orders[perm_id].live:
        gateway.desk.cancel(gateway.book.orders[perm_id])


def _fill_first(gateway: Gateway, session: Session, order: Order, error_first: bool) -> None:
    """The order has filled just before its cancel came; the refusal of the cancel may arrive before the fill."""
    code, text = exchange.NOT_CANCELLABLE
    if not error_first:
        gateway.fill(order.perm_id)
    gateway.deny(session, order.ticket.order_id, code, text.format(id=order.ticket.order_id, state="Filled"))
    if error_first:
        gateway.fill(order.perm_id)


def _global_cancel(gateway: Gateway, session: Session, request: Request) -> None:
    _log(gateway, session, request)
    for order in gateway.book.live_orders():
        if order.status != "PendingCancel":
            gateway.desk.cancel(order)


def _open_orders(gateway: Gateway, session: Session, request: Request) -> None:
    everyone = request.name == "reqAllOpenOrders"
    for order in gateway.book.open_orders(unsent=gateway.switches.untransmitted_listed):
        if everyone or order.ticket.client_id == session.client_id:
            notifications.send_order(gateway, session, order)
    session.send(replies.end(53))


def _completed_orders(gateway: Gateway, session: Session, request: Request) -> None:
    for order in gateway.book.orders.values():
        manual = order.ticket.order_id <= 0
        if order.live or order.listed or order.done_at is None or not gateway.today(order.done_at):
            continue
        if request.flag("apiOnly") and manual:
            continue
        listing = gateway.listing(order.ticket.con_id, order.ticket.symbol)
        done = f"{order.done_at.astimezone(NEW_YORK):%Y%m%d %H:%M:%S} America/New_York"
        session.send(replies.completed_order(session.version, gateway.book.account, order, listing, done))
    session.send(replies.end(102))


def _executions(gateway: Gateway, session: Session, request: Request) -> None:
    req_id = request.integer("reqId")
    since = _filter_time(gateway, request.text("time"))
    for each in gateway.book.executions.values():
        order = gateway.book.orders[each.perm_id]
        if gateway.today(each.at) and (since is None or each.at >= since) and _wanted(request, order, each):
            notifications.send_execution(gateway, session, req_id, order, each)
            if each.commission_reported:
                session.send(replies.commission_report(each))
    session.send(replies.end(55, req_id))


def _wanted(request: Request, order: Order, each: Execution) -> bool:
    """Whether an execution passes the filter; an empty field (client id 0) lets everything through."""
    ticket = order.ticket
    side = {"BUY": "BUY", "BOT": "BUY", "SELL": "SELL", "SLD": "SELL", "": ""}.get(request.text("side").upper(), "?")
    pairs = (
        (request.integer("clientId"), ticket.client_id),
        (request.text("symbol"), ticket.symbol),
        (request.text("secType"), "STK"),
        (side, ticket.action),
        (request.text("exchange"), each.exchange),
    )
    return all(not wanted or wanted == actual for wanted, actual in pairs)


def _filter_time(gateway: Gateway, text: str) -> datetime | None:
    """``yyyymmdd-hh:mm:ss`` is UTC; with a space it is the gateway's own time. Raises ValueError."""
    if not text:
        return None
    if "-" in text:
        return datetime.strptime(text + " +0000", "%Y%m%d-%H:%M:%S %z")
    zone = gateway.local_now().tzinfo
    return datetime.strptime(" ".join(text.split()[:2]), "%Y%m%d %H:%M:%S").replace(tzinfo=zone)


def _ignore(gateway: Gateway, session: Session, request: Request) -> None:
    """Accepted without effect: there are no orders that a client could be bound to."""


def _writing(act: RequestHandler) -> RequestHandler:
    """What the Read-Only API refuses: orders, and lists of them (about these the error names no request)."""

    def serve(gateway: Gateway, session: Session, request: Request) -> None:
        if not gateway.switches.read_only:
            act(gateway, session, request)
            return
        _log(gateway, session, request)
        gateway.deny(session, int(request.text("orderId") or -1), 321, ERROR_TEXTS[321])

    return serve


REQUESTS: dict[str, RequestHandler] = {
    "placeOrder": _writing(_place),
    "cancelOrder": _writing(_cancel),
    "reqGlobalCancel": _writing(_global_cancel),
    "reqOpenOrders": _writing(_open_orders),
    "reqAllOpenOrders": _writing(_open_orders),
    "reqAutoOpenOrders": _writing(_ignore),
    "reqCompletedOrders": _writing(_completed_orders),
    "reqExecutions": _executions,
}
