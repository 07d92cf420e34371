"""What was understood of an alert beyond buying or selling a ticker, in short phrases. Pure."""

from collections.abc import Iterable
from decimal import Decimal

from tradebot.domain.instructions import (
    Exits,
    Instruction,
    Level,
    LevelKind,
    OrderTerms,
    PositionTarget,
    Size,
    SizeKind,
    Target,
    Verb,
)
from tradebot.domain.trades import OrderType
from tradebot.words.figures import price, shares, usd


def phrases(found: Instruction) -> Iterable[str]:
    """Nothing for a bare BUY or SELL."""
    if found.verb in (Verb.ADD, Verb.CANCEL):
        yield "adds to what is held" if found.verb is Verb.ADD else "cancels entries"
    if found.size is not None:
        yield size(found.size)
    if found.target is not None:
        yield target(found.target)
    yield from _order(found.order)
    yield from _exits(found.exits)
    if found.unused:
        yield f"not used: {', '.join(found.unused)}"


def size(one: Size) -> str:
    """`10 shares`, `$500.00`, `50% of what is held`."""
    match one.kind:
        case SizeKind.SHARES:
            return f"{shares(one.value)} shares"
        case SizeKind.USD:
            return usd(one.value)
        case SizeKind.EQUITY_PCT:
            return f"{shares(one.value)}% of equity"
        case SizeKind.RISK_USD:
            return f"{usd(one.value)} at risk"
        case SizeKind.RISK_PCT:
            return f"{shares(one.value)}% of equity at risk"
        case SizeKind.POSITION_PCT:
            return f"{shares(one.value)}% of what is held"


def target(one: PositionTarget) -> str:
    """`wants to be long 100 afterwards, was long 50`: sizes are the sender's own."""
    before = "" if one.previous is None else f", was {_position(one.previous, one.previous_size)}"
    return f"wants to be {_position(one.side, one.size)} afterwards{before}"


def _position(side: Target, qty: Decimal | None) -> str:
    return str(side) if side is Target.FLAT or qty is None else f"{side} {shares(qty)}"


def _order(order: OrderTerms) -> Iterable[str]:
    if order.type is not OrderType.MARKET:
        yield f"order {order.type}"
    for name, value in (("limit", order.limit_price), ("stop", order.stop_price)):
        if value is not None:
            yield f"{name} {price(value)}"
    if order.trailing is not None:
        yield f"trailing {_level(order.trailing)}"
    if order.tif is not OrderTerms().tif:
        yield f"good {order.tif}"
    if order.outside_rth:
        yield "outside regular hours too"


def _exits(exits: Exits) -> Iterable[str]:
    for name, level in (
        ("stop loss", exits.stop_loss),
        ("trailing stop", exits.trailing),
        ("take profit", exits.take_profit),
    ):
        if level is not None:
            yield f"{name} {_level(level)}"


def _level(level: Level) -> str:
    match level.kind:
        case LevelKind.PRICE:
            return f"at {price(level.value)}"
        case LevelKind.PERCENT:
            return f"{shares(level.value)}% away"
        case LevelKind.AMOUNT:
            return f"{price(level.value)} away"
