"""What an alert asks for, whatever it was written for: the one form in which every dialect ends. Pure.

Rules: frozen; nothing here is a guess of what was meant. Sizes of another account (`PositionTarget.size`) are ratios, never
shares of ours. The bot is long only: what aims at flat or short, or reduces, is an exit of what is held and opens nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from pydantic import TypeAdapter

from tradebot.domain.alerts import Alert, Side
from tradebot.domain.terms import NO_EXITS, Exits, Level, OrderType, TimeInForce


class Verb(StrEnum):
    """What to do with the contract."""

    BUY = "buy"  # open; a target that is reached already makes it nothing
    ADD = "add"  # open, or add to what is held, whatever the target
    EXIT = "exit"  # sell what is held, all of it or the size; never open
    CANCEL = "cancel"  # entries that work or wait


class SizeKind(StrEnum):
    """What a size counts."""

    SHARES = "shares"
    USD = "usd"
    EQUITY_PCT = "equity_pct"  # of the account's net liquidation
    RISK_USD = "risk_usd"  # what is lost at the stop: needs one
    RISK_PCT = "risk_pct"  # the same, of the account's net liquidation
    POSITION_PCT = "position_pct"  # of what the strategy holds


@dataclass(frozen=True, slots=True)
class Size:
    """How much, of which kind; above zero."""

    kind: SizeKind
    value: Decimal


class Target(StrEnum):
    """The position wanted after the trade."""

    LONG = "long"
    FLAT = "flat"
    SHORT = "short"


@dataclass(frozen=True, slots=True)
class PositionTarget:
    """The sender's position afterwards and before. Sizes are its own, positive, and only their ratio means anything here."""

    side: Target
    size: Decimal | None = None
    previous: Target | None = None
    previous_size: Decimal | None = None

    @property
    def reduces(self) -> bool:
        """Stays long, with less than before."""
        if self.side is not Target.LONG or self.previous is not Target.LONG:
            return False
        return self.size is not None and self.previous_size is not None and self.size < self.previous_size

    @property
    def stays_long(self) -> bool:
        """What is held afterwards is not nothing."""
        return self.side is Target.LONG

    @property
    def grows(self) -> bool:
        """Long, with more than before, by what the sender says of both."""
        if self.side is not Target.LONG or self.previous is None:
            return False
        if self.previous is not Target.LONG:
            return True
        return self.size is not None and self.previous_size is not None and self.size > self.previous_size

    @property
    def repeats(self) -> bool:
        """The position afterwards is the one before: there is nothing to trade."""
        same = self.side is self.previous and self.size is not None and self.size == self.previous_size
        return same or (self.side is Target.FLAT and self.previous is Target.FLAT)

    @property
    def fraction_sold(self) -> Decimal | None:
        """Of what is held, for one that reduces; None for any other."""
        if not self.reduces or self.size is None or not self.previous_size:
            return None
        return 1 - self.size / self.previous_size


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """How the order is to work."""

    type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trailing: Level | None = None  # AMOUNT or PERCENT
    tif: TimeInForce = TimeInForce.DAY
    outside_rth: bool = False
    cancel_after: timedelta | None = None
    delay: timedelta | None = None


MARKET_ORDER = OrderTerms()


@dataclass(frozen=True, slots=True)
class Instruction:
    """What one alert asks for."""

    dialect: str  # `payload/dialects.py` has the names
    verb: Verb
    ticker: str  # IB's form: "BRK B"
    primary_exchange: str | None = None
    size: Size | None = None
    target: PositionTarget | None = None
    order: OrderTerms = MARKET_ORDER
    exits: Exits = NO_EXITS
    price: Decimal | None = None  # USD, the sender's: feeds the price collar, and sizes where there is no quote
    alert_time: datetime | None = None
    strategy: str | None = None  # as the body names it
    test: bool = False  # judged and told, never sent
    by_owner: bool = False  # typed by the owner himself: his size counts whatever the strategy is sized by
    unused: tuple[str, ...] = ()  # fields that are known and change nothing here, as they are written

    @property
    def side(self) -> Side:
        """Long only: whatever does not open or add sells what is held."""
        if self.verb in (Verb.EXIT, Verb.CANCEL):
            return Side.SELL
        if self.target is not None and (self.target.side is not Target.LONG or self.target.reduces):
            return Side.SELL
        return Side.BUY

    @property
    def is_partial(self) -> bool:
        """An exit after which a part stays held, by what the sender says."""
        stays = self.target is None or self.target.side is Target.LONG
        reduces = self.target is not None and self.target.reduces
        return self.side is Side.SELL and stays and (reduces or self.size is not None)


_AS_JSON = TypeAdapter(Instruction)


def stored(instruction: Instruction) -> Mapping[str, object]:
    """As JSON, for the alert's row; what is not said is left out."""
    found = _AS_JSON.dump_python(instruction, mode="json", exclude_defaults=True)
    assert isinstance(found, dict), "a dataclass becomes an object"
    return found


def read(row: Mapping[str, object]) -> Instruction:
    """Raises ValueError for what no `stored` has written."""
    return _AS_JSON.validate_python(row)


def of_alert(alert: Alert) -> Instruction | None:
    """What a stored alert asks for; None: no more than its side. Raises ValueError as `read`."""
    return None if alert.instruction is None else read(alert.instruction)
