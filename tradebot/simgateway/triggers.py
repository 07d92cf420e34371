"""When a stop goes to work, and how a trailing one follows the market. Pure.

A SELL stop triggers when the watched price has come down to it, a BUY stop when it has come up to it. IB watches the last price
of a stock and knows other methods (documented); what a trailing stop follows differs between reports. Both are switches.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from tradebot.simgateway.model import CENT, Order, Quote
from tradebot.simgateway.switches import Switches


def trailed(order: Order, quote: Quote, switches: Switches) -> Decimal | None:
    """Where a trailing stop stands at this quote, if that is nearer to the market than before; None: it stays."""
    ticket = order.ticket
    if ticket.order_type != "TRAIL" or order.triggered:
        return None
    price = _watched(order, quote, switches.trails_by)
    distance = ticket.trail if ticket.trail is not None else price * (ticket.trail_pct or Decimal(0)) / 100
    sells = order.signed < 0
    stands = (price - distance if sells else price + distance).quantize(CENT, ROUND_FLOOR if sells else ROUND_CEILING)
    before = order.stop
    return stands if before is None or (stands > before if sells else stands < before) else None


def fires(order: Order, quote: Quote, switches: Switches) -> bool:
    """Whether the market has come to the stop."""
    if not order.waits_for_trigger or order.stop is None or "never_triggers" in order.plan:
        return False
    price = _watched(order, quote, switches.stops_by)
    return price <= order.stop if order.signed < 0 else price >= order.stop


def _watched(order: Order, quote: Quote, by: str) -> Decimal:
    if by == "last":
        return quote.last
    return quote.bid if order.signed < 0 else quote.ask
