"""What an entry becomes at IB: the order's terms, the price that it is sized and judged by, and the orders that protect it. Pure.

Rules: prices in whole steps of the contract's price, to the nearest one. A stop stands below the entry and a target above it, or
the entry is refused: a stop on the wrong side would sell at once. What a strategy says of its own stands where the alert says
nothing. Exits are good till cancelled: a stop that ends with the day protects nobody at night.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

from tradebot.domain.instructions import Instruction, OrderTerms
from tradebot.domain.refusals import Fact, Refusal, RefusalCode
from tradebot.domain.strategies import ExitSource, OrderSource, Strategy
from tradebot.domain.terms import NO_EXITS, Exits, Level, LevelKind, OrderType, Terms, TimeInForce

_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class EntryPlan:
    """An entry as it is to be sent."""

    terms: Terms
    price: Decimal  # USD a share: the limit, the stop of a stop entry, else the ask; reserved, sized and judged by
    stop: Terms | None = None
    target: Terms | None = None

    @property
    def risk_price(self) -> Decimal | None:
        """Where the loss ends, USD a share; None: nowhere."""
        return None if self.stop is None else self.stop.stop_price


def plan(
    instruction: Instruction | None, strategy: Strategy, ask: Decimal, tick: Decimal, now: datetime
) -> EntryPlan | Refusal:
    """The entry at this ask. A Refusal where its prices do not fit together."""
    asked = _asked(instruction, strategy)
    terms = _terms(asked, strategy, tick, now)
    price = terms.limit_price or terms.stop_price or ask
    exits = _exits(instruction, strategy)
    stop, target = _stop(exits, price, tick), _target(exits, price, tick)
    facts: dict[str, Fact] = {"price": price}
    if stop is not None:
        facts["stop"] = stop.stop_price or Decimal(0)
    if target is not None:
        facts["target"] = target.limit_price or Decimal(0)
    wrong = (stop is not None and not 0 < (stop.stop_price or 0) < price) or (
        target is not None and not (target.limit_price or 0) > price
    )
    return Refusal(RefusalCode.EXIT_LEVELS, facts) if wrong else EntryPlan(terms, price, stop, target)


def on_tick(price: Decimal, tick: Decimal) -> Decimal:
    """The nearest whole step."""
    return (price / tick).quantize(Decimal(1), ROUND_HALF_EVEN) * tick


def _asked(instruction: Instruction | None, strategy: Strategy) -> OrderTerms:
    """By the alert where the strategy takes that, else by the strategy."""
    if instruction is None or strategy.orders is OrderSource.MARKET:
        return OrderTerms()
    if strategy.orders is OrderSource.LIMIT and instruction.price is not None:
        return OrderTerms(OrderType.LIMIT, limit_price=instruction.price, tif=strategy.tif)
    return instruction.order


def _terms(asked: OrderTerms, strategy: Strategy, tick: Decimal, now: datetime) -> Terms:
    def rounded(price: Decimal | None) -> Decimal | None:
        return None if price is None else on_tick(price, tick)

    if asked.type is OrderType.MARKET:
        return Terms()
    tif = strategy.tif if asked.tif is TimeInForce.DAY else asked.tif
    wait = asked.cancel_after or strategy.good_for
    trail = asked.trailing
    return Terms(
        type=asked.type,
        limit_price=rounded(asked.limit_price),
        stop_price=rounded(asked.stop_price),
        trail_amount=rounded(trail.value) if trail is not None and trail.kind is LevelKind.AMOUNT else None,
        trail_pct=trail.value if trail is not None and trail.kind is LevelKind.PERCENT else None,
        tif=TimeInForce.GTD if wait is not None else tif,
        good_till=None if wait is None else (now + wait).replace(microsecond=0),
        outside_rth=asked.outside_rth and asked.type is OrderType.LIMIT,
    )


def _exits(instruction: Instruction | None, strategy: Strategy) -> Exits:
    if strategy.exits is ExitSource.NONE:
        return NO_EXITS
    said = instruction.exits if instruction is not None and strategy.exits is ExitSource.ALERT else NO_EXITS
    return said if said != NO_EXITS else strategy.own_exits


def _stop(exits: Exits, price: Decimal, tick: Decimal) -> Terms | None:
    if exits.trailing is not None:
        amount = exits.trailing.value if exits.trailing.kind is LevelKind.AMOUNT else None
        return Terms(
            OrderType.TRAILING_STOP,
            stop_price=on_tick(_level(exits.trailing, price, -1), tick),
            trail_amount=None if amount is None else on_tick(amount, tick),
            trail_pct=exits.trailing.value if amount is None else None,
            tif=TimeInForce.GTC,
        )
    if exits.stop_loss is None:
        return None
    limit = None if exits.stop_limit is None else on_tick(exits.stop_limit, tick)
    kind = OrderType.STOP if limit is None else OrderType.STOP_LIMIT
    stop = on_tick(_level(exits.stop_loss, price, -1), tick)
    return Terms(kind, limit_price=limit, stop_price=stop, tif=TimeInForce.GTC)


def _target(exits: Exits, price: Decimal, tick: Decimal) -> Terms | None:
    if exits.take_profit is None:
        return None
    return Terms(OrderType.LIMIT, limit_price=on_tick(_level(exits.take_profit, price, 1), tick), tif=TimeInForce.GTC)


def _level(level: Level, price: Decimal, direction: int) -> Decimal:
    match level.kind:
        case LevelKind.PRICE:
            return level.value
        case LevelKind.PERCENT:
            return price * (_HUNDRED + direction * level.value) / _HUNDRED
    return price + direction * level.value
