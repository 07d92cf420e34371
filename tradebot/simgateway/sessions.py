"""What happens when the exchange opens and closes, and when a stock is halted and goes on.

At the open everything that waits reaches the market. At the close IB itself ends every DAY order that still works, with what it
has filled. A halt touches no order: it works on, unfilled.
"""

from __future__ import annotations

from tradebot.simgateway import entries as e
from tradebot.simgateway import exchange, replies
from tradebot.simgateway.gateway import Gateway
from tradebot.simgateway.model import Order

WATCH_S = 0.5


def watch(gateway: Gateway) -> None:
    """Open and close by the exchange's hours from now on; what a test does in between holds until the next of them."""
    planned = gateway.market.planned(gateway.now())

    def look() -> None:
        nonlocal planned
        if (now := gateway.market.planned(gateway.now())) != planned:
            planned = now
            open_now(gateway) if now else close_now(gateway)
        gateway.later(WATCH_S, look)

    if gateway.market.session is not None:
        gateway.later(WATCH_S, look)


def open_now(gateway: Gateway) -> None:
    """The session begins; stocks that open late follow."""
    market = gateway.market
    if market.open:
        return
    market.open = True
    market.not_yet = set(market.late_s)
    for symbol, seconds in market.late_s.items():
        gateway.later(seconds, _opened_late, gateway, symbol)
    for order in gateway.book.live_orders():
        if exchange.reaches_market(order) and not order.ticket.parent_id:
            gateway.commit(e.Working(gateway.now(), order.perm_id))
    _look(gateway, None)


def close_now(gateway: Gateway, code: int = 202, reason: str = "") -> None:
    """The session ends, and with it the DAY orders that reached the market; ``code`` and ``reason`` as for ``Desk.end``."""
    if not gateway.market.open:
        return
    gateway.market.open = False
    for order in gateway.book.live_orders():
        if order.ticket.tif == "DAY" and gateway.book.orders[order.perm_id].live:
            gateway.desk.end(order.perm_id, code, reason)


def open_late(gateway: Gateway, symbol: str, seconds: float) -> None:
    """At every open to come a stock follows this much later. Raises ValueError."""
    gateway.known(symbol)
    if seconds < 0:
        raise ValueError(f"a stock opens with the exchange or after it, not {-seconds} s before it")
    gateway.market.late_s[symbol] = seconds
    if not seconds:
        del gateway.market.late_s[symbol]


def halt(gateway: Gateway, symbol: str, kind: int = 2) -> None:
    """No trades until it is resumed. Raises ValueError."""
    gateway.known(symbol)
    if kind not in (1, 2):
        raise ValueError(f"a halt is of kind 1 (general) or 2 (volatility), not {kind}")
    gateway.market.halts[symbol] = kind
    _tell(gateway, symbol, kind)


def resume(gateway: Gateway, symbol: str) -> None:
    """A halt is over. Raises ValueError."""
    gateway.known(symbol)
    if gateway.market.halts.pop(symbol, None) is not None:
        _tell(gateway, symbol, 0)
        _look(gateway, symbol)


def _opened_late(gateway: Gateway, symbol: str) -> None:
    gateway.market.not_yet.discard(symbol)
    _look(gateway, symbol)


def _look(gateway: Gateway, symbol: str | None) -> None:
    """Try the orders that were kept from trading; None: of every stock."""
    for order in gateway.book.live_orders():
        if symbol in (None, order.ticket.symbol) and _tradable(order):
            gateway.schedule(order)


def _tradable(order: Order) -> bool:
    return not order.why_held and order.status != "PendingCancel"


def _tell(gateway: Gateway, symbol: str, kind: int) -> None:
    """The tick that says whether a stock is halted, to those who see its live quotes."""
    for session in list(gateway.sessions.values()) if gateway.upstream.up else []:
        for req_id, stream in session.subscriptions.streams.items():
            if stream.symbol == symbol and not stream.delayed:
                session.send(replies.halted(req_id, kind))
