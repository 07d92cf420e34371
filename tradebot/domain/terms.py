"""How orders work, and at which levels positions are left: the words that instructions, strategies and trades share. Pure."""

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import Any


class OrderType(StrEnum):
    """In IB's words."""

    MARKET = "MKT"
    LIMIT = "LMT"
    STOP = "STP"
    STOP_LIMIT = "STP LMT"
    TRAILING_STOP = "TRAIL"


class TimeInForce(StrEnum):
    """How long an order works, in IB's words."""

    DAY = "DAY"
    GTC = "GTC"
    IOC = "IOC"
    GTD = "GTD"


@dataclass(frozen=True, slots=True)
class Terms:
    """How an order works at IB. Prices are USD a share, in whole steps of the contract's price."""

    type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None  # where a stop triggers; where a trailing one stands
    trail_amount: Decimal | None = None  # USD a share
    trail_pct: Decimal | None = None
    tif: TimeInForce = TimeInForce.DAY
    good_till: datetime | None = None  # with GTD
    outside_rth: bool = False

    def __str__(self) -> str:
        """In IB's words: "STP LMT 195.5 195 GTC"; the same for the books' 195.50 as for IB's 195.5."""
        prices = (self.stop_price, self.limit_price, self.trail_amount)
        percent = () if self.trail_pct is None else (f"{plain(self.trail_pct)}%",)
        return " ".join([self.type, *(plain(price) for price in prices if price is not None), *percent, self.tif])


def plain(number: Decimal) -> str:
    """Without zeros that say nothing, and without an exponent."""
    return f"{number.normalize():f}"


MARKET_DAY = Terms()


@dataclass(frozen=True, slots=True)
class PriceSteps:
    """The prices that a contract's orders may have: whole multiples of a step, which may grow with the price."""

    from_price: tuple[tuple[Decimal, Decimal], ...]  # (USD a share, step from there on), ascending

    def at(self, price: Decimal) -> Decimal:
        """The step at this price."""
        steps = [step for edge, step in self.from_price if edge <= price]
        return steps[-1] if steps else self.from_price[0][1]

    def nearest(self, price: Decimal) -> Decimal:
        """The nearest price that an order may have."""
        return on_step(price, self.at(price))


def on_step(price: Decimal, step: Decimal) -> Decimal:
    """The nearest whole step."""
    return (price / step).quantize(Decimal(1), ROUND_HALF_EVEN) * step


CENTS = PriceSteps(((Decimal(0), Decimal("0.01")),))


def columns(terms: Terms) -> dict[str, Any]:
    """Under the names that a trade has them."""
    return {
        "order_type": terms.type,
        "limit_price": terms.limit_price,
        "stop_price": terms.stop_price,
        "trail_amount": terms.trail_amount,
        "trail_pct": terms.trail_pct,
        "tif": terms.tif,
        "good_till": terms.good_till,
        "outside_rth": terms.outside_rth,
    }


class LevelKind(StrEnum):
    """How the level of an exit is given."""

    PRICE = "price"  # USD a share
    PERCENT = "percent"  # of the entry price
    AMOUNT = "amount"  # USD a share from the entry price


@dataclass(frozen=True, slots=True)
class Level:
    """A price, or a distance from one."""

    kind: LevelKind
    value: Decimal


@dataclass(frozen=True, slots=True)
class Exits:
    """What is to protect the entry."""

    stop_loss: Level | None = None
    stop_limit: Decimal | None = None  # USD: the stop becomes a limit order at this price
    trailing: Level | None = None  # AMOUNT or PERCENT
    take_profit: Level | None = None


NO_EXITS = Exits()
