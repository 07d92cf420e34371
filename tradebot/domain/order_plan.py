"""What an entry becomes at IB: the order's terms, the price that it is sized and judged by, and the orders that protect it. Pure.

Rules: prices in whole steps of the contract's price, to the nearest one; where the steps are not known nothing with a price is
planned. A stop stands below all that the entry may cost and a target above it, or the entry is refused: on the wrong side they
would sell at once. What a strategy says of its own stands where the alert says nothing. Exits are good till cancelled: a stop
that ends with the day protects nobody at night.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tradebot.domain.instructions import MARKET_ORDER, Instruction, OrderTerms
from tradebot.domain.refusals import Fact, Figure, Refusal, RefusalCode
from tradebot.domain.strategies import ExitSource, OrderSource, Strategy
from tradebot.domain.terms import (
    MARKET_DAY,
    NO_EXITS,
    Exits,
    Level,
    LevelKind,
    OrderType,
    PriceSteps,
    Terms,
    TimeInForce,
    on_step,
)

_HUNDRED = Decimal(100)
_NONE = Decimal(0)
LIMITED = (OrderType.LIMIT, OrderType.STOP_LIMIT)
"""They never pay more than their limit."""


@dataclass(frozen=True, slots=True)
class EntryPlan:
    """An entry as it is to be sent."""

    terms: Terms
    price: Decimal  # USD a share, the most that it is expected to cost: reserved, sized and judged by
    stop: Terms | None = None
    target: Terms | None = None

    @property
    def risk_price(self) -> Decimal | None:
        """Where the loss ends, USD a share; None: nowhere."""
        return None if self.stop is None else self.stop.stop_price

    @property
    def at_market(self) -> bool:
        """Nothing but a market order."""
        return self.terms.type is OrderType.MARKET and self.stop is None and self.target is None

    @property
    def asked_price(self) -> Decimal | None:
        """The price that somebody has written: a limit, or the stop of a stop entry. A trailing one follows the market."""
        if self.terms.type is OrderType.TRAILING_STOP:
            return None
        return self.terms.limit_price or self.terms.stop_price


def plan(
    instruction: Instruction | None,
    strategy: Strategy,
    ask: Decimal,
    steps: PriceSteps | None,
    now: datetime,
    bid: Decimal | None = None,
) -> EntryPlan | Refusal:
    """The entry at this quote. A Refusal where its prices do not fit together."""
    if instruction is not None and not _is_taken(instruction, strategy):
        return Refusal(RefusalCode.NOT_KNOWN, {"figure": Figure.ORDER_NOT_USED, "strategy": strategy.name})
    asked, exits = _asked(instruction, strategy), _exits(instruction, strategy)
    if asked.type is OrderType.MARKET and exits == NO_EXITS:
        return EntryPlan(MARKET_DAY, ask)
    if steps is None:
        return Refusal(RefusalCode.NOT_KNOWN, {"figure": Figure.PRICE_STEP})
    terms = _terms(asked, strategy, ask, steps, now)
    least, most = _costs(terms, ask)
    stop, target = _stop(exits, least, steps), _target(exits, least, steps)
    facts: dict[str, Fact] = {"order": terms.type, "price": most, "ask": ask}
    if bid is not None:
        facts["bid"] = bid
    if stop is not None:
        facts["stop"] = stop.stop_price or _NONE
        if stop.limit_price is not None:
            facts["stop_limit"] = stop.limit_price
    if target is not None:
        facts["target"] = target.limit_price or _NONE
    # What buys at once is sold at the bid: a stop between the two would sell at once.
    below = min(least, bid) if bid is not None and bid > 0 and least == ask else least
    fits = _has_prices(terms) and (stop is None or _stops_below(stop, below))
    if fits and (target is None or (target.limit_price or _NONE) > most):
        return EntryPlan(terms, most, stop, target)
    return Refusal(RefusalCode.EXIT_LEVELS, facts)


def _is_taken(instruction: Instruction, strategy: Strategy) -> bool:
    """Whether the strategy takes what the alert says: the intake refuses what it does not (`honoured.py`), and the configuration
    may have changed while the alert waited."""
    kind = instruction.order.type
    takes_order = {
        OrderSource.MARKET: kind is OrderType.MARKET,
        OrderSource.LIMIT: kind in (OrderType.MARKET, OrderType.LIMIT),
        OrderSource.ALERT: True,
    }
    return takes_order[strategy.orders] and (instruction.exits == NO_EXITS or strategy.exits is ExitSource.ALERT)


def _asked(instruction: Instruction | None, strategy: Strategy) -> OrderTerms:
    """By the alert where the strategy takes that, else by the strategy."""
    if strategy.orders is OrderSource.MARKET:
        return MARKET_ORDER
    if instruction is None:
        return MARKET_ORDER if strategy.orders is OrderSource.ALERT else OrderTerms(OrderType.LIMIT)  # without a price
    if strategy.orders is OrderSource.LIMIT and instruction.order.type is OrderType.MARKET:
        return OrderTerms(OrderType.LIMIT, limit_price=instruction.price)
    return instruction.order


def _terms(asked: OrderTerms, strategy: Strategy, ask: Decimal, steps: PriceSteps, now: datetime) -> Terms:
    """A market order leaves as one. How long another one works: so long as the alert says, else as the strategy does."""
    if asked.type is OrderType.MARKET:
        return MARKET_DAY

    def rounded(price: Decimal | None) -> Decimal | None:
        return None if price is None else steps.nearest(price)

    tif = strategy.tif if asked.tif is TimeInForce.DAY else asked.tif
    wait = None if tif is TimeInForce.IOC else asked.cancel_after or strategy.good_for
    trail = asked.trailing
    return Terms(
        type=asked.type,
        limit_price=rounded(asked.limit_price),
        stop_price=rounded(asked.stop_price if trail is None else _level(trail, ask, 1)),
        trail_amount=_trail_amount(trail, ask, steps),
        trail_pct=trail.value if trail is not None and trail.kind is LevelKind.PERCENT else None,
        tif=TimeInForce.GTD if wait is not None else tif,
        good_till=None if wait is None else (now + wait).replace(microsecond=0),
        outside_rth=asked.outside_rth and asked.type is OrderType.LIMIT,
    )


def _costs(terms: Terms, ask: Decimal) -> tuple[Decimal, Decimal]:
    """The least and the most that a share is expected to cost: a limit above the ask buys at the ask, and a stop that the
    market has passed already buys at once."""
    limit, stop = terms.limit_price, terms.stop_price
    least = ask if stop is None else max(stop, ask)
    if limit is None:
        return least, least
    return min(limit, least), limit


def _has_prices(terms: Terms) -> bool:
    """All that its type needs, each above zero after rounding too; a stop order's limit is not below its stop: it would trigger
    and not buy."""
    limit, stop = terms.limit_price, terms.stop_price
    if any(price is not None and price <= 0 for price in (limit, stop, terms.trail_amount, terms.trail_pct)):
        return False
    match terms.type:
        case OrderType.LIMIT:
            return limit is not None
        case OrderType.STOP:
            return stop is not None
        case OrderType.STOP_LIMIT:
            return limit is not None and stop is not None and limit >= stop
        case OrderType.TRAILING_STOP:
            return stop is not None and (terms.trail_amount is not None or terms.trail_pct is not None)
    return True


def _exits(instruction: Instruction | None, strategy: Strategy) -> Exits:
    if strategy.exits is ExitSource.NONE:
        return NO_EXITS
    said = instruction.exits if instruction is not None and strategy.exits is ExitSource.ALERT else NO_EXITS
    return said if said != NO_EXITS else strategy.own_exits


def _stop(exits: Exits, price: Decimal, steps: PriceSteps) -> Terms | None:
    if exits.trailing is not None:
        trail = exits.trailing
        return Terms(
            OrderType.TRAILING_STOP,
            stop_price=steps.nearest(_level(trail, price, -1)),
            trail_amount=_trail_amount(trail, price, steps),
            trail_pct=trail.value if trail.kind is LevelKind.PERCENT else None,
            tif=TimeInForce.GTC,
        )
    if exits.stop_loss is None:
        return None
    limit = None if exits.stop_limit is None else steps.nearest(exits.stop_limit)
    kind = OrderType.STOP if limit is None else OrderType.STOP_LIMIT
    stop = steps.nearest(_level(exits.stop_loss, price, -1))
    return Terms(kind, limit_price=limit, stop_price=stop, tif=TimeInForce.GTC)


def _stops_below(stop: Terms, price: Decimal) -> bool:
    """Above zero, below the entry, and with a limit that it can still sell at: one above the stop waits for a better price."""
    at, limit = stop.stop_price or _NONE, stop.limit_price
    return (
        0 < at < price and (limit is None or 0 < limit <= at) and (stop.trail_amount is None or stop.trail_amount > 0)
    )


def _target(exits: Exits, price: Decimal, steps: PriceSteps) -> Terms | None:
    if exits.take_profit is None:
        return None
    return Terms(OrderType.LIMIT, limit_price=steps.nearest(_level(exits.take_profit, price, 1)), tif=TimeInForce.GTC)


def _trail_amount(trail: Level | None, price: Decimal, steps: PriceSteps) -> Decimal | None:
    if trail is None or trail.kind is not LevelKind.AMOUNT:
        return None
    return on_step(trail.value, steps.at(price))


def _level(level: Level, price: Decimal, direction: int) -> Decimal:
    match level.kind:
        case LevelKind.PRICE:
            return level.value
        case LevelKind.PERCENT:
            return price * (_HUNDRED + direction * level.value) / _HUNDRED
    return price + direction * level.value
