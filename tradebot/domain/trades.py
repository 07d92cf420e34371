"""Trades: rows of `trade`, one an order, from the intent stored before it leaves to its end.

Rules: frozen; money and quantities are Decimal; times are aware and UTC; ids come from the database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from tradebot.domain.alerts import Side

ORDER_REF_PREFIX = "tb-"
POSITION_LAG = timedelta(seconds=10)
"""IB's position may trail an execution this long; only after that is a difference taken for a mismatch."""


class TradeStatus(StrEnum):
    SUBMITTING = "SUBMITTING"  # intent stored; the order may or may not have left
    SUBMITTED = "SUBMITTED"  # the broker has shown the order
    FILLED = "FILLED"
    PARTIAL = "PARTIAL"  # ended partly filled
    CANCELLED = "CANCELLED"  # ended unfilled
    FAILED = "FAILED"  # rejected, or never sent
    UNKNOWN = "UNKNOWN"  # cannot be told: only the broker or the owner settles it


LIVE = (TradeStatus.SUBMITTING, TradeStatus.SUBMITTED)
UNRESOLVED = (*LIVE, TradeStatus.UNKNOWN)
"""Trades that reserve cash, slots and quantity."""


@dataclass(frozen=True, slots=True)
class NewTrade:
    """An order's intent, stored before the order leaves."""

    alert_id: int
    ticker: str
    con_id: int
    side: Side
    requested_qty: Decimal
    order_ref: str
    ib_position_before: Decimal | None  # shares at IB when decided; None: not known
    decision: Mapping[str, object]  # checks and inputs, JSON; "reserved": USD this order may cost, as a string
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Trade(NewTrade):
    id: int = 0
    filled_qty: Decimal = Decimal(0)
    avg_fill_price: Decimal | None = None
    commission: Decimal = Decimal(0)
    status: TradeStatus = TradeStatus.SUBMITTING
    error_message: str | None = None
    ib_order_id: int | None = None
    perm_id: int | None = None
    submitted_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def reserved(self) -> Decimal:
        """USD this order may still take from cash, as estimated when it was decided; 0 for a SELL."""
        return Decimal(str(self.decision.get("reserved", "0")))


def recently_filled(trades: Sequence[Trade], now: datetime) -> bool:
    """Whether one of these trades filled so recently that IB's position may not show it yet.

    One that filled in the future did so before the clock was set back: how long ago is not known, and not for hours.
    """
    return any(t.filled_qty > 0 and (t.finished_at is None or abs(now - t.finished_at) < POSITION_LAG) for t in trades)
