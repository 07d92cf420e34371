"""Alerts: rows of `alert_log`, and the states an alert goes through (`domain/orders.py` has the steps).

Rules: frozen; money and quantities are Decimal; times are aware and UTC; ids come from the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from tradebot.domain.reasons import Reason
from tradebot.domain.strategies import MAIN


class Side(StrEnum):
    """What an alert or an order does with shares."""

    BUY = "BUY"
    SELL = "SELL"


class AlertStatus(StrEnum):
    """The states of an alert; `domain/orders.py` has the steps between them."""

    RECEIVED = "RECEIVED"  # stored, waits for its turn
    PENDING = "PENDING"  # waits for the market to open
    PROCESSING = "PROCESSING"  # its order is in flight
    EXECUTED = "EXECUTED"  # anything filled
    BLOCKED = "BLOCKED"  # a check refused
    FAILED = "FAILED"  # cancelled unfilled, rejected, or not sent
    EXPIRED = "EXPIRED"  # waited longer than allowed
    CLEARED = "CLEARED"  # the owner emptied the queue
    UNKNOWN = "UNKNOWN"  # its order may be at the broker
    REJECTED = "REJECTED"  # authenticated, but not understood


UNDECIDED = (AlertStatus.RECEIVED,)
"""Its turn to be judged has come or will come: no order was made of it."""
WAITING = (*UNDECIDED, AlertStatus.PENDING)
"""No order was made of it, and one may be."""
NOT_TRADED = (
    AlertStatus.BLOCKED,
    AlertStatus.REJECTED,
    AlertStatus.FAILED,
    AlertStatus.EXPIRED,
    AlertStatus.CLEARED,
)
"""It has ended, and nothing was bought or sold for it."""


@dataclass(frozen=True, slots=True)
class NewAlert:
    """An alert about to be stored. `status` is RECEIVED, or REJECTED with a reason."""

    received_at: datetime
    ticker: str | None  # IB's form: "BRK B"
    action: Side | None
    price: Decimal | None  # USD, the alert's own: feeds the price collar only
    alert_time: datetime | None
    primary_exchange: str | None  # hint from the ticker's prefix
    idempotency_key: str
    payload_hash: str  # SHA-256 (hex) of the canonical JSON without the secret
    raw_body: bytes  # as received, secret cut out
    source_ip: str | None
    status: AlertStatus = AlertStatus.RECEIVED
    reason: Reason | str | None = None  # text: from outside, see `domain/reasons.py`
    strategy: str = MAIN
    dialect: str | None = None  # None: stored before dialects were distinguished
    instruction: Mapping[str, object] | None = None  # what was understood, JSON
    test: bool = False  # judged and reported, never sent


@dataclass(frozen=True, slots=True)
class Alert(NewAlert):
    """A stored alert. `duplicates` counts the messages that repeated it."""

    id: int = 0
    duplicates: int = 0
