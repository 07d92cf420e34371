"""The exchange's records. All frozen: a change is a new object."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

ZERO = Decimal(0)
CENT = Decimal("0.01")

# IB's statuses of an order that can still change. The rest (Filled, Cancelled, Inactive unless it is held for something) is over.
LIVE = frozenset({"PreSubmitted", "Submitted", "PendingCancel"})
STOPS = frozenset({"STP", "STP LMT", "TRAIL"})


def scaled(price: Decimal, ratio: Decimal) -> Decimal:
    """A price times a ratio, in whole cents and at least one."""
    return max(CENT, (price * ratio).quantize(CENT, ROUND_HALF_UP))


@dataclass(frozen=True)
class Listing:
    """One stock. ``price`` is where its quote starts; ``con_id`` is IB's id of the contract."""

    symbol: str
    con_id: int
    price: Decimal
    name: str = ""
    primary: str = "NASDAQ"
    kind: str = "COMMON"
    industry: str = ""
    category: str = ""
    subcategory: str = ""
    isin: str = ""

    @property
    def trading_class(self) -> str:
        """``NMS`` for NASDAQ's stocks, the symbol elsewhere, as IB has it."""
        return "NMS" if self.primary == "NASDAQ" else self.symbol


@dataclass(frozen=True)
class Quote:
    """A consolidated quote in USD and shares."""

    bid: Decimal
    ask: Decimal
    last: Decimal
    close: Decimal
    open: Decimal
    high: Decimal
    low: Decimal
    bid_size: Decimal = Decimal(300)
    ask_size: Decimal = Decimal(400)
    last_size: Decimal = Decimal(100)
    volume: Decimal = Decimal(1_000_000)


@dataclass(frozen=True)
class Ticket:
    """An order as its client asked for it."""

    client_id: int
    order_id: int
    con_id: int
    symbol: str
    action: str
    quantity: Decimal
    order_type: str
    limit: Decimal | None = None
    tif: str = "DAY"
    order_ref: str = ""
    exchange: str = "SMART"
    oca_group: str = ""
    outside_rth: bool = False
    stop: Decimal | None = None  # where a stop triggers; of a trailing one where it begins, if its client says so
    trail: Decimal | None = None  # how far a trailing stop follows, in USD ...
    trail_pct: Decimal | None = None  # ... or in %
    parent_id: int = 0  # the client's own order that this one is attached to
    transmit: bool = True  # False: it waits for an order of its group that has this set
    oca_type: int = 0
    good_till: datetime | None = None

    @property
    def is_stop(self) -> bool:
        """Whether it waits at IB until the market has come to its stop price."""
        return self.order_type in STOPS


@dataclass(frozen=True)
class Order:
    """A ticket and what became of it. ``plan`` holds the faults it met, by name.

    ``listed``: rejected, and still in the open orders. ``stop``: where it triggers now. ``sent``: it was transmitted.
    """

    perm_id: int
    ticket: Ticket
    accepted_at: datetime
    status: str = "PreSubmitted"
    filled: Decimal = ZERO
    avg_price: Decimal = ZERO
    last_price: Decimal = ZERO
    done_at: datetime | None = None
    reason: str = ""
    why_held: str = ""
    listed: bool = False
    stop: Decimal | None = None
    triggered: bool = False
    sent: bool = True
    plan: dict[str, Any] = field(default_factory=dict)

    @property
    def remaining(self) -> Decimal:
        return self.ticket.quantity - self.filled

    @property
    def live(self) -> bool:
        return self.status in LIVE or bool(self.why_held)

    @property
    def waits_for_trigger(self) -> bool:
        return self.ticket.is_stop and not self.triggered

    @property
    def signed(self) -> int:
        return 1 if self.ticket.action == "BUY" else -1


@dataclass(frozen=True)
class Execution:
    """Shares that changed hands. A correction replaces it under an id that differs after the last dot only."""

    exec_id: str
    perm_id: int
    shares: Decimal
    price: Decimal
    at: datetime
    exchange: str
    commission: Decimal
    cum_qty: Decimal
    avg_price: Decimal
    realised: Decimal | None = None
    commission_reported: bool = False

    @property
    def root(self) -> str:
        return self.exec_id.rpartition(".")[0]


@dataclass(frozen=True)
class Position:
    """What the account holds of one stock; ``avg_cost`` includes commissions, as IB's does."""

    con_id: int
    symbol: str
    quantity: Decimal
    avg_cost: Decimal
    realised: Decimal = ZERO


@dataclass(frozen=True)
class Bar:
    """One day of one stock."""

    day: date
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
