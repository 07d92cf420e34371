"""Trades: rows of `trade`, one an order, from the intent stored before it leaves to its end.

Rules: frozen; money and quantities are Decimal; times are aware and UTC; ids come from the database.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple, Self

from tradebot.domain.alerts import Side
from tradebot.domain.reasons import Reason
from tradebot.domain.strategies import MAIN
from tradebot.domain.terms import OrderType, Terms, TimeInForce

ORDER_REF_PREFIX = "tb-"
POSITION_LAG = timedelta(seconds=10)
"""IB's position may trail an execution this long; only after that is a difference taken for a mismatch."""


class TradeStatus(StrEnum):
    """The states of a trade; `domain/orders.py` has the steps between them."""

    SUBMITTING = "SUBMITTING"  # intent stored; the order may or may not have left
    SUBMITTED = "SUBMITTED"  # the broker has shown the order
    FILLED = "FILLED"
    PARTIAL = "PARTIAL"  # ended partly filled
    CANCELLED = "CANCELLED"  # ended unfilled
    FAILED = "FAILED"  # rejected, or never sent
    UNKNOWN = "UNKNOWN"  # not known: only the broker or the owner resolves it


LIVE = (TradeStatus.SUBMITTING, TradeStatus.SUBMITTED)
UNRESOLVED = (*LIVE, TradeStatus.UNKNOWN)
"""Trades that reserve cash, slots and quantity."""


class OrderRole(StrEnum):
    """What an order is for."""

    ENTRY = "ENTRY"
    EXIT = "EXIT"
    STOP = "STOP"
    TARGET = "TARGET"
    REBALANCE = "REBALANCE"


PROTECTIVE = (OrderRole.STOP, OrderRole.TARGET)


class Place(NamedTuple):
    """The order of fills: an entry or exit stands at its own id, one at a time as they are. A protective order was stored long
    before it fills: it stands after what was the newest trade of its strategy and ticker when its first fill was booked, and
    after what had filled there before it."""

    after: int
    nth: int  # of the protective orders there, from 1 on; 0: an entry or exit
    id: int

    @property
    def next(self) -> "Place":
        """Just behind it."""
        return self._replace(id=self.id + 1)


@dataclass(frozen=True, slots=True)
class _Intended:
    """What an order is meant to be, as it was stored before the order left. Unique by (alert_id, role, n)."""

    alert_id: int
    ticker: str
    con_id: int
    side: Side
    requested_qty: Decimal
    order_ref: str
    ib_position_before: Decimal | None  # shares at IB when decided; None: not known
    reserved: Decimal  # USD this order may still take from cash, as estimated when it was decided; 0 for a SELL
    created_at: datetime
    strategy: str = MAIN
    role: OrderRole = None  # type: ignore[assignment]  # not given: ENTRY for a BUY, EXIT for a SELL
    n: int = 1  # counts the orders of this alert and role
    group_id: str | None = None
    parent_trade_id: int | None = None
    order_type: OrderType = OrderType.MARKET
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_amount: Decimal | None = None
    trail_pct: Decimal | None = None
    tif: TimeInForce = TimeInForce.DAY
    good_till: datetime | None = None
    outside_rth: bool = False
    quote: Mapping[str, object] | None = None  # at the decision: bid, ask, last, at, delayed; None: not known

    def __post_init__(self) -> None:
        if self.role is None:
            object.__setattr__(self, "role", OrderRole.ENTRY if self.side is Side.BUY else OrderRole.EXIT)


@dataclass(frozen=True, slots=True)
class NewTrade(_Intended):
    """An order's intent, stored before the order leaves."""

    decision: Mapping[str, object] = field(kw_only=True)  # checks and inputs, JSON: kilobytes, so `Trade` has none


@dataclass(frozen=True, slots=True)
class Trade(_Intended):
    """An order and what became of it. Its decision is read on demand: `Books.decision`."""

    id: int = 0
    filled_qty: Decimal = Decimal(0)
    avg_fill_price: Decimal | None = None
    commission: Decimal = Decimal(0)
    status: TradeStatus = TradeStatus.SUBMITTING
    error_message: Reason | str | None = None  # IB's words are text
    ib_order_id: int | None = None
    perm_id: int | None = None
    submitted_at: datetime | None = None
    finished_at: datetime | None = None
    placed_after: int | None = None  # of a protective order that filled: see `Place`
    placed_nth: int | None = None

    @property
    def place(self) -> "Place":
        """Where its fills stand among those of its strategy and ticker."""
        if self.placed_after is None:
            return Place(self.id, 0, self.id)
        return Place(self.placed_after, self.placed_nth or 1, self.id)

    @property
    def terms(self) -> Terms:
        """How it works at IB."""
        return Terms(
            self.order_type,
            self.limit_price,
            self.stop_price,
            self.trail_amount,
            self.trail_pct,
            self.tif,
            self.good_till,
            self.outside_rth,
        )

    @property
    def rests(self) -> bool:
        """IB has it, and it waits for its price: nothing of it is on its way, and no position is about to change by itself."""
        return self.status is TradeStatus.SUBMITTED and self.waits_for_its_price

    @property
    def waits_for_its_price(self) -> bool:
        """It may work for hours or days before it fills, if it ever does."""
        return self.order_type is not OrderType.MARKET and self.tif is not TimeInForce.IOC

    @property
    def is_protective(self) -> bool:
        """It waits beside a position and sells it one day; it fills long after it was stored."""
        return self.role in PROTECTIVE

    def left_with(self, other: "Trade") -> bool:
        """The two were stored, and written to IB, in one piece."""
        return self.group_id is not None and self.group_id == other.group_id and self.created_at == other.created_at

    @classmethod
    def of(cls, intent: NewTrade, **known: Any) -> Self:
        """The trade that an intent becomes."""
        return cls(**{name: getattr(intent, name) for name in _Intended.__dataclass_fields__}, **known)


def in_motion(unresolved: Iterable[Trade]) -> list[Trade]:
    """Of orders that have not ended those whose fill, or whose fate, is on its way: all that do not merely rest at IB."""
    return [trade for trade in unresolved if not trade.rests]


def alert_of(order_ref: str) -> int | None:
    """The alert that an order's reference names, of this database or another one; None where it is not the bot's."""
    number = order_ref.removeprefix(ORDER_REF_PREFIX).partition("-")[0]
    return int(number) if order_ref.startswith(ORDER_REF_PREFIX) and number.isdecimal() else None


def recently_filled(trades: Sequence[Trade], now: datetime) -> bool:
    """Whether one of these trades filled so recently that IB's position may not show it yet.

    One that filled in the future did so before the clock was set back: how long ago is not known, and not for hours.
    """
    return any(t.filled_qty > 0 and (t.finished_at is None or abs(now - t.finished_at) < POSITION_LAG) for t in trades)
