"""Events: what happened, for the owner and as the trace of an alert. Rows of `event`.

Rules: frozen; money and quantities are Decimal; times are aware and UTC; ids come from the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


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
    ORDER_RESOLVED = "order_resolved"  # an UNKNOWN order's fate became known
    BOOKS_CORRECTED = "books_corrected"  # a finished trade's figures changed
    EXIT_INCOMPLETE = "exit_incomplete"  # shares left after a SELL
    ORPHAN_ORDER = "orphan_order"  # our prefix at IB, not in the database
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
        EventKind.ORPHAN_ORDER,
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


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One thing that happened. `text` says it to a person in one or two plain sentences; `data` holds the figures (JSON)."""

    kind: EventKind
    at: datetime
    text: str
    alert_id: int | None = None
    trade_id: int | None = None
    actor: str = "bot"
    data: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event(NewEvent):
    id: int = 0
    delivered_at: datetime | None = None
