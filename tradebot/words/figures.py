"""How amounts, quantities, durations, times and orders are written."""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from tradebot.domain.calendar import NEW_YORK
from tradebot.domain.facts.orders import OrderFacts
from tradebot.domain.terms import OrderType, Terms
from tradebot.domain.trades import OrderRole, Trade
from tradebot.words import zone

_CENT = Decimal("0.01")


def usd(amount: Decimal | None) -> str:
    """`$1,234.50`, `−$3.00`; "unknown" for None."""
    if amount is None:
        return "unknown"
    cents = amount.quantize(_CENT, rounding=ROUND_HALF_UP) + 0  # plus nothing: −0.00 becomes 0.00
    return f"−${-cents:,.2f}" if cents < 0 else f"${cents:,.2f}"


def whole_usd(amount: Decimal) -> str:
    """`$25,000`; with its cents below $10: for a line that is read at a glance."""
    return usd(amount) if abs(amount) < 10 else usd(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))[:-3]


def amount(number: Decimal) -> str:
    """`80,000` or `80,000.50`, for a sum in another currency than USD."""
    return f"{number:,.0f}" if number == number.to_integral_value() else f"{number:,.2f}"


def signed_usd(amount: Decimal) -> str:
    """`+$12.30` or `−$12.30`: for gains and losses."""
    text = usd(amount)
    return text if text.startswith("−") else f"+{text}"


def price(amount: Decimal) -> str:
    """A price keeps the digits beyond the cent that an average may have, up to four."""
    trimmed = amount.quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP).normalize()
    return f"${trimmed:,.2f}" if trimmed.as_tuple().exponent >= -2 else f"${trimmed:,f}"  # type: ignore[operator]


def shares(qty: Decimal) -> str:
    """`10` or `0.2542`, never `1E+1`."""
    return f"{qty.normalize():f}"


def counted(qty: Decimal) -> str:
    """`1 share`, `10 shares`."""
    return f"{shares(qty)} {'share' if qty == 1 else 'shares'}"


def some(number: int, things: str) -> str:
    """`3 orders`, `1 order`; `things` is the plural."""
    return f"{number} {things.removesuffix('s') if number == 1 else things}"


def seconds(value: float) -> str:
    """`0.42 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `6 d 15 h`."""
    if value < 10:
        return f"{value:.2f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        days, hours = divmod(hours, 24)
        return f"{days} d {hours} h" if hours else f"{days} d"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def about(value: float) -> str:
    """`2 d`, `3 h`, `5 min`, `20 s`: in the largest unit of which there is one, rounded down."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if value >= length:
            return f"{int(value // length)} {unit}"
    return f"{int(value)} s"


def order(one: Trade | OrderFacts) -> str:
    """`BUY 10 AAPL`, `SELL 10 AAPL stop $195.00`, `SELL 10 AAPL target $220.00`: what was asked for."""
    works = one.terms if isinstance(one, Trade) else one.order_terms
    role = one.role if isinstance(one, Trade) else one.protects
    how = "" if works is None else target(works) if role is OrderRole.TARGET else terms(works)
    return f"{one.side} {shares(one.requested_qty)} {one.ticker}{f' {how}' if how else ''}"


def target(how: Terms) -> str:
    """A target is a limit order under its own name."""
    return terms(how).replace("limit", "target", 1)


def terms(how: Terms) -> str:
    """`limit $195.00`, `stop $195.00`, `trailing stop $195.00 (2 %)`; nothing for a market order."""
    stop = "" if how.stop_price is None else f" {price(how.stop_price)}"
    limit = "" if how.limit_price is None else f" {price(how.limit_price)}"
    match how.type:
        case OrderType.LIMIT:
            return f"limit{limit}"
        case OrderType.STOP:
            return f"stop{stop}"
        case OrderType.STOP_LIMIT:
            return f"stop{stop} limit{limit}"
        case OrderType.TRAILING_STOP:
            behind = f"{how.trail_pct.normalize():f} %" if how.trail_pct is not None else usd(how.trail_amount)
            return f"trailing stop{stop} ({behind})"
    return ""


def percent(part: Decimal, whole: Decimal) -> str:
    """`+2.5 %`, `−0.1 %`: for gains and losses; a dash where there is nothing to compare with."""
    if not whole:
        return "–"
    value = (part / whole * 100).quantize(Decimal("0.1"))
    return f"{'−' if value < 0 else '+' if value else ''}{abs(value)} %"


def new_york(at: datetime) -> str:
    """`Mon 23 Nov 09:30 New York`."""
    return f"{at.astimezone(NEW_YORK):%a %d %b %H:%M} New York"


def local(at: datetime) -> str:
    """`Mon 23 Nov 15:30` in the owner's zone; with New York's name where that is his."""
    return new_york(at) if zone.is_new_yorks(at) else f"{at.astimezone(zone.owners()):%a %d %b %H:%M}"


def market_time(at: datetime) -> str:
    """`Mon 23 Nov 15:30 (09:30 New York)`: a time of the exchange's, in the owner's zone and in its own; with its day there where
    it is another one."""
    if zone.is_new_yorks(at):
        return new_york(at)
    here, there = at.astimezone(zone.owners()), at.astimezone(NEW_YORK)
    return f"{local(at)} ({there:%H:%M}{'' if here.date() == there.date() else there.strftime(' %a')} New York)"
