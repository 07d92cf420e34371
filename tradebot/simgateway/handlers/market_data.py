"""Requests about contracts and quotes, and those that only ask the time or an id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

from tradebot.simgateway import replies
from tradebot.simgateway.days import new_york_date
from tradebot.simgateway.details import contract_details
from tradebot.simgateway.exchange import INVALID, NO_DEFINITION
from tradebot.simgateway.faults import ERROR_TEXTS, error_text
from tradebot.simgateway.gateway import Gateway, RequestHandler
from tradebot.simgateway.model import CENT, ZERO, Listing, Quote
from tradebot.simgateway.requests import Request
from tradebot.simgateway.session import Session, Stream

LIVE, DELAYED = 1, 3
TOP = ("bid", "ask", "last")
# Tick types of (bid, ask, last, bid size, ask size, last size, high, low, volume, close, open, timestamp).
TICKS = {False: (1, 2, 4, 0, 3, 5, 6, 7, 8, 9, 14, 45), True: (66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 88)}


def send_changed(gateway: Gateway, session: Session, changed: set[str]) -> None:
    """New quotes of the symbols ``changed`` to a client's streams."""
    for req_id, stream in session.subscriptions.streams.items():
        if stream.moves and stream.symbol in changed:
            for price in TOP:
                _send_price(gateway, session, req_id, stream, price)


def _find(gateway: Gateway, session: Session, request: Request) -> Listing | None:
    """The stock asked for; error 200 where there is none."""
    listing = gateway.catalogue.find(
        request.integer("conId"),
        request.text("symbol") or request.text("localSymbol"),
        request.text("exchange"),
        request.text("primaryExchange"),
        request.text("currency"),
    )
    if listing is None or request.text("secType") not in ("", "STK"):
        gateway.deny(session, request.integer("reqId"), *NO_DEFINITION)
        return None
    return listing


def _contract_details(gateway: Gateway, session: Session, request: Request) -> None:
    if (listing := _find(gateway, session, request)) is None:
        return
    req_id, today = request.integer("reqId"), new_york_date(gateway.now())
    exchange = request.text("exchange") or "SMART"
    session.send(contract_details(session.version, req_id, listing, exchange, today))
    session.send(replies.end(52, req_id))


def _market_data(gateway: Gateway, session: Session, request: Request) -> None:
    if (listing := _find(gateway, session, request)) is None:
        return
    req_id, plan = request.integer("reqId"), gateway.faults.data(listing.symbol, session.client_id)
    delayed, stale = plan.get("delayed_only"), plan.get("stale")
    if none := plan.get("no_market_data"):
        gateway.deny(session, req_id, none["code"], error_text(none))
        return
    if delayed and session.data_type < DELAYED:
        gateway.deny(session, req_id, delayed["code"], error_text(delayed) + "Delayed market data is available.")
        return
    if delayed:
        session.error(req_id, 10167, ERROR_TEXTS[354] + " Displaying delayed market data.")
    stream = session.subscriptions.streams[req_id] = Stream(listing.symbol, delayed is not None)
    session.send(replies.tick_params(req_id))
    session.send(replies.market_data_type(req_id, (DELAYED if delayed else LIVE) + (stale is not None)))
    acts = [partial(_send_price, gateway, session, req_id, stream, price, stale) for price in TOP]
    rest = partial(
        _send_rest, gateway, session, req_id, stream, snapshot=request.flag("snapshot"), still=stale is not None
    )
    _one_by_one(gateway, session, req_id, stream, [*acts, rest])


def _one_by_one(
    gateway: Gateway, session: Session, req_id: int, stream: Stream, acts: list[Callable[[], None]]
) -> None:
    """The first ticks: at once, or each a while after the one before, until the client cancels."""

    def unless_cancelled(act: Callable[[], None]) -> None:
        if session.subscriptions.streams.get(req_id) is stream:
            act()

    delay_s = gateway.switches.ticks_delay_s
    for number, act in enumerate(acts, 1):
        if delay_s:
            gateway.later(delay_s * number, unless_cancelled, act)
        else:
            act()


def _send_rest(gateway: Gateway, session: Session, req_id: int, stream: Stream, *, snapshot: bool, still: bool) -> None:
    """The day's figures after the prices; then the end of a snapshot, or what moves."""
    _send_day(gateway, session, req_id, stream)
    if not stream.delayed and (kind := gateway.market.halts.get(stream.symbol)):
        session.send(replies.halted(req_id, kind))
    if snapshot:
        session.send(replies.end(57, req_id))
    if snapshot or still:
        del session.subscriptions.streams[req_id]
    stream.moves = True


def _old(quote: Quote, stale: dict[str, Any] | None) -> Quote:
    """The quote at the price of the fault ``stale``, if it has one."""
    if stale is None or stale["price"] is None:
        return quote
    price = Decimal(str(stale["price"]))
    return replace(quote, bid=price - CENT, ask=price + CENT, last=price)


def _send_price(
    gateway: Gateway, session: Session, req_id: int, stream: Stream, name: str, stale: dict[str, Any] | None = None
) -> None:
    """Bid, ask or last with its size, which travels twice as at IB; with last, when it was traded."""
    quote, kinds, place = _old(gateway.quote(stream.symbol), stale), TICKS[stream.delayed], TOP.index(name)
    price, shares = ((quote.bid, quote.bid_size), (quote.ask, quote.ask_size), (quote.last, quote.last_size))[place]
    if name in gateway.switches.no_prices:
        if gateway.switches.no_price_as == "unsent":
            return
        price, shares = Decimal(-1) if gateway.switches.no_price_as == "minus_one" else ZERO, ZERO
    session.send(replies.tick_price(session.version, req_id, kinds[place], price, shares))
    session.send(replies.tick_size(session.version, req_id, kinds[place + 3], shares))
    if name == "last":
        age_s = float(stale["age_s"]) if stale else 0.0
        session.send(replies.tick_string(req_id, kinds[11], str(int(gateway.now().timestamp() - age_s))))


def _send_day(gateway: Gateway, session: Session, req_id: int, stream: Stream) -> None:
    quote, kinds = gateway.quote(stream.symbol), TICKS[stream.delayed]
    session.send(replies.tick_size(session.version, req_id, kinds[8], quote.volume))
    for place, price in ((6, quote.high), (7, quote.low), (9, quote.close), (10, quote.open)):
        session.send(replies.tick_price(session.version, req_id, kinds[place], price, replies.NO_SHARES))


def _cancel_data(gateway: Gateway, session: Session, request: Request) -> None:
    session.subscriptions.streams.pop(request.integer("reqId"), None)


def _data_type(gateway: Gateway, session: Session, request: Request) -> None:
    session.data_type = request.integer("type")


def _matching(gateway: Gateway, session: Session, request: Request) -> None:
    found = gateway.catalogue.search(request.text("pattern"))
    session.send(replies.symbol_samples(session.version, request.integer("reqId"), found))


def _market_rule(gateway: Gateway, session: Session, request: Request) -> None:
    rule_id = request.integer("ruleId")
    if rule_id != replies.MARKET_RULE:
        gateway.deny(session, -1, 321, f"{INVALID}Invalid market rule id: {rule_id}")
        return
    session.send(replies.market_rule(rule_id))


def _ids(gateway: Gateway, session: Session, request: Request) -> None:
    session.send(replies.next_valid_id(gateway.book.next_id(session.client_id)))


def _time(gateway: Gateway, session: Session, request: Request) -> None:
    session.send(replies.current_time(gateway.local_now()))


def _log_level(gateway: Gateway, session: Session, request: Request) -> None:
    """Taken and ignored: this gateway logs what it logs."""


REQUESTS: dict[str, RequestHandler] = {
    "reqContractDetails": _contract_details,
    "reqMktData": _market_data,
    "cancelMktData": _cancel_data,
    "reqMarketDataType": _data_type,
    "reqMatchingSymbols": _matching,
    "reqMarketRule": _market_rule,
    "reqIds": _ids,
    "reqCurrentTime": _time,
    "setServerLogLevel": _log_level,
}
