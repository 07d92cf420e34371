"""What the road from an alert's price to the fill costs, and where: implementation shortfall (Perold 1988), in four parts.

An order that buys at 100.10 what its alert named at 100.00 has slipped ten basis points; above zero is a cost, on either
side. With S the alert's price, B and A the bid and ask at the decision, M their middle, and F the average fill, for a BUY (a
SELL mirrored):

    signal    M − S   the market moved between the alert's price and the decision, which came within `WAITED_S` of the alert
    wait      M − S   the same, of an order whose alert had to wait: for the open, for another order, for IB;
              F − A   and of one that filled later than `WORKED_S` after it was decided
    spread    A − M   half the spread: what a market order pays for not waiting
    impact    F − A   it filled at another price than the touch, at once: its own size, or the market's last step

They add up to F − S. What an alert without a price had as signal is not known; its total is F − M. Only market orders that
filled are measured, by live quotes: another order has its own price, and waits for it on purpose. USD are Decimal, basis
points floats.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal

from tradebot.domain.alerts import Side
from tradebot.domain.analytics.sent_orders import SentOrder
from tradebot.domain.terms import OrderType
from tradebot.domain.trades import PROTECTIVE, OrderRole

ORDERS_MIN = 10
WAITED_S = 10.0
WORKED_S = 5.0
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Slip:
    """Of one order, in USD; above zero is a cost. `signal` and `wait` are zero where the alert had no price."""

    signal: Decimal
    wait: Decimal
    spread: Decimal
    impact: Decimal
    value: Decimal  # USD, shares filled at the price that it is measured from

    @property
    def total(self) -> Decimal:
        return self.signal + self.wait + self.spread + self.impact


@dataclass(frozen=True, slots=True)
class Parts:
    """Basis points of what was traded, each order by its value. They add up to `total`."""

    total: float
    signal: float
    wait: float
    spread: float
    impact: float


@dataclass(frozen=True, slots=True)
class Slippage:
    """Of some orders; from `ORDERS_MIN` orders on. None: not yet."""

    orders: int  # measured
    without_price: int  # of these, whose alert named none: part of it is not known
    usd: Decimal  # what all of them cost
    bps: Parts | None
    worst: SentOrder | None  # by basis points
    worst_bps: float | None
    unsplit: int  # market orders that filled without a live quote at their decision: exits for which none was at hand
    unsplit_bps: float | None  # of those whose alert named a price, the whole way from it to the fill
    stops: int  # stop orders that filled
    stop_bps: float | None  # how far beyond their stop price, by value


def slippage(orders: Iterable[SentOrder]) -> Slippage:
    orders = list(orders)
    measured = [(order, slip) for order in orders if (slip := slip_of(order)) is not None]
    slips = [slip for _, slip in measured]
    worst = max(measured, key=lambda pair: pair[1].total / pair[1].value, default=None)
    stops = [order for order in orders if _is_filled_stop(order)]
    unsplit = [order for order in orders if _is_filled_market(order) and order.bid_ask is None]
    priced = [order for order in unsplit if order.alert_price]
    enough = len(slips) >= ORDERS_MIN
    return Slippage(
        orders=len(slips),
        without_price=sum(order.alert_price is None for order, _ in measured),
        usd=sum((slip.total for slip in slips), ZERO).quantize(Decimal("0.01")),
        bps=_parts(slips) if enough else None,
        worst=worst[0] if worst else None,
        worst_bps=_bps(worst[1].total, worst[1].value) if worst else None,
        unsplit=len(unsplit),
        unsplit_bps=_beyond([(one, one.alert_price) for one in priced]) if len(priced) >= ORDERS_MIN else None,
        stops=len(stops),
        stop_bps=_beyond([(one, one.stop_price) for one in stops]) if len(stops) >= ORDERS_MIN else None,
    )


def slip_of(order: SentOrder) -> Slip | None:
    """None: not a market order that filled, or its quote is not known."""
    touch, filled = order.bid_ask, order.avg_fill_price
    if not _is_filled_market(order) or touch is None or filled is None:
        return None
    bid, ask = touch
    sign, at = (1, ask) if order.side is Side.BUY else (-1, bid)
    middle = (bid + ask) / 2
    named = order.alert_price if order.alert_price is not None and order.alert_price > 0 else None
    before = sign * (middle - named) if named is not None else ZERO
    after = sign * (filled - at)
    waited = order.n > 1 or (order.created_at - order.received_at).total_seconds() > WAITED_S
    worked = order.finished_at is not None and (order.finished_at - order.created_at).total_seconds() > WORKED_S
    each = {
        "signal": ZERO if waited else before,
        "wait": (before if waited else ZERO) + (after if worked else ZERO),
        "spread": sign * (at - middle),
        "impact": ZERO if worked else after,
    }
    by_part = {name: usd * order.filled_qty for name, usd in each.items()}
    return Slip(**by_part, value=(named if named is not None else middle) * order.filled_qty)


def by_strategy(orders: Sequence[SentOrder]) -> Mapping[str, Slippage]:
    names = sorted({order.strategy for order in orders})
    return {name: slippage(order for order in orders if order.strategy == name) for name in names}


def _parts(slips: Sequence[Slip]) -> Parts:
    value = sum((slip.value for slip in slips), ZERO)
    return Parts(
        **{one.name: _bps(sum((getattr(slip, one.name) for slip in slips), ZERO), value) for one in fields(Parts)}
    )


def _is_filled_stop(order: SentOrder) -> bool:
    fixed = order.role is OrderRole.STOP and order.order_type is OrderType.STOP and order.stop_price is not None
    return fixed and order.filled_qty > 0 and order.avg_fill_price is not None


def _is_filled_market(order: SentOrder) -> bool:
    market = order.order_type is OrderType.MARKET and order.role not in PROTECTIVE
    return market and order.filled_qty > 0 and order.avg_fill_price is not None


def _beyond(orders: Iterable[tuple[SentOrder, Decimal | None]]) -> float:
    """How much worse than a price each filled, by value."""
    cost = value = ZERO
    for one, named in orders:
        assert named is not None, "looked at before"
        assert one.avg_fill_price is not None, "looked at before"
        sign = 1 if one.side is Side.BUY else -1
        cost += sign * (one.avg_fill_price - named) * one.filled_qty
        value += named * one.filled_qty
    return _bps(cost, value)


def _bps(usd: Decimal, value: Decimal) -> float:
    return float(usd / value * 10_000) if value else 0.0
