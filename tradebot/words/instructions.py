"""What was understood of an alert beyond buying or selling a ticker, in short phrases. Pure."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from tradebot.domain.alerts import Alert
from tradebot.domain.instructions import (
    Instruction,
    OrderTerms,
    PositionTarget,
    Size,
    SizeKind,
    Target,
    Verb,
    of_alert,
)
from tradebot.domain.terms import Exits, Level, LevelKind, OrderType
from tradebot.words.figures import price, shares, usd


def wanted(alert: Alert) -> str:
    """`BUY AAPL`, of a refused alert too where it was understood."""
    if alert.action is not None:
        return f"{alert.action} {alert.ticker}"
    found = of_alert(alert)
    return "not understood" if found is None else f"{found.side} {found.ticker}"


def phrases(found: Instruction) -> Iterable[str]:
    """Nothing for a bare BUY or SELL."""
    if found.verb in (Verb.ADD, Verb.CANCEL):
        yield "adds to what is held" if found.verb is Verb.ADD else "cancels entries"
    if found.size is not None:
        yield size(found.size)
    if found.target is not None:
        yield f"wants {target(found.target)}"
    yield from _order(found.order)
    yield from _exits(found.exits)
    if found.unused:
        yield f"not used: {', '.join(found.unused)}"


_SIZES: Mapping[SizeKind, Callable[[Decimal], str]] = {
    SizeKind.SHARES: lambda value: "1 share" if value == 1 else f"{shares(value)} shares",
    SizeKind.USD: usd,
    SizeKind.EQUITY_PCT: lambda value: f"{shares(value)}% of the account",
    SizeKind.RISK_USD: lambda value: f"{usd(value)} at risk",
    SizeKind.RISK_PCT: lambda value: f"{shares(value)}% of the account at risk",
    SizeKind.POSITION_PCT: lambda value: f"{shares(value)}% of what is held",
}


def size(one: Size) -> str:
    """`10 shares`, `$500.00`, `2% of the account`."""
    return _SIZES[one.kind](one.value)


def target(one: PositionTarget) -> str:
    """`to be long 100 afterwards, long 50 before`: sizes are the sender's own."""
    after = f"to be {_position(one.side, one.size)} afterwards"
    return after if one.previous is None else f"{after}, {_position(one.previous, one.previous_size)} before"


def _position(side: Target, qty: Decimal | None) -> str:
    return str(side) if not qty else f"{side} {shares(qty)}"


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
