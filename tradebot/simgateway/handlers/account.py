"""Requests about the account, and the updates that follow a change."""

from __future__ import annotations

from typing import Any

from tradebot.simgateway import account, replies
from tradebot.simgateway.gateway import Gateway, RequestHandler
from tradebot.simgateway.model import ZERO, Position
from tradebot.simgateway.requests import Request
from tradebot.simgateway.session import Session

SUMMARIES_MAX = 2


def send_subscribed(gateway: Gateway, session: Session) -> None:
    """Everything the client subscribed to, after a change."""
    subscribed = session.subscriptions
    if subscribed.account:
        _send_account(gateway, session)
    if subscribed.positions:
        _send_positions(gateway, session, closed=True)
    for req_id, model in subscribed.multis.items():
        _send_multi(gateway, session, req_id, model)
    for req_id, tags in subscribed.summaries.items():
        _send_summary(gateway, session, req_id, tags)
    _send_pnl(gateway, session)


def send_pnl(gateway: Gateway, session: Session, changed: set[str]) -> None:
    """Profit and loss to its subscribers, after new quotes of the symbols ``changed``."""
    if changed:
        _send_pnl(gateway, session)


def _send_pnl(gateway: Gateway, session: Session) -> None:
    for req_id in session.subscriptions.pnls:
        now = account.figures(gateway.book, gateway.quote)
        session.send(replies.pnl(req_id, now.unrealised + now.realised, now.unrealised, now.realised))
    for req_id, con_id in session.subscriptions.pnl_singles.items():
        held = gateway.book.positions.get(con_id)
        if held is not None:
            unrealised = account.unrealised(held, gateway.quote)
            value = held.quantity * account.mark(held, gateway.quote)
            session.send(replies.pnl_single(req_id, held, unrealised + held.realised, unrealised, value))


def _cells(gateway: Gateway) -> list[tuple[str, str, str]]:
    return account.values(gateway.book.account, account.figures(gateway.book, gateway.quote))


def _held(gateway: Gateway, closed: bool) -> list[Position]:
    return [each for each in gateway.book.positions.values() if each.quantity != ZERO or closed]


def _account_updates(gateway: Gateway, session: Session, request: Request) -> None:
    session.subscriptions.account = request.flag("subscribe")
    if session.subscriptions.account:
        _send_account(gateway, session)
        session.send(replies.end(54, gateway.book.account))


def _send_account(gateway: Gateway, session: Session) -> None:
    name = gateway.book.account
    for held in _held(gateway, closed=True):
        listing = gateway.listing(held.con_id, held.symbol)
        session.send(replies.portfolio(name, held, listing, account.mark(held, gateway.quote)))
    for key, value, currency in _cells(gateway):
        session.send(replies.account_value(key, value, currency, name))
    session.send(replies.account_time(gateway.local_now()))


def _positions(gateway: Gateway, session: Session, request: Request) -> None:
    session.subscriptions.positions = True
    _send_positions(gateway, session, closed=False)
    session.send(replies.end(62))


def _send_positions(gateway: Gateway, session: Session, closed: bool) -> None:
    for held in _held(gateway, closed):
        session.send(replies.position(gateway.book.account, held, gateway.listing(held.con_id, held.symbol)))


def _summary(gateway: Gateway, session: Session, request: Request) -> None:
    req_id = request.integer("reqId")
    if len(session.subscriptions.summaries.keys() - {req_id}) >= SUMMARIES_MAX:
        text = "Error processing request.-'bS' : cause - Maximum number of account summary requests exceeded"
        gateway.deny(session, req_id, 322, text)
        return
    tags = frozenset(tag.strip() for tag in request.text("tags").split(",") if tag.strip())
    session.subscriptions.summaries[req_id] = tags
    _send_summary(gateway, session, req_id, tags)
    session.send(replies.end(64, req_id))


def _send_summary(gateway: Gateway, session: Session, req_id: int, tags: frozenset[str]) -> None:
    now = account.figures(gateway.book, gateway.quote)
    ledger = account.ledger(now) if any(tag.startswith("$LEDGER") for tag in tags) else []
    for tag, value, currency in [*sorted(cell for cell in account.totals(now) if cell[0] in tags), *ledger]:
        session.send(replies.summary(req_id, gateway.book.account, tag, value, currency))


def _multi(gateway: Gateway, session: Session, request: Request) -> None:
    req_id, model = request.integer("reqId"), request.text("model")
    session.subscriptions.multis[req_id] = model
    _send_multi(gateway, session, req_id, model)
    session.send(replies.end(74, req_id))


def _send_multi(gateway: Gateway, session: Session, req_id: int, model: str) -> None:
    for cell in _cells(gateway):
        session.send(replies.multi(req_id, gateway.book.account, model, cell))


def _pnl(gateway: Gateway, session: Session, request: Request) -> None:
    session.subscriptions.pnls.add(request.integer("reqId"))
    _send_pnl(gateway, session)


def _pnl_single(gateway: Gateway, session: Session, request: Request) -> None:
    session.subscriptions.pnl_singles[request.integer("reqId")] = request.integer("conId")
    _send_pnl(gateway, session)


def _cancel(gateway: Gateway, session: Session, request: Request) -> None:
    subscribed = session.subscriptions
    if request.name == "cancelPositions":
        subscribed.positions = False
        return
    req_id = request.integer("reqId")
    if request.name == "cancelPnL":
        subscribed.pnls.discard(req_id)
    else:
        by_id: dict[str, dict[int, Any]] = {
            "cancelAccountSummary": subscribed.summaries,
            "cancelAccountUpdatesMulti": subscribed.multis,
            "cancelPnLSingle": subscribed.pnl_singles,
        }
        by_id[request.name].pop(req_id, None)


def _managed(gateway: Gateway, session: Session, request: Request) -> None:
    session.send(replies.managed_accounts(gateway.book.account))


REQUESTS: dict[str, RequestHandler] = {
    "reqAccountUpdates": _account_updates,
    "reqPositions": _positions,
    "reqAccountSummary": _summary,
    "reqAccountUpdatesMulti": _multi,
    "reqPnL": _pnl,
    "reqPnLSingle": _pnl_single,
    "cancelPositions": _cancel,
    "cancelAccountSummary": _cancel,
    "cancelAccountUpdatesMulti": _cancel,
    "cancelPnL": _cancel,
    "cancelPnLSingle": _cancel,
    "reqManagedAccts": _managed,
}
