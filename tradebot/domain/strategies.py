"""Strategies: what each may trade, how it is sized, and what limits it; whose lots, orders and P&L they are. Pure.

Rules: a strategy is what the file says; limits and pause are changed from the chat (`settings.py`). Without one in the file there
is `main`, and it has no limits beside the account's. Everything here stops entries only: exits always pass.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

from tradebot.domain.terms import NO_EXITS, Exits, Level, TimeInForce

MAIN = "main"
"""The strategy that there is where none is configured."""
ACCOUNT = "account"
"""No strategy: the scope of the limits over the sum of all."""


class Sizing(StrEnum):
    """What a BUY's quantity is computed from."""

    USD = "usd"
    SHARES = "shares"
    EQUITY_PCT = "equity_pct"
    RISK_USD = "risk_usd"
    RISK_PCT = "risk_pct"
    ALERT = "alert"  # what the alert says


BY_STOP = (Sizing.RISK_USD, Sizing.RISK_PCT)
"""Kinds that need a stop to size by."""


class ExitSize(StrEnum):
    """How much an exit sells."""

    ALL = "all"
    ALERT = "alert"  # what the alert says; all where it says nothing


class OrderSource(StrEnum):
    """What kind of order an entry is."""

    MARKET = "market"
    LIMIT = "limit"  # at the alert's price
    ALERT = "alert"  # what the alert says; a market order where it says nothing


class ExitSource(StrEnum):
    """What protects an entry."""

    NONE = "none"
    ALERT = "alert"  # what the alert says; the strategy's own where it says nothing
    OWN = "own"


class OnNewSignal(StrEnum):
    """What a BUY does while an entry of its strategy and ticker still waits for its price."""

    REFUSE = "refuse"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """`[strategies.NAME]`."""

    name: str
    sizing: Sizing = Sizing.USD
    size: Decimal | None = None  # of the fixed kinds; None with usd: the limit `buy_amount_usd`
    exit_size: ExitSize = ExitSize.ALL
    tickers: frozenset[str] | None = None  # IB's form; None: all
    window: tuple[time, time] | None = None  # New York, from and to; across midnight where it ends before it begins
    cooldown_s: int = 0  # from one entry of a ticker to the next; 0: none
    max_alerts_per_day: int | None = None  # entries judged a New York date
    enabled: bool = True
    orders: OrderSource = OrderSource.MARKET
    tif: TimeInForce = TimeInForce.DAY  # of entries that wait for a price, where the alert says nothing
    good_for: timedelta | None = None  # so long such an entry may wait; None: by its time in force alone
    on_new_signal: OnNewSignal = OnNewSignal.REFUSE
    exits: ExitSource = ExitSource.NONE
    own_exits: Exits = NO_EXITS
    break_even_after: Level | None = None  # a gain; then the stop moves to the entry price
    flat_by: time | None = None  # New York: sold by then, every session
    max_holding: timedelta | None = None
    max_risk_usd: Decimal | None = None  # the most that its positions and entries may lose down to their stops
    limits: Mapping[str, Decimal | int] = field(default_factory=dict)  # its own, of `limits.Limits`, by name

    @property
    def lacks_stops(self) -> bool:
        """It is sized by stops, and places none: all its entries are refused."""
        own = self.own_exits.stop_loss is not None or self.own_exits.trailing is not None
        return self.sizing in BY_STOP and self.exits is not ExitSource.ALERT and not own

    def admits(self, ticker: str) -> bool:
        """Whether it may buy this one."""
        return self.tickers is None or ticker in self.tickers

    def is_flat(self, new_york: datetime) -> bool:
        """Whether it is to hold nothing at this moment, until the day is over."""
        return self.flat_by is not None and new_york.time() >= self.flat_by

    def in_window(self, new_york: datetime) -> bool:
        """Whether it may buy at this moment. From the first minute on, up to the last one and without it."""
        if self.is_flat(new_york):
            return False
        if self.window is None:
            return True
        begin, end = self.window
        now = new_york.time()
        return begin <= now < end if begin < end else now >= begin or now < end


@dataclass(frozen=True, slots=True)
class History:
    """How many trades and alerts of a ticker a strategy has had, whatever became of them."""

    ticker: str
    trades: int
    alerts: int


class UnknownStrategy(LookupError):
    """No strategy has this name."""


@dataclass(frozen=True, slots=True)
class Strategies:
    """Those there are, at least one, by name and in the file's order."""

    by_name: Mapping[str, Strategy] = field(default_factory=lambda: {MAIN: Strategy(name=MAIN)})

    def __iter__(self) -> Iterator[Strategy]:
        return iter(self.by_name.values())

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.by_name)

    @property
    def only(self) -> Strategy | None:
        """The one there is; None where there are several."""
        return next(iter(self.by_name.values())) if len(self.by_name) == 1 else None

    def named(self, name: str) -> Strategy:
        """Raises UnknownStrategy."""
        if name not in self.by_name:
            raise UnknownStrategy(name)
        return self.by_name[name]

    def default(self) -> Strategy | None:
        """Whose an alert is that names none: the only one, else `main` where there is one."""
        return self.only or self.by_name.get(MAIN)
