"""The stop that goes to the entry price once the gain is there. Pure."""

from dataclasses import replace
from decimal import Decimal

from tradebot.domain.facts.orders import Changed
from tradebot.domain.protection import Change, Guarded
from tradebot.domain.strategies import Strategy
from tradebot.domain.terms import CENTS, Level, LevelKind, OrderType
from tradebot.domain.trades import UNRESOLVED, OrderRole, TradeStatus

_NONE, _HUNDRED = Decimal(0), Decimal(100)


def break_even(guard: Guarded, strategy: Strategy, bid: Decimal | None) -> Change | None:
    """The stop at the entry price, once the gain is there; never lower than it stands."""
    if guard.entry.status in UNRESOLVED:
        return None  # changed, it would no longer be its entry's, and sell all that this may still buy
    after, price = strategy.break_even_after, guard.price
    stop = next(
        (one for one in guard.orders if one.role is OrderRole.STOP and one.status is TradeStatus.SUBMITTED), None
    )
    if after is None or price is None or bid is None or stop is None or stop.order_type is not OrderType.STOP:
        return None
    to = CENTS.nearest(price)
    if bid < _gained(after, price) or bid <= to or (stop.stop_price or _NONE) >= to:
        return None
    return Change(stop, stop.requested_qty, replace(stop.terms, stop_price=to), Changed.BREAK_EVEN)


def _gained(after: Level, price: Decimal) -> Decimal:
    match after.kind:
        case LevelKind.PRICE:
            return after.value
        case LevelKind.PERCENT:
            return price * (_HUNDRED + after.value) / _HUNDRED
    return price + after.value
