"""What works at IB, and what protects a position, in a few words for the chat and the command line. Pure."""

from collections.abc import Sequence
from decimal import Decimal

from tradebot.domain.trades import TradeStatus
from tradebot.queries.working import AtWork, Level, Protection
from tradebot.words import figures
from tradebot.words.figures import target
from tradebot.words.priced_orders import until

WAITS = "begins when its entry fills"
"""Of a stop or target that there is nothing to sell for yet."""


def from_the_market(one: AtWork) -> str:
    """`2.3 % below the market, $199.50`."""
    if one.level is None:
        return "at market"
    if one.price is None or one.distance is None:
        return "market price unknown"
    return f"{_away(one.distance, one.price)} the market, {figures.price(one.price)}"


def _away(distance: Decimal, price: Decimal) -> str:
    if not distance:
        return "at"
    percent = figures.percent(abs(distance), price).removeprefix("+")
    return f"{percent} {'above' if distance > 0 else 'below'}"


def stands(one: AtWork) -> str:
    """How it is with the order itself: `until the close`, `4 of 10 filled`."""
    order = one.order
    if order.status is TradeStatus.UNKNOWN:
        return "UNKNOWN: it may or may not be at IB"
    if order.status is TradeStatus.SUBMITTING:
        return "not shown by IB yet"
    done = f"{figures.shares(order.filled_qty)} of {figures.shares(order.requested_qty)} filled, "
    if one.waits:
        return WAITS
    return f"{done if order.filled_qty else ''}{until(order.terms)}"


def protection(found: Protection, qty: Decimal, price: Decimal | None) -> Sequence[str]:
    """`stop $195.00 (−2.4 %)`, `target $220.00 (+10.0 %)`; what no stop sells is said where anything protects the position."""
    if not found:
        return []
    said = [_level(one, qty, price, figures.terms(one.terms)) for one in found.stops]
    said += [_level(one, qty, price, target(one.terms)) for one in found.targets]
    bare = qty - found.stopped
    return [f"{figures.shares(bare)} without a stop", *said] if bare > 0 else said


def _level(one: Level, qty: Decimal, price: Decimal | None, name: str) -> str:
    part = f" for {figures.shares(one.qty)}" if one.qty != qty else ""
    at = one.terms.stop_price if one.terms.stop_price is not None else one.terms.limit_price
    away = f" ({figures.percent(at - price, price)})" if price and at is not None else ""
    return f"{name}{away}{part}"
