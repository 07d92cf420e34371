"""How figures and happenings are said in one or two plain sentences. Pure: the log, the command line and the chat share these."""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from tradebot.domain.alerts import Side
from tradebot.domain.lots import Lot
from tradebot.domain.trades import Trade

NEW_YORK = ZoneInfo("America/New_York")
_CENT = Decimal("0.01")


def usd(amount: Decimal | None) -> str:
    """`$1,234.50`, `−$3.00`; "unknown" for None."""
    if amount is None:
        return "unknown"
    cents = amount.quantize(_CENT, rounding=ROUND_HALF_UP) + 0  # plus nothing: −0.00 becomes 0.00
    return f"−${-cents:,.2f}" if cents < 0 else f"${cents:,.2f}"


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


def order(trade: Trade) -> str:
    return f"{trade.side} {shares(trade.requested_qty)} {trade.ticker}"


def fill(trade: Trade, lots: tuple[Lot, ...], *, commission_known: bool, took_s: float) -> str:
    """What a finished order did: quantity, price, cost or P&L, commission, time from the alert to the last fill."""
    average = trade.avg_fill_price or Decimal(0)
    done = shares(trade.filled_qty)
    if trade.filled_qty < trade.requested_qty:
        done += f" of {shares(trade.requested_qty)}"
    value = trade.filled_qty * average
    verb = "Bought" if trade.side is Side.BUY else "Sold"
    parts = [f"{verb} {done} {trade.ticker} at {price(average)} = {usd(value)}"]
    if trade.side is Side.SELL:
        closed = [lot.pnl for lot in lots if lot.closing_trade_id == trade.id and lot.pnl is not None]
        parts.append(f"P&L {signed_usd(sum(closed, Decimal(0)))}")
    parts.append(f"commission {usd(trade.commission)}" if commission_known else "commission not reported yet")
    parts.append(f"{seconds(took_s)} after the alert")
    return ", ".join(parts) + "."


def new_york(at: datetime) -> str:
    """`Mon 23 Nov 09:30 New York`."""
    return f"{at.astimezone(NEW_YORK):%a %d %b %H:%M} New York"
