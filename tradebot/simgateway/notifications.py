"""The messages that each kind of journal entry sends, and to which client.

An order's messages go to the client that placed it, in the recorded order: openOrder and orderStatus; on a fill execDetails,
openOrder, orderStatus and the commission report; then the account. Faults in the order's plan mute, repeat or delay them;
while the link to IB is lost none is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from loguru import logger

from tradebot.simgateway import entries as e
from tradebot.simgateway import exchange, replies
from tradebot.simgateway.days import NEW_YORK
from tradebot.simgateway.faults import ERROR_TEXTS, error_text
from tradebot.simgateway.gateway import Gateway
from tradebot.simgateway.model import Execution, Order, Ticket
from tradebot.simgateway.session import Session
from tradebot.simgateway.wire import number

if TYPE_CHECKING:
    from loguru import Logger

WAITS = {"code": 399, "text": ""}


def _denied(gateway: Gateway, entry: e.Denied) -> None:
    if session := gateway.sessions.get(entry.client_id):
        session.error(entry.req_id, entry.code, entry.text)


def _accepted(gateway: Gateway, entry: e.Accepted) -> None:
    """An order that waits to be transmitted is not answered."""
    if entry.ticket.transmit:
        _arrived(gateway, entry)


def _arrived(gateway: Gateway, entry: e.Accepted | e.Transmitted) -> None:
    ticket = gateway.book.orders[entry.perm_id].ticket
    _keyed(ticket).info(
        "simulated gateway: order {} of client {}: {} {} {} {}",
        entry.perm_id, ticket.client_id, ticket.action, number(ticket.quantity), ticket.symbol, ticket.order_type,
    )  # fmt: skip
    order = gateway.book.orders[entry.perm_id]
    _status(gateway, order)
    message = order.plan.get("order_message")
    if message is None and gateway.market.waits(order):
        message = WAITS
    if message:
        blanks = exchange.blanks(ticket) | {"opens": gateway.market.opens(gateway.now())}
        _order_error(gateway, order, message["code"], error_text(message, **blanks))


def _keyed(ticket: Ticket) -> Logger:
    """The log, with what the order is found by."""
    return logger.bind(ticker=ticket.symbol, order_ref=ticket.order_ref or None)


def _changed(gateway: Gateway, entry: e.Modified | e.Reduced | e.Triggered | e.Working | e.CancelAsked) -> None:
    _status(gateway, gateway.book.orders[entry.perm_id])


def _held(gateway: Gateway, entry: e.Held) -> None:
    order = gateway.book.orders[entry.perm_id]
    _status(gateway, order)
    _order_error(gateway, order, 404, ERROR_TEXTS[404])


def _refused(gateway: Gateway, entry: e.Refused) -> None:
    order = gateway.book.orders[entry.perm_id]
    _keyed(order.ticket).info("simulated gateway: order {} rejected: {}", entry.perm_id, entry.text)
    plan = order.plan.get("reject", {})
    if plan.get("status_first"):
        _status(gateway, order)
        gateway.later(plan["delay_s"], _order_error, gateway, order, entry.code, entry.text)
    else:
        _order_error(gateway, order, entry.code, entry.text)
        _status(gateway, order)


def _cancelled(gateway: Gateway, entry: e.Cancelled) -> None:
    order = gateway.book.orders[entry.perm_id]
    if not order.sent:
        return
    text = (
        ERROR_TEXTS[202] + entry.reason if entry.code == 202 else error_text({"code": entry.code, "text": entry.reason})
    )
    first = order.plan.get("ended", {}).get("error_first", False)
    if first:
        _order_error(gateway, order, entry.code, text)
    _status(gateway, order)
    if not first:
        _order_error(gateway, order, entry.code, text)


def _executed(gateway: Gateway, entry: e.Executed) -> None:
    order = gateway.book.orders[entry.perm_id]
    root = entry.exec_id.rpartition(".")[0]
    _keyed(order.ticket).info(
        "simulated gateway: order {} filled {} of {} {} at {}",
        entry.perm_id, number(order.filled), number(order.ticket.quantity), order.ticket.symbol, entry.price,
    )  # fmt: skip
    _execution(gateway, order, gateway.book.executions[root])
    _status(gateway, order)
    late = order.plan.get("late_commission")
    if "no_commission" not in order.plan:
        if late:
            gateway.later(late["delay_s"], _report_commission, gateway, root)
        else:
            _report_commission(gateway, root)
    if correction := order.plan.get("correction"):
        gateway.later(correction["delay_s"], _correct, gateway, root, correction)
    gateway.account_changed()


def _report_commission(gateway: Gateway, root: str) -> None:
    gateway.commit(e.CommissionReported(gateway.now(), gateway.book.executions[root].exec_id))


def _correct(gateway: Gateway, root: str, plan: dict[str, Any]) -> None:
    old = gateway.book.executions[root]
    shares = old.shares if plan["shares"] is None else Decimal(str(plan["shares"]))
    price = old.price if plan["price"] is None else Decimal(str(plan["price"]))
    gateway.commit(*exchange.correct(gateway.book, root, shares, price, gateway.now()))


def _corrected(gateway: Gateway, entry: e.Corrected) -> None:
    each = gateway.book.executions[entry.exec_id.rpartition(".")[0]]
    order = gateway.book.orders[each.perm_id]
    _execution(gateway, order, each)
    if each.commission_reported:
        _to_owner(gateway, order, replies.commission_report(each))
    gateway.account_changed()


def _commission_reported(gateway: Gateway, entry: e.CommissionReported) -> None:
    each = gateway.book.executions[entry.exec_id.rpartition(".")[0]]
    _to_owner(gateway, gateway.book.orders[each.perm_id], replies.commission_report(each))


def _account(gateway: Gateway, _: e.CashSet | e.PositionSet) -> None:
    gateway.account_changed()


def _status(gateway: Gateway, order: Order) -> None:
    """openOrder and orderStatus, unless muted; late ones show the order as it is now."""
    session = _owner(gateway, order)
    if session is None or "mute_status" in order.plan:
        return
    if late := order.plan.get("late_status"):
        gateway.later(late["delay_s"], send_order, gateway, session, order)
    else:
        send_order(gateway, session, order)
    repeat = order.plan.get("repeat_status", {})
    for _ in range(repeat.get("times_more", 0)):
        if repeat.get("delay_s"):
            gateway.later(repeat["delay_s"], session.send, replies.order_status(order))
        else:
            session.send(replies.order_status(order))


def send_order(gateway: Gateway, session: Session, order: Order) -> None:
    """openOrder and orderStatus to one client."""
    listing = gateway.listing(order.ticket.con_id, order.ticket.symbol)
    session.send(replies.open_order(session.version, gateway.book.account, order, listing))
    session.send(replies.order_status(order))


def send_execution(gateway: Gateway, session: Session, req_id: int, order: Order, each: Execution) -> None:
    """execDetails to one client; ``req_id`` -1 is an update, anything else the answer to a request."""
    listing = gateway.listing(order.ticket.con_id, order.ticket.symbol)
    when = _when(gateway, each.at)
    account = gateway.book.account
    session.send(replies.execution(session.version, req_id, each, order, account=account, listing=listing, when=when))


def _when(gateway: Gateway, at: datetime) -> str:
    """An execution's time in the form that the gateway is set to."""
    if gateway.switches.execution_times == "utc":
        return f"{at.astimezone(UTC):%Y%m%d-%H:%M:%S}"
    if gateway.switches.execution_times == "named":
        return f"{at.astimezone(NEW_YORK):%Y%m%d %H:%M:%S} US/Eastern"
    return f"{gateway.local(at):%Y%m%d  %H:%M:%S}"


def _owner(gateway: Gateway, order: Order) -> Session | None:
    """The client that placed the order, when it is connected and updates reach it."""
    return gateway.sessions.get(order.ticket.client_id) if gateway.upstream.up else None


def _execution(gateway: Gateway, order: Order, each: Execution) -> None:
    if session := _owner(gateway, order):
        send_execution(gateway, session, -1, order, each)


def _order_error(gateway: Gateway, order: Order, code: int, text: str) -> None:
    session = _owner(gateway, order)
    if session and code:
        session.error(order.ticket.order_id, code, text)


def _to_owner(gateway: Gateway, order: Order, fields: replies.Fields) -> None:
    if session := _owner(gateway, order):
        session.send(fields)


ENTRIES: Mapping[type[e.Entry], Callable[..., None]] = {
    e.Denied: _denied,
    e.Accepted: _accepted,
    e.Transmitted: _arrived,
    e.Modified: _changed,
    e.Reduced: _changed,
    e.Triggered: _changed,
    e.Working: _changed,
    e.CancelAsked: _changed,
    e.Held: _held,
    e.Refused: _refused,
    e.Cancelled: _cancelled,
    e.Executed: _executed,
    e.Corrected: _corrected,
    e.CommissionReported: _commission_reported,
    e.CashSet: _account,
    e.PositionSet: _account,
}
