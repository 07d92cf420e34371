"""What the bot keeps: alerts, trades, lots, events. One class a table of the database, plus the values in their columns.

Rules: everything is frozen; money and quantities are Decimal; times are aware and UTC; ids come from the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self

ORDER_REF_PREFIX = "tb-"
MAIN = "main"
"""The strategy that there is where none is configured."""


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class TradingState(StrEnum):
    """RUNNING trades; PAUSED takes no BUY; KILLED takes nothing."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    KILLED = "KILLED"


class AlertStatus(StrEnum):
    RECEIVED = "RECEIVED"  # stored, waits for its turn
    PENDING = "PENDING"  # waits for the market to open
    PROCESSING = "PROCESSING"  # its order is in flight
    EXECUTED = "EXECUTED"  # anything filled
    BLOCKED = "BLOCKED"  # a risk rule said no
    FAILED = "FAILED"  # cancelled unfilled, rejected, or not sent
    EXPIRED = "EXPIRED"  # waited longer than allowed
    CLEARED = "CLEARED"  # the owner emptied the queue
    UNKNOWN = "UNKNOWN"  # its order may be at the broker
    REJECTED = "REJECTED"  # authenticated, but not understood


WAITING = (AlertStatus.RECEIVED, AlertStatus.PENDING)


class TradeStatus(StrEnum):
    SUBMITTING = "SUBMITTING"  # intent stored; the order may or may not have left
    SUBMITTED = "SUBMITTED"  # the broker has shown the order
    FILLED = "FILLED"
    PARTIAL = "PARTIAL"  # ended partly filled
    CANCELLED = "CANCELLED"  # ended unfilled
    FAILED = "FAILED"  # rejected, or never sent
    UNKNOWN = "UNKNOWN"  # cannot be told: only the broker or the owner settles it


LIVE = (TradeStatus.SUBMITTING, TradeStatus.SUBMITTED)
UNSETTLED = (*LIVE, TradeStatus.UNKNOWN)
"""Trades that reserve cash, slots and quantity."""


class OrderRole(StrEnum):
    """What an order is for."""

    ENTRY = "ENTRY"
    EXIT = "EXIT"
    STOP = "STOP"
    TARGET = "TARGET"
    REBALANCE = "REBALANCE"


class OrderType(StrEnum):
    """In IB's words."""

    MARKET = "MKT"
    LIMIT = "LMT"
    STOP = "STP"
    STOP_LIMIT = "STP LMT"
    TRAILING_STOP = "TRAIL"


class TimeInForce(StrEnum):
    DAY = "DAY"
    GTC = "GTC"
    IOC = "IOC"
    GTD = "GTD"


class LotStatus(StrEnum):
    OPEN = "OPEN"
    CLOSED = "CLOSED"


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
    reason: str | None = None
    strategy: str = MAIN
    dialect: str | None = None  # None: stored before dialects were told apart
    instruction: Mapping[str, object] | None = None  # what was understood, JSON
    test: bool = False  # judged and told, never sent


@dataclass(frozen=True, slots=True)
class Alert(NewAlert):
    id: int = 0
    duplicates: int = 0


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
    error_message: str | None = None
    ib_order_id: int | None = None
    perm_id: int | None = None
    submitted_at: datetime | None = None
    finished_at: datetime | None = None

    @classmethod
    def of(cls, intent: NewTrade, **known: Any) -> Self:
        """The trade that an intent becomes."""
        return cls(**{name: getattr(intent, name) for name in _Intended.__dataclass_fields__}, **known)


@dataclass(frozen=True, slots=True)
class Lot:
    """A row of `position`: shares of one BUY, open, or closed by one SELL. Unique by (opening, closing) trade.

    `commission` is the BUY's share for an open lot, both shares for a closed one; `pnl` is net of them.
    """

    ticker: str
    con_id: int
    qty: Decimal
    entry_price: Decimal
    entry_time: datetime
    status: LotStatus
    exit_price: Decimal | None
    exit_time: datetime | None
    pnl: Decimal | None
    commission: Decimal
    opening_trade_id: int
    closing_trade_id: int | None
    id: int = 0
    strategy: str = MAIN
    splits: tuple[Mapping[str, object], ...] = ()  # those it went through, oldest first, JSON: at, new, old

    @property
    def cost(self) -> Decimal:
        """Cost basis in USD, commission excluded."""
        return self.qty * self.entry_price


class EventKind(StrEnum):
    """What is told to the owner, and what is only kept as the trace of an alert (see `SILENT`)."""

    ALERT_STORED = "alert_stored"
    ALERT_REJECTED = "alert_rejected"
    ALERT_CONFLICT = "alert_conflict"  # same alert_id, another body
    ALERT_PENDING = "alert_pending"
    ALERT_BLOCKED = "alert_blocked"
    ALERT_FAILED = "alert_failed"  # no order was made of it: unknown ticker, not sent
    ALERT_EXPIRED = "alert_expired"
    ALERT_CLEARED = "alert_cleared"
    ORDER_INTENT = "order_intent"
    ORDER_ACCEPTED = "order_accepted"
    ORDER_CANCELLING = "order_cancelling"
    PARTIAL_FILL = "partial_fill"
    BUY_FILLED = "buy_filled"
    SELL_FILLED = "sell_filled"
    ORDER_FAILED = "order_failed"
    ORDER_UNKNOWN = "order_unknown"
    ORDER_SETTLED = "order_settled"  # an UNKNOWN order's fate became known
    BOOKS_CORRECTED = "books_corrected"  # a finished trade's figures changed
    EXIT_INCOMPLETE = "exit_incomplete"  # shares left after a SELL
    ALIEN_ORDER = "alien_order"  # our prefix at IB, not in the database
    MISMATCH = "mismatch"
    OWNER_HOLDINGS = "owner_holdings"
    STATE_CHANGED = "state_changed"
    SETTING_CHANGED = "setting_changed"
    BROKER_CONNECTED = "broker_connected"
    BROKER_LOST = "broker_lost"
    BROKER_UNREACHABLE = "broker_unreachable"
    TRADING_REFUSED = "trading_refused"  # live account not allowed, wrong account, read-only API
    GATE_OPENED = "gate_opened"
    MARKET_OPEN = "market_open"  # a session began; the alerts that waited for it go on
    DAILY_REPORT = "daily_report"
    POSITIONS_COMPARED = "positions_compared"
    HEALTH_FAILING = "health_failing"  # a part is not well: told when it begins, and every hour
    HEALTH_BACK = "health_back"
    LOGIN_REMINDER = "login_reminder"
    JOB_FAILED = "job_failed"
    JOB_MISSED = "job_missed"  # due while the bot was down, and too late to be made up
    STARTED = "started"
    STOPPED = "stopped"


SILENT = frozenset(
    {
        EventKind.ALERT_STORED,
        EventKind.ORDER_INTENT,
        EventKind.ORDER_ACCEPTED,
        EventKind.GATE_OPENED,
    }
)
CRITICAL = frozenset(
    {
        EventKind.ALERT_CONFLICT,
        EventKind.ORDER_UNKNOWN,
        EventKind.EXIT_INCOMPLETE,
        EventKind.ALIEN_ORDER,
        EventKind.MISMATCH,
        EventKind.BROKER_UNREACHABLE,
        EventKind.TRADING_REFUSED,
        EventKind.HEALTH_FAILING,
    }
)
WARNING = frozenset(
    {
        EventKind.ALERT_REJECTED,
        EventKind.ALERT_BLOCKED,
        EventKind.ALERT_FAILED,
        EventKind.ALERT_EXPIRED,
        EventKind.ORDER_CANCELLING,
        EventKind.ORDER_FAILED,
        EventKind.STATE_CHANGED,
        EventKind.BROKER_LOST,
        EventKind.JOB_FAILED,
        EventKind.JOB_MISSED,
    }
)
"""Not as wished, and nothing that cannot wait until morning."""


class Severity(StrEnum):
    """How much an event wants to be heard; SILENT is only kept."""

    SILENT = "SILENT"
    INFO = "INFO"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"


def severity_of(kind: EventKind) -> Severity:
    for severity, kinds in ((Severity.SILENT, SILENT), (Severity.CRITICAL, CRITICAL), (Severity.WARNING, WARNING)):
        if kind in kinds:
            return severity
    return Severity.INFO


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One thing that happened. `text` says it to a person in one or two plain sentences; `data` holds the figures (JSON)."""

    kind: EventKind
    at: datetime
    text: str
    alert_id: int | None = None
    trade_id: int | None = None
    actor: str = "bot"
    data: Mapping[str, object] = field(default_factory=dict)  # the column `facts`
    code: str | None = None  # of a refusal


@dataclass(frozen=True, slots=True)
class Event(NewEvent):
    id: int = 0


@dataclass(frozen=True, slots=True)
class Equity:
    """What the account was worth at a moment, in USD, as IB reports it; None: not reported."""

    account: str
    at: datetime
    net_liquidation: Decimal
    cash: Decimal | None
    unrealised: Decimal | None
    realised_today: Decimal | None
