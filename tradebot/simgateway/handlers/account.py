"""Requests about the account, and the updates that follow a change."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tradebot.simgateway import account, replies
from tradebot.simgateway.account import Standing
from tradebot.simgateway.gateway import Gateway, RequestHandler
from tradebot.simgateway.model import ZERO
from tradebot.simgateway.requests import Request
from tradebot.simgateway.session import Session

SUMMARIES_MAX = 2
# What every other account of the login has in cash.
OTHERS_CASH = Decimal(25_000)


def send_values(gateway: Gateway, session: Session) -> None:
    """Values and portfolio to those who subscribed to them, after a change."""
    subscribed = session.subscriptions
    if subscribed.account:
        _send_account(gateway, session, changed_only=gateway.switches.changed_values_only)
    for req_id, (name, model) in subscribed.multis.items():
        _send_multi(gateway, session, req_id, name, model)
    for req_id, tags in subscribed.summaries.items():
        _send_summary(gateway, session, req_id, tags)
    _send_pnl(gateway, session)


def send_positions(gateway: Gateway, session: Session) -> None:
    """Positions to those who subscribed to them, after a change; those closed too."""
    if session.subscriptions.positions:
        _send_positions(gateway, session, gateway.positions.shown or gateway.standing(), closed=True)


def send_pnl(gateway: Gateway, session: Session, changed: set[str]) -> None:
    """Profit and loss to its subscribers, after new quotes of the symbols ``changed``."""
    if changed:
        _send_pnl(gateway, session)


def _send_pnl(gateway: Gateway, session: Session) -> None:
    subscribed = session.subscriptions
    if not (subscribed.pnls or subscribed.pnl_singles):
        return
    held, now = gateway.standing().positions, gateway.now()
    days = {con_id: account.daily(gateway.book, each, gateway.quote, now) for con_id, each in held.items()}
    open_result = {con_id: account.unrealised(each, gateway.quote) for con_id, each in held.items()}
    for req_id in subscribed.pnls:
        realised = sum((each.realised for each in held.values()), ZERO)
        session.send(replies.pnl(req_id, sum(days.values(), ZERO), sum(open_result.values(), ZERO), realised))
    for req_id, con_id in subscribed.pnl_singles.items():
        if con_id in held:
            value = held[con_id].quantity * account.mark(held[con_id], gateway.quote)
            session.send(replies.pnl_single(req_id, held[con_id], days[con_id], open_result[con_id], value))


def _standing(gateway: Gateway, name: str) -> Standing:
    """What clients are shown of an account's values; what the owner's others hold never trails."""
    if name in gateway.switches.others:
        return Standing(OTHERS_CASH, gateway.others[name])
    return gateway.values.shown or gateway.standing()


def _account_updates(gateway: Gateway, session: Session, request: Request) -> None:
    subscribed, name = session.subscriptions, request.text("account")
    if not request.flag("subscribe"):
        subscribed.account = ""
        return
    subscribed.account = name if name in gateway.switches.others else gateway.book.account
    _send_account(gateway, session, changed_only=False)
    session.send(replies.end(54, subscribed.account))


def _send_account(gateway: Gateway, session: Session, *, changed_only: bool) -> None:
    """Portfolio and values: all, or what is not as this client was last told."""
    name, told = session.subscriptions.account, session.subscriptions.told
    if not changed_only:
        told.clear()
    then = _standing(gateway, name)
    for held in then.positions.values():
        listing = gateway.listing(held.con_id, held.symbol)
        fields = replies.portfolio(name, held, listing, account.mark(held, gateway.quote))
        _tell(session, ("portfolio", str(held.con_id)), fields)
    for key, value, currency in account.values(name, account.figures(then, gateway.quote), gateway.switches):
        _tell(session, (key, currency), replies.account_value(key, value, currency, name))
    session.send(replies.account_time(gateway.local_now()))


def _tell(session: Session, what: tuple[str, ...], fields: replies.Fields) -> None:
    told = session.subscriptions.told
    if told.get(what) != fields:
        told[what] = fields
        session.send(fields)


def _positions(gateway: Gateway, session: Session, request: Request) -> None:
    session.subscriptions.positions = True
    shown = gateway.positions.shown if gateway.switches.lagging_answers else None
    _send_positions(gateway, session, shown or gateway.standing(), closed=False)
    session.send(replies.end(62))


def _send_positions(gateway: Gateway, session: Session, then: Standing, closed: bool) -> None:
    by_account = {gateway.book.account: then.positions} | {
        name: gateway.others[name] for name in gateway.switches.others
    }
    for name, positions in by_account.items():
        for held in positions.values():
            if held.quantity != ZERO or closed:
                session.send(replies.position(name, held, gateway.listing(held.con_id, held.symbol)))


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
    kind = gateway.switches
    for name in (gateway.book.account, *kind.others):
        now = account.figures(_standing(gateway, name), gateway.quote)
        ledger = account.ledger(now, kind) if any(tag.startswith("$LEDGER") for tag in tags) else []
        for tag, value, currency in [*sorted(cell for cell in account.totals(now, kind) if cell[0] in tags), *ledger]:
            session.send(replies.summary(req_id, name, tag, value, currency))


def _multi(gateway: Gateway, session: Session, request: Request) -> None:
    req_id, model, name = request.integer("reqId"), request.text("model"), request.text("account")
    name = name if name in gateway.switches.others else gateway.book.account
    session.subscriptions.multis[req_id] = (name, model)
    _send_multi(gateway, session, req_id, name, model)
    session.send(replies.end(74, req_id))


def _send_multi(gateway: Gateway, session: Session, req_id: int, name: str, model: str) -> None:
    now = account.figures(_standing(gateway, name), gateway.quote)
    for cell in account.values(name, now, gateway.switches):
        session.send(replies.multi(req_id, name, model, cell))


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
    session.send(replies.managed_accounts(gateway.accounts()))


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
