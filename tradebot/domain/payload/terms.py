"""Sizes, orders and exits as the dialects write them, in the terms of an `Instruction`. Pure.

Rules: exactly one meaning, or a refusal: two prices of one stop, a limit order without its limit, a market order with one are
refused. Whether the bot honours what is asked is not asked here (`domain/honoured.py`).
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import StringConstraints

from tradebot.domain.instructions import MARKET_ORDER, OrderTerms, Size, SizeKind
from tradebot.domain.payload.fields import PRICE, SIZE, Field, Fields, Kind, words
from tradebot.domain.payload.shown import shown
from tradebot.domain.terms import Level, LevelKind, OrderType, TimeInForce
from tradebot.errors import PayloadError

SIZE_KINDS: Mapping[str, SizeKind] = {
    "fixed_quantity": SizeKind.SHARES,
    "shares": SizeKind.SHARES,
    "dollar_amount": SizeKind.USD,
    "amount_per_position": SizeKind.USD,
    "usd": SizeKind.USD,
    "percent_of_equity": SizeKind.EQUITY_PCT,
    "equity_pct": SizeKind.EQUITY_PCT,
    "risk_dollar_amount": SizeKind.RISK_USD,
    "risk_per_position": SizeKind.RISK_USD,
    "risk_usd": SizeKind.RISK_USD,
    "risk_percent": SizeKind.RISK_PCT,
    "risk_pct": SizeKind.RISK_PCT,
    "percent_of_position": SizeKind.POSITION_PCT,
    "position_pct": SizeKind.POSITION_PCT,
}
SIZE_KIND = words(
    SIZE_KINDS,
    "fixed_quantity, dollar_amount, percent_of_equity, percent_of_position, risk_dollar_amount or risk_percent",
)
ORDER_TYPES: Mapping[str, OrderType] = {
    "market": OrderType.MARKET,
    "mkt": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "lmt": OrderType.LIMIT,
    "stop": OrderType.STOP,
    "stp": OrderType.STOP,
    "stop_limit": OrderType.STOP_LIMIT,
    "stp lmt": OrderType.STOP_LIMIT,
    "trailing_stop": OrderType.TRAILING_STOP,
    "trail": OrderType.TRAILING_STOP,
}
ORDER_TYPE = words(ORDER_TYPES, "market, limit, stop, stop_limit or trailing_stop")
TIMES_IN_FORCE: Mapping[str, TimeInForce] = {one.value.lower(): one for one in TimeInForce}
TIME_IN_FORCE = words(TIMES_IN_FORCE, "day, gtc, ioc or gtd (opening, closing and fill-or-kill orders are not traded)")


_PERCENT_TEXT = Annotated[str, StringConstraints(pattern=r"^ *([0-9]{1,12}(\.[0-9]{0,12})?|\.[0-9]{1,12}) *% *$")]


def _percent_or(kind: LevelKind, size: Kind[Decimal]) -> Kind[Level]:
    def read(name: str, value: object, example: str) -> Level:
        if isinstance(value, str) and value.strip(" ").endswith("%"):
            return Level(LevelKind.PERCENT, percent(name, value.strip(" ")[:-1]))
        if isinstance(value, str) and value.strip(" ").startswith("$") and kind is LevelKind.PRICE:
            raise PayloadError(
                f'"{name}" is {shown(value)}, which may be a price or a distance. Nothing was traded. Write "{name}": '
                f'{value.strip(" $")} for a price, or "{name}_amount": {value.strip(" $")} for USD from the entry.'
            )
        return Level(kind, size.read(name, value, example))

    return Kind(read, size.shape | _PERCENT_TEXT)


def percent(name: str, value: object) -> Decimal:
    """Of something that there is: above 0, up to 100."""
    found = SIZE.read(name, value, "")
    if found > 100:
        raise PayloadError(f'"{name}" is {found:f} percent: it must be above 0 and at most 100. Nothing was traded.')
    return found


PRICE_OR_PERCENT = _percent_or(LevelKind.PRICE, PRICE)
AMOUNT_OR_PERCENT = _percent_or(LevelKind.AMOUNT, SIZE)


def one_level(what: str, *given: Level | None) -> Level | None:
    """The one of these that is given. Raises PayloadError for two."""
    found = [level for level in given if level is not None]
    if len(found) > 1:
        raise PayloadError(
            f"The alert gives {what} in {len(found)} ways at once. Nothing was traded. Leave all but one of them out."
        )
    return found[0] if found else None


def level_of(fields: Fields, kind: LevelKind, field: Field[Decimal]) -> Level | None:
    """The level that stands in this field."""
    value = fields.get(field)
    return None if value is None else Level(kind, value)


def size_of(quantity: Decimal | None, kind: SizeKind | None, name: str = "quantity") -> Size | None:
    """A quantity with what it counts; shares where nothing is said. Raises PayloadError."""
    if quantity is None:
        if kind is None:
            return None
        raise PayloadError(
            f'The alert says what its quantity counts ({kind}), but has none. Nothing was traded. Write "{name}" too, or leave'
            " both out."
        )
    if kind is SizeKind.POSITION_PCT:
        percent(name, quantity)
    return Size(kind or SizeKind.SHARES, quantity)


def order(
    kind: OrderType | None,
    *,
    limit_price: Decimal | None = None,
    stop_price: Decimal | None = None,
    trailing: Level | None = None,
    tif: TimeInForce | None = None,
    outside_rth: bool | None = None,
    cancel_after: timedelta | None = None,
    delay: timedelta | None = None,
) -> OrderTerms:
    """The order; where its type is not named, the prices say it. Raises PayloadError."""
    has = (limit_price is not None, stop_price is not None, trailing is not None)
    implied = {has_: type_ for type_, has_ in _PRICES.items()}.get(has)
    if implied is None or (kind is not None and _PRICES[kind] != has):
        needed = "a limit order has a limit price, a stop order a stop price, a stop-limit order both, a trailing stop a distance"
        raise PayloadError(
            f"The type of the order ({(kind or implied or OrderType.MARKET).name.lower()}) and its prices do not fit together:"
            f" {needed}. Nothing was traded. Correct the alert's message."
        )
    return OrderTerms(
        kind or implied,
        limit_price,
        stop_price,
        trailing,
        tif or MARKET_ORDER.tif,
        bool(outside_rth),
        cancel_after,
        delay,
    )


_PRICES: Mapping[OrderType, tuple[bool, bool, bool]] = {  # limit price, stop price, distance
    OrderType.MARKET: (False, False, False),
    OrderType.LIMIT: (True, False, False),
    OrderType.STOP: (False, True, False),
    OrderType.STOP_LIMIT: (True, True, False),
    OrderType.TRAILING_STOP: (False, False, True),
}
