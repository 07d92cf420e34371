"""What was understood of an alert beyond buying or selling a ticker, in short phrases. Pure."""

import json
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from tradebot.domain.addressee import named_in
from tradebot.domain.alerts import Alert, AlertStatus
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
from tradebot.domain.payload import own
from tradebot.domain.payload.dialects import Message
from tradebot.domain.terms import Exits, Level, LevelKind, OrderType, TimeInForce
from tradebot.errors import PayloadError
from tradebot.words.figures import price, seconds, shares, usd

NAME_MAX = 40


def wanted(alert: Alert) -> str:
    """`BUY AAPL`, of a refused alert too where it was understood."""
    if alert.action is not None:
        return f"{alert.action} {alert.ticker}"
    found = of_alert(alert)
    return "not understood" if found is None else f"{found.side} {found.ticker}"


def whose(alert: Alert) -> str:
    """Its strategy; of a message that was not understood the name that it carried, which may be no strategy's."""
    if alert.status is not AlertStatus.REJECTED or alert.instruction is not None:
        return alert.strategy
    try:
        fields = json.loads(alert.raw_body)
        named = named_in(Message(fields)) if isinstance(fields, dict) else None
    except (ValueError, RecursionError, PayloadError):
        return alert.strategy
    return (named or alert.strategy)[:NAME_MAX]


def dialect(name: str) -> str:
    """A message's dialect as people call it."""
    return "tradebot's own format" if name == own.DIALECT.name else name


def phrases(found: Instruction) -> Iterable[str]:
    """Nothing for a bare BUY or SELL."""
    if found.verb in (Verb.ADD, Verb.CANCEL):
        yield "adds to what is held" if found.verb is Verb.ADD else "cancels entries"
    if found.size is not None:
        yield size(found.size)
    if found.target is not None:
        yield f"wants {target(found.target)}"
    yield from order(found.order)
    yield from exits(found.exits)
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


def order(how: OrderTerms) -> Iterable[str]:
    """`a stop-limit order`, `limit $180.00`, `good till cancelled`; nothing of a market order for the day."""
    if how.type is not OrderType.MARKET:
        yield f"a {ORDER_TYPES[how.type]} order"
    for name, value in (("limit", how.limit_price), ("stop", how.stop_price)):
        if value is not None:
            yield f"{name} {price(value)}"
    if how.trailing is not None:
        yield f"trailing {level(how.trailing)}"
    if how.tif is not OrderTerms().tif:
        yield TIMES_IN_FORCE[how.tif]
    if how.cancel_after is not None:
        yield f"for {seconds(how.cancel_after.total_seconds())}"
    if how.outside_rth:
        yield "outside regular hours too"


ORDER_TYPES: Mapping[OrderType, str] = {
    OrderType.MARKET: "market",
    OrderType.LIMIT: "limit",
    OrderType.STOP: "stop",
    OrderType.STOP_LIMIT: "stop-limit",
    OrderType.TRAILING_STOP: "trailing stop",
}
TIMES_IN_FORCE: Mapping[TimeInForce, str] = {
    TimeInForce.DAY: "for the day",
    TimeInForce.GTC: "good till cancelled",
    TimeInForce.IOC: "for the moment only",
    TimeInForce.GTD: "good till a date",
}


def exits(asked: Exits) -> Iterable[str]:
    """`stop loss 5% away`, `take profit at $200.00`."""
    for name, where in (
        ("stop loss", asked.stop_loss),
        ("trailing stop", asked.trailing),
        ("take profit", asked.take_profit),
    ):
        if where is not None:
            yield f"{name} {level(where)}"


def level(one: Level) -> str:
    """`at $195.00`, `5% away`, `$12.00 away`."""
    return f"at {price(one.value)}" if one.kind is LevelKind.PRICE else f"{distance(one)} away"


def distance(one: Level) -> str:
    """`5%`, `$12.00`."""
    return f"{shares(one.value)}%" if one.kind is LevelKind.PERCENT else price(one.value)
